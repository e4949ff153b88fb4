/** public/vcpu.h: operations on virtual processors. */
import { array, i32, struct, u32, u64 } from "./struct.ts";

export const VCPUOP = {
  initialise: 0,
  up: 1,
  down: 2,
  is_up: 3,
  get_runstate_info: 4,
  register_runstate_memory_area: 5,
  set_periodic_timer: 6,
  stop_periodic_timer: 7,
  set_singleshot_timer: 8,
  stop_singleshot_timer: 9,
  register_vcpu_info: 10,
  send_nmi: 11,
  get_physid: 12,
  register_vcpu_time_memory_area: 13,
} as const;

export const RUNSTATE = {
  /** On a physical processor. */
  running: 0,
  /** Could run, but has no processor. */
  runnable: 1,
  /** Waits for an event. */
  blocked: 2,
  /** Not runnable for any other reason: paused, or down. */
  offline: 3,
} as const;
export type Runstate = (typeof RUNSTATE)[keyof typeof RUNSTATE];

/** Set in state_entry_time while an area is being written (VMASST_TYPE_runstate_update_flag). */
export const XEN_RUNSTATE_UPDATE = 1n << 63n;

/** Kept by Xen, and written to the area that the guest registered. */
export const vcpuRunstateInfo = struct("vcpu_runstate_info", {
  state: i32,
  state_entry_time: u64,
  /** Nanoseconds spent in each RUNSTATE_*; their sum is the vCPU's age. */
  time: array(u64, 4),
});

export const vcpuSetPeriodicTimer = struct("vcpu_set_periodic_timer", { period_ns: u64 });
export const vcpuSetSingleshotTimer = struct("vcpu_set_singleshot_timer", {
  timeout_abs_ns: u64,
  /** VCPU_SSHOTTMR_*. */
  flags: u32,
});
/** Once: fail with -ETIME if the deadline is in the past. Ignored since Xen 4.18 and late 4.17. */
export const VCPU_SSHOTTMR_future = 1 << 0;

export const vcpuRegisterVcpuInfo = struct("vcpu_register_vcpu_info", { mfn: u64, offset: u32, rsvd: u32 });
/** register_runstate_memory_area and register_vcpu_time_memory_area: a guest virtual address (a union with u64). */
export const vcpuRegisterArea = struct("vcpu_register_memory_area", { addr: u64 });
export const vcpuGetPhysid = struct("vcpu_get_physid", { phys_id: u64 });
