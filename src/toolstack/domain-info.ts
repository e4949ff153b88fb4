/** What can be seen of a domain from outside, as XEN_DOMCTL_getdomaininfo and getvcpuinfo tell it. */
import { RUNSTATE } from "../abi/vcpu.ts";
import type { Domain } from "../hypervisor/domain.ts";
import { VPF_down } from "../hypervisor/sched/record.ts";
import { runningTime, runstateTimes } from "../hypervisor/time/runstate.ts";
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

/** What there is to know of a vCPU. Times are nanoseconds; their sum is its age. */
export interface VcpuStatus {
  readonly id: number;
  /** The guest has brought it up. */
  readonly online: boolean;
  readonly state: "running" | "runnable" | "blocked" | "offline";
  /** Processor time. */
  readonly running: number;
  /** It could have run, but others did: stolen time. */
  readonly runnable: number;
  readonly blocked: number;
  readonly offline: number;
}

const STATES = Object.keys(RUNSTATE) as readonly VcpuStatus["state"][];

/** All but what the toolstack alone knows. */
export function domainInfo(domain: Domain): Omit<DomainInfo, "name" | "uuid"> {
  const { record, id, isShutDown, isDying } = domain;
  let [online, running, blocked, cpuTime] = [0, 0, 0, 0];
  for (const vcpu of domain.vcpus) {
    cpuTime += runningTime(vcpu);
    if (!isOnline(vcpu)) continue;
    const { state } = vcpu.time;
    online++;
    if (state === RUNSTATE.running) running++;
    else if (state === RUNSTATE.blocked) blocked++;
  }
  return {
    id,
    memoryBytes: record.mm.tot_pages * PAGE_SIZE,
    maximumMemoryBytes: record.mm.max_pages * PAGE_SIZE,
    vcpus: online,
    maximumVcpus: record.max_vcpus,
    running: running > 0,
    blocked: online > 0 && blocked === online,
    paused: record.pause_count > 0,
    shutdownReason: isShutDown ? record.shutdown_code : undefined,
    dying: isDying,
    cpuTime,
  };
}

/** State and times of a domain's vCPUs, as `xl vcpu-list` shows them. */
export function vcpuStatus(domain: Domain): VcpuStatus[] {
  return domain.vcpus.map((vcpu) => {
    const [running = 0, runnable = 0, blocked = 0, offline = 0] = runstateTimes(vcpu);
    const state = STATES[vcpu.time.state] ?? "offline";
    return { id: vcpu.id, online: isOnline(vcpu), state, running, runnable, blocked, offline };
  });
}

function isOnline(vcpu: Vcpu): boolean {
  return (vcpu.sched.pause_flags & VPF_down) === 0;
}
