/**
 * The abstract operand interface: what instruction semantics are written against.
 *
 * A semantics function describes one instruction once, by emitting WebAssembly
 * through an `Emit`. The tiers differ in where operands come from: the
 * interpreter reads register numbers, displacements and immediates from a
 * decoded record, the JIT emits them as constants and keeps registers in
 * locals. Semantics may look at the *shape* of `insn` (mnemonic, operand kinds
 * and sizes, prefixes, condition) but never at its values (register numbers,
 * displacement, immediate), which only the tier knows.
 *
 * Integer values are i64, zero-extended from their operand size.
 *
 * Precision: an instruction must not change architectural state before its last
 * access that can fault. `read`, `readModify`, `translate` leave the instruction
 * by themselves when they fault.
 */
import {
  type Expr,
  f32,
  f64,
  i32,
  i32x4,
  i64,
  i64x2,
  type Local,
  StoreOp,
  ValType,
  v128,
} from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { type Insn, type Operand, OperandKind } from "../insn.ts";
import { cpuState, RSP } from "../state.ts";

/** Sizes in bytes. */
export type Size = 1 | 2 | 4 | 8;

/** Semantics of one mnemonic. */
export type Semantics = (e: Emit) => void;

const MASKS: Record<number, bigint> = { 1: 0xffn, 2: 0xffffn, 4: 0xffffffffn };
const OFFSET = cpuState.offset;

/** Truncates to `size` bytes, zero-extended. */
export function truncate(size: number, value: Expr): Expr {
  const mask = MASKS[size];
  return mask === undefined ? value : i64.and(value, i64.const(mask));
}

/** Sign-extends the low `size` bytes. */
export function signExtend(size: number, value: Expr): Expr {
  if (size === 1) return i64.extend8s(value);
  if (size === 2) return i64.extend16s(value);
  if (size === 4) return i64.extend32s(value);
  return value;
}

/** Loads `size` bytes at a host address, zero-extended to i64. */
export function loadSized(size: number, address: Expr, offset = 0): Expr {
  if (size === 1) return i64.load8u(address, offset);
  if (size === 2) return i64.load16u(address, offset);
  if (size === 4) return i64.load32u(address, offset);
  return i64.load(address, offset);
}

/** Loads `size` bytes at a host address into a vector, zero-extended. */
function loadVector(size: number, address: Expr): Expr {
  if (size === 16) return v128.load(address);
  if (size === 8) return v128.load64Zero(address);
  if (size === 4) return v128.load32Zero(address);
  return i64x2.replaceLane(v128.const(0n, 0n), 0, loadSized(size, address));
}

export const STORE_SIZED: Record<number, StoreOp> = {
  1: StoreOp.i64as8,
  2: StoreOp.i64as16,
  4: StoreOp.i64as32,
  8: StoreOp.i64,
};

/** What the last flag-setting instruction of this emission was, so that conditions can be computed from its operands. */
interface KnownFlags {
  readonly kind: "sub" | "logic";
  readonly size: number;
  readonly a: Local;
  readonly b: Local;
  readonly r: Local;
}

export abstract class Emit {
  abstract readonly fn: Fn;
  /** The shape of the instruction being emitted. */
  abstract readonly insn: Insn;
  protected known: KnownFlags | undefined;
  /** Emitted before leaving through a fault; undoes what the instruction did early (POP to memory). */
  faultCleanup: (() => void) | undefined;

  // --- What a tier provides --------------------------------------------------------------------

  /** Reads a fixed general register. */
  abstract gpr(register: number, size?: number): Expr;
  /** Writes a fixed general register: 4 bytes zero-extend, 1 and 2 merge. `value` must be truncated. */
  abstract setGpr(register: number, value: Expr, size?: number): void;
  /** Reads register operand `i` (general). */
  protected abstract readRegister(i: number): Expr;
  protected abstract writeRegister(i: number, value: Expr): void;
  /** Host address of vector register operand `i`: XMM in the state block, MMX in the x87 registers. */
  abstract vectorAddress(i: number): Expr;
  /** The (first) immediate as i64, extended as decoded. */
  abstract immediate(): Expr;
  /** The (first) immediate if the tier knows it when it emits, so that shuffles can be constant. */
  constantImmediate(): number | undefined {
    return undefined;
  }
  /** Offset part of the memory operand, truncated to the address size; no segment base. */
  abstract effectiveAddress(): Expr;
  /** Base of the memory operand's segment, or undefined if it is known to be zero. */
  abstract segmentBase(): Expr | undefined;
  /** Linear address of the next instruction. */
  abstract nextRip(): Expr;
  /**
   * Host address of `size` bytes at a linear address, checked for the access. On a page crossing it is
   * that of a bounce buffer, and `commit` must follow a store there. Leaves the instruction on a fault.
   */
  abstract translate(linear: Local, size: number, write: boolean): Local;
  /** As translate, for a number of bytes known at run time that lie within one page (unless they are one element). */
  abstract translateRange(linear: Local, bytes: Local, write: boolean): Local;
  /** Selector of segment register operand `i`. */
  abstract segmentSelector(i: number): Expr;
  /** Completes a store to a translated address (a page-crossing one is copied out of its bounce buffer). */
  abstract commit(host: Local): void;
  /** Leaves the instruction with an exception; RIP is at the instruction. */
  abstract raise(vector: number, errorCode?: number): void;
  /** Jumps to a linear address (already truncated); the instruction is complete. */
  abstract jump(target: Expr): void;
  /** Jumps to the target of the relative operand. */
  abstract jumpRelative(): void;
  /** The instruction is complete as far as it goes, but is to be executed again (REP). */
  abstract repeat(): void;
  /** The instruction is complete: go on with the next. To be used to leave early only. */
  abstract next(): void;
  /** Ends run() with an exit reason, RIP behind the instruction. Nothing may follow. */
  abstract exitAfter(reason: number): void;
  /** Ends run() with an exit reason, RIP at the instruction. Nothing may follow. */
  abstract exitAt(reason: number): void;
  /**
   * Executes the instruction's TypeScript semantics (rare instructions); `host` is the address of
   * the translated memory operand. Nothing may follow.
   */
  abstract callSystem(host?: Expr): void;
  /** callSystem with the memory operand `i`, if it is one, translated first. */
  callSystemOperand(i: number, write = false, size = this.size(i)): void {
    this.callSystem(this.isMemory(i) ? this.translate(this.linearAddress(), size, write) : undefined);
  }

  /**
   * Executes the operation `op` of SseOp exactly, in TypeScript, on the destination's old value `a`
   * and the source `b`. Leaves the instruction with #XM if it raises an unmasked exception.
   */
  abstract softSse(op: Expr, a: Expr, b: Expr): Local;

  /** Calls a runtime function that the module provides (runtime.ts). */
  abstract callRuntime(name: string, type: ValType, ...args: Expr[]): Expr;

  // --- Operands --------------------------------------------------------------------------------

  operand(i: number): Operand {
    const operand = this.insn.operands[i];
    if (!operand || i >= this.insn.operandCount) throw new RangeError(`${this.insn.def.mnemonic}: no operand ${i}`);
    return operand;
  }

  /** Size of operand `i` in bytes. */
  size(i: number): number {
    return this.operand(i).size;
  }

  isMemory(i: number): boolean {
    return this.operand(i).kind === OperandKind.Mem;
  }

  /** Linear address of the memory operand. */
  linearAddress(): Local {
    const base = this.segmentBase();
    const ea = this.effectiveAddress();
    return this.fn.let(base ? i64.add(ea, base) : ea);
  }

  /** Host address of the memory operand `i` translated for a write in readModify, until write() uses it. */
  #modified: Local | undefined;

  /** Reads integer operand `i`. */
  read(i: number): Local {
    const operand = this.operand(i);
    if (operand.kind === OperandKind.Reg) return this.fn.let(this.readRegister(i));
    if (operand.kind === OperandKind.Imm) return this.fn.let(truncate(operand.size, this.immediate()));
    const host = this.translate(this.linearAddress(), operand.size, false);
    return this.fn.let(loadSized(operand.size, host));
  }

  /** Reads integer operand `i`, and gives the host address of a memory operand, for callSystem. */
  readWithHost(i: number): { host: Local | undefined; value: Local } {
    if (!this.isMemory(i)) return { host: undefined, value: this.read(i) };
    const host = this.translate(this.linearAddress(), this.size(i), false);
    return { host, value: this.fn.let(loadSized(this.size(i), host)) };
  }

  /** #GP(0) if a jump target is not canonical. */
  requireCanonical(target: Local): void {
    const extended = i64.shrS(i64.shl(target, i64.const(16)), i64.const(16));
    this.fn.if(i64.ne(extended, target), () => this.raise(13, 0));
  }

  /** Reads integer operand `i`, sign-extended to 64 bits. */
  readSigned(i: number): Local {
    return this.fn.let(signExtend(this.size(i), this.read(i)));
  }

  /** Reads integer operand `i`, which write(i) will write afterwards: a memory operand is checked for writing here. */
  readModify(i: number): Local {
    const operand = this.operand(i);
    if (operand.kind !== OperandKind.Mem) return this.read(i);
    this.#modified = this.translate(this.linearAddress(), operand.size, true);
    return this.fn.let(loadSized(operand.size, this.#modified));
  }

  /** Writes integer operand `i`; the value is truncated to its size. */
  write(i: number, value: Expr): void {
    const operand = this.operand(i);
    if (operand.kind === OperandKind.Reg) {
      this.writeRegister(i, operand.size === 4 ? truncate(4, value) : value);
      return;
    }
    if (this.#modified) {
      const host = this.#modified;
      this.#modified = undefined;
      this.storeHost(operand.size, host, value);
    } else {
      const v = this.fn.let(value);
      this.storeLinear(operand.size, this.linearAddress(), v);
    }
  }

  /** Stores to a translated host address and commits. */
  storeHost(size: number, host: Local, value: Expr): void {
    this.fn.store(STORE_SIZED[size] as StoreOp, host, value);
    this.commit(host);
  }

  loadLinear(size: number, linear: Local): Local {
    return this.fn.let(loadSized(size, this.translate(linear, size, false)));
  }

  storeLinear(size: number, linear: Local, value: Local): void {
    this.storeHost(size, this.translate(linear, size, true), value);
  }

  // --- Vector operands -------------------------------------------------------------------------

  /**
   * Reads vector register or memory operand `i`: 16 bytes, or the low 1, 2, 4 or 8 bytes zero-extended
   * (from a register at least 4). `aligned`: #GP(0) unless 16-byte aligned.
   */
  readVector(i: number, size = 16, aligned = false): Local {
    const fn = this.fn;
    if (!this.isMemory(i)) return fn.let(loadVector(Math.max(size, 4), this.vectorAddress(i)));
    const linear = this.linearAddress();
    if (aligned) this.requireAligned(linear, 16);
    return fn.let(loadVector(size, this.translate(linear, size, false)));
  }

  /** Writes all 16 bytes of XMM register or memory operand `i`. */
  writeVector(i: number, value: Expr, aligned = false): void {
    if (!this.isMemory(i)) {
      this.fn.store(StoreOp.v128, this.vectorAddress(i), value);
      return;
    }
    const v = this.fn.let(value);
    const linear = this.linearAddress();
    if (aligned) this.requireAligned(linear, 16);
    const host = this.translate(linear, 16, true);
    this.fn.store(StoreOp.v128, host, v);
    this.commit(host);
  }

  /** XMM0, which some instructions imply. */
  readXmm0(): Local {
    return this.fn.let(v128.load(this.stateBase(), OFFSET.xmm));
  }

  /** Reads the low 8 bytes of vector register (XMM or MMX) or memory operand `i`. */
  readLow64(i: number): Local {
    if (!this.isMemory(i)) return this.fn.let(i64.load(this.vectorAddress(i)));
    return this.fn.let(i64.load(this.translate(this.linearAddress(), 8, false)));
  }

  /** Reads the low 4 bytes of vector register or memory operand `i`, zero-extended to i64. */
  readLow32(i: number): Local {
    if (!this.isMemory(i)) return this.fn.let(i64.load32u(this.vectorAddress(i)));
    return this.fn.let(i64.load32u(this.translate(this.linearAddress(), 4, false)));
  }

  /** Writes the low 8 (or 4) bytes of register operand `i`, leaving the rest, or 8 (4) bytes of memory. */
  writeLow(i: number, size: 4 | 8, value: Expr): void {
    if (!this.isMemory(i)) this.fn.store(STORE_SIZED[size] as StoreOp, this.vectorAddress(i), value);
    else this.storeLinear(size, this.linearAddress(), this.fn.let(value));
  }

  /** Writes the low `size` bytes of a vector to the low bytes of register operand `i`, leaving the rest, or to memory. */
  writeScalar(i: number, size: 4 | 8, vector: Expr): void {
    this.writeLow(i, size, size === 8 ? i64x2.extractLane(vector, 0) : i64.extendU(i32x4.extractLane(vector, 0)));
  }

  /** Raises #GP(0) unless the address is aligned. */
  requireAligned(linear: Local, bytes: number): void {
    this.fn.if(i64.ne(i64.and(linear, i64.const(bytes - 1)), i64.const(0)), () => this.raise(13, 0));
  }

  // --- State -----------------------------------------------------------------------------------

  /** Reads a 32-bit field of the processor state. */
  state32(field: keyof typeof OFFSET): Expr {
    return i32.load(this.stateBase(), OFFSET[field]);
  }

  state64(field: keyof typeof OFFSET): Expr {
    return i64.load(this.stateBase(), OFFSET[field]);
  }

  setState32(field: keyof typeof OFFSET, value: Expr): void {
    this.fn.store(StoreOp.i32, this.stateBase(), value, OFFSET[field]);
  }

  setState64(field: keyof typeof OFFSET, value: Expr): void {
    this.fn.store(StoreOp.i64, this.stateBase(), value, OFFSET[field]);
  }

  /** Host address of the processor state. */
  abstract stateBase(): Expr;

  /** Stack pointer, width of the stack (8 bytes in 64-bit mode). */
  stackPointer(): Local {
    return this.fn.let(this.gpr(RSP));
  }

  push(size: number, value: Local): void {
    const rsp = this.fn.let(i64.sub(this.gpr(RSP), i64.const(size)));
    this.storeLinear(size, rsp, value);
    this.setGpr(RSP, rsp);
  }

  // --- Flags (see cpuState for the representation) -----------------------------------------------

  /** Flags of a + b (+ carry) = r. Bits above the size are ignored. */
  flagsAdd(size: number, a: Expr, b: Expr, r: Local): void {
    const fn = this.fn;
    const x = fn.let(a);
    const y = fn.let(b);
    const carries = fn.let(i64.or(i64.and(x, y), i64.and(i64.or(x, y), i64.xor(r, i64.const(-1)))));
    this.#storeFlags(size, r, carries);
  }

  /** Flags of a - b (- borrow) = r. */
  flagsSub(size: number, a: Local, b: Local, r: Local, known = true): void {
    const fn = this.fn;
    const na = fn.let(i64.xor(a, i64.const(-1)));
    const borrows = fn.let(i64.or(i64.and(na, b), i64.and(i64.or(na, b), r)));
    this.#storeFlags(size, r, borrows);
    if (known) this.known = { kind: "sub", size, a, b, r };
  }

  /** Flags of a bitwise result: CF = OF = AF = 0. */
  flagsLogic(size: number, r: Local): void {
    this.setState64("flags_result", signExtend(size, r));
    this.setState32("flags_aux", i32.const(0));
    this.known = { kind: "logic", size, a: r, b: r, r };
  }

  #storeFlags(size: number, r: Local, carries: Local): void {
    this.setState64("flags_result", signExtend(size, r));
    // Bits n-1 and n-2 of the carry vector go to bits 1 and 0, bit 3 stays.
    const top = i32.and(i32.wrap(i64.shrU(carries, i64.const(size * 8 - 2))), i32.const(3));
    this.setState32("flags_aux", i32.or(top, i32.and(i32.wrap(carries), i32.const(8))));
    this.known = undefined;
  }

  /**
   * ZF, SF, PF of r; CF, OF (i32, 0 or 1) given; AF cleared.
   */
  flagsResult(size: number, r: Expr, carry: Expr, overflow: Expr, adjust: Expr = i32.const(0)): void {
    const cf = this.fn.let(carry);
    this.setState64("flags_result", signExtend(size, r));
    this.setState32(
      "flags_aux",
      i32.or(i32.or(i32.shl(cf, i32.const(1)), i32.xor(cf, overflow)), i32.shl(adjust, i32.const(3))),
    );
    this.known = undefined;
  }

  /** ZF, PF and CF from their bits in an i32 in RFLAGS format; OF, SF and AF cleared. */
  flagsCompare(flags: Local): void {
    const bit = (n: number): Expr => i32.and(i32.shrU(flags, i32.const(n)), i32.const(1));
    const clear = this.fn.let(i32.xor(bit(6), i32.const(1)));
    this.setState64("flags_result", i64.extendU(clear));
    // The low byte of the result is 0 or 1; PF is its even parity, turned by bit 8 of the second word.
    const parity = i32.xor(i32.xor(bit(2), clear), i32.const(1));
    this.setState32("flags_aux", i32.or(i32.shl(parity, i32.const(8)), i32.mul(bit(0), i32.const(3))));
    this.known = undefined;
  }

  /** Replaces CF (0 or 1), leaving the other flags. */
  setCarry(carry: Expr): void {
    const aux = this.fn.let(this.state32("flags_aux"));
    // Bit 0 flips along with CF so that OF = bit 1 ^ bit 0 stays.
    const change = i32.and(i32.xor(i32.shrU(aux, i32.const(1)), carry), i32.const(1));
    this.setState32("flags_aux", i32.xor(aux, i32.mul(change, i32.const(3))));
    this.known = undefined;
  }

  /** Replaces CF and OF (0 or 1), leaving the other flags. */
  setCarryOverflow(carry: Expr, overflow: Expr): void {
    const cf = this.fn.let(carry);
    this.setState32(
      "flags_aux",
      i32.or(
        i32.and(this.state32("flags_aux"), i32.const(~3)),
        i32.or(i32.shl(cf, i32.const(1)), i32.xor(cf, overflow)),
      ),
    );
    this.known = undefined;
  }

  /** Sets the six arithmetic flags from an i32 in RFLAGS format. */
  setArithmeticFlags(flags: Expr): void {
    this.fn.run(this.callRuntime("setFlags", ValType.i32, flags), true);
    this.known = undefined;
  }

  /** The six arithmetic flags in RFLAGS format (i32). */
  arithmeticFlags(): Expr {
    return this.callRuntime("getFlags", ValType.i32);
  }

  /** CF as 0 or 1. */
  carry(): Expr {
    return i32.and(i32.shrU(this.state32("flags_aux"), i32.const(1)), i32.const(1));
  }

  overflow(): Expr {
    const aux = this.fn.let(this.state32("flags_aux"));
    return i32.and(i32.xor(i32.shrU(aux, i32.const(1)), aux), i32.const(1));
  }

  zero(): Expr {
    return i64.eqz(this.state64("flags_result"));
  }

  sign(): Expr {
    return i32.xor(
      i32.wrap(i64.shrU(this.state64("flags_result"), i64.const(63))),
      i32.and(i32.shrU(this.state32("flags_aux"), i32.const(4)), i32.const(1)),
    );
  }

  parity(): Expr {
    const low = i32.xor(i32.wrap(this.state64("flags_result")), i32.shrU(this.state32("flags_aux"), i32.const(8)));
    return i32.xor(i32.and(i32.popcnt(i32.and(low, i32.const(0xff))), i32.const(1)), i32.const(1));
  }

  /** Condition code 0..15 (SDM vol. 2 appendix B.1): nonzero if it holds. */
  condition(cc: number): Expr {
    const value = this.#knownCondition(cc & ~1) ?? this.#storedCondition(cc & ~1);
    return cc & 1 ? i32.eqz(value) : value;
  }

  #storedCondition(cc: number): Expr {
    switch (cc) {
      case 0:
        return this.overflow();
      case 2:
        return i32.and(this.state32("flags_aux"), i32.const(2));
      case 4:
        return this.zero();
      case 6:
        return i32.or(i32.and(this.state32("flags_aux"), i32.const(2)), this.zero());
      case 8:
        return this.sign();
      case 10:
        return this.parity();
      case 12:
        return i32.xor(this.sign(), this.overflow());
      default:
        return i32.or(i32.xor(this.sign(), this.overflow()), this.zero());
    }
  }

  /** Conditions right behind a compare or a logical operation in the same emission. */
  #knownCondition(cc: number): Expr | undefined {
    const k = this.known;
    if (!k) return undefined;
    const s = (x: Local): Expr => signExtend(k.size, x);
    if (k.kind === "logic") {
      const isZero = (): Expr => i64.eqz(truncate(k.size, k.r));
      const isNegative = (): Expr => i64.ltS(s(k.r), i64.const(0));
      if (cc === 4 || cc === 6) return isZero();
      if (cc === 8 || cc === 12) return isNegative();
      if (cc === 14) return i64.leS(s(k.r), i64.const(0));
      return undefined;
    }
    if (cc === 2) return i64.ltU(k.a, k.b);
    if (cc === 4) return i64.eq(k.a, k.b);
    if (cc === 6) return i64.leU(k.a, k.b);
    if (cc === 8) return i64.ltS(s(k.r), i64.const(0));
    if (cc === 12) return i64.ltS(s(k.a), s(k.b));
    if (cc === 14) return i64.leS(s(k.a), s(k.b));
    return undefined;
  }

  /** Forgets what is known about the flags (at the start of an instruction that can be jumped to). */
  forgetFlags(): void {
    this.known = undefined;
  }
}

export { f32, f64, i32, i64, StoreOp, ValType, v128 };
