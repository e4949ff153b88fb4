/** Grant-table state in the hypervisor's heap. */
import { struct, u8, u16, u32 } from "../../abi/struct.ts";

export const DEFAULT_MAX_GRANT_FRAMES = 64;
export const DEFAULT_MAX_MAPTRACK_FRAMES = 1024;
/** A table of frame numbers or addresses is one heap frame. */
const TABLE_ENTRIES = 1024;
/** Limit of `max_grant_frames`: their active frames, four each, must fit into one table. */
export const MAX_GRANT_FRAMES = TABLE_ENTRIES / 4;
export const MAX_MAPTRACK_FRAMES = TABLE_ENTRIES;

/**
 * An entry that is in use by somebody: what the guest's entry said when it was first pinned.
 * The guest may change its entry at any time; this copy is what counts until the last unpin.
 */
export const activeEntry = struct("active_grant_entry", {
  /** Mappings of each kind; the entry is active while any is not zero. */
  host_readers: u32,
  host_writers: u32,
  device_readers: u32,
  device_writers: u32,
  /** The granted frame. */
  mfn: u32,
  /** The grantee. */
  domid: u16,
  /** Within the frame: all of it, but for a sub-page grant (copy only). */
  start: u16,
  length: u16,
  is_sub_page: u8,
  pad0: u8,
  pad1: u32,
});
export const ACTIVE_PER_FRAME = 4096 / activeEntry.sizeof;
export type ActiveEntry = ReturnType<typeof activeEntry.at>;

/** A mapping made by this domain; its index is the handle. */
export const maptrackEntry = struct("grant_mapping", {
  /** Reference in the granter's table; in a free entry, the next free handle. */
  ref: u32,
  /** GNTMAP_* of the mapping; 0 = free. */
  flags: u16,
  /** The granter, or DOMID_INVALID once it is gone. */
  domid: u16,
  mfn: u32,
  pad0: u32,
});
export const MAPTRACK_PER_FRAME = 4096 / maptrackEntry.sizeof;
/** End of the free list. */
export const MAPTRACK_TAIL = 0xffff_ffff;

/** The grant-table part of a domain. */
export const domainGrant = struct("domain_grant", {
  /** 1 or 2. */
  version: u32,
  nr_frames: u32,
  max_frames: u32,
  nr_status_frames: u32,
  nr_maptrack_frames: u32,
  max_maptrack_frames: u32,
  /** First free handle, or MAPTRACK_TAIL. */
  maptrack_head: u32,
  /**
   * Tables of u32, as long as max_frames and max_maptrack_frames need them: MFNs of shared frames, of status
   * frames; addresses of active and of maptrack frames. Active frames are made when an entry of theirs is used first
   * (0 before); the table of maptrack frames, and that of status frames, with its first frame.
   */
  shared: u32,
  status: u32,
  active: u32,
  maptrack: u32,
});
