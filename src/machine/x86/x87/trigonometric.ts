/**
 * FSIN, FCOS, FPTAN, FPATAN. SDM vol. 1 §8.3.8.
 *
 * As for the exponentials, results are rounded from at least 100 good bits. Arguments are reduced
 * by a pi of 66 bits, as processors do.
 */
import {
  bitLength,
  denormalOperand,
  F80,
  type Float,
  type FpContext,
  INDEFINITE,
  Kind,
  nanResult,
  round,
  type Sign,
  zero,
} from "../softfloat/index.ts";
import { PI_66, PI_66_BITS } from "./constants.ts";
import { atan, piTo, sinCos } from "./fixed.ts";
import { nearly, ONE, roundInexact } from "./inexact.ts";

const ANGLE_BITS = 200;

/** A multiple of pi/4, rounded. */
const quarterTurns = (context: FpContext, sign: Sign, quarters: bigint): Float =>
  roundInexact(context, (sign ? -1n : 1n) * ((piTo(ANGLE_BITS) * quarters) >> 2n), ANGLE_BITS);

/** Angle of the point (x, y). */
export function fpatan(context: FpContext, x: Float, y: Float): Float {
  const special = nanResult(context, x, y);
  if (special) return special;
  if (denormalOperand(context, x, y)) return INDEFINITE;
  if (x.kind === Kind.Infinity && y.kind === Kind.Infinity) return quarterTurns(context, y.sign, x.sign ? 3n : 1n);
  if (y.kind === Kind.Zero || x.kind === Kind.Infinity) {
    return x.sign === 0 ? zero(y.sign) : quarterTurns(context, y.sign, 4n);
  }
  if (x.kind === Kind.Zero || y.kind === Kind.Infinity) return quarterTurns(context, y.sign, 2n);
  const distance = y.exp - x.exp;
  // So steep or so flat that the angle is next to an axis.
  if (distance > 130) return quarterTurns(context, y.sign, 2n);
  if (distance < -80) return x.sign === 1 ? quarterTurns(context, y.sign, 4n) : flat(context, x, y);
  const bits = Math.min(230, 130 + Math.abs(distance));
  const steep = distance > 0 || (distance === 0 && y.sig > x.sig);
  const [numerator, denominator] = steep ? [x, y] : [y, x];
  const t = (numerator.sig << BigInt(bits + numerator.exp - denominator.exp)) / denominator.sig;
  // First in the octant, then mirrored.
  let angle = atan(t, bits);
  const pi = piTo(bits);
  if (steep) angle = (pi >> 1n) - angle;
  if (x.sign === 1) angle = pi - angle;
  return roundInexact(context, y.sign === 1 ? -angle : angle, bits);
}

/** y/x, and a little less. */
function flat(context: FpContext, x: Float, y: Float): Float {
  const dividend = y.sig << 130n;
  const quotient = dividend / x.sig;
  const exact = quotient * x.sig === dividend;
  return round(context, F80, y.sign, exact ? (quotient << 1n) - 1n : (quotient << 1n) | 1n, y.exp - x.exp - 131);
}

/** Below 2 to this, sin x = tan x = x and cos x = 1 but for rounding. */
const TINY = -34;

interface SinCos {
  sin: bigint;
  cos: bigint;
  bits: number;
}

/** Sine and cosine of a finite number in TINY .. 2^63, as fixed point. */
function sinCosOf(x: Float): SinCos {
  // Reduce |x| by multiples of half of the 66-bit pi, exactly. Half of it has one bit more after the point.
  let bits = Math.max(PI_66_BITS + 1, 63 - x.exp);
  const half = PI_66 << BigInt(bits - PI_66_BITS - 1);
  const value = x.sig << BigInt(x.exp - 63 + bits);
  let quadrant = value / half;
  let rest = value - quadrant * half;
  if (rest << 1n > half) {
    quadrant++;
    rest -= half;
  }
  // Bits for the result, beyond the leading zeros of the rest. (It is not zero: x has fewer bits than pi.)
  const extra = 130 - bitLength(rest < 0n ? -rest : rest);
  rest <<= BigInt(extra);
  bits += extra;
  let { sin, cos } = sinCos(rest, bits);
  if ((quadrant & 1n) !== 0n) [sin, cos] = [cos, -sin];
  if ((quadrant & 2n) !== 0n) [sin, cos] = [-sin, -cos];
  return { sin: x.sign === 1 ? -sin : sin, cos, bits };
}

export function sine(context: FpContext, x: Float): Float {
  if (x.kind === Kind.Zero) return x;
  if (x.exp < TINY) return nearly(context, x, true);
  const { sin, bits } = sinCosOf(x);
  return roundInexact(context, sin, bits);
}

export function cosine(context: FpContext, x: Float): Float {
  if (x.kind === Kind.Zero) return ONE;
  if (x.exp < TINY) return nearly(context, ONE, true);
  const { cos, bits } = sinCosOf(x);
  return roundInexact(context, cos, bits);
}

export function tangent(context: FpContext, x: Float): Float {
  if (x.kind === Kind.Zero) return x;
  if (x.exp < TINY) return nearly(context, x, false);
  const { sin, cos, bits } = sinCosOf(x);
  return roundInexact(context, (sin << BigInt(bits)) / cos, bits);
}
