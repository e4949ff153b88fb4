/**
 * Add, subtract, multiply, divide, square root: exact, then rounded once.
 *
 * If an exception that is raised by the operands (IE, DE, ZE) is unmasked, what is returned has
 * no meaning: the caller must look at the flags first.
 */
import { DE, type FpContext, IE, Rounding, ZE } from "./context.ts";
import {
  type Float,
  type FloatFormat,
  INDEFINITE,
  infinity,
  isNan,
  Kind,
  negate,
  quiet,
  type Sign,
  zero,
} from "./float.ts";
import { round } from "./round.ts";

/** Raises IE and gives the indefinite. */
export function invalid(context: FpContext): Float {
  context.flags |= IE;
  return INDEFINITE;
}

/** The result if an operand is a NaN or unsupported, else undefined. */
export function nanResult(context: FpContext, a: Float, b: Float): Float | undefined {
  if (a.kind < Kind.QuietNan && b.kind < Kind.QuietNan) return undefined;
  if (a.kind === Kind.Unsupported || b.kind === Kind.Unsupported) return invalid(context);
  if (a.kind === Kind.SignalingNan || b.kind === Kind.SignalingNan) context.flags |= IE;
  return quiet(isNan(a) ? (isNan(b) ? context.chooseNan(a, b) : a) : b);
}

/** Raises DE for denormal operands. True if it is unmasked, so that nothing is to be computed. */
export function denormalOperand(context: FpContext, a: Float, b: Float): boolean {
  if (!a.denormal && !b.denormal) return false;
  context.flags |= DE;
  return (context.masks & DE) === 0;
}

/** Distance of exponents from which the smaller operand of a sum only matters as "not zero". */
const FAR = 67;

export function add(context: FpContext, format: FloatFormat, a: Float, b: Float): Float {
  const special = nanResult(context, a, b);
  if (special) return special;
  if (a.kind === Kind.Infinity && b.kind === Kind.Infinity && a.sign !== b.sign) return invalid(context);
  if (denormalOperand(context, a, b)) return INDEFINITE;
  if (a.kind === Kind.Infinity) return a;
  if (b.kind === Kind.Infinity) return b;
  if (a.kind === Kind.Zero && b.kind === Kind.Zero) return zero(a.sign === b.sign ? a.sign : cancelledSign(context));
  // The other operand may have more bits than the format.
  if (b.kind === Kind.Zero) return round(context, format, a.sign, a.sig, a.exp - 63);
  if (a.kind === Kind.Zero) return round(context, format, b.sign, b.sig, b.exp - 63);
  const [large, small] = a.exp >= b.exp ? [a, b] : [b, a];
  const distance = large.exp - small.exp;
  const far = distance > FAR;
  const shift = far ? FAR : distance;
  const x = large.sig << BigInt(shift);
  const y = far ? 1n : small.sig;
  const exp = large.exp - 63 - shift;
  if (large.sign === small.sign) return round(context, format, large.sign, x + y, exp);
  const difference = x - y;
  if (difference > 0n) return round(context, format, large.sign, difference, exp);
  if (difference === 0n) return zero(cancelledSign(context));
  return round(context, format, small.sign, -difference, exp);
}

const cancelledSign = (context: FpContext): Sign => (context.rounding === Rounding.Down ? 1 : 0);

export function subtract(context: FpContext, format: FloatFormat, a: Float, b: Float): Float {
  return add(context, format, a, isNan(b) ? b : negate(b));
}

export function multiply(context: FpContext, format: FloatFormat, a: Float, b: Float): Float {
  const special = nanResult(context, a, b);
  if (special) return special;
  if ((a.kind === Kind.Infinity && b.kind === Kind.Zero) || (a.kind === Kind.Zero && b.kind === Kind.Infinity)) {
    return invalid(context);
  }
  if (denormalOperand(context, a, b)) return INDEFINITE;
  const sign = (a.sign ^ b.sign) as Sign;
  if (a.kind === Kind.Infinity || b.kind === Kind.Infinity) return infinity(sign);
  if (a.kind === Kind.Zero || b.kind === Kind.Zero) return zero(sign);
  return round(context, format, sign, a.sig * b.sig, a.exp + b.exp - 126);
}

export function divide(context: FpContext, format: FloatFormat, a: Float, b: Float): Float {
  const special = nanResult(context, a, b);
  if (special) return special;
  const sign = (a.sign ^ b.sign) as Sign;
  if (a.kind === b.kind && a.kind !== Kind.Finite) return invalid(context); // 0/0, inf/inf
  if (b.kind === Kind.Zero && a.kind === Kind.Finite) {
    context.flags |= ZE;
    return infinity(sign);
  }
  if (denormalOperand(context, a, b)) return INDEFINITE;
  if (a.kind === Kind.Infinity) return infinity(sign);
  if (b.kind === Kind.Infinity || a.kind === Kind.Zero) return zero(sign);
  // 66 or 67 quotient bits, and one that stands for the remainder.
  const dividend = a.sig << 66n;
  const quotient = dividend / b.sig;
  const remainder = dividend - quotient * b.sig;
  return round(context, format, sign, (quotient << 1n) | (remainder === 0n ? 0n : 1n), a.exp - b.exp - 67);
}

/** Largest integer whose square is at most n; n below 2^200. */
export function integerSqrt(n: bigint): bigint {
  if (n === 0n) return 0n;
  // The estimate has 52 good bits, each Newton step doubles them, and ends at or above the root.
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  root = (root + n / root) >> 1n;
  root = (root + n / root) >> 1n;
  while (root * root > n) root--;
  return root;
}

export function sqrt(context: FpContext, format: FloatFormat, a: Float): Float {
  const special = nanResult(context, a, a);
  if (special) return special;
  if (a.kind === Kind.Zero) return a;
  if (a.sign === 1) return invalid(context);
  if (denormalOperand(context, a, a)) return INDEFINITE;
  if (a.kind === Kind.Infinity) return a;
  // Shift so that the exponent of bit 0 is even, and the root has 66 bits.
  const shift = (a.exp & 1) === 0 ? 67 : 68;
  const n = a.sig << BigInt(shift);
  const root = integerSqrt(n);
  const rest = root * root === n ? 0n : 1n;
  return round(context, format, 0, (root << 1n) | rest, (a.exp - 63 - shift) / 2 - 1);
}
