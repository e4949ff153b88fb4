/** Timers: one-shot and periodic ones of vCPUs, poll timeouts, watchdogs of domains. */
import { SHUTDOWN } from "../../abi/sched.ts";
import { RUNSTATE } from "../../abi/vcpu.ts";
import { VIRQ } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { sendGuestVirq } from "../event-channel/deliver.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { OrderedQueue } from "../ordered-queue.ts";
import { isRunnable, wakeVcpu } from "../sched/wake.ts";
import type { Vcpu } from "../vcpu.ts";
import { systemTime } from "./now.ts";
import { NEVER, NR_DOMAIN_WATCHDOG_TIMERS } from "./record.ts";
import { initRunstate } from "./runstate.ts";

/** PV guests begin with a ticker of 100 Hz. */
const DEFAULT_PERIOD = 10_000_000n;

export function initDomainTime(domain: Domain): void {
  for (let id = 0; id < NR_DOMAIN_WATCHDOG_TIMERS; id++) domain.record.time.watchdog.set(id, NEVER);
}

/** Prepares a new vCPU, which is down. */
export function initVcpuTime(vcpu: Vcpu): void {
  const record = vcpu.time;
  record.singleshot_deadline = NEVER;
  record.poll_deadline = NEVER;
  record.periodic_period = DEFAULT_PERIOD;
  record.periodic_last_event = systemTime(vcpu.domain.hypervisor);
  initRunstate(vcpu, RUNSTATE.offline);
}

/** The ticker is for a vCPU that runs or could run: it does not wake one that is blocked. */
function nextTick(vcpu: Vcpu): bigint {
  const { periodic_period, periodic_last_event } = vcpu.time;
  return periodic_period === 0n || !isRunnable(vcpu) ? NEVER : periodic_last_event + periodic_period;
}

/** A domain that has ended has no timers. */
function isOver(domain: Domain): boolean {
  return domain.isShutDown || domain.isDying;
}

/** When the first timer of a vCPU is due, by its record; Infinity if never. */
function vcpuDeadline(vcpu: Vcpu): number {
  if (isOver(vcpu.domain)) return Number.POSITIVE_INFINITY;
  const { singleshot_deadline, poll_deadline } = vcpu.time;
  let first = nextTick(vcpu);
  if (singleshot_deadline < first) first = singleshot_deadline;
  if (poll_deadline < first) first = poll_deadline;
  return first === NEVER ? Number.POSITIVE_INFINITY : Number(first);
}

function watchdogDeadline(domain: Domain): number {
  if (isOver(domain)) return Number.POSITIVE_INFINITY;
  const { watchdog } = domain.record.time;
  let first = NEVER;
  for (let id = 0; id < NR_DOMAIN_WATCHDOG_TIMERS; id++) if (watchdog.get(id) < first) first = watchdog.get(id);
  return first === NEVER ? Number.POSITIVE_INFINITY : Number(first);
}

/**
 * Who has timers, by the first deadline. A deadline that was moved away, or stopped, is only found out
 * when it would be due: most are, before they come. So an entry may be too early, and never is too late.
 */
class TimerQueue<T> {
  readonly #queue = new OrderedQueue<T>();
  readonly #deadline: (item: T) => number;

  constructor(deadline: (item: T) => number) {
    this.#deadline = deadline;
  }

  /** A deadline of `item` has been set. Returns whether it is the first of all now. */
  arm(item: T): boolean {
    const deadline = this.#deadline(item);
    if (deadline >= this.#queue.key(item)) return false;
    this.#queue.set(item, deadline);
    return this.#queue.first === item;
  }

  clear(): void {
    this.#queue.clear();
  }

  disarm(item: T): void {
    this.#queue.delete(item);
  }

  /** The first deadline; Infinity if there is none. */
  first(): number {
    for (;;) {
      const item = this.#queue.first;
      if (item === undefined) return Number.POSITIVE_INFINITY;
      const { firstKey } = this.#queue;
      const deadline = this.#deadline(item);
      if (deadline <= firstKey) return firstKey;
      this.#move(item, deadline);
    }
  }

  /** Whose deadline `first` is. */
  get firstItem(): T | undefined {
    return this.#queue.first;
  }

  /** Calls `fire` for all that are due, in the order of their deadlines. */
  run(now: number, fire: (item: T) => void): void {
    while (this.first() <= now) {
      const item = this.#queue.first as T;
      fire(item);
      // What fires may end a domain.
      if (this.#queue.has(item)) this.#move(item, this.#deadline(item));
    }
  }

  /** The deadline of `item` would be missed: for checks. */
  isLate(item: T): boolean {
    return this.#deadline(item) < this.#queue.key(item);
  }

  #move(item: T, deadline: number): void {
    if (deadline === Number.POSITIVE_INFINITY) this.#queue.delete(item);
    else this.#queue.set(item, deadline);
  }
}

/** All timers of a machine. The deadlines themselves are in the records of vCPUs and domains. */
export class Timers {
  readonly vcpus = new TimerQueue(vcpuDeadline);
  readonly watchdogs = new TimerQueue(watchdogDeadline);

  /** Makes the queues anew from the records, as after those have been restored. */
  rebuild(hv: Hypervisor): void {
    this.vcpus.clear();
    this.watchdogs.clear();
    for (const domain of hv.domains.values()) {
      armWatchdogs(domain);
      for (const vcpu of domain.vcpus) armVcpuTimers(vcpu);
    }
  }
}

/** To be called when a deadline in a vCPU's record has been set, or may have come nearer. */
export function armVcpuTimers(vcpu: Vcpu): void {
  const hv = vcpu.domain.hypervisor;
  if (hv.timers.vcpus.arm(vcpu)) hv.timersChanged = true;
}

/** To be called when a watchdog in a domain's record has been set. */
export function armWatchdogs(domain: Domain): void {
  const hv = domain.hypervisor;
  if (hv.timers.watchdogs.arm(domain)) hv.timersChanged = true;
}

/** A domain ends. */
export function disarmTimers(domain: Domain): void {
  const { timers } = domain.hypervisor;
  timers.watchdogs.disarm(domain);
  for (const vcpu of domain.vcpus) timers.vcpus.disarm(vcpu);
}

/** When `runTimers` has something to do next, in system time; undefined if never. */
export function nextTimerDeadline(hv: Hypervisor): number | undefined {
  const first = Math.min(hv.timers.vcpus.first(), hv.timers.watchdogs.first());
  return first === Number.POSITIVE_INFINITY ? undefined : first;
}

/** Fires what is due. */
export function runTimers(hv: Hypervisor): void {
  const now = systemTime(hv);
  hv.timers.watchdogs.run(Number(now), (domain) => runWatchdogs(domain, now));
  hv.timers.vcpus.run(Number(now), (vcpu) => runVcpuTimers(vcpu, now));
}

function runVcpuTimers(vcpu: Vcpu, now: bigint): void {
  const record = vcpu.time;
  if (record.singleshot_deadline <= now) {
    record.singleshot_deadline = NEVER;
    sendGuestVirq(vcpu, VIRQ.TIMER);
  }
  if (record.poll_deadline <= now) {
    record.poll_deadline = NEVER;
    wakeVcpu(vcpu);
  }
  if (nextTick(vcpu) <= now) {
    record.periodic_last_event = now;
    sendGuestVirq(vcpu, VIRQ.TIMER);
  }
}

function runWatchdogs(domain: Domain, now: bigint): void {
  const { watchdog } = domain.record.time;
  for (let id = 0; id < NR_DOMAIN_WATCHDOG_TIMERS; id++) {
    if (watchdog.get(id) > now) continue;
    watchdog.set(id, NEVER);
    domain.shutdown(SHUTDOWN.watchdog);
  }
}
