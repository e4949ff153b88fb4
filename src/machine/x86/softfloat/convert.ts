/** Conversions: between formats, to and from integers, and rounding to an integral value. */
import { denormalOperand, nanResult } from "./arithmetic.ts";
import { type FpContext, IE, PE, Rounding } from "./context.ts";
import { type Float, type FloatFormat, fromScaled, INDEFINITE, Kind, zero } from "./float.ts";
import { round, roundOff } from "./round.ts";

/**
 * Rounds to another format. Signaling NaNs are quieted with IE; denormal operands raise DE
 * (CVTSD2SS) or not (FST m32).
 */
export function convert(context: FpContext, format: FloatFormat, x: Float, raiseDenormal = true): Float {
  const special = nanResult(context, x, x);
  if (special) return truncatePayload(format, special);
  if (raiseDenormal && denormalOperand(context, x, x)) return INDEFINITE;
  if (x.kind !== Kind.Finite) return x;
  return round(context, format, x.sign, x.sig, x.exp - 63);
}

/** A NaN in a smaller format keeps the high bits of its payload. */
function truncatePayload(format: FloatFormat, nan: Float): Float {
  const drop = BigInt(64 - format.precision);
  return { ...nan, sig: (nan.sig >> drop) << drop };
}

/** Magnitude rounded to an integer; the exponent is at most 64. Sets `inexact` and `roundedUp`. */
function integerMagnitude(context: FpContext, x: Float): bigint {
  // With 65 bits or more dropped all are "rest".
  return roundOff(context, x.sign, x.sig, Math.min(63 - x.exp, 66));
}

/**
 * Converts to a signed integer of `bits` bits. What does not fit, infinities and NaNs raise IE and
 * give the integer indefinite (only the sign bit set). Denormals raise no DE.
 */
export function toInteger(context: FpContext, x: Float, bits: number): bigint {
  const limit = 1n << BigInt(bits - 1);
  if (x.kind === Kind.Zero) return 0n;
  if (x.kind === Kind.Finite && x.exp < 64) {
    const magnitude = integerMagnitude(context, x);
    if (magnitude < limit || (magnitude === limit && x.sign === 1)) {
      if (context.inexact) context.flags |= PE;
      return x.sign === 1 ? -magnitude : magnitude;
    }
  }
  context.inexact = false;
  context.roundedUp = false;
  context.flags |= IE;
  return -limit;
}

/** `toInteger` with truncation whatever the rounding mode: CVTTSS2SI, FISTTP. */
export function truncateToInteger(context: FpContext, x: Float, bits: number): bigint {
  const { rounding } = context;
  context.rounding = Rounding.Zero;
  const result = toInteger(context, x, bits);
  context.rounding = rounding;
  return result;
}

/** Rounds to an integral value in the same format: FRNDINT (raises DE for denormals), ROUNDSS (does not). */
export function roundToIntegral(context: FpContext, x: Float, raiseDenormal: boolean): Float {
  const special = nanResult(context, x, x);
  if (special) return special;
  if (raiseDenormal && denormalOperand(context, x, x)) return INDEFINITE;
  if (x.kind !== Kind.Finite || x.exp >= 63) return x;
  const magnitude = integerMagnitude(context, x);
  if (context.inexact) context.flags |= PE;
  return magnitude === 0n ? zero(x.sign) : fromScaled(x.sign, magnitude, 0);
}
