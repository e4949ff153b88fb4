/**
 * The JIT's side of the operand interface: it writes the stencil of an instruction, in which registers, constants and
 * ways out are holes. Whatever is not simple (a TLB miss, an exception, a call to TypeScript) leaves the region before the
 * instruction has changed anything; the interpreter then executes it.
 */
import { CPU_STATE, TLB_ARRAY_SIZE } from "../layout.ts";
import {
  type Expr,
  f32x4,
  f64x2,
  holeI32,
  holeI64,
  i32,
  i32x4,
  i64,
  i64x2,
  type Local,
  NodeKind,
  node,
  StoreOp,
  truncSat,
  ValType,
  v128,
} from "../wasm/expression.ts";
import { call, type FunctionRef } from "../wasm/module.ts";
import { StencilFn } from "../wasm/stencil-function.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn, OperandKind, RegClass, SEG_NONE } from "../x86/insn.ts";
import { Emit, type FloatSize, truncate } from "../x86/semantics/emit.ts";
import { type KnownFlags, packFlags, unpackFlags } from "../x86/semantics/flags.ts";
import { cpuState, segmentRegister } from "../x86/state.ts";
import { Sym, stateSymbol } from "./locals.ts";

const ST = cpuState.offset;

/** Constants that an instruction's place gives. */
export const Constant = {
  /** Offset of the instruction, and of the next one, from the page of the region's entry. */
  offset: 0,
  next: 1,
  /** Displacement; relative to the page of the entry if the base is RIP. */
  displacement: 2,
  immediate: 3,
  /** The immediate truncated to 1, 2, 4 or 8 bytes. */
  truncated: 4,
  /** Of operands 0 to 3: address of a vector register, offset of an x87 register, address of a segment register. */
  vector: 8,
  stack: 12,
  segment: 16,
  /** Instructions of the block behind this one. */
  left: 20,
  /** Offset of the instruction's access in its window. */
  window: 21,
  /** Of a window: its start, from its register, and its last byte, from its start. */
  windowStart: 22,
  windowLast: 23,
} as const;

/** An access to memory. */
export interface MemoryAccess {
  readonly size: number;
  readonly write: boolean;
  /** Of the stack, by what the instruction does; else it is that of the memory operand. */
  readonly isStack: boolean;
}

/** Ways out of an instruction. */
export const Way = {
  /** Leave the region; the interpreter executes this instruction. */
  resume: 0,
  /** The direct branch is taken. */
  branch: 1,
  /** Leave the region to the linear address in a local. */
  jump: 2,
  /** As `resume`: the window at the linear address in a local has not been translated. */
  missWindow: 3,
} as const;

/** Bytes of a shuffle that takes the low 8 (4) bytes of the first vector and the others of the second. */
const LOW_64 = [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31];
const LOW_32 = [0, 1, 2, 3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31];

/** The low bytes of a vector, zero-extended. */
const lowOf = (v: Expr, size: 4 | 8): Expr => v128.shuffle(v, v128.const(0n, 0n), size === 8 ? LOW_64 : LOW_32);

/** A local by its index; in stencils, the one that a symbol is bound to. */
export const local = (type: ValType, index: number): Local => node(NodeKind.Local, type, index) as Local;

/** The page of a linear address. */
export const pageBase = (linear: Expr): Expr => i64.and(linear, i64.const(~0xfffn));

/**
 * The host address of a linear one, by the TLB.
 * @param last what must be added for the last byte, which must be in the same page
 * @param missed leaves the region
 */
export function lookInTlb(fn: StencilFn, linear: Local, last: Expr, write: boolean, missed: () => void): Expr {
  const array = write ? TLB_ARRAY_SIZE : 0;
  const index = i32.and(i32.wrap(i64.shrU(linear, i64.const(8))), i32.const(0xfff0));
  const entry = fn.let(i32.add(index, stateSymbol(Sym.tlb)));
  fn.if(i64.ne(i64.load(entry, array), pageBase(i64.add(linear, last))), missed);
  return i32.add(i32.load(entry, array + 8), i32.wrap(linear));
}

/** What an instruction finds known of the flags: the same whatever instruction it was. */
export function knownFlags(kind: KnownFlags["kind"], size: number): KnownFlags {
  const { i64: I64 } = ValType;
  return { kind, size, a: local(I64, Sym.knownA), b: local(I64, Sym.knownB), r: local(I64, Sym.knownR) };
}

export class StencilEmit extends Emit {
  readonly fn = new StencilFn(Sym.temporary);
  readonly insn: Insn;
  readonly #runtime: Readonly<Record<string, FunctionRef>>;
  readonly #checked: readonly string[];
  readonly #windowed: boolean;
  readonly #auxDead: boolean;
  /** Its accesses, unless there is one of a size that is not known. */
  accesses: MemoryAccess[] | undefined = [];
  #operandAddress: Local | undefined;
  /** What the code depends on beside the instruction's form. */
  usesKnownFlags = false;
  usesImmediate = false;
  /** Checks that it makes, or would make. */
  readonly checks = new Set<string>();

  /**
   * @param runtime the functions that compiled code may call, by name
   * @param known what is known of the flags
   * @param checked checks that need not be made
   * @param windowed its only access is in a window that has been translated
   * @param auxDead what needs the second word of the flags that it sets computes it
   */
  constructor(
    insn: Insn,
    runtime: Readonly<Record<string, FunctionRef>>,
    known: KnownFlags | undefined,
    checked: readonly string[],
    windowed: boolean,
    auxDead: boolean,
  ) {
    super();
    this.#auxDead = auxDead;
    this.#windowed = windowed;
    this.insn = insn;
    this.#runtime = runtime;
    this.#checked = checked;
    this.known = known;
  }

  /** What is known of the flags behind the instruction. */
  get knownAfter(): KnownFlags | undefined {
    return this.known;
  }

  protected override isAuxDead(): boolean {
    return this.#auxDead;
  }

  override condition(cc: number): Expr {
    this.usesKnownFlags = true;
    return super.condition(cc);
  }

  stateBase(): Expr {
    return i32.const(CPU_STATE);
  }

  gpr(register: number, size = 8): Expr {
    return truncate(size, stateSymbol(Sym.gpr + register));
  }

  setGpr(register: number, value: Expr, size = 8): void {
    this.#set(stateSymbol(Sym.gpr + register), value, size, 0);
  }

  #set(register: Local, value: Expr, size: number, shift: number): void {
    if (size >= 4) {
      this.fn.set(register, value);
      return;
    }
    const mask = ((1n << BigInt(size * 8)) - 1n) << BigInt(shift);
    const placed = shift ? i64.shl(truncate(size, value), i64.const(shift)) : truncate(size, value);
    this.fn.set(register, i64.or(i64.and(register, i64.const(~mask)), placed));
  }

  /** General register operand `i`. */
  #register(i: number): Local {
    return local(ValType.i64, Sym.operand + i);
  }

  protected readRegister(i: number): Expr {
    const { size, highByte } = this.operand(i);
    const register = this.#register(i);
    return truncate(size, highByte ? i64.shrU(register, i64.const(8)) : register);
  }

  protected writeRegister(i: number, value: Expr): void {
    const { size, highByte } = this.operand(i);
    this.#set(this.#register(i), value, size, highByte ? 8 : 0);
  }

  override read(i: number): Local {
    const { kind, size } = this.operand(i);
    if (kind !== OperandKind.Imm) return super.read(i);
    return this.fn.let(holeI64(Constant.truncated + Math.log2(size)));
  }

  vectorAddress(i: number): Expr {
    return holeI32(Constant.vector + i);
  }

  /** The local of vector register operand `i`; undefined for MMX registers, which stay in memory. */
  #vector(i: number): Local | undefined {
    const { kind, regClass } = this.operand(i);
    return kind === OperandKind.Reg && regClass === RegClass.Xmm ? local(ValType.v128, Sym.operand + i) : undefined;
  }

  override readVector(i: number, size = 16, aligned = false): Local {
    const vector = this.#vector(i);
    if (!vector) return super.readVector(i, size, aligned);
    return this.fn.let(size === 16 ? vector : lowOf(vector, Math.max(size, 4) as 4 | 8));
  }

  override writeVector(i: number, value: Expr, aligned = false): void {
    const vector = this.#vector(i);
    if (vector) this.fn.set(vector, value);
    else super.writeVector(i, value, aligned);
  }

  override readXmm0(): Local {
    return this.fn.let(stateSymbol(Sym.xmm));
  }

  override readLow64(i: number): Local {
    const vector = this.#vector(i);
    return vector ? this.fn.let(i64x2.extractLane(vector, 0)) : super.readLow64(i);
  }

  override readLow32(i: number): Local {
    const vector = this.#vector(i);
    return vector ? this.fn.let(i64.extendU(i32x4.extractLane(vector, 0))) : super.readLow32(i);
  }

  override writeLow(i: number, size: 4 | 8, value: Expr): void {
    const vector = this.#vector(i);
    if (!vector) return super.writeLow(i, size, value);
    const whole = size === 8 ? i64x2.replaceLane(vector, 0, value) : i32x4.replaceLane(vector, 0, i32.wrap(value));
    this.fn.set(vector, whole);
  }

  override readFloat(i: number, size: FloatSize): Local {
    const vector = this.#vector(i);
    if (!vector) return super.readFloat(i, size);
    return this.fn.let(size.bytes === 4 ? f32x4.extractLane(vector, 0) : f64x2.extractLane(vector, 0));
  }

  override writeFloat(i: number, { bytes }: FloatSize, value: Expr): void {
    const vector = local(ValType.v128, Sym.operand + i);
    this.fn.set(vector, bytes === 4 ? f32x4.replaceLane(vector, 0, value) : f64x2.replaceLane(vector, 0, value));
  }

  override writeScalar(i: number, size: 4 | 8, value: Expr): void {
    const vector = this.#vector(i);
    if (vector) this.fn.set(vector, v128.shuffle(value, vector, size === 8 ? LOW_64 : LOW_32));
    else super.writeScalar(i, size, value);
  }

  override check(name: string, emit: () => void): void {
    this.checks.add(name);
    if (!this.#checked.includes(name)) emit();
  }

  stackOffset(i: number): Expr {
    return holeI32(Constant.stack + i);
  }

  segmentSelector(i: number): Expr {
    return i64.load16u(holeI32(Constant.segment + i));
  }

  immediate(): Expr {
    return holeI64(Constant.immediate);
  }

  override constantImmediate(): number | undefined {
    this.usesImmediate = true;
    return Number(BigInt.asIntN(53, this.insn.imm));
  }

  effectiveAddress(): Expr {
    const { insn } = this;
    let ea: Expr | undefined;
    if (insn.base === BASE_RIP) ea = stateSymbol(Sym.pageVa);
    else if (insn.base !== BASE_NONE) ea = local(ValType.i64, Sym.base);
    if (insn.index !== INDEX_NONE) {
      const index = local(ValType.i64, Sym.index);
      const scaled = insn.scale ? i64.shl(index, i64.const(insn.scale)) : index;
      ea = ea ? i64.add(ea, scaled) : scaled;
    }
    const displacement = holeI64(Constant.displacement);
    if (!ea) ea = displacement;
    else if (hasDisplacement(insn)) ea = i64.add(ea, displacement);
    return truncate(insn.addressSize, ea);
  }

  segmentBase(): Expr | undefined {
    const { segment } = this.insn;
    if (segment === SEG_NONE) return undefined;
    return i64.load(this.stateBase(), ST.segment + segment * segmentRegister.sizeof + segmentRegister.offset.base);
  }

  thisRip(): Expr {
    return i64.add(stateSymbol(Sym.pageVa), holeI64(Constant.offset));
  }

  nextRip(): Expr {
    return i64.add(stateSymbol(Sym.pageVa), holeI64(Constant.next));
  }

  override linearAddress(): Local {
    this.#operandAddress = super.linearAddress();
    return this.#operandAddress;
  }

  translate(linear: Local, size: number, write: boolean): Local {
    this.accesses?.push({ size, write, isStack: linear !== this.#operandAddress });
    if (!this.#windowed) return this.#translate(linear, size - 1, write);
    return this.fn.let(i32.add(local(ValType.i32, Sym.window), holeI32(Constant.window)));
  }

  translateRange(linear: Local, _bytes: Local, write: boolean): Local {
    this.accesses = undefined;
    return this.#translate(linear, 0, write);
  }

  #translate(linear: Local, last: number, write: boolean): Local {
    return this.fn.let(lookInTlb(this.fn, linear, i64.const(last), write, () => this.#resume()));
  }

  #resume(): void {
    this.faultCleanup?.();
    this.fn.flow(Way.resume);
  }

  /** Accesses that cross pages miss in the TLB, so there is nothing to complete. */
  commit(): void {}

  raise(): void {
    this.#resume();
  }

  jump(target: Expr): void {
    this.fn.flow(Way.jump, this.fn.let(target).code);
  }

  jumpRelative(): void {
    this.fn.flow(Way.branch);
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

  timestamp(): Expr {
    // What has retired is asked for: the block is paid for as a whole.
    const budget = i32.add(stateSymbol(Sym.budget), holeI32(Constant.left));
    this.fn.store(StoreOp.i32, this.stateBase(), budget, ST.budget);
    return truncSat.i64FromF64s(this.callRuntime("tsc", ValType.f64));
  }

  callRuntime(name: string, _type: ValType, ...args: Expr[]): Expr {
    const f = this.#runtime[name];
    if (!f) throw new Error(`runtime function ${name} is not for compiled code`);
    return call(f, ...args);
  }

  // --- State in locals -------------------------------------------------------------------------

  override state32(field: keyof typeof ST): Expr {
    const symbol = STATE32[field];
    return symbol === undefined ? super.state32(field) : stateSymbol(symbol);
  }

  override setState32(field: keyof typeof ST, value: Expr): void {
    if (field === "flags_aux" || field === "mxcsr") this.fn.set(stateSymbol(STATE32[field] as number), value);
    else super.setState32(field, value);
  }

  override state64(field: keyof typeof ST): Expr {
    return field === "flags_result" ? stateSymbol(Sym.flagsResult) : super.state64(field);
  }

  override setState64(field: keyof typeof ST, value: Expr): void {
    if (field === "flags_result") this.fn.set(stateSymbol(Sym.flagsResult), value);
    else super.setState64(field, value);
  }

  override arithmeticFlags(): Expr {
    return packFlags(stateSymbol(Sym.flagsResult), stateSymbol(Sym.flagsAux));
  }

  override setArithmeticFlags(flags: Expr): void {
    const { result, aux } = unpackFlags(this.fn.let(flags));
    this.setState64("flags_result", result);
    this.setState32("flags_aux", aux);
    this.known = undefined;
  }
}

const STATE32: Partial<Record<keyof typeof ST, number>> = {
  flags_aux: Sym.flagsAux,
  mxcsr: Sym.mxcsr,
  cr0: Sym.cr0,
  cr4: Sym.cr4,
};

/** Whether the displacement is added to base and index. */
export const hasDisplacement = ({ base, disp }: Insn): boolean => base === BASE_RIP || disp !== 0n;
