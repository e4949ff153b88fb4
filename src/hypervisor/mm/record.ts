/** What memory management keeps of each domain and each vCPU, in their heap records. */
import { array, struct, u32, u64 } from "../../abi/struct.ts";

/** Frames of a guest's GDT: selectors 0..0xdfff. */
export const GDT_FRAMES = 14;
/** vCPUs whose descriptor-table windows (32 pages each) fit one L1 table. */
export const VCPUS_PER_WINDOW_TABLE = 16;
export const WINDOW_TABLES = 8;

/** In all fields that hold an MFN 0 means none: frame 0 is the guard frame. */
export const domainMm = struct("domain_mm", {
  /** Frames that the domain owns, without those that Xen shares with it. */
  tot_pages: u32,
  /** Most that it may own: what `xl mem-max` sets. */
  max_pages: u32,
  /** Frames that it has claimed and not got yet (XENMEM_claim_pages). */
  outstanding_pages: u32,
  /** First of the list of the frames that it owns. */
  page_list: u32,
  /** Tables of the per-domain Xen slot: L3, L2, and the L1s by vCPU id / 16. */
  window_l3: u32,
  window_l2: u32,
  window_l1: array(u32, WINDOW_TABLES),
  /** XENMEM_memory_map: heap address and number of e820 entries. */
  memory_map: u32,
  memory_map_entries: u32,
});

export const vcpuMm = struct("vcpu_mm", {
  /** L4 loaded in guest kernel mode. Holds a type reference. */
  kernel_root: u32,
  /** L4 loaded in guest user mode, 0 if the guest has set none. Holds a type reference. */
  user_root: u32,
  /** A table whose last type reference is being dropped by a preempted hypercall. */
  old_guest_table: u32,
  gdt_entries: u32,
  gdt_frames: array(u32, GDT_FRAMES),
  ldt_entries: u32,
  /** Bit n: page n of the LDT window is mapped, and its frame holds a seg-desc reference. */
  ldt_mapped: u32,
  ldt_base: u64,
});

export type DomainMm = ReturnType<typeof domainMm.at>;
export type VcpuMm = ReturnType<typeof vcpuMm.at>;
