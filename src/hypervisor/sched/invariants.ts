/** What must hold of the scheduler and the timers between any two steps: for tests. */
import type { Domain } from "../domain.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { RT_LIMIT, realTimeUtilisation } from "./parameters.ts";
import { CREDIT_CARRYOVER, CREDIT_INIT, capBudget, MIN_SLICE } from "./proportional-share.ts";
import { isRealTime, PLACE } from "./record.ts";
import { isRunnable } from "./wake.ts";

/** Returns what does not hold, one line each. */
export function checkScheduler(hv: Hypervisor): string[] {
  const problems: string[] = [];
  const { share, realTime, running, lender } = hv.scheduler;
  let queued = 0;
  for (const domain of hv.domains.values()) {
    problems.push(...checkDomain(domain));
    for (const vcpu of domain.vcpus) {
      problems.push(...checkVcpu(hv, vcpu).map((problem) => `vCPU ${vcpu.id} of domain ${domain.id} ${problem}`));
      if (vcpu.sched.place === PLACE.queued) queued++;
    }
  }
  const inQueues = share.queued.size + realTime.queued.size;
  if (inQueues !== queued) problems.push(`${inQueues} vCPUs are in queues, ${queued} should be`);
  if (running !== undefined && hv.domains.get(running.domain.id) !== running.domain) {
    problems.push(`a vCPU of domain ${running.domain.id} runs, which is gone`);
  }
  if (running !== undefined && running.sched.place === PLACE.running) {
    const { realtime, cur_deadline } = (lender ?? running).sched;
    const ahead = realTime.queued.firstKey < (realtime !== 0 ? cur_deadline : Number.POSITIVE_INFINITY);
    // Unless it has yielded.
    const lent = Math.max(hv.scheduler.record.rate_limit, MIN_SLICE);
    if (ahead && hv.scheduler.sliceEnd > hv.clock.now() + lent) problems.push("a deadline waits for a later one");
  }
  if (lender !== undefined && (lender.domain !== running?.domain || !realTime.queued.has(lender))) {
    problems.push(`vCPU ${lender.id} of domain ${lender.domain.id} lends its budget, wrongly`);
  }
  const promised = realTimeUtilisation(hv);
  if (promised > RT_LIMIT + 1e-6) problems.push(`${promised} of the processor is promised`);
  return problems;
}

function checkDomain(domain: Domain): string[] {
  const problems: string[] = [];
  const { sched } = domain.record;
  const active = domain.vcpus.filter((vcpu) => vcpu.sched.place !== PLACE.none).length;
  if (sched.active !== active) problems.push(`domain ${domain.id}: ${sched.active} active vCPUs, there are ${active}`);
  if (sched.cap !== 0 && sched.budget > capBudget(sched.cap)) {
    problems.push(`domain ${domain.id} has saved up ${sched.budget} ns of its cap`);
  }
  if (domain.hypervisor.timers.watchdogs.isLate(domain)) problems.push(`the watchdog of domain ${domain.id} is late`);
  return problems;
}

function checkVcpu(hv: Hypervisor, vcpu: Vcpu): string[] {
  const problems: string[] = [];
  const { share, realTime, running } = hv.scheduler;
  const { sched, domain } = vcpu;
  const { place } = sched;
  const rule = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem);
  };
  const inRealTime = isRealTime(domain);

  rule((place === PLACE.running) === (running === vcpu), `has place ${place}, but runs or does not`);
  // The one that runs is looked at when the next is picked.
  if (place !== PLACE.running) rule(isRunnable(vcpu) === (place !== PLACE.none), `has place ${place}, wrongly`);
  rule(share.queued.has(vcpu) === (place === PLACE.queued && sched.realtime === 0), "is in the share's queue, or not");
  rule(
    realTime.queued.has(vcpu) === (place === PLACE.queued && sched.realtime !== 0),
    "is in the deadlines' queue, or not",
  );
  rule(realTime.periods.has(vcpu) === (inRealTime && place !== PLACE.none), "has a period that goes on, or not");
  rule(inRealTime || sched.realtime === 0 || place === PLACE.none, "has real time, though it is of another class");

  const { resets } = hv.scheduler.record;
  const credit = sched.credit + (resets - sched.credit_resets) * CREDIT_INIT;
  rule(Number.isFinite(sched.credit) && sched.credit <= CREDIT_INIT + CREDIT_CARRYOVER, `has ${sched.credit} credit`);
  rule(sched.credit_resets <= resets, "has seen resets that were not");
  if (share.queued.has(vcpu)) {
    rule(share.queued.key(vcpu) >= resets * CREDIT_INIT - credit - 1, "is ahead of what its credit gives");
  }
  rule(place !== PLACE.parked || domain.record.sched.cap !== 0, "is parked without a cap");
  rule(place !== PLACE.parked || share.nextEvent < Number.POSITIVE_INFINITY, "is parked for ever");
  rule(sched.cur_budget <= sched.budget, `has a budget of ${sched.cur_budget}`);
  rule(place !== PLACE.depleted || (inRealTime && sched.extratime === 0), "waits for a period, wrongly");
  rule(!hv.timers.vcpus.isLate(vcpu), "has a late timer");
  return problems;
}
