/**
 * RCPPS and RSQRTPS: approximations that raise no exceptions and know no denormals. Processors
 * promise a relative error of at most 1.5 * 2^-12 and differ in the bits; these are rounded to 12
 * bits, so that nobody comes to rely on more. SDM vol. 1 §10.4.1, vol. 2.
 */
import { divide, sqrt } from "./arithmetic.ts";
import { ALL_EXCEPTIONS, type FpContext, Rounding } from "./context.ts";
import { F32, F64, type Float, finite, INDEFINITE, INTEGER_BIT, infinity, isNan, Kind, quiet, zero } from "./float.ts";
import { firstNan } from "./nan.ts";

const PRECISION_12 = { ...F32, precision: 12 };
const ONE = finite(0, 0, INTEGER_BIT);

/** Everything masked, to nearest, tiny results to zero: whatever MXCSR says. */
function quietContext(): FpContext {
  return {
    rounding: Rounding.Nearest,
    masks: ALL_EXCEPTIONS,
    flushToZero: true,
    chooseNan: firstNan,
    exponentWrap: 0,
    flags: 0,
    inexact: false,
    roundedUp: false,
  };
}

export function reciprocal(x: Float): Float {
  if (isNan(x)) return quiet(x);
  if (x.kind === Kind.Zero || x.denormal) return infinity(x.sign);
  if (x.kind === Kind.Infinity) return zero(x.sign);
  return divide(quietContext(), PRECISION_12, ONE, x);
}

export function reciprocalSqrt(x: Float): Float {
  if (isNan(x)) return quiet(x);
  if (x.kind === Kind.Zero || x.denormal) return infinity(x.sign);
  if (x.sign === 1) return INDEFINITE;
  if (x.kind === Kind.Infinity) return zero(0);
  return divide(quietContext(), PRECISION_12, ONE, sqrt(quietContext(), F64, x));
}
