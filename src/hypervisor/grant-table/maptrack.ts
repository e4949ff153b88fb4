/** Maptrack: the grants that a domain has mapped, by handle. */
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { OutOfHeap } from "../mm/heap.ts";
import { MAPTRACK_PER_FRAME, MAPTRACK_TAIL, maptrackEntry } from "./record.ts";
import { tableBytes, tableGet, tableSet } from "./table.ts";

export type MaptrackEntry = ReturnType<typeof maptrackEntry.at>;

/** Number of handles there are, in use or free. */
export function maptrackLimit(domain: Domain): number {
  return domain.record.grant.nr_maptrack_frames * MAPTRACK_PER_FRAME;
}

/** Entry of a handle below `maptrackLimit`. */
export function maptrackAt(domain: Domain, handle: number): MaptrackEntry {
  const { memory } = domain.hypervisor;
  const base = tableGet(domain, domain.record.grant.maptrack, Math.floor(handle / MAPTRACK_PER_FRAME));
  return maptrackEntry.at(memory, base + (handle % MAPTRACK_PER_FRAME) * maptrackEntry.sizeof);
}

/** Takes a free handle; undefined at the limit. */
export function getHandle(domain: Domain): number | undefined {
  const record = domain.record.grant;
  if (record.maptrack_head === MAPTRACK_TAIL && !grow(domain)) return undefined;
  const handle = record.maptrack_head;
  record.maptrack_head = maptrackAt(domain, handle).ref;
  return handle;
}

export function putHandle(domain: Domain, handle: number): void {
  const entry = maptrackAt(domain, handle);
  entry.flags = 0;
  entry.ref = domain.record.grant.maptrack_head;
  domain.record.grant.maptrack_head = handle;
}

/** Adds a frame of free entries, linked in ascending order. */
function grow(domain: Domain): boolean {
  const record = domain.record.grant;
  if (record.nr_maptrack_frames >= record.max_maptrack_frames) return false;
  const { heap } = domain.hypervisor;
  let mfn: number;
  try {
    if (record.maptrack === 0) record.maptrack = heap.allocBytes(tableBytes(record.max_maptrack_frames));
    mfn = heap.allocFrames(1);
  } catch (error) {
    if (error instanceof OutOfHeap) return false;
    throw error;
  }
  const first = maptrackLimit(domain);
  tableSet(domain, record.maptrack, record.nr_maptrack_frames, mfn * PAGE_SIZE);
  record.nr_maptrack_frames++;
  for (let i = 0; i < MAPTRACK_PER_FRAME; i++) {
    maptrackAt(domain, first + i).ref = i + 1 < MAPTRACK_PER_FRAME ? first + i + 1 : record.maptrack_head;
  }
  record.maptrack_head = first;
  return true;
}

/** Gives all back; no handle is in use. */
export function freeMaptrack(domain: Domain): void {
  const { heap } = domain.hypervisor;
  const record = domain.record.grant;
  if (record.maptrack === 0) return;
  for (let i = 0; i < record.nr_maptrack_frames; i++) {
    heap.freeFrames(tableGet(domain, record.maptrack, i) / PAGE_SIZE, 1);
  }
  heap.freeBytes(record.maptrack, tableBytes(record.max_maptrack_frames));
  record.maptrack = record.nr_maptrack_frames = 0;
}

/** The domain has a mapping of the frame. */
export function mapsFrame(domain: Domain, mfn: number): boolean {
  const { u32, u16 } = domain.hypervisor.memory;
  const { nr_maptrack_frames, maptrack } = domain.record.grant;
  const { sizeof, offset } = maptrackEntry;
  for (let i = 0; i < nr_maptrack_frames; i++) {
    const base = tableGet(domain, maptrack, i);
    for (let at = base; at < base + MAPTRACK_PER_FRAME * sizeof; at += sizeof) {
      if (u32[(at + offset.mfn) >>> 2] === mfn && u16[(at + offset.flags) >>> 1] !== 0) return true;
    }
  }
  return false;
}

/** Calls `each` for every handle in use. */
export function forEachMapping(domain: Domain, each: (handle: number, entry: MaptrackEntry) => void): void {
  const limit = maptrackLimit(domain);
  for (let handle = 0; handle < limit; handle++) {
    const entry = maptrackAt(domain, handle);
    if (entry.flags !== 0) each(handle, entry);
  }
}
