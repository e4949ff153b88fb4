/** Rounding of exact results into a format. */
import { type FpContext, OE, PE, Rounding, UE } from "./context.ts";
import {
  bitLength,
  type Float,
  type FloatFormat,
  finite,
  fromScaled,
  INTEGER_BIT,
  infinity,
  type Sign,
  zero,
} from "./float.ts";

/**
 * Drops the lowest `shift` bits of a magnitude by the rounding mode; sets `inexact` and
 * `roundedUp`. A negative shift adds zero bits.
 */
export function roundOff(context: FpContext, sign: Sign, magnitude: bigint, shift: number): bigint {
  context.inexact = false;
  context.roundedUp = false;
  if (shift <= 0) return magnitude << BigInt(-shift);
  const n = BigInt(shift);
  const kept = magnitude >> n;
  const rest = magnitude - (kept << n);
  if (rest === 0n) return kept;
  context.inexact = true;
  switch (context.rounding) {
    case Rounding.Nearest: {
      const half = 1n << (n - 1n);
      context.roundedUp = rest > half || (rest === half && (kept & 1n) === 1n);
      break;
    }
    case Rounding.Down:
      context.roundedUp = sign === 1;
      break;
    case Rounding.Up:
      context.roundedUp = sign === 0;
      break;
    case Rounding.Zero:
      break;
  }
  return context.roundedUp ? kept + 1n : kept;
}

/**
 * Rounds `magnitude * 2^exp` to a format, with overflow and underflow. Bit 0 of the magnitude may
 * stand for "and something more below" if it has at least two bits more than the precision.
 */
export function round(context: FpContext, format: FloatFormat, sign: Sign, magnitude: bigint, exp: number): Float {
  const length = bitLength(magnitude);
  const exponent = exp + length - 1;
  if (exponent < format.emin) return roundTiny(context, format, sign, magnitude, length, exponent);
  let kept = roundOff(context, sign, magnitude, length - format.precision) << BigInt(64 - format.precision);
  let e = exponent;
  if (kept >> 64n !== 0n) {
    kept = INTEGER_BIT;
    e++;
  }
  if (e > format.emax) return overflow(context, format, sign, kept, e);
  if (context.inexact) context.flags |= PE;
  return finite(sign, e, kept);
}

function overflow(context: FpContext, format: FloatFormat, sign: Sign, sig: bigint, e: number): Float {
  context.flags |= OE;
  if ((context.masks & OE) === 0) {
    if (context.inexact) context.flags |= PE;
    const wrapped = e - context.exponentWrap;
    if (wrapped <= format.emax) return finite(sign, wrapped, sig);
    // Out of range even so (FSCALE), or not stored.
    if (context.exponentWrap !== 0) context.flags |= PE;
    context.roundedUp = true;
    return infinity(sign);
  }
  context.flags |= PE;
  context.inexact = true;
  const toInfinity =
    context.rounding === Rounding.Nearest || context.rounding === (sign === 0 ? Rounding.Up : Rounding.Down);
  context.roundedUp = toInfinity;
  if (toInfinity) return infinity(sign);
  return finite(sign, format.emax, ((1n << BigInt(format.precision)) - 1n) << BigInt(64 - format.precision));
}

/** The leading bit is below the least normal exponent, but rounding may still carry into it. */
function roundTiny(
  context: FpContext,
  format: FloatFormat,
  sign: Sign,
  magnitude: bigint,
  length: number,
  exponent: number,
): Float {
  const { precision, emin } = format;
  // x86 detects tininess after rounding, as if the exponent had no bounds (SDM vol. 1 §4.9.1.5).
  const unmasked = (context.masks & UE) === 0;
  if (unmasked || exponent === emin - 1) {
    const full = roundOff(context, sign, magnitude, length - precision);
    const carried = full >> BigInt(precision) !== 0n;
    const e = carried ? exponent + 1 : exponent;
    const sig = carried ? INTEGER_BIT : full << BigInt(64 - precision);
    if (unmasked && e < emin) {
      context.flags |= context.inexact ? UE | PE : UE;
      const wrapped = e + context.exponentWrap;
      if (wrapped >= emin) return finite(sign, wrapped, sig);
      if (context.exponentWrap !== 0) context.flags |= PE;
      context.roundedUp = false;
      return zero(sign);
    }
    if (e >= emin) {
      // Not tiny: it carried, and does so as well with one bit less.
      if (context.inexact) context.flags |= PE;
      return finite(sign, e, sig);
    }
  }
  if (context.flushToZero) {
    context.flags |= UE | PE;
    context.inexact = true;
    context.roundedUp = false;
    return zero(sign);
  }
  // Far below the least denormal all bits are "rest"; keep the shift small.
  const shift = Math.min(length - precision + (emin - exponent), length + 1);
  const kept = roundOff(context, sign, magnitude, shift);
  if (context.inexact) context.flags |= UE | PE;
  return fromScaled(sign, kept, emin - precision + 1);
}

/** Rounds a finite number to a format. */
export function roundFloat(context: FpContext, format: FloatFormat, x: Float): Float {
  return round(context, format, x.sign, x.sig, x.exp - 63);
}
