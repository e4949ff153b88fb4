/** What the two port ABIs have in common: how a port is raised, masked and looked at. */
import type { Domain } from "../domain.ts";
import type { Vcpu } from "../vcpu.ts";
import { fifo } from "./fifo.ts";
import type { Evtchn } from "./record.ts";
import { twoLevel } from "./two-level.ts";

export interface PortOps {
  readonly init: (domain: Domain, port: number, channel: Evtchn) => void;
  /** Raises the port on `vcpu`. Returns false if it was pending already. */
  readonly setPending: (vcpu: Vcpu, port: number, channel: Evtchn) => boolean;
  readonly clearPending: (domain: Domain, port: number, channel: Evtchn) => void;
  /** Clears the mask; raises the port again if it is pending. */
  readonly unmask: (vcpu: Vcpu, port: number, channel: Evtchn) => void;
  readonly isPending: (domain: Domain, port: number) => boolean;
  readonly isMasked: (domain: Domain, port: number) => boolean;
  /** Still in use by delivery, though the channel is closed. */
  readonly isBusy: (domain: Domain, port: number) => boolean;
  /** Absent where the ABI has no priorities. */
  readonly setPriority?: (channel: Evtchn, priority: number) => void;
}

export function portOps(domain: Domain): PortOps {
  return domain.record.evtchn.fifo !== 0 ? fifo : twoLevel;
}
