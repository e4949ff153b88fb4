/**
 * Scheduling parameters of domains and vCPUs: what XEN_DOMCTL_scheduler_op gets and puts. Everything is
 * checked here; what is not good is a RangeError of one line, and changes nothing.
 */
import type { Domain } from "../domain.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { capBudget } from "./proportional-share.ts";
import { isRealTime, XEN_SCHEDULER } from "./record.ts";

/** Classes by the names of Xen's schedulers. */
export type SchedulerName = keyof typeof XEN_SCHEDULER;

/** Parameters of a domain. */
export interface DomainSchedule {
  /** credit2: a share in proportion to its weight. rtds: a budget in each period, before all others. */
  readonly scheduler: SchedulerName;
  /** 1 to 65535; 256 at first. For an rtds domain, its share of extra time. */
  readonly weight: number;
  /** Percent of one processor that it gets at most; 0 = as much as there is. Does not limit real-time budgets. */
  readonly cap: number;
}

/** Parameters of a vCPU in the real-time class. Times are microseconds. */
export interface VcpuSchedule {
  readonly period: number;
  /** Processor time in each period. */
  readonly budget: number;
  /** Beyond its budget it has a proportional share. */
  readonly extratime: boolean;
}

const NAMES = Object.keys(XEN_SCHEDULER) as readonly SchedulerName[];
const MAX_WEIGHT = 65535;
/** Shorter ones would be over before the run loop looks. */
const MIN_PERIOD = 100;
const MIN_BUDGET = 100;
/** An hour. */
const MAX_PERIOD = 3_600_000_000;
/** Share of the processor that can be promised to all real-time vCPUs together: as Linux has it, others are left a bit. */
export const RT_LIMIT = 0.95;
/** Bounds of the rate limit, in microseconds; 0 turns it off. */
const MIN_RATE_LIMIT = 100;
const MAX_RATE_LIMIT = 500_000;
const MICROSECOND = 1000;

function check(good: boolean, message: string): void {
  if (!good) throw new RangeError(message);
}

function inRange(what: string, value: number, least: number, most: number): void {
  check(Number.isInteger(value) && value >= least && value <= most, `${what} is ${least} to ${most}, not ${value}`);
}

export function domainSchedule(domain: Domain): DomainSchedule {
  const { scheduler, weight, cap } = domain.record.sched;
  const name = NAMES.find((n) => XEN_SCHEDULER[n] === scheduler);
  if (name === undefined) throw new Error(`domain ${domain.id} has scheduler ${scheduler}`);
  return { scheduler: name, weight, cap };
}

export function vcpuSchedule(vcpu: Vcpu): VcpuSchedule {
  const { period, budget, extratime } = vcpu.sched;
  return { period: period / MICROSECOND, budget: budget / MICROSECOND, extratime: extratime !== 0 };
}

/** Share of the processor promised to real-time vCPUs, but for those of `except`. */
export function realTimeUtilisation(hv: Hypervisor, except?: Domain): number {
  let sum = 0;
  for (const domain of hv.domains.values()) {
    if (domain === except || !isRealTime(domain)) continue;
    for (const { sched } of domain.vcpus) sum += sched.budget / sched.period;
  }
  return sum;
}

/**
 * Changes a domain's parameters, and those of its vCPUs by index; what is not given stays.
 * @throws RangeError if a value is out of range, or real-time domains would be promised too much
 */
export function setSchedule(
  domain: Domain,
  change: Partial<DomainSchedule>,
  vcpus: ReadonlyMap<number, Partial<VcpuSchedule>> = new Map(),
): void {
  const next = { ...domainSchedule(domain), ...change };
  check(NAMES.includes(next.scheduler), `a scheduler is ${NAMES.join(" or ")}, not ${next.scheduler}`);
  inRange("a weight", next.weight, 1, MAX_WEIGHT);
  inRange(`the cap of a domain with ${domain.vcpus.length} vCPUs`, next.cap, 0, 100 * domain.vcpus.length);
  for (const id of vcpus.keys()) check(domain.vcpus[id] !== undefined, `domain ${domain.id} has no vCPU ${id}`);
  const schedules = domain.vcpus.map((vcpu) => ({ ...vcpuSchedule(vcpu), ...vcpus.get(vcpu.id) }));
  for (const { period, budget } of schedules) {
    inRange("a period (microseconds)", period, MIN_PERIOD, MAX_PERIOD);
    inRange("a budget (microseconds)", budget, MIN_BUDGET, period);
  }
  const realTime = next.scheduler === "rtds";
  check(realTime || vcpus.size === 0, "period, budget and extratime are for domains of scheduler rtds");
  if (realTime) admit(domain, schedules);

  domain.hypervisor.scheduler.reschedule(domain, () => apply(domain, next, realTime ? schedules : []));
}

function admit(domain: Domain, schedules: readonly VcpuSchedule[]): void {
  const others = realTimeUtilisation(domain.hypervisor, domain);
  const own = schedules.reduce((sum, { budget, period }) => sum + budget / period, 0);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  // Fractions like 0.1 are not exact.
  check(
    others + own <= RT_LIMIT + 1e-9,
    `domain ${domain.id} asks for ${percent(own)} of the processor in real time, of which ${percent(Math.max(0, RT_LIMIT - others))} are left`,
  );
}

function apply(domain: Domain, next: DomainSchedule, schedules: readonly VcpuSchedule[]): void {
  const { sched } = domain.record;
  sched.scheduler = XEN_SCHEDULER[next.scheduler];
  for (const vcpu of domain.vcpus) {
    // What was taken too much was so by the old weight.
    if (domain.hypervisor.scheduler.share.credit(vcpu) < 0) vcpu.sched.credit *= sched.weight / next.weight;
    const schedule = schedules[vcpu.id];
    if (schedule === undefined) continue;
    vcpu.sched.period = schedule.period * MICROSECOND;
    vcpu.sched.budget = schedule.budget * MICROSECOND;
    vcpu.sched.extratime = schedule.extratime ? 1 : 0;
    // A new period begins.
    vcpu.sched.cur_budget = 0;
    vcpu.sched.cur_deadline = 0;
  }
  sched.weight = next.weight;
  if (sched.cap === next.cap) return;
  sched.cap = next.cap;
  sched.budget = capBudget(next.cap);
  sched.next_refill = domain.hypervisor.clock.now();
}

/** Microseconds for which a vCPU keeps the processor at least, though another has more credit. */
export function rateLimit(hv: Hypervisor): number {
  return hv.scheduler.record.rate_limit / MICROSECOND;
}

/** @throws RangeError */
export function setRateLimit(hv: Hypervisor, microseconds: number): void {
  if (microseconds !== 0) inRange("a rate limit (microseconds)", microseconds, MIN_RATE_LIMIT, MAX_RATE_LIMIT);
  hv.scheduler.record.rate_limit = microseconds * MICROSECOND;
}
