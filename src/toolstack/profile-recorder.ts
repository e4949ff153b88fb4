/** A machine's profile: from its start to the file's content, with the names of domains that have ended meanwhile. */
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import { NO_DOMID } from "../hypervisor/profile-samples.ts";
import { Profiler } from "../hypervisor/profiler.ts";
import { type CpuProfile, makeCpuProfile, type ProfiledDomain } from "./cpu-profile.ts";

interface Recording {
  readonly profiler: Profiler;
  /** Microseconds. */
  readonly startTime: number;
  /** By the number that their samples have from then on. */
  readonly domains: Map<number, ProfiledDomain>;
}

export class ProfileRecorder {
  readonly #hv: Hypervisor;
  readonly #now: () => number;
  #recording: Recording | undefined;

  /** @param now host time in nanoseconds */
  constructor(hv: Hypervisor, now: () => number) {
    this.#hv = hv;
    this.#now = now;
  }

  /** @param interval microseconds between samples */
  start(interval: number): void {
    if (this.#recording !== undefined) throw new Error("a profile is being taken already");
    if (!Number.isInteger(interval) || interval < 10) {
      throw new RangeError(`samples every ${interval} microseconds: must be a whole number from 10`);
    }
    const profiler = new Profiler(this.#hv, { now: this.#now, interval: interval * 1000 });
    this.#recording = { profiler, startTime: Math.round(this.#now() / 1000), domains: new Map() };
    this.#hv.profiler = profiler;
  }

  /** A domain ends, or the profile does: takes the names of all addresses that there are samples of. */
  keepNames(domid: number, domain: ProfiledDomain): void {
    if (this.#recording === undefined) return;
    const { profiler, domains } = this.#recording;
    const names = new Map<bigint, string | undefined>();
    for (const { domain: owner, low, high } of profiler.samples) {
      if (owner !== domid) continue;
      const address = (BigInt(high) << 32n) | BigInt(low);
      if (!names.has(address)) names.set(address, domain.symbol(address));
    }
    const number = NO_DOMID + domains.size;
    profiler.samples.renumber(domid, number);
    domains.set(number, { name: domain.name, symbol: (address) => names.get(address) });
  }

  stop(): CpuProfile {
    if (this.#recording === undefined) throw new Error("no profile is being taken");
    const { profiler, startTime, domains } = this.#recording;
    this.#recording = undefined;
    this.#hv.profiler = undefined;
    return makeCpuProfile({ samples: profiler.samples, activities: profiler.activities, domains, startTime });
  }
}
