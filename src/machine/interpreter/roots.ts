/**
 * Page-table roots and their TLB sets, in WebAssembly: loading CR3, flushes, and a translation for
 * whoever stands above the processor. Both TypeScript and the fast exits of a hypervisor use them.
 */
import {
  CPU_SCRATCH,
  CPU_STATE,
  EMPTY_TLB_SET,
  FETCH_TLB_BASE,
  FETCH_TLB_SIZE,
  FILL_LOG_BASE,
  FILL_LOG_ENTRIES,
  FILL_LOG_SIZE,
  JUMP_CACHE_BASE,
  JUMP_CACHE_SET_SIZE,
  type MemoryLayout,
  TLB_ARRAY_SIZE,
  TLB_BASE,
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
const engine32 = (field: number): Expr => i32.load(ZERO, CPU_SCRATCH + field);
const state32 = (field: number): Expr => i32.load(ZERO, CPU_STATE + field);

export interface RootFunctions {
  /** loadRoot(maddr i32, pcid i32, keep i32): as Processor.loadCr3. */
  readonly loadRoot: FunctionRef;
  /** selectSet(pcid i32): makes a TLB set the one in use, or the empty one while alignment is checked. */
  readonly selectSet: FunctionRef;
  /** flushSet(pcid i32). */
  readonly flushSet: FunctionRef;
  /** probe(linear i64, access i32, size i32) -> host address; 0 for what is not simple. See FAST_EXIT_IMPORTS. */
  readonly probe: FunctionRef;
}

/** Defines and exports them. */
export function defineRoots(module: ModuleBuilder, layout: MemoryLayout, walk: FunctionRef): RootFunctions {
  const roots: RootFunctions = {
    loadRoot: module.declare([I32, I32, I32], [], "loadRoot"),
    selectSet: module.declare([I32], [], "selectSet"),
    flushSet: module.declare([I32], [], "flushSet"),
    probe: module.declare([I64, I32, I32], [I32], "probe"),
  };
  module.define(roots.loadRoot, (fn) => defineLoadRoot(fn, roots));
  module.define(roots.selectSet, defineSelectSet);
  module.define(roots.flushSet, defineFlushSet);
  module.define(roots.probe, (fn) => defineProbe(fn, layout, walk));
  return roots;
}

/** `base` of set 0, plus `size` for each further set. */
const ofSet = (base: number, size: number, pcid: Local): Expr =>
  i32.add(i32.mul(pcid, i32.const(size)), i32.const(base));

function defineLoadRoot(fn: Fn, roots: RootFunctions): void {
  const [root, pcid, keep] = fn.params as [Local, Local, Local];
  fn.store(StoreOp.i64, ZERO, i64.extendU(root), CPU_STATE + ST.cr3);
  fn.store(StoreOp.i32, ZERO, pcid, CPU_STATE + ST.pcid);
  const last = fn.let(ofSet(CPU_SCRATCH + EN.roots, 4, pcid));
  fn.if(i32.or(i32.eqz(keep), i32.ne(i32.load(last), root)), () => {
    fn.store(StoreOp.i32, last, root);
    fn.run(call(roots.flushSet, pcid));
  });
  fn.run(call(roots.selectSet, pcid));
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

/** Empties what the set's log says was filled; all of the set if the log is full. */
function defineFlushSet(fn: Fn): void {
  const [pcid] = fn.params as [Local];
  const log = fn.let(ofSet(FILL_LOG_BASE, FILL_LOG_SIZE, pcid));
  const filled = fn.let(i32.load(log));
  fn.if(i32.eqz(filled), () => fn.return());
  fn.store(StoreOp.i32, log, ZERO);
  fn.store(StoreOp.i32, ZERO, i32.add(engine32(EN.flushes), i32.const(1)), CPU_SCRATCH + EN.flushes);
  fn.if(i32.gtU(filled, i32.const(FILL_LOG_ENTRIES)), () => {
    const empty = (base: number, size: number): void =>
      fn.fill(ofSet(base, size, pcid), i32.const(0xff), i32.const(size));
    empty(TLB_BASE, TLB_SET_SIZE);
    empty(JUMP_CACHE_BASE, JUMP_CACHE_SET_SIZE);
    empty(FETCH_TLB_BASE, FETCH_TLB_SIZE);
    fn.return();
  });
  const at = fn.let(log);
  const last = fn.let(i32.add(log, i32.shl(filled, i32.const(2))));
  fn.loop((again) => {
    fn.set(at, i32.add(at, i32.const(4)));
    fn.store(StoreOp.i64, i32.load(at), i64.const(-1));
    fn.brIf(again, i32.ltU(at, last));
  });
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
