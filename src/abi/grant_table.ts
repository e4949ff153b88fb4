/** public/grant_table.h: entries that guests fill in, and operations on other domains' entries. */
import { bytes, handle, i16, struct, u16, u32, u64, ulong, union } from "./struct.ts";

export const GNTTABOP = {
  map_grant_ref: 0,
  unmap_grant_ref: 1,
  setup_table: 2,
  dump_table: 3,
  transfer: 4,
  copy: 5,
  query_size: 6,
  unmap_and_replace: 7,
  set_version: 8,
  get_status_frames: 9,
  get_version: 10,
  swap_grant_ref: 11,
  cache_flush: 12,
} as const;

/** Status that each element of an operation gets. */
export const GNTST = {
  okay: 0,
  general_error: -1,
  bad_domain: -2,
  bad_gntref: -3,
  bad_handle: -4,
  bad_virt_addr: -5,
  bad_dev_addr: -6,
  no_device_space: -7,
  permission_denied: -8,
  bad_page: -9,
  bad_copy_arg: -10,
  address_too_big: -11,
  eagain: -12,
} as const;
export type GrantStatus = (typeof GNTST)[keyof typeof GNTST];

// Entry flags.
export const GTF_invalid = 0;
export const GTF_permit_access = 1;
export const GTF_accept_transfer = 2;
export const GTF_transitive = 3;
export const GTF_type_mask = 3;
/** The grantee may not write. */
export const GTF_readonly = 1 << 2;
/** Set by Xen while the grantee has the frame mapped. */
export const GTF_reading = 1 << 3;
/** Set by Xen while the grantee has the frame mapped for writing. */
export const GTF_writing = 1 << 4;
/** v2: the grant is for a part of the frame, and can be copied only. */
export const GTF_sub_page = 1 << 8;
// accept_transfer.
export const GTF_transfer_committed = 1 << 2;
export const GTF_transfer_completed = 1 << 3;

/** Written by the granter, but for `reading` and `writing`, which Xen sets and clears atomically. */
export const grantEntryV1 = struct("grant_entry_v1", { flags: u16, domid: u16, frame: u32 });

const grantEntryHeader = struct("grant_entry_header", { flags: u16, domid: u16 });
/** `reading` and `writing` of a v2 entry are in the status frames: a u16 an entry. */
export const grantEntryV2 = union("grant_entry_v2", {
  hdr: grantEntryHeader,
  full_page: struct("grant_entry_v2_full_page", { hdr: grantEntryHeader, pad0: u32, frame: u64 }),
  sub_page: struct("grant_entry_v2_sub_page", { hdr: grantEntryHeader, page_off: u16, length: u16, frame: u64 }),
  transitive: struct("grant_entry_v2_transitive", { hdr: grantEntryHeader, trans_domid: u16, pad0: u16, gref: u32 }),
  spacer: bytes(16),
});

/** Entries that the toolstack fills in; they survive a change of version. */
export const GNTTAB_NR_RESERVED_ENTRIES = 8;
export const GNTTAB_RESERVED_CONSOLE = 0;
export const GNTTAB_RESERVED_XENSTORE = 1;

// Flags of map_grant_ref.
export const GNTMAP_device_map = 1 << 0;
export const GNTMAP_host_map = 1 << 1;
export const GNTMAP_readonly = 1 << 2;
/** The mapping is for user mode, too. */
export const GNTMAP_application_map = 1 << 3;
/** host_addr is the machine address of an L1 entry. */
export const GNTMAP_contains_pte = 1 << 4;
export const GNTMAP_can_fail = 1 << 5;
/** From here on: bits for the guest's available bits of the L1 entry. */
export const GNTMAP_guest_avail0 = 16;

export const gnttabMapGrantRef = struct("gnttab_map_grant_ref", {
  host_addr: u64,
  flags: u32,
  ref: u32,
  dom: u16,
  status: i16,
  handle: u32,
  dev_bus_addr: u64,
});
export const gnttabUnmapGrantRef = struct("gnttab_unmap_grant_ref", {
  host_addr: u64,
  dev_bus_addr: u64,
  handle: u32,
  status: i16,
});
export const gnttabUnmapAndReplace = struct("gnttab_unmap_and_replace", {
  host_addr: u64,
  new_addr: u64,
  handle: u32,
  status: i16,
});
export const gnttabSetupTable = struct("gnttab_setup_table", {
  dom: u16,
  nr_frames: u32,
  status: i16,
  frame_list: handle,
});
export const gnttabTransfer = struct("gnttab_transfer", { mfn: ulong, domid: u16, ref: u32, status: i16 });

const gnttabCopyPointer = struct("gnttab_copy_ptr", {
  u: union("gnttab_copy_u", { ref: u32, gmfn: ulong }),
  domid: u16,
  offset: u16,
});
export const GNTCOPY_source_gref = 1 << 0;
export const GNTCOPY_dest_gref = 1 << 1;
export const gnttabCopy = struct("gnttab_copy", {
  source: gnttabCopyPointer,
  dest: gnttabCopyPointer,
  len: u16,
  flags: u16,
  status: i16,
});
export const gnttabQuerySize = struct("gnttab_query_size", {
  dom: u16,
  nr_frames: u32,
  max_nr_frames: u32,
  status: i16,
});
export const gnttabSetVersion = struct("gnttab_set_version", { version: u32 });
export const gnttabGetStatusFrames = struct("gnttab_get_status_frames", {
  nr_frames: u32,
  dom: u16,
  status: i16,
  frame_list: handle,
});
export const gnttabGetVersion = struct("gnttab_get_version", { dom: u16, pad: u16, version: u32 });
export const gnttabSwapGrantRef = struct("gnttab_swap_grant_ref", { ref_a: u32, ref_b: u32, status: i16 });

export const GNTTAB_CACHE_CLEAN = 1 << 0;
export const GNTTAB_CACHE_INVAL = 1 << 1;
export const GNTTAB_CACHE_SOURCE_GREF = 0x8000_0000;
export const gnttabCacheFlush = struct("gnttab_cache_flush", { dev_bus_addr: u64, offset: u16, length: u16, op: u32 });
