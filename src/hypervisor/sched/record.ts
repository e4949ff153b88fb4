/**
 * Scheduling state in the hypervisor's heap. What is here is authoritative: the queues of the
 * scheduler hold nothing else, and Scheduler.rebuild() makes them anew from it.
 *
 * Times are nanoseconds of system time, credits those of processor time of the heaviest domain.
 */
import { f64, struct, u8, u32 } from "../../abi/struct.ts";
import type { Domain } from "../domain.ts";

// pause_flags: why a vCPU does not run.
/** Waits for an event (SCHEDOP_block, SCHEDOP_poll). */
export const VPF_blocked = 1 << 0;
/** Not brought up, or taken down, by vcpu_op. */
export const VPF_down = 1 << 1;

/** `poll_evtchn` while several ports are polled. */
export const POLL_ANY = 0xffff_ffff;

/** Where the scheduler has a vCPU: `place`. */
export const PLACE = {
  /** Not runnable: nowhere. */
  none: 0,
  /** It has the processor. */
  running: 1,
  /** In the queue of its class, and may be the next. */
  queued: 2,
  /** Its domain has reached its cap: it waits for the next cap period. */
  parked: 3,
  /** Its real-time budget is used up: it waits for the next period. */
  depleted: 4,
} as const;

/** Classes of domains, by Xen's numbers of schedulers (XEN_SCHEDULER_* of public/domctl.h). */
export const XEN_SCHEDULER = { credit2: 6, rtds: 8 } as const;

/** The scheduling part of a vCPU. */
export const vcpuSched = struct("vcpu_sched", {
  /** VPF_*. */
  pause_flags: u32,
  /** Nested pauses by the hypervisor and the toolstack. */
  pause_count: u32,
  /** In SCHEDOP_poll. */
  polling: u8,
  /** Has given up the rest of its slice. */
  yielded: u8,
  /** PLACE. */
  place: u8,
  /** It runs, or is to run, on its real-time budget. */
  realtime: u8,
  /** Polling one port: that port; several: POLL_ANY. */
  poll_evtchn: u32,
  /** Proportional share: credit left, as of reset number `credit_resets`. */
  credit: f64,
  credit_resets: f64,
  /** Real time: `budget` in each `period`. */
  period: f64,
  budget: f64,
  /** Beyond its budget it gets a proportional share. */
  extratime: u32,
  pad0: u32,
  /** What is left of the budget until `cur_deadline`, the end of its period. */
  cur_budget: f64,
  cur_deadline: f64,
});

/** The scheduling part of a domain. */
export const domainSched = struct("domain_sched", {
  /** XEN_SCHEDULER. */
  scheduler: u32,
  /** Its share, relative to others. */
  weight: u32,
  /** Processor time it may have at most, in percent of one processor; 0 = no cap. */
  cap: u32,
  /** vCPUs that run or want to. */
  active: u32,
  /** With a cap: processor time left until `next_refill`. */
  budget: f64,
  next_refill: f64,
});

/** What the scheduler itself has to remember. */
export const schedulerRecord = struct("scheduler", {
  /** How often everybody's credit has been raised. */
  resets: f64,
  /** Shortest time for which a vCPU has the processor before another's credit takes it away. */
  rate_limit: f64,
});

/** The domain is in the real-time class. */
export function isRealTime({ record: { sched } }: Domain): boolean {
  return sched.scheduler === XEN_SCHEDULER.rtds;
}

export type VcpuSched = ReturnType<typeof vcpuSched.at>;
export type DomainSched = ReturnType<typeof domainSched.at>;
export type SchedulerRecord = ReturnType<typeof schedulerRecord.at>;
