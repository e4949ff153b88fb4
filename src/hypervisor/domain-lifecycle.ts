/** Making and ending domains. */

import { E820_RAM } from "../abi/memory.ts";
import type { Width } from "../abi/struct.ts";
import { sharedInfoStruct, XEN_LEGACY_MAX_VCPUS } from "../abi/xen.ts";
import { PAGE_SIZE } from "../machine/memory.ts";
import { switchTo } from "./context-switch.ts";
import { DOMAIN_DYING, DOMAIN_PRIVILEGED, Domain, domainRecord } from "./domain.ts";
import { destroyEventChannels, initEventChannels, initVcpuEvents } from "./event-channel/lifecycle.ts";
import { destroyGrantTable } from "./grant-table/destroy.ts";
import { type GrantLimits, initGrantTable } from "./grant-table/table.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { freeSharedFrame, shareWithGuest } from "./mm/domain-frames.ts";
import { initDomainMemory, initVcpuMemory, relinquishMemory } from "./mm/lifecycle.ts";
import { setMemoryMap } from "./mm/memory-map.ts";
import { initVcpuSched } from "./sched/wake.ts";
import { disarmTimers, initDomainTime, initVcpuTime } from "./time/timers.ts";
import { Vcpu, vcpuRecord } from "./vcpu.ts";

/** Domain 0 is the host. */
const FIRST_DOMID = 1;
const LAST_DOMID = 0x7fef;
/** Frames by which libxl raises a domain's maximum (LIBXL_MAXMEM_CONSTANT, 1 MiB). Its memory map does not show them. */
export const MAXMEM_SLACK = 256;
/** Limit of a PV domain, by its descriptor windows. */
const MAX_VCPUS = 128;

export interface DomainOptions {
  /** Frames that it may own. They are allocated by the builder. */
  readonly memoryFrames: number;
  /** Frames that its memory map covers, so that it can balloon up to them. Default: memoryFrames. */
  readonly maxMemoryFrames?: number;
  readonly maxVcpus?: number;
  /** Default: the next free one. */
  readonly id?: number;
  /** UUID: 16 bytes. */
  readonly handle?: Uint8Array;
  readonly width?: Width;
  readonly privileged?: boolean;
  readonly maxEventChannelPort?: number;
  readonly grantLimits?: GrantLimits;
}

/** The next id that is free behind the one given last, as in Xen: an id that was seen lately means one domain only. */
function freeDomid(hv: Hypervisor): number {
  const { state } = hv.frames;
  let id = state.last_domid;
  for (let tries = FIRST_DOMID; tries <= LAST_DOMID; tries++) {
    id = id >= LAST_DOMID ? FIRST_DOMID : id + 1;
    if (hv.domains.has(id) || hv.zombies.has(id)) continue;
    state.last_domid = id;
    return id;
  }
  throw new Error("no domain id is free");
}

/** Makes a domain without memory, whose vCPUs are down. It is paused once: `unpause` sets it going. */
export function createDomain(hv: Hypervisor, options: DomainOptions): Domain {
  const { maxVcpus = 1, width = 64 } = options;
  if (width !== 64) throw new Error("32-bit PV domains are not supported yet");
  if (!(maxVcpus >= 1 && maxVcpus <= MAX_VCPUS))
    throw new RangeError(`a domain has 1 to ${MAX_VCPUS} vCPUs, not ${maxVcpus}`);
  const id = options.id ?? freeDomid(hv);
  if (hv.domains.has(id) || hv.hostDomain?.id === id) throw new Error(`there is a domain ${id} already`);
  // A new domain must not inherit what others still have mapped of an old one.
  if (hv.zombies.has(id)) throw new Error(`there are frames of an earlier domain ${id} still`);

  const domain = new Domain(hv, id, hv.heap.allocBytes(domainRecord.sizeof), width);
  hv.domains.set(id, domain);
  try {
    initDomain(domain, options);
  } catch (error) {
    destroyDomain(hv, domain);
    throw error;
  }
  return domain;
}

function initDomain(domain: Domain, options: DomainOptions): void {
  const { hypervisor: hv, record, width } = domain;
  const { maxVcpus = 1, memoryFrames, maxMemoryFrames = memoryFrames } = options;
  record.pause_count = 1;
  record.max_vcpus = maxVcpus;
  if (options.privileged === true) record.flags |= DOMAIN_PRIVILEGED;
  if (options.handle !== undefined) record.handle = options.handle;
  const sharedInfo = hv.heap.allocFrames(1);
  record.shared_info = BigInt(sharedInfo * PAGE_SIZE);
  shareWithGuest(domain, sharedInfo, true);
  // Events are off at first, for vCPUs that may never be, too.
  const { vcpu_info } = sharedInfoStruct.for(width).at(hv.memory, sharedInfo * PAGE_SIZE);
  for (let i = 0; i < XEN_LEGACY_MAX_VCPUS; i++) vcpu_info.get(i).evtchn_upcall_mask = 1;
  const vcpus = hv.heap.allocBytes(maxVcpus * vcpuRecord.sizeof);
  record.vcpus = BigInt(vcpus);

  initDomainMemory(domain, memoryFrames + MAXMEM_SLACK, maxVcpus);
  // One range of RAM, unless the toolstack has another map for it.
  setMemoryMap(domain, [{ start: 0, size: maxMemoryFrames * PAGE_SIZE, type: E820_RAM }]);
  initDomainTime(domain);
  initEventChannels(domain, options.maxEventChannelPort);
  initGrantTable(domain, options.grantLimits);
  for (let i = 0; i < maxVcpus; i++) {
    const vcpu = new Vcpu(domain, i, vcpus + i * vcpuRecord.sizeof);
    initVcpuMemory(vcpu);
    initVcpuSched(vcpu);
    initVcpuTime(vcpu);
    initVcpuEvents(vcpu);
    domain.vcpus.push(vcpu);
  }
}

/** Ends a domain at once, and gives back all that it had, but for frames that another domain still maps. */
export function destroyDomain(hv: Hypervisor, domain: Domain): void {
  if (hv.domains.get(domain.id) !== domain) return;
  domain.record.flags |= DOMAIN_DYING;
  if (hv.current?.domain === domain) switchTo(hv, undefined);
  hv.scheduler.forget(domain);
  disarmTimers(domain);
  destroyEventChannels(domain);
  relinquishMemory(domain);
  destroyGrantTable(domain);
  const { record } = domain;
  if (record.shared_info !== 0n) freeSharedFrame(domain, Number(record.shared_info) / PAGE_SIZE);
  if (record.vcpus !== 0n) hv.heap.freeBytes(Number(record.vcpus), record.max_vcpus * vcpuRecord.sizeof);
  hv.domains.delete(domain.id);
  if (record.mm.tot_pages > 0) hv.zombies.set(domain.id, domain);
  else buryDomain(hv, domain);
}

/** The last frame of a domain that has ended is gone: so is its record. */
export function buryDomain(hv: Hypervisor, domain: Domain): void {
  hv.zombies.delete(domain.id);
  hv.heap.freeBytes(domain.record.address, domainRecord.sizeof);
}
