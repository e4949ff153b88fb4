/** What the trap code keeps of each vCPU, in machine memory. */

import { trapInfo } from "../../abi/arch-x86.ts";
import { array, struct, u8, u32, u64 } from "../../abi/struct.ts";

/** Bits of `vcpuTraps.callback_masks`: the callback masks events on entry. */
export const MASKS_SYSCALL = 1 << 0;
export const MASKS_FAILSAFE = 1 << 1;
export const MASKS_SYSENTER = 1 << 2;
export const MASKS_SYSCALL32 = 1 << 3;

/** An entry point of the guest kernel. `cs` matters to 32-bit guests only. Handler 0: none. */
export const guestEntry = struct("guest_entry", { handler: u64, cs: u32, pad: u32 });

export const vcpuTraps = struct("vcpu_traps", {
  /** In guest kernel mode (as opposed to guest user mode). */
  kernel_mode: u8,
  nmi_pending: u8,
  /** An NMI is being handled: the next iret hypercall unmasks. */
  nmi_masked: u8,
  /** The next instruction of this guest faulted while a frame was being built: see crash reports. */
  pad0: u8,
  /** Virtual IOPL, 0..3. */
  iopl: u32,
  /** Stack of the guest kernel when it is entered from user mode. */
  kernel_ss: u64,
  kernel_sp: u64,
  event: guestEntry,
  failsafe: guestEntry,
  syscall: guestEntry,
  syscall32: guestEntry,
  sysenter: guestEntry,
  nmi: guestEntry,
  /** MASKS_*. */
  callback_masks: u32,
  /** I/O permission bitmap of PHYSDEVOP_set_iobitmap: ports covered, and guest address. */
  iobmp_limit: u32,
  iobmp: u64,
  /** Last page-fault address as MOV from CR2 reads it. */
  cr2: u64,
  /** CR4 as the guest sees it. */
  cr4: u64,
  /** The 256 handlers that set_trap_table registered, by vector. */
  trap_table: array(trapInfo, 256),
});
