/**
 * Functions of the generated module that instructions share: the page walk,
 * TLB refill, page-crossing accesses, code lookup, flags.
 *
 * The page walk (SDM vol. 3 §4.5, 4-level paging) exists once, here; the
 * hypervisor's own accesses to guest memory use it, too.
 */

import {
  CPU_SCRATCH,
  CPU_STATE,
  FETCH_TLB_ENTRIES,
  FILL_LOG_ENTRIES,
  type MemoryLayout,
  TLB_ARRAY_SIZE,
} from "../layout.ts";
import { ExitReason } from "../processor.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn, Label } from "../wasm/function.ts";
import { call, type FunctionRef, type ModuleBuilder } from "../wasm/module.ts";
import { packFlags, unpackFlags } from "../x86/semantics/flags.ts";
import { CR0_WP, cpuState, EFER_NXE, EXC_AC, EXC_GP, EXC_PF } from "../x86/state.ts";
import { engineState } from "./engine-state.ts";
import { defineSameLevelIret } from "./same-level-iret.ts";
import { defineX87, type X87Functions } from "./x87/index.ts";

const { i32: I32, i64: I64 } = ValType;
const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);
const state32 = (field: number): Expr => i32.load(ZERO, CPU_STATE + field);
const state64 = (field: number): Expr => i64.load(ZERO, CPU_STATE + field);
const engine32 = (field: number): Expr => i32.load(ZERO, CPU_SCRATCH + field);

/** Linear address bits of the index at each level, root first. */
const LEVEL_SHIFTS = [39, 30, 21, 12] as const;
const ADDRESS_BITS = 0x000ffffffffff000n;
/** Stands for an error code of 0 until it is known which exception a non-canonical address raises. */
export const NON_CANONICAL = 0x10000;
const PTE_P = 1,
  PTE_W = 2,
  PTE_U = 4,
  PTE_A = 0x20,
  PTE_D = 0x40,
  PTE_PS = 0x80;

export interface Runtime {
  /** walk(linear i64, access i32, user i32) -> host address, or 0 with the exception in the state. */
  readonly walk: FunctionRef;
  /** slowRead(linear i64, size i32) -> host address of the bytes (maybe bounced), or 0. */
  readonly slowRead: FunctionRef;
  readonly slowWrite: FunctionRef;
  /** Writes a pending page-crossing store to its two pages. */
  readonly commitCrossing: FunctionRef;
  /** find(rip i64) -> record, or 0 with the exception in the state. */
  readonly find: FunctionRef;
  /** crossing(record, host address of the next page): a record for a page-crossing instruction. */
  readonly crossing: FunctionRef;
  readonly getFlags: FunctionRef;
  readonly setFlags: FunctionRef;
  /** softSse(op): executes an operation on engineState.a and b into result; nonzero: the exception is in the state. */
  readonly softSse: FunctionRef;
  /** tsc() -> the time-stamp counter (f64). It asks how many instructions have retired: the budget must be in the state. */
  readonly tsc: FunctionRef;
  /** See same-level-iret.ts. */
  readonly sameLevelIret: FunctionRef;
  /** See x86/semantics/x87-functions.ts. */
  readonly x87: X87Functions;
}

/** TypeScript functions that the runtime calls. */
export interface RuntimeImports {
  /** decode(host address of the instruction) -> record. */
  readonly decode: FunctionRef;
  /** A store of `size` bytes is about to happen at a host address in a frame that has code. */
  readonly codeWrite: FunctionRef;
  /** As Runtime.crossing. */
  readonly crossing: FunctionRef;
  /** As in Runtime. */
  readonly softSse: FunctionRef;
  readonly tsc: FunctionRef;
}

/** Defines the runtime in `module`. */
export function defineRuntime(module: ModuleBuilder, layout: MemoryLayout, imports: RuntimeImports): Runtime {
  const runtime: Runtime = {
    walk: module.declare([I64, I32, I32], [I32], "walk"),
    slowRead: module.declare([I64, I32], [I32], "slowRead"),
    slowWrite: module.declare([I64, I32], [I32], "slowWrite"),
    commitCrossing: module.declare([], [], "commitCrossing"),
    find: module.declare([I64], [I32], "find"),
    crossing: imports.crossing,
    getFlags: module.declare([], [I32], "getFlags"),
    setFlags: module.declare([I32], [I32], "setFlags"),
    softSse: imports.softSse,
    tsc: imports.tsc,
    sameLevelIret: module.declare([], [I32], "sameLevelIret"),
    x87: defineX87(module),
  };
  module.define(runtime.walk, (fn) => defineWalk(fn, layout));
  module.define(runtime.slowRead, (fn) => defineSlowRead(fn, runtime));
  module.define(runtime.slowWrite, (fn) => defineSlowWrite(fn, runtime, layout, imports));
  module.define(runtime.commitCrossing, defineCommitCrossing);
  module.define(runtime.find, (fn) => defineFind(fn, runtime, layout, imports));
  module.define(runtime.getFlags, defineGetFlags);
  module.define(runtime.setFlags, defineSetFlags);
  module.define(runtime.sameLevelIret, (fn) => defineSameLevelIret(fn, runtime));
  return runtime;
}

function storeException(fn: Fn, vector: number, errorCode: Expr): void {
  fn.store(StoreOp.i32, ZERO, i32.const(ExitReason.Exception), CPU_STATE + ST.exit_reason);
  fn.store(StoreOp.i32, ZERO, i32.const(vector), CPU_STATE + ST.exit_vector);
  fn.store(StoreOp.i32, ZERO, errorCode, CPU_STATE + ST.exit_error_code);
}

function defineWalk(fn: Fn, layout: MemoryLayout): void {
  const [linear, access, user] = fn.params as [Local, Local, Local];
  const write = (): Expr => i32.eq(access, i32.const(1));
  const nxEnabled = fn.let(i32.ne(i32.and(i32.wrap(state64(ST.efer)), i32.const(Number(EFER_NXE))), ZERO));
  const fetch = fn.let(i32.and(i32.eq(access, i32.const(2)), nxEnabled));
  // Non-canonical: #GP(0), or #SS(0) for a stack access, which is told apart from the instruction afterwards.
  fn.if(isNonCanonical(linear), () => {
    storeException(fn, EXC_GP, i32.const(NON_CANONICAL));
    fn.store(StoreOp.i64, ZERO, linear, CPU_SCRATCH + EN.bad_address);
    fn.return(ZERO);
  });
  const code = fn.local(I32);
  const entries = LEVEL_SHIFTS.map(() => fn.let(ZERO));
  const pte = fn.local(I64);
  const rights = fn.let(i32.const(PTE_W | PTE_U));
  const nx = fn.let(ZERO);
  const physical = fn.let(i64.and(state64(ST.cr3), i64.const(ADDRESS_BITS)));
  fn.set(code, ZERO);
  fn.block((fault) => {
    const beyond = (): void =>
      fn.if(i64.geU(physical, i64.const(layout.size)), () => {
        fn.set(code, i32.const(1 | 8)); // an address that no memory answers to counts as reserved bits
        fn.br(fault);
      });
    fn.block((done) => {
      LEVEL_SHIFTS.forEach((shift, level) => {
        beyond();
        const entry = entries[level] as Local;
        const index = i32.and(i32.wrap(i64.shrU(linear, i64.const(shift - 3))), i32.const(0xff8));
        fn.set(entry, i32.add(i32.wrap(physical), index));
        fn.set(pte, i64.load(entry));
        fn.brIf(fault, i32.eqz(i32.and(i32.wrap(pte), i32.const(PTE_P))));
        fn.set(rights, i32.and(rights, i32.wrap(pte)));
        fn.set(nx, i32.or(nx, i32.wrap(i64.shrU(pte, i64.const(63)))));
        fn.set(physical, i64.and(pte, i64.const(ADDRESS_BITS)));
        if (shift === 30 || shift === 21) {
          fn.if(i32.and(i32.wrap(pte), i32.const(PTE_PS)), () => {
            const mask = (1n << BigInt(shift)) - 1n;
            fn.set(physical, i64.or(i64.and(physical, i64.const(~mask)), i64.and(linear, i64.const(mask & ~0xfffn))));
            fn.br(done);
          });
        }
      });
    });
    beyond();
    fn.set(code, i32.const(1));
    fn.brIf(fault, i32.and(user, i32.eqz(i32.and(rights, i32.const(PTE_U)))));
    const wp = i32.and(i32.wrap(state64(ST.cr0)), i32.const(Number(CR0_WP)));
    fn.brIf(
      fault,
      i32.and(i32.and(write(), i32.eqz(i32.and(rights, i32.const(PTE_W)))), i32.or(user, i32.ne(wp, ZERO))),
    );
    fn.brIf(fault, i32.and(fetch, nx));
    // The walk succeeded: accessed bits on the way, dirty at the leaf. (A large page's lower levels stay 0.)
    const leaf = fn.let(ZERO);
    for (const entry of entries) {
      fn.if(entry, () => {
        fn.set(leaf, entry);
        fn.if(i32.eqz(i32.and(i32.load8u(entry), i32.const(PTE_A))), () =>
          fn.store(StoreOp.i32as8, entry, i32.or(i32.load8u(entry), i32.const(PTE_A))),
        );
      });
    }
    fn.if(i32.and(write(), i32.eqz(i32.and(i32.load8u(leaf), i32.const(PTE_D)))), () =>
      fn.store(StoreOp.i32as8, leaf, i32.or(i32.load8u(leaf), i32.const(PTE_D))),
    );
    fn.return(i32.or(i32.wrap(physical), i32.and(i32.wrap(linear), i32.const(0xfff))));
  });
  const bits = i32.or(
    i32.or(code, i32.shl(write(), i32.const(1))),
    i32.or(i32.shl(i32.ne(user, ZERO), i32.const(2)), i32.shl(fetch, i32.const(4))),
  );
  storeException(fn, EXC_PF, bits);
  fn.store(StoreOp.i64, ZERO, linear, CPU_STATE + ST.cr2);
  fn.result(ZERO);
}

const isUser = (): Expr => i32.eq(state32(ST.cpl), i32.const(3));
const pageOf = (linear: Expr): Expr => i64.and(linear, i64.const(~0xfffn));

/** Address of the TLB entry of a linear address in the array at `offset` of the set in use. */
function tlbEntry(linear: Expr): Expr {
  return i32.add(engine32(EN.tlb), i32.and(i32.wrap(i64.shrU(linear, i64.const(8))), i32.const(0xfff0)));
}

/** Address of the fetch TLB's entry of a page (a linear address shifted right by 12). */
export function fetchTlbEntry(base: Expr, page: Expr): Expr {
  return i32.add(base, i32.shl(i32.and(page, i32.const(FETCH_TLB_ENTRIES - 1)), i32.const(4)));
}

/** Notes that a TLB or jump cache entry is filled, for a linear address. */
function logFill(fn: Fn, entry: Expr, linear: Expr): void {
  const log = fn.let(engine32(EN.fill_log));
  fn.if(
    i64.ltS(linear, i64.const(0)),
    () => fn.store(StoreOp.i32, log, i32.const(1)),
    () => {
      const n = fn.let(i32.add(i32.load(log, 4), i32.const(1)));
      fn.store(StoreOp.i32, log, n, 4);
      fn.if(i32.leU(n, i32.const(FILL_LOG_ENTRIES)), () =>
        fn.store(StoreOp.i32, i32.add(log, i32.shl(n, i32.const(2))), entry, 4),
      );
    },
  );
}

function fillTlb(fn: Fn, linear: Local, host: Local, array: number): void {
  const entry = fn.let(tlbEntry(linear));
  logFill(fn, i32.add(entry, i32.const(array)), linear);
  fn.store(StoreOp.i64, entry, pageOf(linear), array);
  fn.store(StoreOp.i32, entry, i32.sub(host, i32.wrap(linear)), array + 8);
}

function count(fn: Fn, field: number): void {
  fn.store(StoreOp.i32, ZERO, i32.add(engine32(field), i32.const(1)), CPU_SCRATCH + field);
}

/** Emits the two-page case of an access; `body` gets the host addresses and the bytes in the first page. */
function ifCrossing(
  fn: Fn,
  runtime: Runtime,
  linear: Local,
  size: Local,
  access: number,
  body: (first: Local, second: Local, split: Local) => void,
): void {
  const split = fn.let(i32.sub(i32.const(4096), i32.and(i32.wrap(linear), i32.const(0xfff))));
  fn.if(i32.gtU(size, split), () => {
    const first = fn.let(call(runtime.walk, linear, i32.const(access), isUser()));
    fn.if(i32.eqz(first), () => fn.return(ZERO));
    const next = i64.add(pageOf(linear), i64.const(4096));
    const second = fn.let(call(runtime.walk, next, i32.const(access), isUser()));
    fn.if(i32.eqz(second), () => fn.return(ZERO));
    body(first, second, split);
  });
}

const isNonCanonical = (linear: Local): Expr => i64.ne(i64.shrS(i64.shl(linear, i64.const(16)), i64.const(16)), linear);

/** #GP(0) or #SS(0) for an access that begins or ends outside the canonical addresses, before anything else is looked at. */
function checkCanonical(fn: Fn, linear: Local, size: Local): void {
  const end = fn.let(i64.add(linear, i64.extendU(i32.sub(size, i32.const(1)))));
  fn.if(i32.or(isNonCanonical(linear), isNonCanonical(end)), () => {
    storeException(fn, EXC_GP, i32.const(NON_CANONICAL));
    fn.store(StoreOp.i64, ZERO, linear, CPU_SCRATCH + EN.bad_address);
    fn.return(ZERO);
  });
}

/**
 * #AC(0) for a misaligned access, where that is checked (SDM vol. 3 table 7-7). Extended floats (10
 * bytes) are aligned to 8, all others to the largest power of two in their size, state images included.
 */
function checkAlignment(fn: Fn, linear: Local, size: Local): void {
  fn.if(engine32(EN.check_alignment), () => {
    const power = i32.and(size, i32.sub(ZERO, size));
    const alignment = i32.select(i32.eq(size, i32.const(10)), i32.const(8), power);
    const mask = i32.and(i32.sub(alignment, i32.const(1)), i32.const(15));
    fn.if(i32.ne(i32.and(i32.wrap(linear), mask), ZERO), () => {
      storeException(fn, EXC_AC, ZERO);
      fn.return(ZERO);
    });
  });
}

function defineSlowRead(fn: Fn, runtime: Runtime): void {
  const [linear, size] = fn.params as [Local, Local];
  count(fn, EN.read_misses);
  checkCanonical(fn, linear, size);
  checkAlignment(fn, linear, size);
  ifCrossing(fn, runtime, linear, size, 0, (first, second, split) => {
    const bounce = i32.const(CPU_SCRATCH + EN.read_bounce);
    fn.copy(bounce, first, split);
    fn.copy(i32.add(bounce, split), second, i32.sub(size, split));
    fn.return(bounce);
  });
  const host = fn.let(call(runtime.walk, linear, ZERO, isUser()));
  fn.if(i32.and(i32.ne(host, ZERO), i32.eqz(engine32(EN.check_alignment))), () => fillTlb(fn, linear, host, 0));
  fn.result(host);
}

function defineSlowWrite(fn: Fn, runtime: Runtime, layout: MemoryLayout, imports: RuntimeImports): void {
  const [linear, size] = fn.params as [Local, Local];
  const hasCode = (host: Expr): Expr => i32.load8u(i32.shrU(host, i32.const(12)), layout.codeFlags);
  const notify = (host: Local, bytes: Expr): void =>
    fn.if(hasCode(host), () => fn.run(call(imports.codeWrite, host, bytes)));
  count(fn, EN.write_misses);
  checkCanonical(fn, linear, size);
  checkAlignment(fn, linear, size);
  ifCrossing(fn, runtime, linear, size, 1, (first, second, split) => {
    const bounce = i32.const(CPU_SCRATCH + EN.write_bounce);
    notify(first, split);
    notify(second, i32.sub(size, split));
    const remember = (field: number, value: Expr): void => fn.store(StoreOp.i32, ZERO, value, CPU_SCRATCH + field);
    remember(EN.crossing_first, first);
    remember(EN.crossing_second, second);
    remember(EN.crossing_split, split);
    remember(EN.crossing_size, size);
    fn.copy(bounce, first, split);
    fn.copy(i32.add(bounce, split), second, i32.sub(size, split));
    fn.return(bounce);
  });
  const host = fn.let(call(runtime.walk, linear, i32.const(1), isUser()));
  fn.if(host, () => {
    notify(host, size);
    // Frames that (still) have code stay out of the write array, so that every store to them is seen.
    fn.if(i32.eqz(i32.or(hasCode(host), engine32(EN.check_alignment))), () =>
      fillTlb(fn, linear, host, TLB_ARRAY_SIZE),
    );
  });
  fn.result(host);
}

function defineCommitCrossing(fn: Fn): void {
  const split = fn.let(engine32(EN.crossing_split));
  const bounce = i32.const(CPU_SCRATCH + EN.write_bounce);
  fn.copy(engine32(EN.crossing_first), bounce, split);
  fn.copy(engine32(EN.crossing_second), i32.add(bounce, split), i32.sub(engine32(EN.crossing_size), split));
}

/** In a slot, behind the linear address: the record, and either a count of transfers or the region that begins there. */
export const SLOT_RECORD = 8;
export const SLOT_REGION = 12;

/** Offset of a linear address's entry in a jump cache: the entries of a page are in a row, so that it can be dropped. */
export function jumpCacheSlot(rip: Expr): Expr {
  // Bits from 18 on tell the pages apart whose entries share a row.
  const pages = i32.xor(i32.shrU(i32.wrap(rip), i32.const(8)), i32.shrU(i32.wrap(rip), i32.const(18)));
  const inPage = i32.and(i32.xor(i32.wrap(rip), pages), i32.const(0xff));
  const page = i32.and(i32.shrU(i32.wrap(rip), i32.const(12)), i32.const(0x3f));
  return i32.or(i32.shl(page, i32.const(12)), i32.shl(inPage, i32.const(4)));
}

function defineFind(fn: Fn, runtime: Runtime, layout: MemoryLayout, imports: RuntimeImports): void {
  const [rip] = fn.params as [Local];
  count(fn, EN.lookups);
  const host = fn.local(I32);
  const entry = fn.let(fetchTlbEntry(engine32(EN.fetch_tlb), i32.wrap(i64.shrU(rip, i64.const(12)))));
  fn.if(
    i64.eq(i64.load(entry), pageOf(rip)),
    () => fn.set(host, i32.or(i32.load(entry, 8), i32.and(i32.wrap(rip), i32.const(0xfff)))),
    () => {
      count(fn, EN.fetch_misses);
      fn.set(host, call(runtime.walk, rip, i32.const(2), isUser()));
      fn.if(i32.eqz(host), () => fn.return(ZERO));
      logFill(fn, entry, rip);
      fn.store(StoreOp.i64, entry, pageOf(rip));
      fn.store(StoreOp.i32, entry, i32.and(host, i32.const(~0xfff)), 8);
    },
  );
  const record = fn.let(ZERO);
  fn.block((missing: Label) => {
    const directory = fn.let(i32.load(i32.shl(i32.shrU(host, i32.const(12)), i32.const(2)), layout.codeDirectory));
    fn.brIf(missing, i32.eqz(directory));
    const line = fn.let(i32.load(i32.add(directory, i32.and(i32.shrU(host, i32.const(4)), i32.const(0xfc)))));
    fn.brIf(missing, i32.eqz(line));
    fn.set(record, i32.load(i32.add(line, i32.shl(i32.and(host, i32.const(0x3f)), i32.const(2)))));
  });
  fn.store(StoreOp.i64, ZERO, pageOf(rip), CPU_STATE + ST.page_va);
  fn.if(i32.eqz(record), () => fn.set(record, call(imports.decode, host)));
  const slot = fn.let(i32.add(engine32(EN.jump_cache), jumpCacheSlot(rip)));
  logFill(fn, slot, rip);
  fn.store(StoreOp.i64, slot, rip);
  fn.store(StoreOp.i32, slot, record, SLOT_RECORD);
  // The transfers to others that had the slot count as well: where two places share one, both are hot.
  fn.if(i32.ltS(i32.load(slot, SLOT_REGION), ZERO), () => fn.store(StoreOp.i32, slot, ZERO, SLOT_REGION));
  fn.result(record);
}

function defineGetFlags(fn: Fn): void {
  fn.result(packFlags(fn.let(state64(ST.flags_result)), fn.let(state32(ST.flags_aux))));
}

function defineSetFlags(fn: Fn): void {
  const { result, aux } = unpackFlags(fn.params[0] as Local);
  fn.store(StoreOp.i64, ZERO, result, CPU_STATE + ST.flags_result);
  fn.store(StoreOp.i32, ZERO, aux, CPU_STATE + ST.flags_aux);
  fn.result(ZERO);
}
