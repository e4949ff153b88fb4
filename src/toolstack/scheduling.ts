/** A domain's share of the processor, as its owner sees and sets it: what `xl sched-credit2`, `sched-rtds` and `vcpu-set` do. */
import type { Domain as HypervisorDomain } from "../hypervisor/domain.ts";
import {
  type DomainSchedule,
  domainSchedule,
  setSchedule,
  type VcpuSchedule,
  vcpuSchedule,
} from "../hypervisor/sched/parameters.ts";
import type { Vcpu } from "../hypervisor/vcpu.ts";
import { domainPath } from "./xenstore/path.ts";
import type { StoreAccess } from "./xenstore/xenstore.ts";

/** All parameters of a domain; period, budget and extratime are those of its first vCPU. */
export type Schedule = DomainSchedule & VcpuSchedule;

/** The scheduling parameters of one domain. A change holds from now on. */
export class DomainScheduler {
  readonly #hvDomain: HypervisorDomain;

  constructor(domain: HypervisorDomain) {
    this.#hvDomain = domain;
  }

  get #domain(): HypervisorDomain {
    const { id, hypervisor } = this.#hvDomain;
    if (hypervisor.domains.get(id) !== this.#hvDomain) throw new Error(`domain ${id} has ended`);
    return this.#hvDomain;
  }

  get(): Schedule {
    return { ...domainSchedule(this.#domain), ...this.getVcpu(0) };
  }

  /**
   * Changes parameters; what is not given stays. Period, budget and extratime are set for all vCPUs, and for some of
   * them otherwise.
   * @param vcpus what is different for some vCPUs, by number
   * @throws RangeError if a value is out of range, or more real time is asked for than is left; nothing is changed then
   */
  set(change: Partial<Schedule>, vcpus: ReadonlyMap<number, Partial<VcpuSchedule>> = new Map()): void {
    const { scheduler, weight, cap, ...realTime } = change;
    const forVcpus = new Map(vcpus);
    if (Object.keys(realTime).length > 0) {
      for (const { id } of this.#domain.vcpus) forVcpus.set(id, { ...realTime, ...vcpus.get(id) });
    }
    setSchedule(
      this.#domain,
      {
        ...(scheduler !== undefined && { scheduler }),
        ...(weight !== undefined && { weight }),
        ...(cap !== undefined && { cap }),
      },
      forVcpus,
    );
  }

  /** @throws RangeError */
  getVcpu(id: number): VcpuSchedule {
    return vcpuSchedule(vcpuOf(this.#domain, id));
  }

  /** Changes the real-time parameters of one vCPU of an rtds domain. @throws RangeError as `set` does */
  setVcpu(id: number, change: Partial<VcpuSchedule>): void {
    this.set({}, new Map([[id, change]]));
  }
}

function vcpuOf(domain: HypervisorDomain, id: number): Vcpu {
  const vcpu = domain.vcpus[id];
  if (vcpu === undefined) throw new RangeError(`domain ${domain.id} has no vCPU ${id}`);
  return vcpu;
}

/**
 * Asks a guest to have `count` vCPUs online, as `xl vcpu-set` does: its kernel watches these nodes.
 * @throws RangeError if the domain cannot have so many
 */
export function requestVcpus(store: StoreAccess, domid: number, count: number, most: number): void {
  if (!(Number.isInteger(count) && count >= 1 && count <= most)) {
    throw new RangeError(`domain ${domid} can have 1 to ${most} vCPUs, not ${count}`);
  }
  for (let cpu = 0; cpu < most; cpu++) {
    store.write(`${domainPath(domid)}/cpu/${cpu}/availability`, cpu < count ? "online" : "offline");
  }
}
