/** Blocking, waking and pausing vCPUs. */
import { RUNSTATE } from "../../abi/vcpu.ts";
import type { Domain } from "../domain.ts";
import { NEVER } from "../time/record.ts";
import { setRunstate } from "../time/runstate.ts";
import { armVcpuTimers } from "../time/timers.ts";
import type { Vcpu } from "../vcpu.ts";
import { DEFAULT_BUDGET, DEFAULT_PERIOD } from "./real-time.ts";
import { POLL_ANY, VPF_blocked, VPF_down } from "./record.ts";

/** A new vCPU is down. */
export function initVcpuSched(vcpu: Vcpu): void {
  const { sched } = vcpu;
  sched.pause_flags = VPF_down;
  sched.pause_count = 0;
  sched.period = DEFAULT_PERIOD;
  sched.budget = DEFAULT_BUDGET;
  sched.extratime = 1;
  vcpu.domain.hypervisor.scheduler.share.init(vcpu);
}

/** It may be put on the processor. */
export function isRunnable(vcpu: Vcpu): boolean {
  const { pause_flags, pause_count } = vcpu.sched;
  return pause_flags === 0 && pause_count === 0 && vcpu.initialised && vcpu.domain.schedulable;
}

/** Sets the runstate of a vCPU that does not run (any more) by why it does not. */
export function updateIdleRunstate(vcpu: Vcpu): void {
  const blocked = (vcpu.sched.pause_flags & VPF_blocked) !== 0;
  setRunstate(vcpu, blocked ? RUNSTATE.blocked : isRunnable(vcpu) ? RUNSTATE.runnable : RUNSTATE.offline);
}

/** Something that keeps the vCPU from running has come or gone. */
export function runnabilityChanged(vcpu: Vcpu): void {
  updateIdleRunstate(vcpu);
  vcpu.domain.hypervisor.scheduler.update(vcpu);
  // The ticker is for vCPUs that can run.
  armVcpuTimers(vcpu);
}

/** The vCPU waits for an event. The caller has seen that none is pending. */
export function blockVcpu(vcpu: Vcpu): void {
  vcpu.sched.pause_flags |= VPF_blocked;
  runnabilityChanged(vcpu);
}

/** Ends blocking and polling, if the vCPU was at it. */
export function wakeVcpu(vcpu: Vcpu): void {
  const record = vcpu.sched;
  if ((record.pause_flags & VPF_blocked) === 0) return;
  record.pause_flags &= ~VPF_blocked;
  record.polling = 0;
  record.poll_evtchn = 0;
  vcpu.time.poll_deadline = NEVER;
  runnabilityChanged(vcpu);
}

/** Wakes vCPUs that poll `port`, whether or not it is masked. */
export function wakePollers(domain: Domain, port: number): void {
  for (const vcpu of domain.vcpus) {
    const { polling, poll_evtchn } = vcpu.sched;
    if (polling !== 0 && (poll_evtchn === POLL_ANY || poll_evtchn === port)) wakeVcpu(vcpu);
  }
}

/** Keeps a vCPU from running until as many `unpauseVcpu`. */
export function pauseVcpu(vcpu: Vcpu): void {
  vcpu.sched.pause_count++;
  runnabilityChanged(vcpu);
}

export function unpauseVcpu(vcpu: Vcpu): void {
  const record = vcpu.sched;
  if (record.pause_count === 0) throw new Error(`vCPU ${vcpu.id} of domain ${vcpu.domain.id} is not paused`);
  record.pause_count--;
  runnabilityChanged(vcpu);
}

/** VCPUOP_up, and the first vCPU of a new domain. */
export function bringUp(vcpu: Vcpu): void {
  vcpu.sched.pause_flags &= ~VPF_down;
  runnabilityChanged(vcpu);
}

/** VCPUOP_down. What it was waiting for, it waits for again when it comes back. */
export function takeDown(vcpu: Vcpu): void {
  vcpu.sched.pause_flags |= VPF_down;
  runnabilityChanged(vcpu);
}

/** The vCPU gets the processor; its state and page tables are loaded. */
export function vcpuScheduledIn(vcpu: Vcpu): void {
  vcpu.sched.yielded = 0;
  setRunstate(vcpu, RUNSTATE.running);
}

/** The vCPU loses the processor; its state and page tables are still loaded. */
export function vcpuScheduledOut(vcpu: Vcpu): void {
  updateIdleRunstate(vcpu);
}
