/** Operands in memory become the temporary number, in extended format: exact. */
import { type Expr, i32, i64, type Local } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { BIAS, INTEGER_BIT, SIGN, storeTemporary } from "./unit.ts";

const F32 = { exponent: 8, fraction: 23 } as const;
const F64 = { exponent: 11, fraction: 52 } as const;

/**
 * Stands for denormals and NaNs, which raise exceptions: an encoding that no register function takes.
 * See isSpecial.
 */
const SPECIAL_HIGH = 0x7fff;

/** fromSingle(bits), fromDouble(bits) */
function defineFromFloat(fn: Fn, bits: Local, { exponent, fraction }: typeof F32 | typeof F64): void {
  const ones = (1 << exponent) - 1;
  const sign = fn.let(i32.and(i32.wrap(i64.shrU(bits, i64.const(exponent + fraction - 15))), i32.const(SIGN)));
  const biased = fn.let(i32.and(i32.wrap(i64.shrU(bits, i64.const(fraction))), i32.const(ones)));
  // All but the leading bit, in place.
  const rest = fn.let(i64.and(i64.shl(bits, i64.const(63 - fraction)), i64.const(INTEGER_BIT - 1n)));
  const isNormal = i32.ltU(i32.sub(biased, i32.const(1)), i32.const(ones - 1));
  fn.if(isNormal, () => {
    const high = i32.or(sign, i32.add(biased, i32.const(BIAS - (ones >> 1))));
    storeTemporary(fn, high, i64.or(rest, i64.const(INTEGER_BIT)));
    fn.return();
  });
  fn.if(i64.ne(rest, i64.const(0)), () => {
    storeTemporary(fn, i32.const(SPECIAL_HIGH), i64.const(0));
    fn.return();
  });
  const isInfinity = fn.let(i32.ne(biased, i32.const(0)));
  const infinite = i32.or(sign, i32.const(SPECIAL_HIGH));
  storeTemporary(
    fn,
    i32.select(isInfinity, infinite, sign),
    i64.select(isInfinity, i64.const(INTEGER_BIT), i64.const(0)),
  );
}

export function defineFromSingle(fn: Fn): void {
  defineFromFloat(fn, fn.let(i64.extendU(fn.params[0] as Local)), F32);
}

export function defineFromDouble(fn: Fn): void {
  defineFromFloat(fn, fn.params[0] as Local, F64);
}

/** fromInteger(value) */
export function defineFromInteger(fn: Fn): void {
  const [value] = fn.params as [Local];
  fn.if(i64.eqz(value), () => {
    storeTemporary(fn, i32.const(0), i64.const(0));
    fn.return();
  });
  const { high, significand } = ofMagnitude(fn, value);
  storeTemporary(fn, high, significand);
}

/** An integer that is not zero, normalized. */
function ofMagnitude(fn: Fn, value: Local): { high: Expr; significand: Expr } {
  const isNegative = fn.let(i64.ltS(value, i64.const(0)));
  const magnitude = fn.let(i64.select(isNegative, i64.sub(i64.const(0), value), value));
  const shift = fn.let(i64.clz(magnitude));
  const exponent = i32.sub(i32.const(BIAS + 63), i32.wrap(shift));
  return {
    high: i32.or(exponent, i32.mul(isNegative, i32.const(SIGN))),
    significand: i64.shl(magnitude, shift),
  };
}

/** fromParts(sign and exponent, significand) */
export function defineFromParts(fn: Fn): void {
  const [high, significand] = fn.params as [Local, Local];
  storeTemporary(fn, high, significand);
}

/** Whether the temporary number is what fromSingle or fromDouble could not convert. */
export const isSpecial = (high: Local, significand: Local): Expr =>
  i32.and(i32.eq(high, i32.const(SPECIAL_HIGH)), i64.eqz(significand));
