/**
 * The ways out of a region. What all of them do is written once, at the region's end: there are many ways out, most of which are
 * hardly ever taken, and the less there is of each the more of the code that is executed is in the host's caches.
 */
import { engineState } from "../interpreter/engine-state.ts";
import { RECORD_SIZE } from "../interpreter/record.ts";
import { Status } from "../interpreter/status.ts";
import { CPU_SCRATCH, CPU_STATE } from "../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn, Label } from "../wasm/function.ts";
import { carryVector, packCarries } from "../x86/semantics/flags.ts";
import { cpuState } from "../x86/state.ts";
import { local, pageBase } from "./emit.ts";
import { type RegionLocals, Sym } from "./locals.ts";
import { pageOf, type Region } from "./region.ts";
import type { RegionInsn } from "./region-insn.ts";
import type { FlagsOrigin } from "./stencils.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);
const ONES = i64.const(-1);
const { i32: I32, i64: I64 } = ValType;

/**
 * Where an instruction is left to the interpreter, in one constant: in the low bits what of its block has been paid for but not
 * executed, then its record relative to that of the first entry, and in the upper half its page.
 */
const LEFT_BITS = 7;

/** How the region is left: a Status, and if the flags are still to be computed, what has set them. */
const STATUS_MASK = 15;
const FLAGS_PENDING = 16;
const FLAGS_OF_SUB = 32;
/** Logarithm of the operands' size. */
const FLAGS_SIZE_SHIFT = 6;

export class RegionExits {
  readonly #fn: Fn;
  readonly #locals: RegionLocals;
  readonly #firstRecord: number;
  readonly #isOnePage: boolean;
  readonly #how: Local;
  /** The linear address that control goes to; of an instruction left to the interpreter, see LEFT_BITS. */
  readonly #where: Local;
  /** Operands of what has set the flags. */
  readonly #a: Local;
  readonly #b: Local;
  /** A window that has not been translated: its linear address and its last byte, from there. */
  readonly #window: Local;
  readonly #last: Local;
  /** Whether there are ways out with flags to be computed, and windows that may be missed. */
  #arePending = false;
  #areMissed = false;
  #exact: Label = { depth: 0 };
  #pending: Label = { depth: 0 };
  #missed: Label = { depth: 0 };

  constructor(fn: Fn, locals: RegionLocals, { entries, frames, recordAt }: Region) {
    this.#fn = fn;
    this.#locals = locals;
    this.#firstRecord = recordAt(entries[0] as number);
    this.#isOnePage = frames.size === 1;
    this.#how = fn.ownLocal(I32);
    this.#where = fn.ownLocal(I64);
    this.#a = fn.ownLocal(I64);
    this.#b = fn.ownLocal(I64);
    this.#window = fn.ownLocal(I64);
    this.#last = fn.ownLocal(I64);
  }

  /** Writes the region's body, whose end control does not get to, and then what its ways out share. */
  around(body: () => void): void {
    const fn = this.#fn;
    fn.block((exact) => {
      fn.block((pending) => {
        fn.block((missed) => {
          this.#exact = exact;
          this.#pending = pending;
          this.#missed = missed;
          body();
        });
        if (this.#areMissed) this.#countSplit();
        fn.brIf(exact, i32.eqz(i32.and(this.#how, i32.const(FLAGS_PENDING))));
      });
      if (this.#arePending) this.#computeFlags();
    });
    const isResume = i32.eq(i32.and(this.#how, i32.const(STATUS_MASK)), i32.const(Status.Resume));
    fn.if(
      isResume,
      () => this.#unpack(),
      () => fn.store(StoreOp.i64, ZERO, this.#where, CPU_STATE + ST.rip),
    );
    this.#locals.save();
    fn.result(i32.and(this.#how, i32.const(STATUS_MASK)));
  }

  /**
   * Leaves for a linear address.
   * @param staleAux what has set the flags, if their second word is still to be computed
   */
  leave(status: number, to: Expr, staleAux: FlagsOrigin | undefined): void {
    this.#fn.set(this.#where, to);
    this.#go(status, staleAux);
  }

  /** Leaves at an instruction; it and those behind it in its block, `left` in all, have not been executed. */
  resume(at: RegionInsn, left: number, staleAux: FlagsOrigin | undefined): void {
    this.#resumeAt(at, left);
    this.#go(Status.Resume, staleAux);
  }

  /** As `resume`, where a window (windows.ts) of so many bytes has not been translated. */
  missWindow(at: RegionInsn, left: number, staleAux: FlagsOrigin | undefined, linear: Local, span: number): void {
    this.#fn.set(this.#window, linear);
    this.#fn.set(this.#last, i64.const(span - 1));
    this.#areMissed = true;
    this.#resumeAt(at, left);
    this.#go(Status.Resume, staleAux, this.#missed);
  }

  #resumeAt(at: RegionInsn, left: number): void {
    const record = (at.record - this.#firstRecord) / RECORD_SIZE;
    const inPage = ((record << LEFT_BITS) | left) >>> 0;
    this.#fn.set(this.#where, i64.const((BigInt(pageOf(at.offset)) << 32n) | BigInt(inPage)));
  }

  #go(status: number, staleAux: FlagsOrigin | undefined, to?: Label): void {
    const fn = this.#fn;
    if (!staleAux) {
      fn.set(this.#how, i32.const(status));
      return fn.br(to ?? this.#exact);
    }
    this.#arePending = true;
    fn.set(this.#a, local(I64, staleAux.a));
    fn.set(this.#b, local(I64, staleAux.b));
    const sub = staleAux.kind === "sub" ? FLAGS_OF_SUB : 0;
    fn.set(this.#how, i32.const(status | FLAGS_PENDING | sub | (Math.log2(staleAux.size) << FLAGS_SIZE_SHIFT)));
    fn.br(to ?? this.#pending);
  }

  /** Counts windows in two pages, and says which region met the last. */
  #countSplit(): void {
    const fn = this.#fn;
    const isSplit = i64.ne(pageBase(this.#window), pageBase(i64.add(this.#window, this.#last)));
    const splits = i32.add(i32.load(ZERO, CPU_SCRATCH + EN.splits), isSplit);
    fn.store(StoreOp.i32, ZERO, splits, CPU_SCRATCH + EN.splits);
    fn.store(StoreOp.i32, ZERO, i32.const(this.#firstRecord), CPU_SCRATCH + EN.split_region);
  }

  /** The second word of the flags of an addition or a subtraction. */
  #computeFlags(): void {
    const fn = this.#fn;
    const how = this.#how;
    fn.scope(() => {
      const isSub = i32.ne(i32.and(how, i32.const(FLAGS_OF_SUB)), ZERO);
      const inverted = fn.let(i64.sub(i64.const(0), i64.extendU(isSub)));
      const a = fn.let(i64.xor(this.#a, inverted));
      const r = i64.xor(i64.xor(this.#locals.get(Sym.flagsResult), inverted), ONES);
      const carries = fn.let(carryVector(a, this.#b, r));
      const bits = i32.shl(i32.const(8), i32.shrU(how, i32.const(FLAGS_SIZE_SHIFT)));
      fn.set(this.#locals.get(Sym.flagsAux), packCarries(carries, i64.extendU(i32.sub(bits, i32.const(2)))));
    });
  }

  /** Unpacks where an instruction is left to the interpreter. */
  #unpack(): void {
    const fn = this.#fn;
    const locals = this.#locals;
    const budget = locals.get(Sym.budget);
    const at = fn.let(i32.wrap(this.#where));
    fn.set(budget, i32.add(budget, i32.and(at, i32.const((1 << LEFT_BITS) - 1))));
    const record = i32.mul(i32.shrS(at, i32.const(LEFT_BITS)), i32.const(RECORD_SIZE));
    fn.store(StoreOp.i32, ZERO, i32.add(record, i32.const(this.#firstRecord)), CPU_SCRATCH + EN.record);
    if (this.#isOnePage) return;
    const page = i64.shl(i64.shrS(this.#where, i64.const(32)), i64.const(12));
    fn.store(StoreOp.i64, ZERO, i64.add(locals.get(Sym.pageVa), page), CPU_STATE + ST.page_va);
  }
}
