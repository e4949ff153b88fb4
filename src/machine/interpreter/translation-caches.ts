/**
 * The TLB sets and jump caches (see layout.ts), as TypeScript sees them: what is dropped from them
 * piece by piece. They are filled and looked up (runtime.ts), selected and flushed (roots.ts) by generated code.
 */
import {
  CPU_SCRATCH,
  FETCH_TLB_BASE,
  FETCH_TLB_SIZE,
  FILL_LOG_BASE,
  JUMP_CACHE_BASE,
  JUMP_CACHE_PAGE_ENTRIES,
  JUMP_CACHE_PAGES,
  JUMP_CACHE_SET_SIZE,
  TLB_ARRAY_SIZE,
  TLB_BASE,
  TLB_SET_SIZE,
} from "../layout.ts";
import type { MachineMemory } from "../memory.ts";
import { engineState } from "./engine-state.ts";

const EN = engineState.offset;
const JUMP_CACHE_PAGE_SIZE = JUMP_CACHE_PAGE_ENTRIES * 16;
const SETS = [0, 1] as const;
/** Bytes of a tag that no address has. */
const EMPTY = 0xff;
const EMPTY_TAG = 0xffffffff;

export class TranslationCaches {
  readonly #memory: MachineMemory;

  constructor(memory: MachineMemory) {
    this.#memory = memory;
    memory.u8.fill(EMPTY, TLB_BASE, FILL_LOG_BASE);
    for (const set of SETS) memory.u32[((CPU_SCRATCH + EN.roots) >>> 2) + set] = EMPTY_TAG;
  }

  /** Drops one page. */
  invalidate(linear: bigint): void {
    const page = Number((linear >> 12n) & 0xfffffn);
    const { u8 } = this.#memory;
    for (const set of SETS) {
      const entry = TLB_BASE + set * TLB_SET_SIZE + (page & 0xfff) * 16;
      u8.fill(EMPTY, entry, entry + 8);
      u8.fill(EMPTY, entry + TLB_ARRAY_SIZE, entry + TLB_ARRAY_SIZE + 8);
      const jumps = JUMP_CACHE_BASE + set * JUMP_CACHE_SET_SIZE + (page % JUMP_CACHE_PAGES) * JUMP_CACHE_PAGE_SIZE;
      u8.fill(EMPTY, jumps, jumps + JUMP_CACHE_PAGE_SIZE);
      const fetch = FETCH_TLB_BASE + set * FETCH_TLB_SIZE + (page & 0xff) * 16;
      u8.fill(EMPTY, fetch, fetch + 8);
    }
  }

  /** A frame is no root any more: a set that was last used with it is flushed before it is used again. */
  forgetRoot(maddr: number): void {
    const { u32 } = this.#memory;
    for (const set of SETS) {
      const at = ((CPU_SCRATCH + EN.roots) >>> 2) + set;
      if (u32[at] === maddr) u32[at] = EMPTY_TAG;
    }
  }

  /** Drops the way from linear addresses to records, but no translation. */
  flushJumps(): void {
    this.#memory.u8.fill(EMPTY, JUMP_CACHE_BASE, JUMP_CACHE_BASE + SETS.length * JUMP_CACHE_SET_SIZE);
  }
}
