/** The interpreter's side of the operand interface: everything but the shape is read from the record. */
import { CPU_SCRATCH, CPU_STATE, TLB_ARRAY_SIZE } from "../layout.ts";
import { ExitReason } from "../processor.ts";
import { type Expr, i32, i64, type Local, StoreOp, truncSat, ValType, v128 } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { call, type FunctionRef } from "../wasm/module.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn, RegClass, SEG_NONE } from "../x86/insn.ts";
import { Emit, loadSized, STORE_SIZED, truncate } from "../x86/semantics/emit.ts";
import { cpuState } from "../x86/state.ts";
import { engineState } from "./engine-state.ts";
import {
  REC_BASE,
  REC_DISP,
  REC_IMM,
  REC_INDEX,
  REC_LENGTH,
  REC_LINK,
  REC_OFFSET,
  REC_REG,
  REC_SCALE,
  REC_SEGMENT,
} from "./record.ts";
import type { Runtime } from "./runtime.ts";

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

/** How control leaves an instruction; differs between the big switch and out-of-line functions. */
export interface Flow {
  /** Exception stored; RIP is at the instruction. */
  fault(): void;
  next(): void;
  /** A call has returned, in which instructions may have been written over; the instruction goes on. */
  called(): void;
  repeat(): void;
  jump(target: Expr): void;
  /** Direct branch within or out of the page; `narrow`: the target is cut to 16 bits. */
  branch(narrow: boolean): void;
  /** exit_reason and rip are stored. */
  exit(): void;
  /** Result of a system function: a status as of out-of-line functions. */
  status(value: Expr): void;
}

export class InterpreterEmit extends Emit {
  readonly fn: Fn;
  readonly insn: Insn;
  readonly #record: Local;
  readonly #tlb: Expr;
  readonly #runtime: Runtime;
  readonly #system: FunctionRef;
  readonly #named: Readonly<Record<string, FunctionRef>>;
  readonly #flow: Flow;

  /**
   * @param record local that holds the record's address
   * @param tlb read array of the TLB set in use
   * @param named runtime functions by name, for callRuntime
   */
  constructor(
    fn: Fn,
    insn: Insn,
    record: Local,
    tlb: Expr,
    runtime: Runtime,
    system: FunctionRef,
    named: Readonly<Record<string, FunctionRef>>,
    flow: Flow,
  ) {
    super();
    this.fn = fn;
    this.insn = insn;
    this.#record = record;
    this.#tlb = tlb;
    this.#runtime = runtime;
    this.#system = system;
    this.#named = named;
    this.#flow = flow;
  }

  /** Takes over what an instruction fused in front of this one has left in the flags. */
  inheritFlags(from: InterpreterEmit): void {
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
    return i32.load8u(this.#record, REC_REG + i);
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
    return i64.load(this.#record, REC_IMM);
  }

  effectiveAddress(): Expr {
    const { insn } = this;
    const record = this.#record;
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
    return i64.load(i32.shl(i32.load8u(this.#record, REC_SEGMENT), i32.const(3)), CPU_STATE);
  }

  nextRip(): Expr {
    const past = i32.add(i32.load16u(this.#record, REC_OFFSET), i32.load8u(this.#record, REC_LENGTH));
    return i64.add(i64.load(ZERO, CPU_STATE + ST.page_va), i64.extendU(past));
  }

  thisRip(): Expr {
    return i64.add(i64.load(ZERO, CPU_STATE + ST.page_va), i64.load16u(this.#record, REC_OFFSET));
  }

  /** Whether the instruction writes memory, which may be that of the instructions behind it. */
  writesMemory = false;

  translate(linear: Local, size: number, write: boolean): Local {
    return this.#translate(linear, i64.const(size - 1), i32.const(size), write);
  }

  translateRange(linear: Local, bytes: Local, write: boolean): Local {
    return this.#translate(linear, i64.const(0), bytes, write);
  }

  /** @param last distance of the last byte, for the page-crossing check */
  #translate(linear: Local, last: Expr, size: Expr, write: boolean): Local {
    const fn = this.fn;
    this.writesMemory ||= write;
    const host = fn.local(ValType.i32);
    const array = write ? TLB_ARRAY_SIZE : 0;
    const entry = fn.let(i32.add(this.#tlb, i32.and(i32.wrap(i64.shrU(linear, i64.const(8))), i32.const(0xfff0))));
    // The page of the last byte must be that of the entry: one compare covers validity, rights and crossing.
    const lastPage = i64.and(i64.add(linear, last), i64.const(~0xfffn));
    fn.if(
      i64.eq(i64.load(entry, array), lastPage),
      () => fn.set(host, i32.add(i32.load(entry, array + 8), i32.wrap(linear))),
      () => {
        const slow = write ? this.#runtime.slowWrite : this.#runtime.slowRead;
        fn.set(host, call(slow, linear, size));
        fn.if(i32.eqz(host), () => this.#leaveByFault());
        this.#flow.called();
      },
    );
    return host;
  }

  #leaveByFault(): void {
    this.faultCleanup?.();
    this.#flow.fault();
  }

  commit(host: Local): void {
    const bounce = i32.const(CPU_SCRATCH + engineState.offset.write_bounce);
    this.fn.if(i32.eq(host, bounce), () => this.fn.run(call(this.#runtime.commitCrossing)));
  }

  raise(vector: number, errorCode = 0): void {
    this.setState32("exit_reason", i32.const(ExitReason.Exception));
    this.setState32("exit_vector", i32.const(vector));
    this.setState32("exit_error_code", i32.const(errorCode));
    this.#leaveByFault();
  }

  /** Indirect jumps and calls remember where they went last: compiled code expects them to go there again. */
  jump(target: Expr): void {
    const { mnemonic } = this.insn.def;
    if (mnemonic !== "jmp" && mnemonic !== "call") return this.#flow.jump(target);
    const to = this.fn.let(target);
    this.fn.store(StoreOp.i64, this.#record, i64.sub(to, i64.load(ZERO, CPU_STATE + ST.page_va)), REC_IMM);
    this.#flow.jump(to);
  }

  jumpRelative(): void {
    this.#flow.branch(this.insn.operandSize === 2);
  }

  repeat(): void {
    this.#flow.repeat();
  }

  next(): void {
    this.#flow.next();
  }

  #storeExit(reason: number): void {
    this.setState32("exit_reason", i32.const(reason));
    this.setState32("exit_instruction_length", i32.load8u(this.#record, REC_LENGTH));
  }

  exitAfter(reason: number): void {
    this.#storeExit(reason);
    this.setState64("rip", this.nextRip());
    this.#flow.exit();
  }

  exitAt(reason: number): void {
    this.#storeExit(reason);
    this.setState64("rip", this.thisRip());
    this.#flow.exit();
  }

  /** Whether the instruction may be executed in TypeScript, which then needs it decoded. */
  usesSystem = false;

  callSystem(host: Expr = ZERO): void {
    this.usesSystem = true;
    const h = this.fn.let(host);
    this.setState64("rip", this.thisRip());
    this.#flow.status(call(this.#system, i32.load(this.#record, REC_LINK), h));
  }

  softSse(op: Expr, a: Expr, b: Expr): Local {
    const { fn } = this;
    fn.store(StoreOp.v128, ZERO, a, CPU_SCRATCH + engineState.offset.a);
    fn.store(StoreOp.v128, ZERO, b, CPU_SCRATCH + engineState.offset.b);
    fn.if(this.callRuntime("softSse", ValType.i32, op), () => this.#leaveByFault());
    return fn.let(v128.load(ZERO, CPU_SCRATCH + engineState.offset.result));
  }

  timestamp(): Expr {
    return truncSat.i64FromF64s(this.callRuntime("tsc", ValType.f64));
  }

  callRuntime(name: string, _type: ValType, ...args: Expr[]): Expr {
    const f = this.#named[name];
    if (!f) throw new Error(`no runtime function ${name}`);
    return call(f, ...args);
  }
}
