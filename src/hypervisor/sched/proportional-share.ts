/**
 * Proportional share, after credit2's ideas.
 *
 * A vCPU pays credit for the time it has the processor, in inverse proportion to its domain's weight
 * (the heaviest domain pays a nanosecond of credit for each), and whoever has most credit is next. When that is none, everybody's credit is raised by the same
 * amount: a reset. So it costs the same for any number of vCPUs: a reset is counted, and a vCPU's
 * credit brought up to date when it is looked at. The queue is ordered by what does not change with
 * resets. Credit cannot be saved beyond that of one reset and a bit, so who has slept long goes first
 * but cannot keep the processor.
 *
 * A domain's weight is that of all its vCPUs together: each of n that want to run pays n times as much.
 *
 * Caps: a domain gets a budget each cap period; who has used it up is parked until the next one. What
 * was used too much is missing then.
 */
import type { Domain } from "../domain.ts";
import { OrderedQueue } from "../ordered-queue.ts";
import type { Vcpu } from "../vcpu.ts";
import { PLACE, type SchedulerRecord } from "./record.ts";

export const DEFAULT_WEIGHT = 256;
/** What a reset gives. */
export const CREDIT_INIT = 10_000_000;
/** Most credit that is kept over a reset. */
export const CREDIT_CARRYOVER = 500_000;
/** Longest time without another look at the queue. */
export const MAX_SLICE = 10_000_000;
/** Shortest time between two looks that nobody asks for. */
export const MIN_SLICE = 100_000;
/** By as much must a waiting vCPU have more credit to take the processor away. */
const MARGIN = 500_000;
/** A vCPU that yields is ordered as if it had so much less credit. */
const YIELD_BIAS = CREDIT_INIT;
export const CAP_PERIOD = 10_000_000;

/** Processor time that a domain with this cap (in percent) has in each cap period. */
export function capBudget(cap: number): number {
  return (cap / 100) * CAP_PERIOD;
}

export class ProportionalShare {
  readonly #record: SchedulerRecord;
  /** By the credit that a vCPU lacks, counted from the very first reset. */
  readonly #ready = new OrderedQueue<Vcpu>();
  /** Domains with parked vCPUs, by the end of their cap period. */
  readonly #refills = new OrderedQueue<Domain>();
  /** All domains, the heaviest first. */
  readonly #weights = new OrderedQueue<Domain>();

  constructor(record: SchedulerRecord) {
    this.#record = record;
  }

  /** When `runEvents` has something to do next; Infinity if never. */
  get nextEvent(): number {
    return this.#refills.firstKey;
  }

  /** Vcpus in the queue, for checks. */
  get queued(): OrderedQueue<Vcpu> {
    return this.#ready;
  }

  /** A new vCPU begins with the credit of a reset. */
  init(vcpu: Vcpu): void {
    vcpu.sched.credit = CREDIT_INIT;
    vcpu.sched.credit_resets = this.#record.resets;
    this.weightChanged(vcpu.domain);
  }

  weightChanged(domain: Domain): void {
    this.#weights.set(domain, -domain.record.sched.weight);
  }

  /** A vCPU's credit now. */
  credit(vcpu: Vcpu): number {
    const { sched } = vcpu;
    const missed = this.#record.resets - sched.credit_resets;
    if (missed > 0) {
      sched.credit = Math.min(sched.credit + missed * CREDIT_INIT, CREDIT_INIT + CREDIT_CARRYOVER);
      sched.credit_resets = this.#record.resets;
    }
    return sched.credit;
  }

  /** Lets a vCPU wait for the processor; one that yields, behind others. */
  enqueue(vcpu: Vcpu, now: number, yields = false): void {
    vcpu.sched.realtime = 0;
    if (this.#exhausted(vcpu.domain, now)) this.#park(vcpu);
    else {
      vcpu.sched.place = PLACE.queued;
      const credit = this.credit(vcpu) - (yields ? YIELD_BIAS : 0);
      this.#ready.set(vcpu, this.#record.resets * CREDIT_INIT - credit);
    }
  }

  remove(vcpu: Vcpu): void {
    this.#ready.delete(vcpu);
  }

  /** Takes the next vCPU from the queue: the one with most credit, or `favourite` if it has not much less. */
  take(now: number, favourite: Vcpu | undefined): Vcpu | undefined {
    for (;;) {
      const { first, firstKey } = this.#ready;
      if (first === undefined) return undefined;
      const preferred = favourite !== undefined && this.#ready.key(favourite) - firstKey <= CREDIT_INIT;
      const next = preferred ? favourite : first;
      this.#ready.delete(next);
      if (this.#exhausted(next.domain, now)) {
        this.#park(next);
        continue;
      }
      if (next === first && this.credit(next) <= 0) this.#reset(next);
      return next;
    }
  }

  /** The vCPU has had the processor for `time`. */
  charge(vcpu: Vcpu, time: number): void {
    const { sched } = vcpu.domain.record;
    vcpu.sched.credit -= time * this.#rate(vcpu.domain);
    if (sched.cap !== 0) sched.budget -= time;
  }

  /** Until when the vCPU, which has had the processor since `start`, may go on, as things are now. */
  sliceEnd(vcpu: Vcpu, start: number, now: number): number {
    const { first, firstKey } = this.#ready;
    let time = MAX_SLICE;
    if (first !== undefined) {
      const lead = this.credit(vcpu) - (this.#record.resets * CREDIT_INIT - firstKey);
      time = Math.min(time, (lead + MARGIN) / this.#rate(vcpu.domain));
    }
    const end = Math.max(now + time, start + this.#record.rate_limit);
    if (vcpu.domain.record.sched.cap === 0) return end;
    this.#refill(vcpu.domain, now);
    return Math.min(end, now + Math.max(vcpu.domain.record.sched.budget, 0));
  }

  /** Lets parked vCPUs of domains whose next cap period has begun wait for the processor again. */
  runEvents(now: number, unparked: (vcpu: Vcpu) => void): void {
    while (this.#refills.firstKey <= now) {
      const domain = this.#refills.first!;
      this.unpark(domain, now);
      for (const vcpu of domain.vcpus) if (vcpu.sched.place === PLACE.queued) unparked(vcpu);
    }
  }

  /** Looks at parked vCPUs again: the domain's budget or cap is another now. */
  unpark(domain: Domain, now: number): void {
    this.#refills.delete(domain);
    for (const vcpu of domain.vcpus) if (vcpu.sched.place === PLACE.parked) this.enqueue(vcpu, now);
  }

  /** Forgets a domain whose vCPUs have all been removed. */
  forget(domain: Domain): void {
    this.#refills.delete(domain);
    this.#weights.delete(domain);
  }

  /** Forgets everything but what is in memory. */
  clear(): void {
    this.#ready.clear();
    this.#refills.clear();
    this.#weights.clear();
  }

  /** Credit for each nanosecond: 1 for the heaviest of all domains, so that nobody can run for long on what a reset gives. */
  #rate(domain: Domain): number {
    const { weight, active } = domain.record.sched;
    return (-this.#weights.firstKey * Math.max(1, active)) / weight;
  }

  /** The queue's head, which `vcpu` was, has no credit: neither has anybody else in it. */
  #reset(vcpu: Vcpu): void {
    this.#record.resets += 1 + Math.floor(-this.credit(vcpu) / CREDIT_INIT);
    this.credit(vcpu);
  }

  #exhausted(domain: Domain, now: number): boolean {
    const { sched } = domain.record;
    if (sched.cap === 0) return false;
    this.#refill(domain, now);
    return sched.budget <= 0;
  }

  #refill(domain: Domain, now: number): void {
    const { sched } = domain.record;
    if (now < sched.next_refill) return;
    const periods = 1 + Math.floor((now - sched.next_refill) / CAP_PERIOD);
    const amount = capBudget(sched.cap);
    sched.budget = Math.min(sched.budget + periods * amount, amount);
    sched.next_refill += periods * CAP_PERIOD;
  }

  #park(vcpu: Vcpu): void {
    vcpu.sched.place = PLACE.parked;
    this.#refills.set(vcpu.domain, vcpu.domain.record.sched.next_refill);
  }
}
