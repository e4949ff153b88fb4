/**
 * F2XM1, FYL2X, FYL2XP1: exponential and logarithms. SDM vol. 1 §8.3.9.
 *
 * Results are rounded from at least 100 good bits, so they are correctly rounded but for one case
 * in billions; real processors promise one unit in the last place only (§8.3.10).
 */
import {
  bitLength,
  denormalOperand,
  F80,
  type Float,
  type FpContext,
  finite,
  INDEFINITE,
  INTEGER_BIT,
  infinity,
  invalid,
  Kind,
  nanResult,
  round,
  type Sign,
  withSign,
  ZE,
  zero,
} from "../softfloat/index.ts";
import { CONSTANT_BITS, LOG2E } from "./constants.ts";
import { atanh, expm1, ln2To } from "./fixed.ts";
import { ONE, roundInexact, toFixed } from "./inexact.ts";

/** Below 2 to this, one term of a series gives all the bits that matter. */
const LINEAR = -80;
/** Bits of the constants that linear terms are multiplied with. */
const LINEAR_BITS = 192;
const LINEAR_LN2 = ln2To(LINEAR_BITS);
const LINEAR_LOG2E = LOG2E >> BigInt(CONSTANT_BITS - LINEAR_BITS);

/** 2^x - 1 for -1 <= x <= 1. */
export function f2xm1(context: FpContext, x: Float): Float {
  const special = nanResult(context, x, x);
  if (special) return special;
  if (x.kind === Kind.Zero) return x;
  if (x.kind === Kind.Infinity) return x.sign === 0 ? x : withSign(ONE, 1);
  if (denormalOperand(context, x, x)) return INDEFINITE;
  if (x.exp >= 0) {
    if (x.exp === 0 && x.sig === INTEGER_BIT) return x.sign === 0 ? ONE : finite(1, -1, INTEGER_BIT);
    return x; // outside -1..1 the result is undefined
  }
  if (x.exp < LINEAR) return round(context, F80, x.sign, (x.sig * LINEAR_LN2) | 1n, x.exp - 63 - LINEAR_BITS);
  const bits = 128 - x.exp;
  return roundInexact(context, expm1((toFixed(x, bits) * ln2To(bits)) >> BigInt(bits), bits), bits);
}

/** Bits of fixed-point logarithms: enough for 1 + 2^-63, whose logarithm has 63 leading zeros. */
const LOG_BITS = 208;
const SQRT_2 = 0xb504f333f9de6484n;

/** y log2(magnitude * 2^exp), for a positive magnitude of any length. */
function yLog2(context: FpContext, y: Float, magnitude: bigint, exp: number): Float {
  const length = bitLength(magnitude);
  const exponent = exp + length - 1;
  const m = length > LOG_BITS ? magnitude >> BigInt(length - LOG_BITS) : magnitude << BigInt(LOG_BITS - length);
  const one = 1n << BigInt(LOG_BITS - 1);
  if (m === one) return timesFixed(context, y, BigInt(exponent), 0, true);
  // A mantissa in 0.7 .. 1.42, so that numbers next to 1 do not lose digits: m has one bit more after the point.
  const upper = m >> BigInt(LOG_BITS - 64) > SQRT_2;
  const two = upper ? one << 1n : one;
  const ln = atanh(((m - two) << BigInt(LOG_BITS)) / (m + two), LOG_BITS) << 1n;
  const log2 = (BigInt(exponent + (upper ? 1 : 0)) << BigInt(LOG_BITS)) + ((ln * LOG2E) >> BigInt(CONSTANT_BITS));
  return timesFixed(context, y, log2, LOG_BITS, false);
}

/** y times a fixed-point number with `bits` bits after the point. */
function timesFixed(context: FpContext, y: Float, n: bigint, bits: number, exact: boolean): Float {
  const sign = (y.sign ^ (n < 0n ? 1 : 0)) as Sign;
  const product = y.sig * (n < 0n ? -n : n);
  return round(context, F80, sign, exact ? product : (product << 1n) | 1n, y.exp - 63 - bits - (exact ? 0 : 1));
}

/** y log2(x) */
export function fyl2x(context: FpContext, x: Float, y: Float): Float {
  const special = nanResult(context, x, y);
  if (special) return special;
  if (x.sign === 1 && x.kind !== Kind.Zero) return invalid(context);
  const opposite = (y.sign ^ 1) as Sign;
  if (x.kind === Kind.Zero) {
    if (y.kind === Kind.Zero) return invalid(context);
    if (y.kind !== Kind.Infinity) context.flags |= ZE;
    return infinity(opposite);
  }
  const isOne = x.kind === Kind.Finite && x.exp === 0 && x.sig === INTEGER_BIT;
  if (y.kind === (x.kind === Kind.Infinity ? Kind.Zero : Kind.Infinity) && (isOne || x.kind === Kind.Infinity)) {
    return invalid(context);
  }
  if (denormalOperand(context, x, y)) return INDEFINITE;
  if (x.kind === Kind.Infinity) return infinity(y.sign);
  const sign = x.exp < 0 ? opposite : y.sign;
  if (y.kind === Kind.Infinity) return infinity(sign);
  if (y.kind === Kind.Zero || isOne) return zero(sign);
  return yLog2(context, y, x.sig, x.exp - 63);
}

/** y log2(x + 1), for x within 1 - sqrt(1/2) of zero; elsewhere undefined by the manual, but right. */
export function fyl2xp1(context: FpContext, x: Float, y: Float): Float {
  const special = nanResult(context, x, y);
  if (special) return special;
  const sign = (x.sign ^ y.sign) as Sign;
  if (x.kind === Kind.Zero && y.kind === Kind.Infinity) return invalid(context);
  if (x.kind === Kind.Infinity && (x.sign === 1 || y.kind === Kind.Zero)) return invalid(context);
  if (x.kind === Kind.Finite && x.sign === 1 && x.exp >= 0) return invalid(context);
  if (denormalOperand(context, x, y)) return INDEFINITE;
  if (x.kind === Kind.Infinity || y.kind === Kind.Infinity) return infinity(sign);
  if (x.kind === Kind.Zero || y.kind === Kind.Zero) return zero(sign);
  if (x.exp < LINEAR) {
    return round(context, F80, sign, (x.sig * y.sig * LINEAR_LOG2E) | 1n, x.exp + y.exp - 126 - LINEAR_BITS);
  }
  // Far from zero nothing cancels. One more is nothing to a large number.
  if (x.exp > 200) return yLog2(context, y, x.sig, x.exp - 63);
  if (x.exp >= -2) return yLog2(context, y, toFixed(x, 128) + (1n << 128n), -128);
  const bits = 128 - x.exp;
  const fixed = toFixed(x, bits);
  const ln = atanh((fixed << BigInt(bits)) / ((2n << BigInt(bits)) + fixed), bits) << 1n;
  return timesFixed(context, y, (ln * LOG2E) >> BigInt(CONSTANT_BITS), bits, false);
}
