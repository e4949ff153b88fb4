/**
 * A domain's grant table: the frames it shares with the hypervisor, and what the hypervisor
 * remembers of entries in use.
 *
 *     shared frames   v1: 512 entries of 8 bytes each; v2: 256 of 16. Written by the guest.
 *     status frames   v2: `reading` and `writing` of each entry, a u16 each. Written here.
 *     active frames   128 activeEntry each, made on use; enough for v1's number of entries, in both versions
 */
import { GTF_permit_access, GTF_readonly, grantEntryV1, grantEntryV2 } from "../../abi/grant_table.ts";
import { DOMID_INVALID } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { shareWithGuest, unshareWithGuest } from "../mm/domain-frames.ts";
import { OutOfHeap } from "../mm/heap.ts";
import {
  ACTIVE_PER_FRAME,
  type ActiveEntry,
  activeEntry,
  DEFAULT_MAX_GRANT_FRAMES,
  DEFAULT_MAX_MAPTRACK_FRAMES,
  MAPTRACK_TAIL,
  MAX_GRANT_FRAMES,
  MAX_MAPTRACK_FRAMES,
} from "./record.ts";

const V1_PER_FRAME = PAGE_SIZE / grantEntryV1.sizeof;
const V2_PER_FRAME = PAGE_SIZE / grantEntryV2.sizeof;
const STATUS_PER_FRAME = PAGE_SIZE / 2;
const ACTIVE_FRAMES_PER_FRAME = V1_PER_FRAME / ACTIVE_PER_FRAME;
const INITIAL_FRAMES = 1;

export interface GrantLimits {
  readonly maxFrames?: number;
  readonly maxMaptrackFrames?: number;
}

/** Bytes of a table of `entries` u32. */
export function tableBytes(entries: number): number {
  return Math.max(entries, 1) * 4;
}

/** Reads a table of u32 in the heap. */
export function tableGet(domain: Domain, table: number, index: number): number {
  return domain.hypervisor.memory.dv.getUint32(table + index * 4, true);
}

export function tableSet(domain: Domain, table: number, index: number, value: number): void {
  domain.hypervisor.memory.dv.setUint32(table + index * 4, value, true);
}

/** Prepares a new domain: a table of one frame, version 1. */
export function initGrantTable(domain: Domain, limits: GrantLimits = {}): void {
  const { heap } = domain.hypervisor;
  const record = domain.record.grant;
  record.version = 1;
  record.max_frames = Math.min(limits.maxFrames ?? DEFAULT_MAX_GRANT_FRAMES, MAX_GRANT_FRAMES);
  record.max_maptrack_frames = Math.min(limits.maxMaptrackFrames ?? DEFAULT_MAX_MAPTRACK_FRAMES, MAX_MAPTRACK_FRAMES);
  record.maptrack_head = MAPTRACK_TAIL;
  record.shared = heap.allocBytes(tableBytes(record.max_frames));
  record.active = heap.allocBytes(tableBytes(record.max_frames * ACTIVE_FRAMES_PER_FRAME));
  growGrantTable(domain, Math.min(INITIAL_FRAMES, record.max_frames));
}

/** Number of entries that the guest can use. */
export function nrGrantEntries(domain: Domain): number {
  const { nr_frames, version } = domain.record.grant;
  return nr_frames * (version === 2 ? V2_PER_FRAME : V1_PER_FRAME);
}

/** Grows the table to `frames` frames, which are not more than max_frames. Throws OutOfHeap, with nothing lost. */
export function growGrantTable(domain: Domain, frames: number): void {
  const { heap } = domain.hypervisor;
  const record = domain.record.grant;
  while (record.nr_frames < frames) {
    // An entry without its status word must not be there, not even when the memory ends here.
    if (record.version === 2) addStatusFrames(domain, record.nr_frames + 1);
    const mfn = heap.allocFrames(1);
    shareWithGuest(domain, mfn, true);
    tableSet(domain, record.shared, record.nr_frames, mfn);
    record.nr_frames++;
  }
}

/** Frames of `status` for a table of `frames` frames of version 2. */
function statusFrames(frames: number): number {
  return Math.ceil((frames * V2_PER_FRAME) / STATUS_PER_FRAME);
}

/** Version 2: as many status frames as the entries of `frames` shared ones need. */
export function addStatusFrames(domain: Domain, frames = domain.record.grant.nr_frames): void {
  const { heap } = domain.hypervisor;
  const record = domain.record.grant;
  const needed = statusFrames(frames);
  if (record.status === 0) record.status = heap.allocBytes(tableBytes(statusFrames(record.max_frames)));
  while (record.nr_status_frames < needed) {
    const mfn = heap.allocFrames(1);
    shareWithGuest(domain, mfn, true);
    tableSet(domain, record.status, record.nr_status_frames, mfn);
    record.nr_status_frames++;
  }
}

/** Takes the status frames back; false (and nothing done) if the guest has one of them mapped (XSA-255). */
export function removeStatusFrames(domain: Domain): boolean {
  const { frames, heap } = domain.hypervisor;
  const record = domain.record.grant;
  for (let i = 0; i < record.nr_status_frames; i++) {
    if (frames.refCount(tableGet(domain, record.status, i)) > 1) return false;
  }
  for (let i = 0; i < record.nr_status_frames; i++) {
    const mfn = tableGet(domain, record.status, i);
    unshareWithGuest(domain.hypervisor, mfn);
    heap.freeFrames(mfn, 1);
  }
  record.nr_status_frames = 0;
  return true;
}

/** MFN of a shared frame, `index` below nr_frames. */
export function sharedFrame(domain: Domain, index: number): number {
  return tableGet(domain, domain.record.grant.shared, index);
}

export function statusFrame(domain: Domain, index: number): number {
  return tableGet(domain, domain.record.grant.status, index);
}

/** Address of entry `ref`, which is below `nrGrantEntries`. Its first words (flags, domid) are those of both versions. */
export function sharedEntryAddress(domain: Domain, ref: number): number {
  const v2 = domain.record.grant.version === 2;
  const perFrame = v2 ? V2_PER_FRAME : V1_PER_FRAME;
  return sharedFrame(domain, Math.floor(ref / perFrame)) * PAGE_SIZE + (ref % perFrame) * (PAGE_SIZE / perFrame);
}

/** Address of the u16 where `reading` and `writing` of an entry are: in v1, the flags themselves. */
export function statusAddress(domain: Domain, ref: number): number {
  if (domain.record.grant.version !== 2) return sharedEntryAddress(domain, ref);
  return statusFrame(domain, Math.floor(ref / STATUS_PER_FRAME)) * PAGE_SIZE + (ref % STATUS_PER_FRAME) * 2;
}

/** What is remembered of entry `ref`: to be looked at only, unless it is pinned. One that was never used is all zero. */
export function activeEntryOf(domain: Domain, ref: number): ActiveEntry {
  const { memory, frames } = domain.hypervisor;
  const base = tableGet(domain, domain.record.grant.active, Math.floor(ref / ACTIVE_PER_FRAME));
  const frame = base === 0 ? frames.state.zero_frame * PAGE_SIZE : base;
  return activeEntry.at(memory, frame + (ref % ACTIVE_PER_FRAME) * activeEntry.sizeof);
}

/** Makes room to remember something of entry `ref`; false if the hypervisor has no memory left. */
export function makeActiveEntry(domain: Domain, ref: number): boolean {
  const { heap } = domain.hypervisor;
  const table = domain.record.grant.active;
  const index = Math.floor(ref / ACTIVE_PER_FRAME);
  if (tableGet(domain, table, index) !== 0) return true;
  try {
    tableSet(domain, table, index, heap.allocFrames(1) * PAGE_SIZE);
    return true;
  } catch (error) {
    if (error instanceof OutOfHeap) return false;
    throw error;
  }
}

/** Calls `each` for every entry that is pinned. */
export function forEachPinned(domain: Domain, each: (ref: number, active: ActiveEntry) => void): void {
  const { nr_frames, active: table } = domain.record.grant;
  for (let frame = 0; frame < nr_frames * ACTIVE_FRAMES_PER_FRAME; frame++) {
    if (tableGet(domain, table, frame) === 0) continue;
    for (let i = 0; i < ACTIVE_PER_FRAME; i++) {
      const ref = frame * ACTIVE_PER_FRAME + i;
      const active = activeEntryOf(domain, ref);
      if (isPinned(active)) each(ref, active);
    }
  }
}

/** Frees the tables, and the active frames. Shared, status and maptrack frames are gone. */
export function freeGrantTables(domain: Domain): void {
  const { heap } = domain.hypervisor;
  const record = domain.record.grant;
  const active = record.max_frames * ACTIVE_FRAMES_PER_FRAME;
  if (record.active !== 0) {
    for (let i = 0; i < active; i++) {
      const address = tableGet(domain, record.active, i);
      if (address !== 0) heap.freeFrames(address / PAGE_SIZE, 1);
    }
    heap.freeBytes(record.active, tableBytes(active));
  }
  if (record.status !== 0) heap.freeBytes(record.status, tableBytes(statusFrames(record.max_frames)));
  heap.freeBytes(record.shared, tableBytes(record.max_frames));
  record.shared = record.status = record.active = 0;
  record.nr_frames = 0;
}

/** Somebody has the entry mapped, or copies from it. */
export function isPinned(active: ActiveEntry): boolean {
  return (active.host_readers | active.host_writers | active.device_readers | active.device_writers) !== 0;
}

/** Fills in an entry of a domain that has not started, as the toolstack does for console and xenstore (version 1). */
export function seedGrant(domain: Domain, ref: number, grantee: number, mfn: number, readonly = false): void {
  const { memory } = domain.hypervisor;
  if (ref >= nrGrantEntries(domain) || domain.record.grant.version !== 1) {
    throw new RangeError(`grant reference ${ref} cannot be filled in`);
  }
  if (!(grantee >= 0 && grantee < DOMID_INVALID)) throw new RangeError(`no domain has number ${grantee}`);
  const entry = grantEntryV1.at(memory, sharedEntryAddress(domain, ref));
  entry.domid = grantee;
  entry.frame = mfn;
  entry.flags = GTF_permit_access | (readonly ? GTF_readonly : 0);
}
