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
import { shareWithGuest, unshareWithGuest } from "./mm/domain-frames.ts";
import { initDomainMemory, initVcpuMemory, relinquishMemory } from "./mm/lifecycle.ts";
import { setMemoryMap } from "./mm/memory-map.ts";
import { initVcpuSched } from "./sched/wake.ts";
import { disarmTimers, initDomainTime, initVcpuTime } from "./time/timers.ts";
import { Vcpu, vcpuRecord } from "./vcpu.ts";

/** Domain 0 is the host. */
const FIRST_DOMID = 1;
const LAST_DOMID = 0x7fef;
/** Frames by which libxl raises a domain's maximum (LIBXL_MAXMEM_CONSTANT, 1 MiB). Its memory map does not show them. */
const MAXMEM_SLACK = 256;
/** Limit of a PV domain, by its descriptor windows. */
const MAX_VCPUS = 128;

export interface DomainOptions {
  /** Frames that it may own. They are allocated by the builder. */
  readonly memoryFrames: number;
  /** More frames that it may balloon up to. Default: memoryFrames. */
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

function freeDomid(hv: Hypervisor): number {
  for (let id = FIRST_DOMID; id <= LAST_DOMID; id++) if (!hv.domains.has(id) && !hv.frames.ownsAny(id)) return id;
  throw new Error("no domain id is free");
}

/** Makes a domain without memory, whose vCPUs are down. It is paused once: `unpause` sets it going. */
export function createDomain(hv: Hypervisor, options: DomainOptions): Domain {
  const { maxVcpus = 1, memoryFrames, width = 64 } = options;
  if (width !== 64) throw new Error("32-bit PV domains are not supported yet");
  if (!(maxVcpus >= 1 && maxVcpus <= MAX_VCPUS))
    throw new RangeError(`a domain has 1 to ${MAX_VCPUS} vCPUs, not ${maxVcpus}`);
  const id = options.id ?? freeDomid(hv);
  if (hv.domains.has(id) || hv.hostDomain?.id === id) throw new Error(`there is a domain ${id} already`);
  // A new domain must not inherit what others still have mapped of an old one.
  if (hv.frames.ownsAny(id)) throw new Error(`there are frames of an earlier domain ${id} still`);

  const domain = new Domain(hv, id, hv.heap.allocBytes(domainRecord.sizeof), width);
  const { record } = domain;
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
  hv.domains.set(id, domain);

  const maxFrames = options.maxMemoryFrames ?? memoryFrames;
  initDomainMemory(domain, maxFrames + MAXMEM_SLACK, maxVcpus);
  // One range of RAM, unless the toolstack has another map for it.
  setMemoryMap(domain, [{ start: 0, size: maxFrames * PAGE_SIZE, type: E820_RAM }]);
  initDomainTime(domain);
  initEventChannels(domain, options.maxEventChannelPort);
  initGrantTable(domain, options.grantLimits);
  for (let i = 0; i < maxVcpus; i++) {
    const vcpu = new Vcpu(domain, i, vcpus + i * vcpuRecord.sizeof);
    domain.vcpus.push(vcpu);
    initVcpuMemory(vcpu);
    initVcpuSched(vcpu);
    initVcpuTime(vcpu);
    initVcpuEvents(vcpu);
  }
  return domain;
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
  hv.domains.delete(domain.id);

  const { record } = domain;
  const sharedInfo = Number(record.shared_info) / PAGE_SIZE;
  if (!unshareWithGuest(hv, sharedInfo)) throw new Error(`shared_info of domain ${domain.id} is still mapped`);
  hv.heap.freeFrames(sharedInfo, 1);
  hv.heap.freeBytes(Number(record.vcpus), record.max_vcpus * vcpuRecord.sizeof);
  hv.heap.freeBytes(record.address, domainRecord.sizeof);
}
