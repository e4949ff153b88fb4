/**
 * The loop that runs guests: take the vCPU that the scheduler picks, run it, handle why it stopped,
 * deliver what is due.
 */

import { RUNSTATE } from "../abi/vcpu.ts";
import { ExitReason } from "../machine/processor.ts";
import { cpuState } from "../machine/x86/state.ts";
import { switchTo } from "./context-switch.ts";
import { crashDomain } from "./crash.ts";
import { handleExit } from "./exits.ts";
import { EXITS_PER_CLOCK } from "./fast-paths/index.ts";
import { DomainCrash } from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { isRealTime } from "./sched/record.ts";
import { isRunnable, vcpuScheduledIn, vcpuScheduledOut } from "./sched/wake.ts";
import { nextTimerDeadline, runTimers } from "./time/timers.ts";
import { deliverPending } from "./traps/deliver.ts";
import type { Vcpu } from "./vcpu.ts";

export interface SliceResult {
  /**
   * runnable: call again. blocked: all vCPUs wait, until `wakeAt` (nanoseconds of the machine's
   * clock; undefined: for an event from outside). ended: no domain is left that could run.
   */
  readonly state: "runnable" | "blocked" | "ended";
  readonly wakeAt?: number;
  /** Who waits until then is of the real-time class: the host should not be late. */
  readonly realTime?: boolean;
}

export interface SliceLimits {
  /** Time of the machine's clock that a slice may take. */
  readonly nanoseconds?: number;
  /** Instructions that a slice may take, about. */
  readonly instructions?: number;
}

const DEFAULT_NANOSECONDS = 5_000_000;
const DEFAULT_INSTRUCTIONS = 2_000_000;
/** Most instructions between two looks at the clock: bounds how late a timer can be. */
const MAX_BUDGET = 200_000;
const MIN_BUDGET = 500;
const RETIRED = cpuState.offset.retired;
/**
 * Domain 0 has no processor of its own: its drivers hear of events when the guest waits, and after
 * this time at the latest. At once would be too early: a guest that writes a line in three pieces
 * would be interrupted for each, where a driver beside it finds all three at one go.
 */
const HOST_DELAY = 250_000;
const NEVER = Number.POSITIVE_INFINITY;

/**
 * How long an instruction of a vCPU takes, by what was seen lately. Guests differ by a factor of hundred, by what they
 * execute. It is believed sooner that they are slow than that they are fast: who runs too long makes others late.
 */
class Pace {
  #nanosecondsPerInstruction = 10;

  observe(nanoseconds: number, instructions: number): void {
    // Short runs are mostly exits.
    if (instructions < 1000 || nanoseconds <= 0) return;
    const sample = nanoseconds / instructions;
    const known = this.#nanosecondsPerInstruction;
    this.#nanosecondsPerInstruction = sample > known ? Math.min(sample, 2 * known) : known + (sample - known) / 8;
  }

  /** Instructions that fit into a time. */
  budget(nanoseconds: number): number {
    const fits = Math.floor(nanoseconds / this.#nanosecondsPerInstruction);
    return Math.max(MIN_BUDGET, Math.min(MAX_BUDGET, fits));
  }
}

export class RunLoop {
  readonly #hv: Hypervisor;
  readonly #paces = new WeakMap<Vcpu, Pace>();

  constructor(hv: Hypervisor) {
    this.#hv = hv;
  }

  runSlice(limits: SliceLimits = {}): SliceResult {
    const hv = this.#hv;
    const end = hv.clock.now() + (limits.nanoseconds ?? DEFAULT_NANOSECONDS);
    let instructions = limits.instructions ?? DEFAULT_INSTRUCTIONS;
    do {
      const vcpu = this.#next() ?? this.#next();
      if (vcpu === undefined) return this.#idle();
      instructions -= this.#runVcpu(vcpu, end, instructions);
    } while (instructions > 0 && hv.clock.now() < end);
    return { state: "runnable" };
  }

  /** Lets the host and the timers do what is due. Then, the vCPU whose turn it is; the host may have more to do if there is none. */
  #next(): Vcpu | undefined {
    const hv = this.#hv;
    if (hv.hostDomain?.eventsPending) hv.hostDomain.deliverEvents();
    // News of domains that ended.
    hv.runNotices();
    runTimers(hv);
    return hv.scheduler.pick(hv.clock.now());
  }

  #idle(): SliceResult {
    const hv = this.#hv;
    if (!this.#anyAlive()) return { state: "ended" };
    // It may be waiting for the next period.
    if (hv.current !== undefined) vcpuScheduledOut(hv.current);
    const timer = nextTimerDeadline(hv) ?? NEVER;
    const period = hv.scheduler.nextEvent;
    if (timer === NEVER && period === NEVER) return { state: "blocked" };
    if (period < timer) return { state: "blocked", wakeAt: period };
    const waiting = hv.timers.vcpus.firstItem;
    const realTime = waiting !== undefined && isRealTime(waiting.domain);
    return { state: "blocked", wakeAt: timer, ...(realTime && { realTime }) };
  }

  #anyAlive(): boolean {
    for (const domain of this.#hv.domains.values()) if (!domain.isShutDown && !domain.isDying) return true;
    return false;
  }

  /** Runs one vCPU until its time is over or it cannot go on. Returns the instructions it took. */
  #runVcpu(vcpu: Vcpu, end: number, instructions: number): number {
    const hv = this.#hv;
    const started = hv.cpu.state.retired;
    hv.scheduler.enter(hv.clock.now());
    try {
      switchTo(hv, vcpu);
      this.#runLoaded(vcpu, end, instructions);
    } catch (error) {
      if (!(error instanceof DomainCrash)) throw error;
      crashDomain(hv, vcpu, error.message);
    } finally {
      hv.scheduler.leave(hv.clock.now());
    }
    return Number(hv.cpu.state.retired - started);
  }

  #runLoaded(vcpu: Vcpu, end: number, instructions: number): void {
    const hv = this.#hv;
    const { cpu, clock, scheduler, statistics } = hv;
    const pace = this.#paceOf(vcpu);
    let now = clock.now();
    let deadline = this.#deadline(end);
    /** Instructions of this slice that are left. */
    let left = instructions;
    /** Instructions until the next look at the clock, and how many there were since the last one. */
    let budget = Math.min(pace.budget(deadline - now), Math.max(1, left));
    let seen = 0;
    let retired = this.#retired();
    const { fastPaths } = hv;
    fastPaths.clockSeen();
    /** When domain 0 is to hear of its events. */
    let hostDue = NEVER;
    while (isRunnable(vcpu)) {
      if (vcpu.time.state !== RUNSTATE.running) vcpuScheduledIn(vcpu);
      deliverPending(vcpu);
      // Here and not behind an exit: exits that fast paths serve do not come by.
      if (hostDue === NEVER && hv.hostDomain?.eventsPending) {
        hostDue = now + HOST_DELAY;
        deadline = Math.min(deadline, hostDue);
        budget = Math.min(budget, pace.budget(HOST_DELAY));
      }
      const reason = cpu.run(budget);
      statistics.exits[reason]!++;
      const ran = (this.#retired() - retired) >>> 0;
      retired = (retired + ran) >>> 0;
      left -= ran;
      budget -= ran;
      seen += ran;
      if (reason !== ExitReason.Budget) handleExit(hv, vcpu, reason);
      if (budget <= 0 || reason === ExitReason.Budget || hv.timersChanged || fastPaths.countExit() >= EXITS_PER_CLOCK) {
        const before = now;
        now = clock.now();
        pace.observe(now - before, seen);
        if (now >= end || left <= 0 || now >= hostDue) return;
        if (now >= deadline) {
          runTimers(hv);
          scheduler.runEvents(now);
          hv.timersChanged = true;
        }
        if (now >= scheduler.sliceEnd) return;
        if (hv.timersChanged) deadline = Math.min(this.#deadline(end), hostDue);
        budget = Math.min(pace.budget(deadline - now), left);
        seen = 0;
        fastPaths.clockSeen();
      }
      if (vcpu.sched.yielded !== 0) return;
    }
  }

  #paceOf(vcpu: Vcpu): Pace {
    let pace = this.#paces.get(vcpu);
    if (pace === undefined) this.#paces.set(vcpu, (pace = new Pace()));
    return pace;
  }

  /** When this slice must look at the timers, or at who is next, at the latest. */
  #deadline(end: number): number {
    const hv = this.#hv;
    hv.timersChanged = false;
    return Math.min(end, nextTimerDeadline(hv) ?? end, hv.scheduler.nextEvent, hv.scheduler.sliceEnd);
  }

  /** Low word of the count of instructions. */
  #retired(): number {
    const { cpu, memory } = this.#hv;
    return memory.u32[(cpu.state.address + RETIRED) >>> 2]!;
  }
}
