/** Shifts of vector lanes and of whole XMM registers (SDM vol. 1 §9.4.6, §11.4.2). */
import { type Expr, i8x16, i16x8, i32, i32x4, i64, i64x2, type Local, v128 } from "../../wasm/expression.ts";
import { OperandKind } from "../insn.ts";
import type { Emit, Semantics } from "./emit.ts";
import { bytes, isMmx, low64, readSource, requireVectors, writeRegister, ZERO_VECTOR } from "./vector.ts";

/** The count: an immediate byte, or all 64 low bits of a vector. */
function shiftCount(e: Emit): Local {
  if (e.operand(1).kind === OperandKind.Imm) return e.fn.let(e.immediate());
  return e.fn.let(low64(readSource(e, 1)));
}

/** WebAssembly takes the count modulo the width, x86 shifts everything out. */
function shift(op: (v: Expr, count: Expr) => Expr, width: number, arithmetic = false): Semantics {
  return (e) => {
    requireVectors(e);
    const count = shiftCount(e);
    const value = e.readVector(0, isMmx(e, 0) ? 8 : 16);
    const inside = i64.ltU(count, i64.const(width));
    const result = arithmetic
      ? op(value, i32.select(inside, i32.wrap(count), i32.const(width - 1)))
      : v128.select(inside, op(value, i32.wrap(count)), ZERO_VECTOR());
    writeRegister(e, 0, result);
  };
}

const POSITIONS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/** Byte positions 0..15 moved by a number (at most 32) that may only be known at run time. Those outside select zero. */
export const positions = (by: Expr): Expr => i8x16.add(bytes(POSITIONS), i8x16.splat(by));

/** An immediate as i32, larger values cut to `limit`. */
export function clampedImmediate(e: Emit, limit: number): Local {
  const constant = e.constantImmediate();
  if (constant !== undefined) return e.fn.let(i32.const(Math.min(constant, limit)));
  const value = e.fn.let(i32.wrap(e.immediate()));
  return e.fn.let(i32.select(i32.ltU(value, i32.const(limit)), value, i32.const(limit)));
}

/** PSLLDQ, PSRLDQ: by bytes. */
const shiftBytes =
  (left: boolean): Semantics =>
  (e) => {
    requireVectors(e);
    const value = e.readVector(0);
    const constant = e.constantImmediate();
    if (constant !== undefined) {
      // Positions 16 and up are those of a zero vector.
      const from = POSITIONS.map((i) => (left ? i - constant : i + constant)).map((i) => (i < 0 || i > 15 ? 16 : i));
      return e.writeVector(0, v128.shuffle(value, ZERO_VECTOR(), from));
    }
    const count = clampedImmediate(e, 16);
    e.writeVector(0, v128.swizzle(value, positions(left ? i32.sub(i32.const(0), count) : count)));
  };

export const vectorShift: Record<string, Semantics> = {
  psllw: shift(i16x8.shl, 16),
  pslld: shift(i32x4.shl, 32),
  psllq: shift(i64x2.shl, 64),
  psrlw: shift(i16x8.shrU, 16),
  psrld: shift(i32x4.shrU, 32),
  psrlq: shift(i64x2.shrU, 64),
  psraw: shift(i16x8.shrS, 16, true),
  psrad: shift(i32x4.shrS, 32, true),
  pslldq: shiftBytes(true),
  psrldq: shiftBytes(false),
};
