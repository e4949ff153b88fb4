/** Ports: their records in buckets of heap frames, allocation and release. */
import { EINVAL, ENOSPC } from "../../abi/errno.ts";
import { EVTCHN_2L_NR_CHANNELS, EVTCHN_FIFO_NR_CHANNELS } from "../../abi/event_channel.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import type { Vcpu } from "../vcpu.ts";
import { portOps } from "./port-ops.ts";
import { ECS, EVTCHNS_PER_BUCKET, type Evtchn, evtchn } from "./record.ts";

/** Number of ports that the ABI in use can express. */
export function maxEvtchns(domain: Domain): number {
  return domain.record.evtchn.fifo !== 0 ? EVTCHN_FIFO_NR_CHANNELS : EVTCHN_2L_NR_CHANNELS[domain.width];
}

/** The port has a record (which may be free). Port 0 has one, that is never handed out. */
export function portIsValid(domain: Domain, port: number): boolean {
  return port < domain.record.evtchn.valid_evtchns && port < maxEvtchns(domain);
}

/** Record of a port that `portIsValid`. */
export function evtchnFromPort(domain: Domain, port: number): Evtchn {
  const { memory } = domain.hypervisor;
  const bucket = Math.floor(port / EVTCHNS_PER_BUCKET);
  const base = memory.dv.getUint32(domain.record.evtchn.buckets + bucket * 4, true);
  return evtchn.at(memory, base + (port % EVTCHNS_PER_BUCKET) * evtchn.sizeof);
}

/** Record of a port that a guest named; -EINVAL if there is none. */
export function guestPort(domain: Domain, port: number): Evtchn {
  if (!portIsValid(domain, port)) throw new HypercallError(EINVAL);
  return evtchnFromPort(domain, port);
}

/** A vCPU that a guest named. */
export function notifiedVcpu(domain: Domain, channel: Evtchn): Vcpu | undefined {
  return domain.vcpus[channel.notify_vcpu_id];
}

function addBucket(domain: Domain): void {
  const { memory, heap } = domain.hypervisor;
  const record = domain.record.evtchn;
  const mfn = heap.allocFrames(1);
  memory.dv.setUint32(record.buckets + (record.valid_evtchns / EVTCHNS_PER_BUCKET) * 4, mfn * PAGE_SIZE, true);
  record.valid_evtchns += EVTCHNS_PER_BUCKET;
}

/** Finds the lowest free port. The caller makes it something by setting its state, or leaves it free. */
export function getFreePort(domain: Domain): number {
  const record = domain.record.evtchn;
  const end = Math.min(record.max_evtchn_port + 1, maxEvtchns(domain));
  let noneBelow = true;
  for (let port = record.lowest_free; port < end; port++) {
    if (port >= record.valid_evtchns) addBucket(domain);
    const free = evtchnFromPort(domain, port).state === ECS.free;
    if (free && noneBelow) {
      record.lowest_free = port;
      noneBelow = false;
    }
    // A FIFO port that is still linked on a queue must not start a second life there.
    if (free && !portOps(domain).isBusy(domain, port)) return port;
  }
  throw new HypercallError(ENOSPC);
}

/** Turns a free port into a channel of `state`. */
export function openPort(domain: Domain, port: number, state: number): Evtchn {
  const channel = evtchnFromPort(domain, port);
  channel.state = state;
  channel.notify_vcpu_id = 0;
  channel.pending = 0;
  domain.record.evtchn.active_evtchns++;
  portOps(domain).init(domain, port, channel);
  return channel;
}

/** Frees a port; what is pending on it is dropped. */
export function freePort(domain: Domain, port: number, channel: Evtchn): void {
  portOps(domain).clearPending(domain, port, channel);
  channel.state = ECS.free;
  channel.notify_vcpu_id = 0;
  channel.remote_domid = 0;
  channel.remote_port = 0;
  channel.virq = 0;
  const record = domain.record.evtchn;
  record.active_evtchns--;
  record.lowest_free = Math.min(record.lowest_free, port);
}
