/**
 * Where things are in machine memory: the one address map.
 *
 *     0x0000_0000  processor state (cpuState). No guest can map it: host address 0 means "fault" in generated code. The general
 *                  registers come first: the less an address, the shorter the host's instructions that use it
 *     0x0000_2000  scratch area of generated code
 *     0x0001_0000  TLB sets, jump caches                              (fixed size)
 *     ...          per-frame code flags and code directory            (grows with memory)
 *     ...          decoded instruction records                        (code cache, fixed size)
 *     heapBase     hypervisor heap: frame table, M2P, domains, vCPUs, ...
 *     ...          frames that domains own
 *
 * Everything below `heapBase` belongs to the processor.
 */
import { PAGE_SIZE } from "./memory.ts";

export const CPU_STATE = 0;
/** Two page-crossing accesses' worth of bounce buffer and other scratch of generated code. */
export const CPU_SCRATCH = 0x2000;

/** Number of entries of each data TLB (direct-mapped); two sets (pcid 0, 1), each with a read and a write array. */
export const TLB_ENTRIES = 4096;
/** Bytes of a TLB entry: tag (i64: page-aligned linear address, -1 = empty), addend (i32), padding. */
export const TLB_ENTRY_SIZE = 16;
export const TLB_ARRAY_SIZE = TLB_ENTRIES * TLB_ENTRY_SIZE;
/** Read array of set 0; then write array of set 0, read array of set 1, write array of set 1. */
export const TLB_BASE = 0x10000;
export const TLB_SET_SIZE = 2 * TLB_ARRAY_SIZE;
/** Jump caches: one a set, direct-mapped, the entries of a page in a row: linear RIP -> instruction record. Entry: i64 rip (-1 = empty), u32 record, i32 count or region (interpreter/chain.ts). */
export const JUMP_CACHE_PAGE_ENTRIES = 256;
export const JUMP_CACHE_PAGES = 64;
export const JUMP_CACHE_ENTRIES = JUMP_CACHE_PAGES * JUMP_CACHE_PAGE_ENTRIES;
export const JUMP_CACHE_BASE = TLB_BASE + 2 * TLB_SET_SIZE;
export const JUMP_CACHE_SET_SIZE = JUMP_CACHE_ENTRIES * 16;
/** A TLB set that stays empty: in use while alignment is checked, so that every access is looked at. */
export const EMPTY_TLB_SET = JUMP_CACHE_BASE + 2 * JUMP_CACHE_SET_SIZE;
/** Fetch TLBs, one a set: linear page -> frame, for compiled code that goes from page to page. Entry: i64 tag, u32 maddr of the frame. */
export const FETCH_TLB_ENTRIES = 256;
export const FETCH_TLB_SIZE = FETCH_TLB_ENTRIES * 16;
export const FETCH_TLB_BASE = EMPTY_TLB_SET + TLB_SET_SIZE;
/**
 * Fill logs, one a set: a u32 that is 1 if any was filled for an address of the upper half, a u32 count of
 * those of the lower half since it was last dropped, and the addresses of the latter, so that a process's
 * translations are dropped at little cost. When it is full the count goes on alone.
 */
export const FILL_LOG_BASE = FETCH_TLB_BASE + 2 * FETCH_TLB_SIZE;
export const FILL_LOG_ENTRIES = 2046;
export const FILL_LOG_SIZE = (FILL_LOG_ENTRIES + 2) * 4;
export const TABLES_END = FILL_LOG_BASE + 2 * FILL_LOG_SIZE;

export interface MemoryLayout {
  /** One byte a frame: nonzero if code was translated from it. */
  readonly codeFlags: number;
  /** One u32 a frame: address of its code directory, or 0. */
  readonly codeDirectory: number;
  readonly records: number;
  readonly recordsEnd: number;
  /** First frame of the hypervisor's heap. */
  readonly heapBase: number;
  /** Total bytes of machine memory. */
  readonly size: number;
}

const align = (n: number, to: number): number => Math.ceil(n / to) * to;

/**
 * Lays out machine memory.
 * @param usable bytes that the hypervisor (its heap and the domains) needs
 * @param codeCache bytes for decoded instructions
 */
export function layOutMemory(usable: number, codeCache = 48 << 20): MemoryLayout {
  // The per-frame tables cover all frames, those that hold themselves included.
  const overhead = TABLES_END + codeCache + (1 << 20);
  const frames = Math.ceil((usable + overhead) / PAGE_SIZE) * 1.01;
  const codeFlags = align(TABLES_END, PAGE_SIZE);
  const codeDirectory = align(codeFlags + frames, PAGE_SIZE);
  const records = align(codeDirectory + frames * 4, PAGE_SIZE);
  const recordsEnd = records + codeCache;
  const heapBase = align(recordsEnd, PAGE_SIZE);
  return { codeFlags, codeDirectory, records, recordsEnd, heapBase, size: align(heapBase + usable, 65536) };
}
