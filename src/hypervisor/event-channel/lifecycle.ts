/** Event channels of a domain that begins and ends. */
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import type { Vcpu } from "../vcpu.ts";
import { resetPorts } from "./close.ts";
import { releaseGuestFrame } from "./guest-frame.ts";
import { EVTCHNS_PER_BUCKET } from "./record.ts";
import { initVcpuInfo, releaseVcpuInfo } from "./vcpu-info.ts";

/** As the toolstack sets it for a guest (`max_event_channels`). */
export const DEFAULT_MAX_EVTCHN_PORT = 1023;
/** The table of buckets is one frame at most, which covers every port of the FIFO ABI. */
const HIGHEST_PORT = (PAGE_SIZE / 4) * EVTCHNS_PER_BUCKET - 1;

/** Bytes of the table of bucket addresses. */
function tableBytes(maxPort: number): number {
  return Math.ceil((maxPort + 1) / EVTCHNS_PER_BUCKET) * 4;
}

/** Prepares a new domain, whose shared_info exists. */
export function initEventChannels(domain: Domain, maxPort = DEFAULT_MAX_EVTCHN_PORT): void {
  const record = domain.record.evtchn;
  record.max_evtchn_port = Math.min(maxPort, HIGHEST_PORT);
  record.buckets = domain.hypervisor.heap.allocBytes(tableBytes(record.max_evtchn_port));
  record.valid_evtchns = 0;
  // Port 0 is never handed out, and counts as in use.
  record.active_evtchns = 1;
  record.lowest_free = 1;
  record.fifo = 0;
}

/** Prepares a new vCPU, after `initEventChannels`. */
export function initVcpuEvents(vcpu: Vcpu): void {
  initVcpuInfo(vcpu);
}

/** Closes all ports and gives back what they occupied. Other domains' ends become unbound. */
export function destroyEventChannels(domain: Domain): void {
  const { heap, memory } = domain.hypervisor;
  const record = domain.record.evtchn;
  if (record.buckets === 0) return;
  resetPorts(domain);
  if (record.pirq_eoi_map_mfn !== 0) releaseGuestFrame(domain, record.pirq_eoi_map_mfn);
  record.pirq_eoi_map_mfn = 0;
  for (const vcpu of domain.vcpus) releaseVcpuInfo(vcpu);
  for (let bucket = 0; bucket < record.valid_evtchns / EVTCHNS_PER_BUCKET; bucket++) {
    heap.freeFrames(memory.dv.getUint32(record.buckets + bucket * 4, true) / PAGE_SIZE, 1);
  }
  heap.freeBytes(record.buckets, tableBytes(record.max_evtchn_port));
  record.buckets = 0;
  record.valid_evtchns = 0;
}
