/** SCHEDOP_block and SCHEDOP_poll: waiting for events. */
import { EFAULT, EINVAL } from "../../abi/errno.ts";
import { SCHED_POLL_MAX_PORTS, schedPoll } from "../../abi/sched.ts";
import { portIsPending } from "../event-channel/deliver.ts";
import { portIsValid } from "../event-channel/port.ts";
import { eventPending, setUpcallMask } from "../event-channel/vcpu-info.ts";
import { HypercallError } from "../hypercall.ts";
import { copyFromGuest, guestStruct } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";
import { POLL_ANY } from "./record.ts";
import { blockVcpu } from "./wake.ts";

/** Unmasks events and waits for one; returns at once if one is pending. */
export function block(vcpu: Vcpu): void {
  setUpcallMask(vcpu, 0);
  if (!eventPending(vcpu)) blockVcpu(vcpu);
}

/** Waits until one of the ports is pending (they may be masked), an event is due, or a time has come. */
export function poll(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, schedPoll, argument);
  if (op.nr_ports > SCHED_POLL_MAX_PORTS) throw new HypercallError(EINVAL);
  const ports = readPorts(vcpu, op.ports, op.nr_ports);
  if (eventPending(vcpu)) return;
  for (const port of ports) {
    if (!portIsValid(vcpu.domain, port)) throw new HypercallError(EINVAL);
    if (portIsPending(vcpu.domain, port)) return;
  }
  const record = vcpu.record.sched;
  record.polling = 1;
  record.poll_evtchn = ports.length === 1 ? (ports[0] ?? 0) : POLL_ANY;
  if (op.timeout !== 0n) vcpu.record.time.poll_deadline = op.timeout;
  blockVcpu(vcpu);
}

function readPorts(vcpu: Vcpu, address: bigint, count: number): number[] {
  if (count === 0) return [];
  const data = copyFromGuest(vcpu, address, count * 4);
  if (data.length !== count * 4) throw new HypercallError(EFAULT);
  return [...new Uint32Array(data.buffer, 0, count)];
}
