/** Scheduling state of a vCPU in the hypervisor's heap. */
import { struct, u8, u32 } from "../../abi/struct.ts";

// pause_flags: why a vCPU does not run.
/** Waits for an event (SCHEDOP_block, SCHEDOP_poll). */
export const VPF_blocked = 1 << 0;
/** Not brought up, or taken down, by vcpu_op. */
export const VPF_down = 1 << 1;

/** `poll_evtchn` while several ports are polled. */
export const POLL_ANY = 0xffff_ffff;

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
  pad0: u8,
  pad1: u8,
  /** Polling one port: that port; several: POLL_ANY. */
  poll_evtchn: u32,
});
