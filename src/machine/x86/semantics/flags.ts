/**
 * The arithmetic flags, kept lazily (see cpuState for the representation): setting them from an
 * operation, reading them, conditions. Also the plain access to the processor state that they live in.
 */
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { cpuState } from "../state.ts";
import { signExtend, truncate } from "./values.ts";

const OFFSET = cpuState.offset;

/** The six arithmetic flags in RFLAGS format (i32), from the two words that they are kept in. */
export function packFlags(result: Local, aux: Local): Expr {
  const bit = (value: Expr, position: number): Expr => i32.shl(i32.and(value, i32.const(1)), i32.const(position));
  const low = i32.and(i32.xor(i32.wrap(result), i32.shrU(aux, i32.const(8))), i32.const(0xff));
  return [
    bit(i32.shrU(aux, i32.const(1)), 0),
    bit(i32.xor(i32.popcnt(low), i32.const(1)), 2),
    bit(i32.shrU(aux, i32.const(3)), 4),
    bit(i64.eqz(result), 6),
    bit(i32.xor(i32.wrap(i64.shrU(result, i64.const(63))), i32.shrU(aux, i32.const(4))), 7),
    bit(i32.xor(i32.shrU(aux, i32.const(1)), aux), 11),
  ].reduce((a, b) => i32.or(a, b));
}

/** The two words for arithmetic flags in RFLAGS format. */
export function unpackFlags(flags: Local): { result: Expr; aux: Expr } {
  const bit = (position: number): Expr => i32.and(i32.shrU(flags, i32.const(position)), i32.const(1));
  const aux = [
    i32.shl(bit(0), i32.const(1)),
    i32.xor(bit(0), bit(11)),
    i32.shl(bit(4), i32.const(3)),
    i32.shl(bit(7), i32.const(4)),
    i32.shl(i32.xor(bit(2), i32.const(1)), i32.const(8)),
  ];
  return {
    result: i64.extendU(i32.shl(i32.xor(bit(6), i32.const(1)), i32.const(8))),
    aux: aux.reduce((a, b) => i32.or(a, b)),
  };
}

/**
 * The vector of carries of an addition x + y, where z is its inverted result; or of borrows of a subtraction, where x is its inverted
 * first operand and z its result.
 */
export const carryVector = (x: Expr, y: Expr, z: Expr): Expr => i64.or(i64.and(x, y), i64.and(i64.or(x, y), z));

/** The second word of the flags: of the vector's bits, those from `shift` on (n-2 of n) go to bits 0 and 1, bit 3 stays. */
export const packCarries = (vector: Local, shift: Expr): Expr =>
  i32.or(i32.and(i32.wrap(i64.shrU(vector, shift)), i32.const(3)), i32.and(i32.wrap(vector), i32.const(8)));

/** The second word of the flags of a + b = r or a - b = r, carry or borrow included. Bits above the size are ignored. */
export function sumAux(fn: Fn, isSub: boolean, size: number, a: Local, b: Local, r: Local): Expr {
  const not = (value: Expr): Expr => i64.xor(value, i64.const(-1));
  const vector = fn.let(isSub ? carryVector(fn.let(not(a)), b, r) : carryVector(a, b, not(r)));
  return packCarries(vector, i64.const(size * 8 - 2));
}

/** What the last flag-setting instruction of this emission was, so that conditions can be computed from its operands. */
export interface KnownFlags {
  readonly kind: "add" | "sub" | "logic";
  readonly size: number;
  readonly a: Local;
  readonly b: Local;
  readonly r: Local;
}

export abstract class FlagsEmit {
  abstract readonly fn: Fn;
  protected known: KnownFlags | undefined;

  /** What needs the second word of the flags of an addition or a subtraction computes it from the operands. */
  protected isAuxDead(): boolean {
    return false;
  }

  /** Calls a runtime function that the module provides (runtime.ts). */
  abstract callRuntime(name: string, type: ValType, ...args: Expr[]): Expr;

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

  // --- Flags (see cpuState for the representation) -----------------------------------------------

  /** Flags of a + b (+ carry) = r. Bits above the size are ignored. */
  flagsAdd(size: number, a: Expr, b: Expr, r: Local): void {
    const x = this.fn.let(a);
    this.#flagsSum("add", size, x, this.fn.let(b), r);
  }

  /** Flags of a - b (- borrow) = r. */
  flagsSub(size: number, a: Local, b: Local, r: Local, known = true): void {
    this.#flagsSum("sub", size, a, b, r);
    if (!known) this.known = undefined;
  }

  /** Flags of a bitwise result: CF = OF = AF = 0. */
  flagsLogic(size: number, r: Local): void {
    this.setState64("flags_result", signExtend(size, r));
    this.setState32("flags_aux", i32.const(0));
    this.known = { kind: "logic", size, a: r, b: r, r };
  }

  #flagsSum(kind: "add" | "sub", size: number, a: Local, b: Local, r: Local): void {
    this.setState64("flags_result", signExtend(size, r));
    if (!this.isAuxDead()) this.setState32("flags_aux", sumAux(this.fn, kind === "sub", size, a, b, r));
    this.known = { kind, size, a, b, r };
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
    if (!k || k.kind === "add") return undefined;
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
