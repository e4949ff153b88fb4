/**
 * Elementary functions in fixed point, for the x87's transcendental instructions.
 *
 * A number is an integer n that stands for n / 2^bits. Every function is good to about the last
 * ten bits of its argument's `bits`, so callers choose `bits` large enough for the result's own
 * leading zeros. Divisions truncate towards zero, shifts towards minus infinity.
 */
import { CONSTANT_BITS, LN2, PI } from "./constants.ts";

/** pi with `bits` bits after the point. */
export const piTo = (bits: number): bigint => PI >> BigInt(CONSTANT_BITS - bits);
export const ln2To = (bits: number): bigint => LN2 >> BigInt(CONSTANT_BITS - bits);

/** Times that an argument is halved before a series, to make it converge faster. */
const HALVINGS = 8;

/** e^x - 1 for |x| < 1. */
export function expm1(x: bigint, bits: number): bigint {
  const b = BigInt(bits);
  // e^(2y) - 1 = E (E + 2), where E = e^y - 1. Each doubling doubles the error, so work with more bits.
  const guard = BigInt(HALVINGS + 8);
  const wide = b + guard;
  const y = (x << guard) >> BigInt(HALVINGS);
  let term = y;
  let sum = y;
  for (let n = 2n; term !== 0n && term !== -1n; n++) {
    term = (term * y) >> wide;
    term /= n;
    sum += term;
  }
  const two = 2n << wide;
  for (let i = 0; i < HALVINGS; i++) sum = (sum * (sum + two)) >> wide;
  return sum >> guard;
}

/** Sum of z - z^3/3 + z^5/5 ... (`sign` -1: arc tangent) or with all signs plus (`sign` 1: its hyperbolic sister). */
function oddSeries(z: bigint, bits: number, sign: 1n | -1n): bigint {
  const b = BigInt(bits);
  const square = sign * ((z * z) >> b);
  let power = z;
  let sum = z;
  for (let n = 3n; ; n += 2n) {
    power = (power * square) >> b;
    const term = power / n;
    if (term === 0n) return sum;
    sum += term;
  }
}

/** Inverse hyperbolic tangent for |z| < 1/4. */
export const atanh = (z: bigint, bits: number): bigint => oddSeries(z, bits, 1n);

/** Arc tangents of k/16, k = 0..16, computed when first needed: a table for one precision. */
const arcTangents: (bigint | undefined)[] = [];
const TABLE_BITS = 240;

function arcTangentOfSixteenths(k: number, bits: number): bigint {
  let value = arcTangents[k];
  if (value === undefined) {
    // atan(1) = pi/4; else a series that converges, if slowly.
    value = k === 16 ? piTo(TABLE_BITS) >> 2n : oddSeries(BigInt(k) << BigInt(TABLE_BITS - 4), TABLE_BITS, -1n);
    arcTangents[k] = value;
  }
  return value >> BigInt(TABLE_BITS - bits);
}

/** Arc tangent for 0 <= t <= 1, `bits` at most 230. */
export function atan(t: bigint, bits: number): bigint {
  const b = BigInt(bits);
  const k = Number((t + (1n << (b - 5n))) >> (b - 4n));
  if (k === 0) return oddSeries(t, bits, -1n);
  // atan(t) = atan(c) + atan((t - c) / (1 + t c))
  const c = BigInt(k) << (b - 4n);
  const u = ((t - c) << b) / ((1n << b) + ((t * c) >> b));
  return arcTangentOfSixteenths(k, bits) + oddSeries(u, bits, -1n);
}

/** Sine and cosine for |x| <= 0.8. */
export function sinCos(x: bigint, bits: number): { sin: bigint; cos: bigint } {
  const b = BigInt(bits);
  const square = (x * x) >> b;
  let sinTerm = x;
  let cosTerm = 1n << b;
  let sin = sinTerm;
  let cos = cosTerm;
  for (let n = 1n; sinTerm !== 0n || cosTerm !== 0n; n += 2n) {
    cosTerm = -((cosTerm * square) >> b) / (n * (n + 1n));
    sinTerm = -((sinTerm * square) >> b) / ((n + 1n) * (n + 2n));
    cos += cosTerm;
    sin += sinTerm;
  }
  return { sin, cos };
}
