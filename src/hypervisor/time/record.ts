/** Time state in the hypervisor's heap. Times are nanoseconds of system time. */
import { array, f64, struct, u32, u64 } from "../../abi/struct.ts";

/** A deadline that never comes: the timer is stopped. */
export const NEVER = 0xffff_ffff_ffff_ffffn;

export const NR_DOMAIN_WATCHDOG_TIMERS = 2;

/** The time part of a domain. */
export const domainTime = struct("domain_time", {
  /** Wall-clock time (nanoseconds since 1970) at system time 0. */
  wallclock_base: u64,
  /** Deadline of each watchdog, NEVER if it is not in use. */
  watchdog: array(u64, NR_DOMAIN_WATCHDOG_TIMERS),
});

/** The time part of a vCPU. */
export const vcpuTime = struct("vcpu_time", {
  /** VCPUOP_set_singleshot_timer, set_timer_op. */
  singleshot_deadline: u64,
  /** Period of the ticker; 0 = stopped. */
  periodic_period: u64,
  periodic_last_event: u64,
  /** Timeout of SCHEDOP_poll. */
  poll_deadline: u64,
  /** Guest address of the registered runstate area; 0 = none. */
  runstate_area: u64,
  /** Guest address of the second copy of vcpu_time_info; 0 = none. */
  time_area: u64,
  /** The areas could not be written because guest user mode's page tables were loaded: do it on entry to the kernel. */
  runstate_area_stale: u32,
  time_area_stale: u32,
  /** RUNSTATE_* now. */
  state: u32,
  pad0: u32,
  state_entry_time: u64,
  /** Time spent in each state, up to state_entry_time. */
  time_in_state: array(u64, 4),
  /** Time moved from running to runnable since the area was written last. */
  unseen_stolen: f64,
});
