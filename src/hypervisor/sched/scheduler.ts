/**
 * Who gets the processor.
 *
 * Two classes of domains share it: those of the real-time class (rtds) with budget left go first, the
 * proportional class (credit2) has the rest. In Xen a host with both has two pools of processors, each
 * with a scheduler of its own; a machine here has one processor, so that a domain chooses its class, and
 * the admission check keeps real time from taking everything.
 *
 * The run loop asks for the next vCPU with `pick`, and calls `enter` and `leave` around what a vCPU is to
 * pay for. A vCPU keeps the processor until `sliceEnd`; whatever wakes another one may bring that nearer.
 */
import type { Domain } from "../domain.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { accountStolen } from "../time/runstate.ts";
import type { Vcpu } from "../vcpu.ts";
import { MIN_SLICE, ProportionalShare } from "./proportional-share.ts";
import { RealTime } from "./real-time.ts";
import { isRealTime, PLACE, type SchedulerRecord, schedulerRecord } from "./record.ts";
import { isRunnable } from "./wake.ts";

const DEFAULT_RATE_LIMIT = 1_000_000;
/**
 * How long a vCPU goes on that has sent another one of its domain an IPI: often it does nothing but spin for the answer.
 */
const IPI_SLICE = 50_000;
/** How long the other one then has the processor at most, if it is on the real-time budget of the first. */
const LOAN = 250_000;

export class Scheduler {
  readonly record: SchedulerRecord;
  readonly share: ProportionalShare;
  readonly realTime = new RealTime();
  readonly #hv: Hypervisor;
  /** The vCPU that has the processor; it is in no queue. */
  #running: Vcpu | undefined;
  /** Since when. */
  #start = 0;
  #sliceEnd = 0;
  /** `#running` executes now, and has paid up to `#paid`. */
  #entered = false;
  #paid = 0;
  /** It has been sent an IPI by `#running`: the next one, if it has not had much more than others. */
  #favourite: Vcpu | undefined;
  /** A real-time vCPU in whose place, and on whose budget, `#running` runs. */
  #lender: Vcpu | undefined;

  constructor(hv: Hypervisor) {
    this.#hv = hv;
    this.record = schedulerRecord.at(hv.memory, hv.heap.allocBytes(schedulerRecord.sizeof));
    this.record.rate_limit = DEFAULT_RATE_LIMIT;
    this.share = new ProportionalShare(this.record);
  }

  /** The vCPU that has the processor, be it between two slices of the run loop. */
  get running(): Vcpu | undefined {
    return this.#running;
  }

  /** On whose real-time budget the running vCPU runs, if not on its own. */
  get lender(): Vcpu | undefined {
    return this.#lender;
  }

  /** When the running vCPU must give way to another look at the queues. */
  get sliceEnd(): number {
    return this.#sliceEnd;
  }

  /** When a period begins that something waits for; Infinity if never. */
  get nextEvent(): number {
    return Math.min(this.realTime.nextEvent, this.share.nextEvent);
  }

  /** A vCPU may have become runnable, or have ceased to be. */
  update(vcpu: Vcpu): void {
    const runnable = isRunnable(vcpu);
    // The running one is looked at by `pick`: it may be back by then.
    if (vcpu === this.#running || runnable === (vcpu.sched.place !== PLACE.none)) return;
    if (runnable) this.#wake(vcpu);
    else this.#sleep(vcpu);
  }

  /** The vCPU that is to run now, until `sliceEnd`; undefined if none can. */
  pick(now: number): Vcpu | undefined {
    this.runEvents(now);
    // Since the last vCPU left, the host has had the processor.
    if (this.#hv.current !== undefined) accountStolen(this.#hv.current, this.#paid, now);
    this.#paid = now;
    const last = this.#running;
    if (last === undefined) return this.#grant(this.#take(now), now, undefined);
    const runnable = isRunnable(last);
    const yields = runnable && last.sched.yielded !== 0;
    if (runnable && !yields && now < this.#sliceEnd) return last;
    last.sched.yielded = 0;
    this.#running = undefined;
    this.#endLoan(now);
    if (runnable && this.#lends(last, now)) return this.#running;
    if (!runnable) this.#sleep(last);
    else if (!yields) this.#queue(last, now, false);
    const other = this.#take(now);
    if (yields) this.#queue(last, now, true);
    // Who yields goes on if nobody else wants to.
    return this.#grant(other ?? (yields ? this.#take(now) : undefined), now, last);
  }

  /** The vCPU that was picked begins to execute. */
  enter(now: number): void {
    this.#paid = now;
    this.#entered = true;
  }

  /** It has stopped to execute, for now. */
  leave(now: number): void {
    this.#charge(now);
    this.#paid = now;
    this.#entered = false;
  }

  /** Begins the periods that are due. */
  runEvents(now: number): void {
    if (this.nextEvent > now) return;
    this.#charge(now);
    this.realTime.runEvents(now, (vcpu) => this.#replenished(vcpu, now));
    this.share.runEvents(now, (vcpu) => this.#preempt(vcpu, now));
  }

  /**
   * The running vCPU has sent `target` an IPI, which has woken it if it slept. In the proportional class one that was awake
   * has its turn soon, and when Linux sees in its runstate that it waits, it yields by itself. In real time its turn may be
   * after all of the sender's budget.
   */
  ipiSent(target: Vcpu, slept: boolean): void {
    const running = this.#running;
    if (running === undefined || this.#lender !== undefined || target.domain !== running.domain) return;
    const { place, realtime } = target.sched;
    // A budget can be lent to whoever waits for the processor, for whatever reason.
    const waits =
      running.sched.realtime !== 0 ? place !== PLACE.none : slept && place === PLACE.queued && realtime === 0;
    if (!waits || target === running) return;
    this.#favourite = target;
    this.#endSlice(this.#hv.clock.now() + IPI_SLICE);
  }

  /** Domain 0 has worked for a domain, which pays for that as if it had run. */
  chargeWork(domain: Domain, time: number): void {
    const vcpu = this.#running?.domain === domain ? (this.#lender ?? this.#running) : domain.vcpus[0];
    if (vcpu === undefined || time <= 0) return;
    this.#pay(vcpu, time);
    if (vcpu.sched.place !== PLACE.queued) return;
    this.realTime.remove(vcpu);
    this.share.remove(vcpu);
    this.#queue(vcpu, this.#hv.clock.now(), false);
  }

  /** Has a domain's scheduling parameters changed by `change`, with its vCPUs in no queue meanwhile. */
  reschedule(domain: Domain, change: () => void): void {
    const now = this.#hv.clock.now();
    this.#charge(now);
    for (const vcpu of domain.vcpus) this.#withdraw(vcpu);
    this.share.forget(domain);
    change();
    this.share.weightChanged(domain);
    for (const vcpu of domain.vcpus) this.update(vcpu);
  }

  /** A domain ends: its vCPUs are gone for the scheduler. */
  forget(domain: Domain): void {
    for (const vcpu of domain.vcpus) this.#withdraw(vcpu);
    this.share.forget(domain);
  }

  /** Makes all queues anew from what is in memory, as after that has been restored. */
  rebuild(): void {
    this.share.clear();
    this.realTime.clear();
    this.#running = this.#favourite = this.#lender = undefined;
    this.#entered = false;
    for (const domain of this.#hv.domains.values()) {
      domain.record.sched.active = 0;
      this.share.weightChanged(domain);
      for (const vcpu of domain.vcpus) {
        vcpu.sched.place = PLACE.none;
        this.update(vcpu);
      }
    }
  }

  /** Takes the next vCPU out of its queue. */
  #take(now: number): Vcpu | undefined {
    const next = this.realTime.take() ?? this.share.take(now, this.#favourite);
    this.#favourite = undefined;
    return next;
  }

  /**
   * A real-time vCPU that is the next lends the processor to one of its domain that it has sent an IPI. What
   * that uses is taken from its own budget, before its own deadline: to other domains it is as if it went on itself.
   */
  #lends(last: Vcpu, now: number): boolean {
    const next = this.#favourite;
    if (next === undefined || next.sched.place === PLACE.none) return false;
    const { realtime, cur_budget, cur_deadline } = last.sched;
    if (realtime === 0 || cur_budget <= 0) return false;
    if (this.realTime.queued.firstKey < cur_deadline) return false;
    this.#favourite = undefined;
    this.#queue(last, now, false);
    this.realTime.remove(next);
    this.share.remove(next);
    this.#lender = last;
    this.#grant(next, now, last);
    return true;
  }

  #endLoan(now: number): void {
    const lender = this.#lender;
    if (lender === undefined) return;
    this.#lender = undefined;
    // Its budget is less than when it was queued.
    this.realTime.remove(lender);
    this.#queue(lender, now, false);
  }

  /** Gives a vCPU the processor. `last` had it before. */
  #grant(next: Vcpu | undefined, now: number, last: Vcpu | undefined): Vcpu | undefined {
    if (next === undefined) return undefined;
    next.sched.place = PLACE.running;
    this.#running = next;
    if (next !== last) this.#start = now;
    this.#sliceEnd = Math.max(this.#endOf(next, now), now + 1);
    return next;
  }

  /** How long a vCPU may run that has just been chosen. */
  #endOf(vcpu: Vcpu, now: number): number {
    if (this.#lender !== undefined) return now + Math.min(LOAN, this.#lender.sched.cur_budget);
    const { realtime, cur_budget, cur_deadline } = vcpu.sched;
    const end =
      realtime !== 0 ? now + cur_budget : Math.max(this.share.sliceEnd(vcpu, this.#start, now), now + MIN_SLICE);
    // Who would go before this one has yielded to it.
    const first = this.realTime.queued.firstKey;
    const lent = realtime !== 0 ? first < cur_deadline : first < Number.POSITIVE_INFINITY;
    return lent ? Math.min(end, now + Math.max(this.record.rate_limit, MIN_SLICE)) : end;
  }

  #wake(vcpu: Vcpu): void {
    const now = this.#hv.clock.now();
    this.#charge(now);
    vcpu.domain.record.sched.active++;
    if (isRealTime(vcpu.domain)) this.realTime.wake(vcpu, now);
    this.#queue(vcpu, now, false);
    this.#preempt(vcpu, now);
  }

  #sleep(vcpu: Vcpu): void {
    // What the others of its domain pay changes with it.
    const now = this.#hv.clock.now();
    if (this.#entered) this.#charge(now);
    if (vcpu === this.#lender) {
      this.#lender = undefined;
      this.#endSlice(now);
    }
    vcpu.domain.record.sched.active--;
    this.realTime.sleep(vcpu);
    this.share.remove(vcpu);
    vcpu.sched.place = PLACE.none;
  }

  /** Takes a vCPU off the processor or out of its queue, wherever it is. */
  #withdraw(vcpu: Vcpu): void {
    if (vcpu === this.#running) {
      // With it, all of its domain are withdrawn.
      this.#running = this.#lender = undefined;
      this.#endSlice(0);
    }
    if (vcpu === this.#favourite) this.#favourite = undefined;
    if (vcpu.sched.place !== PLACE.none) this.#sleep(vcpu);
  }

  /** Lets a vCPU that is in no queue wait for the processor, in the class that it has a right to now. */
  #queue(vcpu: Vcpu, now: number, yields: boolean): void {
    if (isRealTime(vcpu.domain)) {
      if (this.realTime.enqueue(vcpu)) return;
      vcpu.sched.realtime = 0;
      if (vcpu.sched.extratime === 0) {
        vcpu.sched.place = PLACE.depleted;
        return;
      }
    }
    this.share.enqueue(vcpu, now, yields);
  }

  /** A new period of a real-time vCPU has begun. */
  #replenished(vcpu: Vcpu, now: number): void {
    if (vcpu === this.#running) {
      // Another one's period may end before its new one; and from extra time it comes back to its own.
      this.#endSlice(now);
      return;
    }
    this.realTime.remove(vcpu);
    this.share.remove(vcpu);
    this.#queue(vcpu, now, false);
    this.#preempt(vcpu, now);
    // Others may be before it now.
    if (vcpu === this.#lender) this.#endSlice(now);
  }

  /** A vCPU has come into a queue: it may be to take the processor from the one that has it. */
  #preempt(vcpu: Vcpu, now: number): void {
    const running = this.#lender ?? this.#running;
    if (running === undefined || vcpu.sched.place !== PLACE.queued) return;
    if (vcpu.sched.realtime !== 0) {
      if (running.sched.realtime === 0 || vcpu.sched.cur_deadline < running.sched.cur_deadline) this.#endSlice(now);
    } else if (running.sched.realtime === 0) this.#endSlice(this.share.sliceEnd(running, this.#start, now));
  }

  #endSlice(end: number): void {
    if (end >= this.#sliceEnd) return;
    this.#sliceEnd = end;
    // The run loop has a look before it goes on.
    this.#hv.timersChanged = true;
  }

  /** The running vCPU pays for its time up to now. */
  #charge(now: number): void {
    const vcpu = this.#running;
    if (!this.#entered || vcpu === undefined || now <= this.#paid) return;
    const time = now - this.#paid;
    this.#paid = now;
    this.#pay(this.#lender ?? vcpu, time);
  }

  #pay(vcpu: Vcpu, time: number): void {
    if (vcpu.sched.realtime !== 0) this.realTime.charge(vcpu, time);
    else this.share.charge(vcpu, time);
  }
}
