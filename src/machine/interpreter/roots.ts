/**
 * Page-table roots and their TLB sets, in WebAssembly: loading CR3, flushes, and a translation for
 * whoever stands above the processor. Both TypeScript and the fast exits of a hypervisor use them.
 */
import {
  CPU_SCRATCH,
  CPU_STATE,
  EMPTY_TLB_SET,
  FETCH_TLB_BASE,
  FETCH_TLB_ENTRIES,
  FETCH_TLB_SIZE,
  FILL_LOG_BASE,
  FILL_LOG_ENTRIES,
  FILL_LOG_SIZE,
  JUMP_CACHE_BASE,
  JUMP_CACHE_PAGE_ENTRIES,
  JUMP_CACHE_PAGES,
  JUMP_CACHE_SET_SIZE,
  type MemoryLayout,
  TLB_ARRAY_SIZE,
  TLB_BASE,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_SET_SIZE,
} from "../layout.ts";
import { Access } from "../processor.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { call, type FunctionRef, type ModuleBuilder } from "../wasm/module.ts";
import { cpuState } from "../x86/state.ts";
import { engineState } from "./engine-state.ts";

const { i32: I32, i64: I64 } = ValType;
const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);
/** Entries of a page table. */
const TABLE_ENTRIES = 512;
const engine32 = (field: number): Expr => i32.load(ZERO, CPU_SCRATCH + field);
const state32 = (field: number): Expr => i32.load(ZERO, CPU_STATE + field);

/** How loadRoot treats translations of another root than the set was last used with, or of any. */
export const KEEP_NONE = 0;
/** All are kept if it is the same root. */
export const KEEP_SAME = 1;
/** As KEEP_SAME, and those of the upper half if both roots have the same entries there. */
export const KEEP_UPPER = 2;

/** Bits of an entry that say nothing about what it maps: accessed and dirty. */
const IGNORED = 0x60n;
const SETS = [0, 1] as const;

interface RootFunctions {
  /** loadRoot(maddr i32, pcid i32, keep i32): loads CR3 and selects the set. */
  readonly loadRoot: FunctionRef;
  /** selectSet(pcid i32): makes a TLB set the one in use, or the empty one while alignment is checked. */
  readonly selectSet: FunctionRef;
  /** flushSet(pcid i32): empties it. */
  readonly flushSet: FunctionRef;
  /** dropLower(pcid i32): drops what is of the lower half; of the upper half maybe, too. */
  readonly dropLower: FunctionRef;
  /** entryChanged(index i32, mfn i32): as TrackedTlb. */
  readonly entryChanged: FunctionRef;
  /** dropWrites(mfn i32): drops translations of stores to a frame. */
  readonly dropWrites: FunctionRef;
  /** probe(linear i64, access i32, size i32) -> host address; 0 for what is not simple. See FAST_EXIT_IMPORTS. */
  readonly probe: FunctionRef;
}

/** Defines and exports them. */
export function defineRoots(module: ModuleBuilder, layout: MemoryLayout, walk: FunctionRef): void {
  const roots: RootFunctions = {
    loadRoot: module.declare([I32, I32, I32], [], "loadRoot"),
    selectSet: module.declare([I32], [], "selectSet"),
    flushSet: module.declare([I32], [], "flushSet"),
    dropLower: module.declare([I32], []),
    entryChanged: module.declare([I32, I32], [], "entryChanged"),
    dropWrites: module.declare([I32], [], "dropWrites"),
    probe: module.declare([I64, I32, I32], [I32], "probe"),
  };
  module.define(roots.loadRoot, (fn) => defineLoadRoot(fn, roots));
  module.define(roots.selectSet, defineSelectSet);
  module.define(roots.flushSet, (fn) => defineFlushSet(fn, roots));
  module.define(roots.dropLower, defineDropLower);
  module.define(roots.entryChanged, (fn) => defineEntryChanged(fn, layout));
  module.define(roots.dropWrites, defineDropWrites);
  module.define(roots.probe, (fn) => defineProbe(fn, layout, walk));
}

/** `base` of set 0, plus `size` for each further set. */
const ofSet = (base: number, size: number, pcid: Local): Expr =>
  i32.add(i32.mul(pcid, i32.const(size)), i32.const(base));

function defineLoadRoot(fn: Fn, roots: RootFunctions): void {
  const [root, pcid, keep] = fn.params as [Local, Local, Local];
  fn.store(StoreOp.i64, ZERO, i64.extendU(root), CPU_STATE + ST.cr3);
  fn.store(StoreOp.i32, ZERO, pcid, CPU_STATE + ST.pcid);
  const slot = fn.let(ofSet(CPU_SCRATCH + EN.roots, 4, pcid));
  const last = fn.let(i32.load(slot));
  fn.store(StoreOp.i32, slot, root);
  fn.block((select) => {
    fn.brIf(select, i32.and(i32.eq(last, root), i32.ne(keep, i32.const(KEEP_NONE))));
    const known = i32.ne(last, i32.const(-1));
    fn.if(i32.and(i32.eq(keep, i32.const(KEEP_UPPER)), known), () => {
      ifSameUpperHalf(fn, last, root, () => {
        fn.run(call(roots.dropLower, pcid));
        fn.br(select);
      });
    });
    fn.run(call(roots.flushSet, pcid));
  });
  fn.run(call(roots.selectSet, pcid));
}

/** Compares entries 256..511 of two root tables. */
function ifSameUpperHalf(fn: Fn, a: Local, b: Local, then: () => void): void {
  const differing = fn.let(i64.const(0));
  const offset = fn.let(i32.const(2048));
  fn.loop((again) => {
    const difference = i64.xor(i64.load(i32.add(a, offset)), i64.load(i32.add(b, offset)));
    fn.set(differing, i64.or(differing, difference));
    fn.set(offset, i32.add(offset, i32.const(8)));
    fn.brIf(again, i32.ltU(offset, i32.const(4096)));
  });
  fn.if(i64.eqz(i64.and(differing, i64.const(~IGNORED))), then);
}

function defineSelectSet(fn: Fn): void {
  const [pcid] = fn.params as [Local];
  const put = (field: number, value: Expr): void => fn.store(StoreOp.i32, ZERO, value, CPU_SCRATCH + field);
  const tlb = ofSet(TLB_BASE, TLB_SET_SIZE, pcid);
  put(EN.tlb, i32.select(engine32(EN.check_alignment), i32.const(EMPTY_TLB_SET), tlb));
  put(EN.fetch_tlb, ofSet(FETCH_TLB_BASE, FETCH_TLB_SIZE, pcid));
  put(EN.fill_log, ofSet(FILL_LOG_BASE, FILL_LOG_SIZE, pcid));
  put(EN.jump_cache, ofSet(JUMP_CACHE_BASE, JUMP_CACHE_SET_SIZE, pcid));
}

function countFlush(fn: Fn): void {
  fn.store(StoreOp.i32, ZERO, i32.add(engine32(EN.flushes), i32.const(1)), CPU_SCRATCH + EN.flushes);
}

/** All of it, unless there is nothing in it of the upper half. */
function defineFlushSet(fn: Fn, roots: RootFunctions): void {
  const [pcid] = fn.params as [Local];
  const log = fn.let(ofSet(FILL_LOG_BASE, FILL_LOG_SIZE, pcid));
  fn.if(
    i32.load(log),
    () => {
      countFlush(fn);
      emptySet(fn, pcid, log);
    },
    () => fn.run(call(roots.dropLower, pcid)),
  );
}

function emptySet(fn: Fn, pcid: Local, log: Local): void {
  fn.store(StoreOp.i64, log, i64.const(0));
  const empty = (base: number, size: number): void =>
    fn.fill(ofSet(base, size, pcid), i32.const(0xff), i32.const(size));
  empty(TLB_BASE, TLB_SET_SIZE);
  empty(JUMP_CACHE_BASE, JUMP_CACHE_SET_SIZE);
  empty(FETCH_TLB_BASE, FETCH_TLB_SIZE);
}

/** By the log; everything if that is full. */
function defineDropLower(fn: Fn): void {
  const [pcid] = fn.params as [Local];
  const log = fn.let(ofSet(FILL_LOG_BASE, FILL_LOG_SIZE, pcid));
  const filled = fn.let(i32.load(log, 4));
  fn.if(i32.eqz(filled), () => fn.return());
  countFlush(fn);
  fn.if(i32.gtU(filled, i32.const(FILL_LOG_ENTRIES)), () => {
    emptySet(fn, pcid, log);
    fn.return();
  });
  fn.store(StoreOp.i32, log, ZERO, 4);
  const at = fn.let(log);
  const last = fn.let(i32.add(log, i32.shl(filled, i32.const(2))));
  const entry = fn.local(I32);
  fn.loop((again) => {
    fn.set(at, i32.add(at, i32.const(4)));
    fn.set(entry, i32.load(at, 4));
    // It may be another's by now, of the upper half.
    fn.if(i64.geS(i64.load(entry), i64.const(0)), () => fn.store(StoreOp.i64, entry, i64.const(-1)));
    fn.brIf(again, i32.ltU(at, last));
  });
}

/** Runs `body` for addresses from `from` on, `step` apart, `count` of them. */
function each(fn: Fn, from: Expr, step: number, count: number, body: (at: Local) => void): void {
  const at = fn.let(from);
  const end = fn.let(i32.add(at, i32.const(step * count)));
  fn.loop((again) => {
    body(at);
    fn.set(at, i32.add(at, i32.const(step)));
    fn.brIf(again, i32.ltU(at, end));
  });
}

/** Empties the data TLB entry at an address if it leads to a frame. */
function dropIfFrame(fn: Fn, at: Local, mfn: Local): void {
  const host = i32.add(i32.load(at, 8), i32.load(at));
  fn.if(i32.eq(i32.shrU(host, i32.const(12)), mfn), () => fn.store(StoreOp.i64, at, i64.const(-1)));
}

/**
 * The index gives bits 12..20 of the linear addresses that the entry may translate: eight places in
 * each array of the data TLBs, one in each fetch TLB, a page's slots in each jump cache.
 */
function defineEntryChanged(fn: Fn, layout: MemoryLayout): void {
  const [index, mfn] = fn.params as [Local, Local];
  const first = fn.let(i32.shl(index, i32.const(4)));
  for (const set of SETS) {
    for (const array of [0, TLB_ARRAY_SIZE]) {
      const base = i32.add(first, i32.const(TLB_BASE + set * TLB_SET_SIZE + array));
      each(fn, base, TABLE_ENTRIES * TLB_ENTRY_SIZE, TLB_ENTRIES / TABLE_ENTRIES, (at) => dropIfFrame(fn, at, mfn));
    }
    const slot = i32.shl(i32.and(index, i32.const(FETCH_TLB_ENTRIES - 1)), i32.const(4));
    const fetch = fn.let(i32.add(slot, i32.const(FETCH_TLB_BASE + set * FETCH_TLB_SIZE)));
    fn.if(i32.eq(i32.shrU(i32.load(fetch, 8), i32.const(12)), mfn), () => fn.store(StoreOp.i64, fetch, i64.const(-1)));
  }
  fn.if(i32.load8u(mfn, layout.codeFlags), () => {
    const page = fn.let(i32.and(index, i32.const(JUMP_CACHE_PAGES - 1)));
    for (const set of SETS) {
      const slots = i32.mul(page, i32.const(JUMP_CACHE_PAGE_ENTRIES * 16));
      each(
        fn,
        i32.add(slots, i32.const(JUMP_CACHE_BASE + set * JUMP_CACHE_SET_SIZE)),
        16,
        JUMP_CACHE_PAGE_ENTRIES,
        (at) => {
          const of = i32.and(i32.shrU(i32.load(at), i32.const(12)), i32.const(TABLE_ENTRIES - 1));
          fn.if(i32.eq(of, index), () => fn.store(StoreOp.i64, at, i64.const(-1)));
        },
      );
    }
  });
}

function defineDropWrites(fn: Fn): void {
  const [mfn] = fn.params as [Local];
  for (const set of SETS) {
    const array = i32.const(TLB_BASE + set * TLB_SET_SIZE + TLB_ARRAY_SIZE);
    each(fn, array, TLB_ENTRY_SIZE, TLB_ENTRIES, (at) => dropIfFrame(fn, at, mfn));
  }
}

/** Fields that a failed walk writes, and a probe must leave alone. */
const KEPT32 = [ST.exit_reason, ST.exit_vector, ST.exit_error_code];

/**
 * A translation of user memory with no trace if it fails: by the TLB set in use, else by a walk that
 * fills nothing. Not simple are ranges over two pages, stores to frames that have code, and checked alignment.
 */
function defineProbe(fn: Fn, layout: MemoryLayout, walk: FunctionRef): void {
  const [linear, access, size] = fn.params as [Local, Local, Local];
  const inPage = fn.let(i32.and(i32.wrap(linear), i32.const(0xfff)));
  fn.if(i32.or(engine32(EN.check_alignment), i32.gtU(i32.add(inPage, size), i32.const(4096))), () => fn.return(ZERO));
  const write = fn.let(i32.eq(access, i32.const(Access.Write)));
  fn.if(i32.ne(access, i32.const(Access.Execute)), () => {
    const index = i32.and(i32.wrap(i64.shrU(linear, i64.const(8))), i32.const(0xfff0));
    const array = i32.mul(write, i32.const(TLB_ARRAY_SIZE));
    const entry = fn.let(i32.add(i32.add(engine32(EN.tlb), array), index));
    fn.if(i64.eq(i64.load(entry), i64.and(linear, i64.const(~0xfffn))), () =>
      fn.return(i32.add(i32.load(entry, 8), i32.wrap(linear))),
    );
  });
  const kept = KEPT32.map((field) => fn.let(state32(field)));
  const cr2 = fn.let(i64.load(ZERO, CPU_STATE + ST.cr2));
  const host = fn.let(call(walk, linear, access, i32.const(1)));
  fn.if(i32.eqz(host), () => {
    KEPT32.forEach((field, i) => {
      fn.store(StoreOp.i32, ZERO, kept[i] as Local, CPU_STATE + field);
    });
    fn.store(StoreOp.i64, ZERO, cr2, CPU_STATE + ST.cr2);
    fn.return(ZERO);
  });
  const hasCode = i32.load8u(i32.shrU(host, i32.const(12)), layout.codeFlags);
  fn.result(i32.select(i32.and(write, i32.ne(hasCode, ZERO)), ZERO, host));
}
