/**
 * public/xen.h: what a PV guest shares with its hypervisor from its first instruction on.
 * The x86 part is in arch-x86.ts, the numbers of hypercalls in hypercall.ts; both are
 * exported from here, too.
 */
import { archSharedInfo, archVcpuInfo, guestEntries } from "./arch-x86.ts";
import { array, bytes, cstring, i8, onlyFor, struct, u8, u32, u64, ulong, union } from "./struct.ts";

export * from "./arch-x86.ts";
export * from "./hypercall.ts";

/** Special domain numbers. */
export const DOMID_FIRST_RESERVED = 0x7ff0;
/** The calling domain. */
export const DOMID_SELF = 0x7ff0;
/** Owner of I/O pages. */
export const DOMID_IO = 0x7ff1;
/** Owner of pages that the hypervisor shares with guests. */
export const DOMID_XEN = 0x7ff2;
export const DOMID_COW = 0x7ff3;
export const DOMID_INVALID = 0x7ff4;
export const DOMID_IDLE = 0x7fff;

/** vCPUs whose vcpu_info is in shared_info; the others must register theirs. */
export const XEN_LEGACY_MAX_VCPUS = 32;

/** start_info.flags. */
export const SIF_PRIVILEGED = 1 << 0;
export const SIF_INITDOMAIN = 1 << 1;
export const SIF_MULTIBOOT_MOD = 1 << 2;
/** mod_start holds a PFN; the module is not mapped. */
export const SIF_MOD_START_PFN = 1 << 3;
export const SIF_VIRT_P2M_4TOOLS = 1 << 4;

export const MAX_GUEST_CMDLINE = 1024;

/** The page a guest is started with: its address is in RSI (ESI). */
export const startInfo = struct("start_info", {
  /** "xen-3.0-x86_64" or "xen-3.0-x86_32p". */
  magic: cstring(32),
  nr_pages: ulong,
  /** Machine address of the shared_info frame. */
  shared_info: ulong,
  /** SIF_*. */
  flags: u32,
  store_mfn: ulong,
  store_evtchn: u32,
  console: union("start_info_console", {
    domU: struct("start_info_console_domU", { mfn: ulong, evtchn: u32 }),
    dom0: struct("start_info_console_dom0", { info_off: u32, info_size: u32 }),
  }),
  // Below: valid on first boot only, not on resume.
  pt_base: ulong,
  nr_pt_frames: ulong,
  mfn_list: ulong,
  mod_start: ulong,
  mod_len: ulong,
  cmd_line: cstring(MAX_GUEST_CMDLINE),
  first_p2m_pfn: ulong,
  nr_p2m_frames: ulong,
});

/** vcpu_time_info.flags: TSCs are synchronised, the time may be used across vCPUs. */
export const XEN_PVCLOCK_TSC_STABLE_BIT = 1;
export const XEN_PVCLOCK_GUEST_STOPPED = 2;

/** system_time + ((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul / 2^32 nanoseconds. */
export const vcpuTimeInfo = struct("vcpu_time_info", {
  /** Odd while the hypervisor updates the rest. */
  version: u32,
  pad0: u32,
  tsc_timestamp: u64,
  system_time: u64,
  tsc_to_system_mul: u32,
  tsc_shift: i8,
  /** XEN_PVCLOCK_*. */
  flags: u8,
  pad1: bytes(2),
});

/** Written by both sides: the guest clears `pending`, owns `mask` (its IF), and clears bits of `pending_sel`. */
export const vcpuInfoStruct = struct("vcpu_info", {
  evtchn_upcall_pending: u8,
  evtchn_upcall_mask: u8,
  evtchn_pending_sel: ulong,
  arch: archVcpuInfo,
  time: vcpuTimeInfo,
});

/** The page that a domain shares with the hypervisor. */
export const sharedInfoStruct = struct("shared_info", {
  vcpu_info: array(vcpuInfoStruct, XEN_LEGACY_MAX_VCPUS),
  /** One bit a port: 64 words of 64 bits, or 32 of 32 bits. */
  evtchn_pending: guestEntries(64, 32),
  evtchn_mask: guestEntries(64, 32),
  wc_version: u32,
  wc_sec: u32,
  wc_nsec: u32,
  /** In 32-bit guests it is `arch.wc_sec_hi`. */
  wc_sec_hi: onlyFor(64, u32),
  arch: archSharedInfo,
});

/** One call of a multicall batch. */
export const multicallEntry = struct("multicall_entry", {
  op: ulong,
  result: ulong,
  args: array(ulong, 6),
});

/** mmu_update request: the low two bits of `ptr` are the type. */
export const mmuUpdateStruct = struct("mmu_update", { ptr: u64, val: u64 });
export const MMU_NORMAL_PT_UPDATE = 0;
export const MMU_MACHPHYS_UPDATE = 1;
export const MMU_PT_UPDATE_PRESERVE_AD = 2;
export const MMU_PT_UPDATE_NO_TRANSLATE = 3;
/** Internal to continuations: the count continues a preempted call. */
export const MMU_UPDATE_PREEMPTED = 0x8000_0000;

/** mmuext_op request. */
export const mmuextOpStruct = struct("mmuext_op", {
  cmd: u32,
  /** mfn or linear_addr. */
  arg1: ulong,
  /** nr_ents (32 bits), vcpumask handle or src_mfn. */
  arg2: ulong,
});
export const MMUEXT = {
  PIN_L1_TABLE: 0,
  PIN_L2_TABLE: 1,
  PIN_L3_TABLE: 2,
  PIN_L4_TABLE: 3,
  UNPIN_TABLE: 4,
  NEW_BASEPTR: 5,
  TLB_FLUSH_LOCAL: 6,
  INVLPG_LOCAL: 7,
  TLB_FLUSH_MULTI: 8,
  INVLPG_MULTI: 9,
  TLB_FLUSH_ALL: 10,
  INVLPG_ALL: 11,
  FLUSH_CACHE: 12,
  SET_LDT: 13,
  NEW_USER_BASEPTR: 15,
  CLEAR_PAGE: 16,
  COPY_PAGE: 17,
  FLUSH_CACHE_GLOBAL: 18,
  MARK_SUPER: 19,
  UNMARK_SUPER: 20,
} as const;

/** Flags of update_va_mapping. */
export const UVMF_NONE = 0;
export const UVMF_TLB_FLUSH = 1;
export const UVMF_INVLPG = 2;
export const UVMF_FLUSHTYPE_MASK = 3;
export const UVMF_MULTI = 0;
export const UVMF_LOCAL = 0;
export const UVMF_ALL = 1 << 2;

/** vm_assist commands and types. */
export const VMASST_CMD_enable = 0;
export const VMASST_CMD_disable = 1;
export const VMASST_TYPE_4gb_segments = 0;
export const VMASST_TYPE_4gb_segments_notify = 1;
export const VMASST_TYPE_writable_pagetables = 2;
export const VMASST_TYPE_pae_extended_cr3 = 3;
export const VMASST_TYPE_architectural_iopl = 4;
export const VMASST_TYPE_runstate_update_flag = 5;
export const VMASST_TYPE_m2p_strict = 32;

/** Virtual interrupts. */
export const VIRQ = {
  TIMER: 0,
  DEBUG: 1,
  CONSOLE: 2,
  DOM_EXC: 3,
  TBUF: 4,
  DEBUGGER: 6,
  XENOPROF: 7,
  CON_RING: 8,
  PCPU_STATE: 9,
  MEM_EVENT: 10,
  ARGO: 11,
  ENOMEM: 12,
  XENPMU: 13,
  ARCH_0: 16,
} as const;
export const NR_VIRQS = 24;

/** console_io commands. */
export const CONSOLEIO_write = 0;
export const CONSOLEIO_read = 1;

/** set_segment_base. */
export const SEGBASE_FS = 0;
export const SEGBASE_GS_USER = 1;
export const SEGBASE_GS_KERNEL = 2;
export const SEGBASE_GS_USER_SEL = 3;

/** Feature numbers (public/features.h), bits of XENVER_get_features submap 0. */
export const XENFEAT = {
  writable_page_tables: 0,
  writable_descriptor_tables: 1,
  auto_translated_physmap: 2,
  supervisor_mode_kernel: 3,
  pae_pgdir_above_4gb: 4,
  mmu_pt_update_preserve_ad: 5,
  highmem_assist: 6,
  gnttab_map_avail_bits: 7,
  hvm_callback_vector: 8,
  hvm_safe_pvclock: 9,
  hvm_pirqs: 10,
  dom0: 11,
  grant_map_identity: 12,
  memory_op_vnode_supported: 13,
  ARM_SMCCC_supported: 14,
  linux_rsdp_unrestricted: 15,
  not_direct_mapped: 16,
  direct_mapped: 17,
} as const;
