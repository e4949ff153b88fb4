/** Timers: one-shot and periodic ones of vCPUs, poll timeouts, watchdogs of domains. */
import { SHUTDOWN } from "../../abi/sched.ts";
import { RUNSTATE } from "../../abi/vcpu.ts";
import { VIRQ } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { sendGuestVirq } from "../event-channel/deliver.ts";
import type { Hypervisor } from "../hypervisor.ts";
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

/** When `runTimers` has something to do next, in system time; undefined if never. */
export function nextTimerDeadline(hv: Hypervisor): number | undefined {
  let first = NEVER;
  const consider = (deadline: bigint): void => {
    if (deadline < first) first = deadline;
  };
  for (const domain of hv.domains.values()) {
    if (domain.isShutDown || domain.isDying) continue;
    for (let id = 0; id < NR_DOMAIN_WATCHDOG_TIMERS; id++) consider(domain.record.time.watchdog.get(id));
    for (const vcpu of domain.vcpus) {
      consider(vcpu.time.singleshot_deadline);
      consider(vcpu.time.poll_deadline);
      consider(nextTick(vcpu));
    }
  }
  return first === NEVER ? undefined : Number(first);
}

/** Fires what is due. */
export function runTimers(hv: Hypervisor): void {
  const now = systemTime(hv);
  for (const domain of hv.domains.values()) {
    if (domain.isShutDown || domain.isDying) continue;
    runWatchdogs(domain, now);
    for (const vcpu of domain.vcpus) runVcpuTimers(vcpu, now);
  }
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
