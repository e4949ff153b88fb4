/**
 * Real time, after RTDS: each vCPU has a budget in each period, and of those that have some left the
 * one whose period ends first gets the processor (earliest deadline first).
 *
 * Budgets are deferrable: what a vCPU that sleeps has not used it keeps until the end of the period. A
 * vCPU that wakes late in its period with much of its budget left could take more in a short time than
 * it was admitted for, and so make others miss their deadlines. Then, as in a constant bandwidth server,
 * a new period begins at once. With this, all deadlines are met if all shares together are at most 1.
 *
 * A budget that is used up comes back at the end of the period. Until then the vCPU waits, or, with
 * `extratime`, has a proportional share like others. What was used too much is missing from the next.
 */
import { OrderedQueue } from "../ordered-queue.ts";
import type { Vcpu } from "../vcpu.ts";
import { PLACE } from "./record.ts";

/** As Xen's. */
export const DEFAULT_PERIOD = 10_000_000;
export const DEFAULT_BUDGET = 4_000_000;

export class RealTime {
  /** By the end of the period. */
  readonly #ready = new OrderedQueue<Vcpu>();
  /** All that run or want to, by the end of the period. */
  readonly #periods = new OrderedQueue<Vcpu>();

  /** When `runEvents` has something to do next; Infinity if never. */
  get nextEvent(): number {
    return this.#periods.firstKey;
  }

  /** Vcpus that wait for the processor, and all whose periods go on. */
  get queued(): OrderedQueue<Vcpu> {
    return this.#ready;
  }
  get periods(): OrderedQueue<Vcpu> {
    return this.#periods;
  }

  /** The vCPU wants to run: its period goes on, or a new one begins. */
  wake(vcpu: Vcpu, now: number): void {
    const { sched } = vcpu;
    const { period, budget, cur_budget, cur_deadline } = sched;
    if (now >= cur_deadline || cur_budget * period > (cur_deadline - now) * budget) {
      sched.cur_deadline = now + period;
      sched.cur_budget = Math.min(cur_budget + budget, budget);
    }
    this.#periods.set(vcpu, sched.cur_deadline);
  }

  /** Lets the vCPU wait for the processor if it has budget. Returns whether it has. */
  enqueue(vcpu: Vcpu): boolean {
    const { sched } = vcpu;
    if (sched.cur_budget <= 0) return false;
    sched.realtime = 1;
    sched.place = PLACE.queued;
    this.#ready.set(vcpu, sched.cur_deadline);
    return true;
  }

  remove(vcpu: Vcpu): void {
    this.#ready.delete(vcpu);
  }

  /** The vCPU does not want to run any more. */
  sleep(vcpu: Vcpu): void {
    this.#ready.delete(vcpu);
    this.#periods.delete(vcpu);
  }

  take(): Vcpu | undefined {
    const { first } = this.#ready;
    if (first !== undefined) this.#ready.delete(first);
    return first;
  }

  charge(vcpu: Vcpu, time: number): void {
    vcpu.sched.cur_budget -= time;
  }

  /** Begins new periods. */
  runEvents(now: number, replenished: (vcpu: Vcpu) => void): void {
    while (this.#periods.firstKey <= now) {
      const vcpu = this.#periods.first!;
      const { sched } = vcpu;
      const periods = 1 + Math.floor((now - sched.cur_deadline) / sched.period);
      sched.cur_deadline += periods * sched.period;
      sched.cur_budget = Math.min(sched.cur_budget + periods * sched.budget, sched.budget);
      this.#periods.set(vcpu, sched.cur_deadline);
      replenished(vcpu);
    }
  }

  clear(): void {
    this.#ready.clear();
    this.#periods.clear();
  }
}
