/** What can be seen of a domain from outside, as XEN_DOMCTL_getdomaininfo and getvcpuinfo tell it. */
import { RUNSTATE } from "../abi/vcpu.ts";
import type { Domain } from "../hypervisor/domain.ts";
import { VPF_blocked, VPF_down } from "../hypervisor/sched/record.ts";
import { systemTime } from "../hypervisor/time/now.ts";
import type { Vcpu } from "../hypervisor/vcpu.ts";
import { PAGE_SIZE } from "../machine/memory.ts";

export interface DomainInfo {
  readonly id: number;
  readonly name: string;
  readonly uuid: string;
  /** Memory that it owns, in bytes. */
  readonly memoryBytes: number;
  /** Most that it may own. */
  readonly maximumMemoryBytes: number;
  /** vCPUs that are up. */
  readonly vcpus: number;
  readonly maximumVcpus: number;
  readonly running: boolean;
  /** All its vCPUs wait for events. */
  readonly blocked: boolean;
  readonly paused: boolean;
  /** It has shut itself down, or crashed: SHUTDOWN_* of public/sched.h. */
  readonly shutdownReason: number | undefined;
  readonly dying: boolean;
  /** Processor time, in nanoseconds. */
  readonly cpuTime: number;
}

export interface VcpuInfo {
  readonly id: number;
  readonly online: boolean;
  readonly running: boolean;
  readonly blocked: boolean;
  /** Processor time, in nanoseconds. */
  readonly cpuTime: number;
}

/** All but what the toolstack alone knows. */
export function domainInfo(domain: Domain): Omit<DomainInfo, "name" | "uuid"> {
  const { record, id, isShutDown, isDying } = domain;
  const vcpus = vcpuInfo(domain);
  const online = vcpus.filter((vcpu) => vcpu.online);
  return {
    id,
    memoryBytes: record.mm.tot_pages * PAGE_SIZE,
    maximumMemoryBytes: record.mm.max_pages * PAGE_SIZE,
    vcpus: online.length,
    maximumVcpus: record.max_vcpus,
    running: online.some((vcpu) => vcpu.running),
    blocked: online.length > 0 && online.every((vcpu) => vcpu.blocked),
    paused: record.pause_count > 0,
    shutdownReason: isShutDown ? record.shutdown_code : undefined,
    dying: isDying,
    cpuTime: vcpus.reduce((sum, { cpuTime }) => sum + cpuTime, 0),
  };
}

export function vcpuInfo(domain: Domain): VcpuInfo[] {
  return domain.vcpus.map((vcpu) => ({
    id: vcpu.id,
    online: (vcpu.sched.pause_flags & VPF_down) === 0,
    running: isRunning(vcpu),
    blocked: (vcpu.sched.pause_flags & VPF_blocked) !== 0,
    cpuTime: cpuTime(vcpu),
  }));
}

/** The last vCPU that ran stays in this state between slices, even if it cannot go on. */
function isRunning(vcpu: Vcpu): boolean {
  return vcpu.time.state === RUNSTATE.running && vcpu.domain.schedulable;
}

/** Time on the processor, up to now. */
function cpuTime(vcpu: Vcpu): number {
  const { state_entry_time, time_in_state } = vcpu.time;
  const past = time_in_state.get(RUNSTATE.running);
  const present = isRunning(vcpu) ? systemTime(vcpu.domain.hypervisor) - state_entry_time : 0n;
  return Number(past + (present > 0n ? present : 0n));
}
