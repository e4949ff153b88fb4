/**
 * Logarithmic, exponential and trigonometric instructions. SDM vol. 1 §8.3.7 to §8.3.10.
 *
 * Results are rounded from at least 100 good bits, so they are correctly rounded but for one case
 * in billions; real processors promise one unit in the last place only. FSIN and its sisters
 * reduce their argument by a pi of 66 bits, as processors do.
 */
import {
  bitLength,
  denormalOperand,
  F80,
  type Float,
  type FpContext,
  finite,
  INDEFINITE,
  infinity,
  invalid,
  INTEGER_BIT,
  Kind,
  nanResult,
  negate,
  PE,
  round,
  roundFloat,
  type Sign,
  withSign,
  ZE,
  zero,
} from "../softfloat/index.ts";
import { CONSTANT_BITS, LOG2E, PI_66, PI_66_BITS } from "./constants.ts";
import { atan, atanh, expm1, ln2To, piTo, sinCos } from "./fixed.ts";
import type { Handler } from "./handler.ts";
import { FSW_C2, type X87Unit } from "./unit.ts";

const ONE = finite(0, 0, INTEGER_BIT);

/** Rounds a fixed-point result that is never exact. */
function roundInexact(context: FpContext, n: bigint, bits: number): Float {
  const sign: Sign = n < 0n ? 1 : 0;
  return round(context, F80, sign, ((sign ? -n : n) << 1n) | 1n, -bits - 1);
}

/** x, but a little less (or more): the first term of a series whose others only matter for rounding. */
function nearly(context: FpContext, x: Float, less: boolean): Float {
  const magnitude = (x.sig << 66n) + (less ? -1n : 1n);
  return round(context, F80, x.sign, magnitude, x.exp - 63 - 66);
}

/** x as a fixed-point number. */
function toFixed(x: Float, bits: number): bigint {
  const shift = x.exp - 63 + bits;
  const n = shift >= 0 ? x.sig << BigInt(shift) : x.sig >> BigInt(-shift);
  return x.sign === 1 ? -n : n;
}

// 2^x - 1

function f2xm1(context: FpContext, x: Float): Float {
  const special = nanResult(context, x, x);
  if (special) return special;
  if (x.kind === Kind.Zero) return x;
  if (x.kind === Kind.Infinity) return x.sign === 0 ? x : withSign(ONE, 1);
  if (denormalOperand(context, x, x)) return INDEFINITE;
  if (x.exp >= 0) {
    if (x.exp === 0 && x.sig === INTEGER_BIT) return x.sign === 0 ? ONE : finite(1, -1, INTEGER_BIT);
    return x; // outside -1..1 the result is undefined
  }
  if (x.exp < -80) return scaledConstant(context, x, LN2_CONSTANT);
  const bits = 128 - x.exp;
  return roundInexact(context, expm1((toFixed(x, bits) * ln2To(bits)) >> BigInt(bits), bits), bits);
}

const LN2_CONSTANT = ln2To(192);
const LOG2E_CONSTANT = LOG2E >> BigInt(CONSTANT_BITS - 192);

/** x times a constant with 192 bits after the point. */
const scaledConstant = (context: FpContext, x: Float, constant: bigint): Float =>
  round(context, F80, x.sign, (x.sig * constant) | 1n, x.exp - 63 - 192);

// y log2(x)

/** Bits of fixed-point logarithms: enough for 1 + 2^-63, whose logarithm has 63 leading zeros. */
const LOG_BITS = 208;

/** log2 of a positive finite number other than 1, as fixed point with LOG_BITS. `exact` if it is a power of two. */
function log2(x: Float): { value: bigint; exact: boolean } {
  const b = BigInt(LOG_BITS);
  if (x.sig === INTEGER_BIT) return { value: BigInt(x.exp) << b, exact: true };
  // m in (0.7, 1.42), so that numbers next to 1 do not lose digits.
  const upper = x.sig > 0xb504f333f9de6484n;
  const exponent = upper ? x.exp + 1 : x.exp;
  const m = x.sig << BigInt(LOG_BITS - 63 - (upper ? 1 : 0));
  const one = 1n << b;
  const ln = atanh(((m - one) << b) / (m + one), LOG_BITS) << 1n;
  return { value: (BigInt(exponent) << b) + ((ln * LOG2E) >> BigInt(CONSTANT_BITS)), exact: false };
}

/** y times a fixed-point number with `bits` bits after the point. */
function timesFixed(context: FpContext, y: Float, n: bigint, bits: number, exact: boolean): Float {
  const sign = (y.sign ^ (n < 0n ? 1 : 0)) as Sign;
  const product = y.sig * (n < 0n ? -n : n);
  return round(context, F80, sign, exact ? product : (product << 1n) | 1n, y.exp - 63 - bits - (exact ? 0 : 1));
}

function fyl2x(context: FpContext, x: Float, y: Float): Float {
  const special = nanResult(context, x, y);
  if (special) return special;
  if (x.sign === 1 && x.kind !== Kind.Zero) return invalid(context);
  const isOne = x.kind === Kind.Finite && x.exp === 0 && x.sig === INTEGER_BIT;
  if (x.kind === Kind.Zero) {
    if (y.kind === Kind.Zero) return invalid(context);
    if (y.kind === Kind.Infinity) return infinity((y.sign ^ 1) as Sign);
    context.flags |= ZE;
    return infinity((y.sign ^ 1) as Sign);
  }
  if (x.kind === Kind.Infinity && y.kind === Kind.Zero) return invalid(context);
  if (isOne && y.kind === Kind.Infinity) return invalid(context);
  if (denormalOperand(context, x, y)) return INDEFINITE;
  if (x.kind === Kind.Infinity) return infinity(y.sign);
  const negative = (x.exp < 0 ? 1 : 0) as Sign;
  if (y.kind === Kind.Infinity) return infinity((y.sign ^ negative) as Sign);
  if (y.kind === Kind.Zero || isOne) return zero((y.sign ^ negative) as Sign);
  const { value, exact } = log2(x);
  return timesFixed(context, y, value, LOG_BITS, exact);
}

function fyl2xp1(context: FpContext, x: Float, y: Float): Float {
  const special = nanResult(context, x, y);
  if (special) return special;
  const sign = (x.sign ^ y.sign) as Sign;
  if (x.kind === Kind.Zero && y.kind === Kind.Infinity) return invalid(context);
  if (x.kind === Kind.Infinity && (x.sign === 1 || y.kind === Kind.Zero)) return invalid(context);
  if (x.kind === Kind.Finite && x.sign === 1 && x.exp >= 0) return invalid(context); // undefined by the manual
  if (denormalOperand(context, x, y)) return INDEFINITE;
  if (x.kind === Kind.Infinity || y.kind === Kind.Infinity) return infinity(sign);
  if (x.kind === Kind.Zero || y.kind === Kind.Zero) return zero(sign);
  if (x.exp < -80) {
    // log2(1 + x) is x log2(e) to all the bits that matter.
    return round(context, F80, sign, (x.sig * y.sig * LOG2E_CONSTANT) | 1n, x.exp + y.exp - 126 - 192);
  }
  const bits = x.exp < 0 ? 128 - x.exp : 128;
  const fixed = toFixed(x, bits);
  const two = 2n << BigInt(bits);
  if (x.exp >= -2) {
    // Far from zero (and, above 0.42, outside the defined range): as for FYL2X.
    const sum = fixed + (1n << BigInt(bits));
    const length = bitLength(sum);
    const reduced = finite(0, length - 1 - bits, length > 64 ? sum >> BigInt(length - 64) : sum << BigInt(64 - length));
    if (length - 64 <= 0 || (sum & ((1n << BigInt(length - 64)) - 1n)) === 0n) {
      const { value, exact } = log2(reduced);
      return timesFixed(context, y, value, LOG_BITS, exact);
    }
  }
  const ln = atanh((fixed << BigInt(bits)) / (two + fixed), bits) << 1n;
  return timesFixed(context, y, (ln * LOG2E) >> BigInt(CONSTANT_BITS), bits, false);
}

// atan2(y, x)

const ANGLE_BITS = 200;

/** A multiple of pi/4, rounded. */
const quarterTurns = (context: FpContext, sign: Sign, quarters: bigint): Float =>
  roundInexact(context, (sign ? -1n : 1n) * ((piTo(ANGLE_BITS) * quarters) >> 2n), ANGLE_BITS);

function fpatan(context: FpContext, x: Float, y: Float): Float {
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
  if (distance < -80) {
    if (x.sign === 1) return quarterTurns(context, y.sign, 4n);
    const quotient = (y.sig << 130n) / x.sig;
    // Atan(t) is a little less than t.
    const exact = quotient * x.sig === y.sig << 130n;
    return round(context, F80, y.sign, exact ? (quotient << 1n) - 1n : (quotient << 1n) | 1n, distance - 131);
  }
  const bits = Math.min(230, 130 + Math.abs(distance));
  const b = BigInt(bits);
  const steep = distance > 0 || (distance === 0 && y.sig > x.sig);
  const [numerator, denominator] = steep ? [x, y] : [y, x];
  const shift = bits + numerator.exp - denominator.exp;
  const t = (numerator.sig << BigInt(Math.max(shift, 0))) / denominator.sig;
  let angle = atan(t, bits);
  const pi = piTo(bits);
  // First in the quadrant of |x|, |y|, then mirrored.
  if (steep) angle = (pi >> 1n) - angle;
  if (x.sign === 1) angle = pi - angle;
  void b;
  return roundInexact(context, y.sign === 1 ? -angle : angle, bits);
}

// sine, cosine, tangent

/** Arguments from 2^63 are refused with C2. */
const TRIG_LIMIT = 63;

interface Reduced {
  /** Number of quarter turns taken off, modulo 4. */
  quadrant: number;
  /** Rest in -pi/4 .. pi/4. */
  rest: bigint;
  bits: number;
}

/** |x| reduced by multiples of half of the 66-bit pi, exactly. */
function reduce(x: Float): Reduced {
  // Half of pi has one bit more after the point.
  let bits = Math.max(PI_66_BITS + 1, 63 - x.exp);
  const half = PI_66 << BigInt(bits - PI_66_BITS - 1);
  const value = x.sig << BigInt(x.exp - 63 + bits);
  let quarter = value / half;
  let rest = value - quarter * half;
  if (rest << 1n > half) {
    quarter++;
    rest -= half;
  }
  // Bits for the result, beyond the leading zeros of the rest.
  const length = rest === 0n ? 0 : bitLength(rest < 0n ? -rest : rest);
  const wanted = 130 + (bits - length);
  if (wanted > bits) {
    rest <<= BigInt(wanted - bits);
    bits = wanted;
  }
  return { quadrant: Number(quarter & 3n), rest, bits };
}

/** Sine and cosine of any argument in range, as fixed point. */
function sinCosOf(x: Float): { sin: bigint; cos: bigint; bits: number } {
  const { quadrant, rest, bits } = reduce(x);
  const small = sinCos(rest, bits);
  let [sin, cos] = (quadrant & 1) === 0 ? [small.sin, small.cos] : [small.cos, -small.sin];
  if ((quadrant & 2) !== 0) [sin, cos] = [-sin, -cos];
  return { sin: x.sign === 1 ? -sin : sin, cos, bits };
}

/** Below this, sin x = tan x = x and cos x = 1 but for rounding. */
const TRIG_TINY = -34;

const isTiny = (x: Float): boolean => x.exp < TRIG_TINY;
const sine = (context: FpContext, x: Float): Float => {
  if (x.kind === Kind.Zero) return x;
  if (isTiny(x)) return nearly(context, x, true);
  const { sin, bits } = sinCosOf(x);
  return roundInexact(context, sin, bits);
};
const cosine = (context: FpContext, x: Float): Float => {
  if (x.kind === Kind.Zero) return ONE;
  if (isTiny(x)) return nearly(context, ONE, true);
  const { cos, bits } = sinCosOf(x);
  return roundInexact(context, cos, bits);
};
const tangent = (context: FpContext, x: Float): Float => {
  if (x.kind === Kind.Zero) return x;
  if (isTiny(x)) return nearly(context, x, false);
  const { sin, cos, bits } = sinCosOf(x);
  // A quotient of up to 130 bits in front of the point, if the cosine is small.
  return roundInexact(context, (sin << BigInt(bits)) / cos, bits);
};

type Trig = (context: FpContext, x: Float) => Float;

/**
 * @param pushed what is pushed above the result of `function_`: cosine (FSINCOS), 1 (FPTAN) or nothing
 */
function trigonometric(function_: Trig, pushed?: Trig): Handler {
  return (fpu) => {
    const context = fpu.begin();
    fpu.fsw &= ~FSW_C2;
    const overflow = pushed !== undefined && !fpu.isEmpty(7);
    if (fpu.isEmpty(0) || overflow) {
      if (!fpu.stackFault(!fpu.isEmpty(0))) return;
      fpu.write(0, INDEFINITE);
      if (pushed) fpu.push(INDEFINITE);
      return;
    }
    const x = fpu.read(0);
    if (x.kind === Kind.Finite && x.exp >= TRIG_LIMIT) {
      fpu.fsw |= FSW_C2;
      return;
    }
    let value: Float;
    let second: Float | undefined;
    const special = nanResult(context, x, x) ?? (x.kind === Kind.Infinity ? invalid(context) : undefined);
    if (special) {
      value = second = special;
    } else {
      if (denormalOperand(context, x, x)) {
        fpu.commit();
        return;
      }
      value = function_(context, x);
      second = pushed?.(context, x);
    }
    if (!fpu.commit()) return;
    fpu.write(0, value);
    if (pushed && second) fpu.push(second);
  };
}

/** ST(1) = f(ST(0), ST(1)), then pops. */
function binary(operation: (context: FpContext, x: Float, y: Float) => Float): Handler {
  return (fpu) => {
    const context = fpu.begin();
    if (fpu.isEmpty(0) || fpu.isEmpty(1)) {
      if (!fpu.stackFault(false)) return;
      fpu.write(1, INDEFINITE);
      fpu.pop();
      return;
    }
    const value = operation(context, fpu.read(0), fpu.read(1));
    if (!fpu.commit()) return;
    fpu.write(1, value);
    fpu.pop();
  };
}

function unary(fpu: X87Unit, operation: (context: FpContext, x: Float) => Float): void {
  const context = fpu.begin();
  if (fpu.isEmpty(0)) {
    if (fpu.stackFault(false)) fpu.write(0, INDEFINITE);
    return;
  }
  const value = operation(context, fpu.read(0));
  if (fpu.commit()) fpu.write(0, value);
}

export const transcendental: Record<string, Handler> = {
  f2xm1: (fpu) => unary(fpu, f2xm1),
  fyl2x: binary(fyl2x),
  fyl2xp1: binary(fyl2xp1),
  fpatan: binary(fpatan),
  fsin: trigonometric(sine),
  fcos: trigonometric(cosine),
  fsincos: trigonometric(sine, cosine),
  fptan: trigonometric(tangent, () => ONE),
};
