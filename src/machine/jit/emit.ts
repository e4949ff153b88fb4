/**
 * The JIT's side of the operand interface: general registers and flags in locals, everything that
 * the decoder knows as constants. Whatever is not simple (a TLB miss, an exception, a call to
 * TypeScript) leaves the region before the instruction has changed anything; the interpreter then
 * executes it.
 */
import { CPU_STATE, TLB_ARRAY_SIZE } from "../layout.ts";
import { type Expr, f32x4, f64x2, i32, i32x4, i64, i64x2, type Local, ValType, v128 } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { call, type FunctionRef } from "../wasm/module.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn, OperandKind, RegClass, SEG_NONE } from "../x86/insn.ts";
import { Emit, type FloatSize, truncate } from "../x86/semantics/emit.ts";
import { packFlags, unpackFlags } from "../x86/semantics/flags.ts";
import { cpuState, segmentRegister } from "../x86/state.ts";

const ST = cpuState.offset;

/** The state that a region keeps in locals. */
export interface RegionLocals {
  readonly gpr: readonly Local[];
  readonly flagsResult: Local;
  readonly flagsAux: Local;
  readonly pageVa: Local;
  readonly tlb: Local;
  readonly fetchTlb: Local;
  readonly xmm: readonly Local[];
  readonly mxcsr: Local;
  readonly cr0: Local;
  readonly cr4: Local;
  /** Locals that some instruction reads or writes: they are loaded at the entry. */
  readonly used: Set<Local>;
  /** Locals that some instruction writes: they are stored at the exit. */
  readonly written: Set<Local>;
}

/** Ways out of an instruction. */
export interface RegionFlow {
  /** Leave the region; the interpreter executes this instruction. */
  resume(): void;
  /** The direct branch is taken. */
  branch(): void;
  /** Leave the region to a linear address. */
  jump(target: Expr): void;
  /** Checks that have been made on the way here. */
  readonly checked: Set<string>;
}

/** Bytes of a shuffle that takes the low 8 (4) bytes of the first vector and the others of the second. */
const LOW_64 = [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31];
const LOW_32 = [0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31];

/** The low bytes of a vector, zero-extended. */
const lowOf = (v: Expr, size: 4 | 8): Expr => v128.shuffle(v, v128.const(0n, 0n), size === 8 ? LOW_64 : LOW_32);

export class RegionEmit extends Emit {
  readonly fn: Fn;
  readonly insn: Insn;
  readonly #offset: number;
  readonly #locals: RegionLocals;
  readonly #flow: RegionFlow;
  readonly #runtime: Readonly<Record<string, FunctionRef>>;

  /** @param runtime the functions that compiled code may call, by name */
  constructor(
    fn: Fn,
    insn: Insn,
    offset: number,
    locals: RegionLocals,
    flow: RegionFlow,
    runtime: Readonly<Record<string, FunctionRef>>,
  ) {
    super();
    this.fn = fn;
    this.insn = insn;
    this.#offset = offset;
    this.#locals = locals;
    this.#flow = flow;
    this.#runtime = runtime;
  }

  inheritFlags(from: RegionEmit): void {
    this.known = from.known;
  }

  /** What is known of the flags is what `previous` knew. */
  keepsFlagsOf(previous: RegionEmit | undefined): boolean {
    return previous !== undefined && this.known === previous.known;
  }

  stateBase(): Expr {
    return i32.const(CPU_STATE);
  }

  #register(n: number): Local {
    return this.#use(this.#locals.gpr[n] as Local);
  }

  #use(local: Local): Local {
    this.#locals.used.add(local);
    return local;
  }

  #write(local: Local, value: Expr): void {
    this.#locals.used.add(local);
    this.#locals.written.add(local);
    this.fn.set(local, value);
  }

  gpr(register: number, size = 8): Expr {
    return truncate(size, this.#register(register));
  }

  setGpr(register: number, value: Expr, size = 8): void {
    this.#set(register, value, size, 0);
  }

  #set(register: number, value: Expr, size: number, shift: number): void {
    const local = this.#register(register);
    if (size >= 4) {
      this.#write(local, value);
      return;
    }
    const mask = ((1n << BigInt(size * 8)) - 1n) << BigInt(shift);
    const placed = shift ? i64.shl(truncate(size, value), i64.const(shift)) : truncate(size, value);
    this.#write(local, i64.or(i64.and(local, i64.const(~mask)), placed));
  }

  protected readRegister(i: number): Expr {
    const o = this.operand(i);
    const local = this.#register(o.reg);
    return truncate(o.size, o.highByte ? i64.shrU(local, i64.const(8)) : local);
  }

  protected writeRegister(i: number, value: Expr): void {
    const o = this.operand(i);
    this.#set(o.reg, value, o.size, o.highByte ? 8 : 0);
  }

  vectorAddress(i: number): Expr {
    const o = this.operand(i);
    return i32.const(CPU_STATE + (o.regClass === RegClass.Mmx ? ST.fpr : ST.xmm) + o.reg * 16);
  }

  /** The local of vector register operand `i`; undefined for MMX registers, which stay in memory. */
  #vector(i: number): Local | undefined {
    const o = this.operand(i);
    return o.kind === OperandKind.Reg && o.regClass === RegClass.Xmm ? this.#use(this.#xmm(o.reg)) : undefined;
  }

  #xmm(n: number): Local {
    return this.#locals.xmm[n] as Local;
  }

  override readVector(i: number, size = 16, aligned = false): Local {
    const local = this.#vector(i);
    if (!local) return super.readVector(i, size, aligned);
    return this.fn.let(size === 16 ? local : lowOf(local, Math.max(size, 4) as 4 | 8));
  }

  override writeVector(i: number, value: Expr, aligned = false): void {
    const local = this.#vector(i);
    if (local) this.#write(local, value);
    else super.writeVector(i, value, aligned);
  }

  override readXmm0(): Local {
    return this.fn.let(this.#use(this.#xmm(0)));
  }

  override readLow64(i: number): Local {
    const local = this.#vector(i);
    return local ? this.fn.let(i64x2.extractLane(local, 0)) : super.readLow64(i);
  }

  override readLow32(i: number): Local {
    const local = this.#vector(i);
    return local ? this.fn.let(i64.extendU(i32x4.extractLane(local, 0))) : super.readLow32(i);
  }

  override writeLow(i: number, size: 4 | 8, value: Expr): void {
    const local = this.#vector(i);
    if (!local) return super.writeLow(i, size, value);
    const whole = size === 8 ? i64x2.replaceLane(local, 0, value) : i32x4.replaceLane(local, 0, i32.wrap(value));
    this.#write(local, whole);
  }

  override readFloat(i: number, size: FloatSize): Local {
    const local = this.#vector(i);
    if (!local) return super.readFloat(i, size);
    return this.fn.let(size.bytes === 4 ? f32x4.extractLane(local, 0) : f64x2.extractLane(local, 0));
  }

  override writeFloat(i: number, { bytes }: FloatSize, value: Expr): void {
    const local = this.#use(this.#xmm(this.operand(i).reg));
    this.#write(local, bytes === 4 ? f32x4.replaceLane(local, 0, value) : f64x2.replaceLane(local, 0, value));
  }

  override check(name: string, emit: () => void): void {
    if (this.#flow.checked.has(name)) return;
    emit();
    this.#flow.checked.add(name);
  }

  override writeScalar(i: number, size: 4 | 8, vector: Expr): void {
    const local = this.#vector(i);
    if (local) this.#write(local, v128.shuffle(vector, local, size === 8 ? LOW_64 : LOW_32));
    else super.writeScalar(i, size, vector);
  }

  stackOffset(i: number): Expr {
    return i32.const(this.operand(i).reg * 16);
  }

  segmentSelector(i: number): Expr {
    return i64.load16u(this.stateBase(), ST.segment + this.operand(i).reg * segmentRegister.sizeof);
  }

  immediate(): Expr {
    return i64.const(this.insn.imm);
  }

  override constantImmediate(): number | undefined {
    return Number(BigInt.asIntN(53, this.insn.imm));
  }

  effectiveAddress(): Expr {
    const { insn } = this;
    let disp = insn.disp;
    let ea: Expr | undefined;
    if (insn.base === BASE_RIP) {
      disp += BigInt(this.#offset + insn.length);
      ea = this.#use(this.#locals.pageVa);
    } else if (insn.base !== BASE_NONE) ea = this.#register(insn.base);
    if (insn.index !== INDEX_NONE) {
      const index = this.#register(insn.index);
      const scaled = insn.scale ? i64.shl(index, i64.const(insn.scale)) : index;
      ea = ea ? i64.add(ea, scaled) : scaled;
    }
    const whole = ea ? i64.add(ea, i64.const(disp)) : i64.const(disp);
    return truncate(insn.addressSize, whole);
  }

  segmentBase(): Expr | undefined {
    const { segment } = this.insn;
    if (segment === SEG_NONE) return undefined;
    return i64.load(this.stateBase(), ST.segment + segment * segmentRegister.sizeof + segmentRegister.offset.base);
  }

  thisRip(): Expr {
    return i64.add(this.#use(this.#locals.pageVa), i64.const(this.#offset));
  }

  nextRip(): Expr {
    return i64.add(this.#use(this.#locals.pageVa), i64.const(this.#offset + this.insn.length));
  }

  translate(linear: Local, size: number, write: boolean): Local {
    return this.#translate(linear, size - 1, write);
  }

  translateRange(linear: Local, _bytes: Local, write: boolean): Local {
    return this.#translate(linear, 0, write);
  }

  #translate(linear: Local, last: number, write: boolean): Local {
    const fn = this.fn;
    const array = write ? TLB_ARRAY_SIZE : 0;
    const index = i32.and(i32.wrap(i64.shrU(linear, i64.const(8))), i32.const(0xfff0));
    const entry = fn.let(i32.add(this.#use(this.#locals.tlb), index));
    const lastPage = i64.and(i64.add(linear, i64.const(last)), i64.const(~0xfffn));
    fn.if(i64.ne(i64.load(entry, array), lastPage), () => this.#resume());
    return fn.let(i32.add(i32.load(entry, array + 8), i32.wrap(linear)));
  }

  #resume(): void {
    this.faultCleanup?.();
    this.#flow.resume();
  }

  /** Accesses that cross pages miss in the TLB, so there is nothing to complete. */
  commit(): void {}

  raise(): void {
    this.#resume();
  }

  jump(target: Expr): void {
    this.#flow.jump(target);
  }

  jumpRelative(): void {
    this.#flow.branch();
  }

  repeat(): void {
    this.#resume();
  }

  next(): void {
    throw new Error(`${this.insn.def.mnemonic}: leaving early is not for compiled code`);
  }

  exitAfter(): void {
    this.#resume();
  }

  exitAt(): void {
    this.#resume();
  }

  callSystem(): void {
    this.#resume();
  }

  softSse(): Local {
    this.#resume();
    return this.fn.local(ValType.v128);
  }

  callRuntime(name: string, _type: ValType, ...args: Expr[]): Expr {
    const f = this.#runtime[name];
    if (!f) throw new Error(`runtime function ${name} is not for compiled code`);
    return call(f, ...args);
  }

  // --- State in locals -------------------------------------------------------------------------

  override state32(field: keyof typeof ST): Expr {
    if (field === "flags_aux") return this.#use(this.#locals.flagsAux);
    if (field === "mxcsr") return this.#use(this.#locals.mxcsr);
    if (field === "cr0") return this.#use(this.#locals.cr0);
    if (field === "cr4") return this.#use(this.#locals.cr4);
    return super.state32(field);
  }

  override setState32(field: keyof typeof ST, value: Expr): void {
    if (field === "flags_aux") this.#write(this.#locals.flagsAux, value);
    else if (field === "mxcsr") this.#write(this.#locals.mxcsr, value);
    else super.setState32(field, value);
  }

  override state64(field: keyof typeof ST): Expr {
    return field === "flags_result" ? this.#use(this.#locals.flagsResult) : super.state64(field);
  }

  override setState64(field: keyof typeof ST, value: Expr): void {
    if (field === "flags_result") this.#write(this.#locals.flagsResult, value);
    else super.setState64(field, value);
  }

  override arithmeticFlags(): Expr {
    return packFlags(this.#use(this.#locals.flagsResult), this.#use(this.#locals.flagsAux));
  }

  override setArithmeticFlags(flags: Expr): void {
    const { result, aux } = unpackFlags(this.fn.let(flags));
    this.setState64("flags_result", result);
    this.setState32("flags_aux", aux);
    this.known = undefined;
  }
}
