/** public/callback.h and public/nmi.h: entry points that a guest registers. */
import { struct, u16, u32, u64, ulong } from "./struct.ts";

export const CALLBACKOP_register = 0;
export const CALLBACKOP_unregister = 1;

export const CALLBACKTYPE = {
  event: 0,
  failsafe: 1,
  /** 64-bit guests: SYSCALL from 64-bit user code. */
  syscall: 2,
  /** Obsolete (interface before 0x00030208): SYSENTER. */
  sysenter_deprecated: 3,
  nmi: 4,
  sysenter: 5,
  /** SYSCALL from 32-bit user code. */
  syscall32: 7,
} as const;

/** Set evtchn_upcall_mask on entry. */
export const CALLBACKF_mask_events = 1;

/** Of 64-bit guests; `callback` is `address` in the header. */
export const callbackRegister = struct("callback_register", { type: u16, flags: u16, callback: u64 });
/** Of 32-bit guests: `address` is a far pointer. */
export const callbackRegister32 = struct("callback_register_32", { type: u16, flags: u16, cs: u32, eip: u32 });
export const callbackUnregister = struct("callback_unregister", { type: u16, _unused: u16 });

export const XENNMI_register_callback = 0;
export const XENNMI_unregister_callback = 1;
export const xennmiCallback = struct("xennmi_callback", { handler_address: ulong, pad: ulong });
/** Bits of arch_shared_info.nmi_reason. */
export const XEN_NMIREASON_io_error = 1;
export const XEN_NMIREASON_pci_serr = 2;
export const XEN_NMIREASON_unknown = 4;
