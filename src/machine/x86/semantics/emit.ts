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
import { type Expr, f32, f64, i32x4, i64, i64x2, type Local, StoreOp, v128 } from "../../wasm/expression.ts";
import { type Insn, type Operand, OperandKind } from "../insn.ts";
import { cpuState, RSP } from "../state.ts";
import { FlagsEmit } from "./flags.ts";
import { loadSized, loadVector, STORE_SIZED, signExtend, truncate } from "./values.ts";

/** Sizes in bytes. */
export type Size = 1 | 2 | 4 | 8;

/** Single or double precision. */
export interface FloatSize {
  readonly bytes: 4 | 8;
}

/** Semantics of one mnemonic. */
export type Semantics = (e: Emit) => void;

export abstract class Emit extends FlagsEmit {
  /** The shape of the instruction being emitted. */
  abstract readonly insn: Insn;
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
  /** 16 times the number of x87 register operand `i`, relative to the top of the stack. */
  abstract stackOffset(i: number): Expr;
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
  /** Linear address of the instruction. */
  abstract thisRip(): Expr;
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
  /** The time-stamp counter, as i64. */
  abstract timestamp(): Expr;
  /** callSystem with the memory operand `i`, if it is one, translated first. */
  callSystemOperand(i: number, write = false, size = this.size(i)): void {
    this.callSystem(this.isMemory(i) ? this.translate(this.linearAddress(), size, write) : undefined);
  }

  /**
   * Executes the operation `op` of SseOp exactly, in TypeScript, on the destination's old value `a`
   * and the source `b`. Leaves the instruction with #XM if it raises an unmasked exception.
   */
  abstract softSse(op: Expr, a: Expr, b: Expr): Local;

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
    return this.fn.let(v128.load(this.stateBase(), cpuState.offset.xmm));
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

  /** Reads the low number of vector register or memory operand `i`. */
  readFloat(i: number, { bytes }: FloatSize): Local {
    const address = this.isMemory(i) ? this.translate(this.linearAddress(), bytes, false) : this.vectorAddress(i);
    return this.fn.let(bytes === 4 ? f32.load(address) : f64.load(address));
  }

  /** Writes the low number of vector register operand `i`, leaving the rest. */
  writeFloat(i: number, { bytes }: FloatSize, value: Expr): void {
    this.fn.store(bytes === 4 ? StoreOp.f32 : StoreOp.f64, this.vectorAddress(i), value);
  }

  /**
   * A check that leaves the instruction if it fails, and whose outcome other instructions do not change. A tier that
   * knows of it from an instruction before leaves it out.
   */
  check(_name: string, emit: () => void): void {
    emit();
  }

  /** Raises #GP(0) unless the address is aligned. */
  requireAligned(linear: Local, bytes: number): void {
    this.fn.if(i64.ne(i64.and(linear, i64.const(bytes - 1)), i64.const(0)), () => this.raise(13, 0));
  }

  /** Stack pointer, width of the stack (8 bytes in 64-bit mode). */
  stackPointer(): Local {
    return this.fn.let(this.gpr(RSP));
  }

  push(size: number, value: Local): void {
    const rsp = this.fn.let(i64.sub(this.gpr(RSP), i64.const(size)));
    this.storeLinear(size, rsp, value);
    this.setGpr(RSP, rsp);
  }
}

export { loadSized, STORE_SIZED, signExtend, truncate } from "./values.ts";
