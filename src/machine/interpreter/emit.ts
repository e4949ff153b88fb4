/** The interpreter's side of the operand interface: everything but the shape is read from the record. */
import { CPU_STATE, TLB_ARRAY_SIZE } from "../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn, RegClass, SEG_NONE } from "../x86/insn.ts";
import { Emit, loadSized, STORE_SIZED, truncate } from "../x86/semantics/emit.ts";
import { cpuState } from "../x86/state.ts";
import {
  REC_BASE,
  REC_DISP,
  REC_IMM,
  REC_INDEX,
  REC_LENGTH,
  REC_OFFSET,
  REC_REG,
  REC_SCALE,
  REC_SEGMENT,
} from "./record.ts";

const ST = cpuState.offset;
const ZERO = i32.const(0);
const GPR = CPU_STATE + ST.gpr;

/** The displacement is in the record's immediate field: 64-bit memory offsets of MOV. */
export function hasWideDisplacement(insn: Insn): boolean {
  return insn.def.operands.includes("O");
}

/** A RIP-relative displacement that does not fit the record's 32 bits once it is relative to the page. */
export function hasFarDisplacement(insn: Insn): boolean {
  return insn.base === BASE_RIP && insn.disp > 0x7fffffffn - 0x1000n - 15n;
}

/** How control leaves an instruction: differs between the cases of the big switch and functions. */
export interface Flow {
  next(): void;
  repeat(): void;
  jump(target: Expr): void;
  /** Direct branch within or out of the page; `narrow`: the target is cut to 16 bits. */
  branch(narrow: boolean): void;
}

/** Where the code of an instruction is written to. */
export interface Place<F extends Flow> {
  readonly fn: Fn;
  /** Holds the record's address. */
  readonly record: Local;
  /** The read array of the TLB set in use. */
  readonly tlb: Expr;
  readonly flow: F;
}

export abstract class RecordEmit<F extends Flow> extends Emit {
  readonly fn: Fn;
  readonly insn: Insn;
  protected readonly record: Local;
  protected readonly flow: F;
  readonly #tlb: Expr;

  constructor({ fn, record, tlb, flow }: Place<F>, insn: Insn) {
    super();
    this.fn = fn;
    this.insn = insn;
    this.record = record;
    this.#tlb = tlb;
    this.flow = flow;
  }

  /** Takes over what an instruction fused in front of this one has left in the flags. */
  inheritFlags(from: RecordEmit<F>): void {
    this.known = from.known;
  }

  stateBase(): Expr {
    return i32.const(CPU_STATE);
  }

  gpr(register: number, size = 8): Expr {
    return loadSized(size, ZERO, GPR + register * 8);
  }

  setGpr(register: number, value: Expr, size = 8): void {
    this.fn.store(STORE_SIZED[size === 4 ? 8 : size] as StoreOp, ZERO, value, GPR + register * 8);
  }

  #registerOffset(i: number): Expr {
    return i32.load8u(this.record, REC_REG + i);
  }

  protected readRegister(i: number): Expr {
    return loadSized(this.size(i), this.#registerOffset(i), GPR);
  }

  protected writeRegister(i: number, value: Expr): void {
    const size = this.size(i);
    this.fn.store(STORE_SIZED[size === 4 ? 8 : size] as StoreOp, this.#registerOffset(i), value, GPR);
  }

  vectorAddress(i: number): Expr {
    const base = this.operand(i).regClass === RegClass.Mmx ? ST.fpr : ST.xmm;
    return i32.add(this.#registerOffset(i), i32.const(CPU_STATE + base));
  }

  stackOffset(i: number): Expr {
    return this.#registerOffset(i);
  }

  segmentSelector(i: number): Expr {
    return i64.load16u(this.#registerOffset(i), CPU_STATE + ST.segment);
  }

  immediate(): Expr {
    return i64.load(this.record, REC_IMM);
  }

  effectiveAddress(): Expr {
    const { insn } = this;
    const record = this.record;
    if (hasFarDisplacement(insn)) {
      return truncate(insn.addressSize, i64.add(this.nextRip(), i64.load32s(record, REC_DISP)));
    }
    let ea = hasWideDisplacement(insn) ? this.immediate() : i64.load32s(record, REC_DISP);
    if (insn.base !== BASE_NONE) ea = i64.add(i64.load(i32.load8u(record, REC_BASE), GPR), ea);
    if (insn.index !== INDEX_NONE) {
      const scaled = i64.shl(i64.load(i32.load8u(record, REC_INDEX), GPR), i64.load8u(record, REC_SCALE));
      ea = i64.add(ea, scaled);
    }
    return truncate(insn.addressSize, ea);
  }

  segmentBase(): Expr | undefined {
    if (this.insn.segment === SEG_NONE) return undefined;
    return i64.load(i32.shl(i32.load8u(this.record, REC_SEGMENT), i32.const(3)), CPU_STATE);
  }

  nextRip(): Expr {
    const past = i32.add(i32.load16u(this.record, REC_OFFSET), i32.load8u(this.record, REC_LENGTH));
    return i64.add(i64.load(ZERO, CPU_STATE + ST.page_va), i64.extendU(past));
  }

  thisRip(): Expr {
    return i64.add(i64.load(ZERO, CPU_STATE + ST.page_va), i64.load16u(this.record, REC_OFFSET));
  }

  /**
   * The entry of the TLB for an access, and whether it is that of the page of its last byte: one comparison covers validity, rights and
   * crossing. @param last distance of the last byte
   */
  protected lookInTlb(linear: Local, last: Expr, write: boolean): { isHit: Expr; host: Expr } {
    const array = write ? TLB_ARRAY_SIZE : 0;
    const index = i32.and(i32.wrap(i64.shrU(linear, i64.const(8))), i32.const(0xfff0));
    const entry = this.fn.let(i32.add(this.#tlb, index));
    const lastPage = i64.and(i64.add(linear, last), i64.const(~0xfffn));
    return {
      isHit: i64.eq(i64.load(entry, array), lastPage),
      host: i32.add(i32.load(entry, array + 8), i32.wrap(linear)),
    };
  }

  /** Indirect jumps and calls remember where they went last: compiled code expects them to go there again. */
  jump(target: Expr): void {
    const { mnemonic } = this.insn.def;
    if (mnemonic !== "jmp" && mnemonic !== "call") return this.flow.jump(target);
    const to = this.fn.let(target);
    this.fn.store(StoreOp.i64, this.record, i64.sub(to, i64.load(ZERO, CPU_STATE + ST.page_va)), REC_IMM);
    this.flow.jump(to);
  }

  jumpRelative(): void {
    this.flow.branch(this.insn.operandSize === 2);
  }

  repeat(): void {
    this.flow.repeat();
  }

  next(): void {
    this.flow.next();
  }
}
