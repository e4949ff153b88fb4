/**
 * Floating-point numbers, taken apart.
 *
 * A `Float` holds any number of the three x86 formats without loss, always in the same shape, so
 * that arithmetic is written once and a format only matters where a number is unpacked from bits
 * or rounded into them:
 *
 *     value = (-1)^sign * sig * 2^(exp - 63)      with bit 63 of sig set
 *
 * NaN payloads are left-aligned in the same way (bit 62 is the quiet bit), which is how the x87
 * widens them. SDM vol. 1 §4.2 (formats), §4.8 (classes and encodings).
 */

export const Kind = {
  Zero: 0,
  Finite: 1,
  Infinity: 2,
  QuietNan: 3,
  SignalingNan: 4,
  /** An f80 encoding that no processor since the 387 accepts: unnormals, pseudo-infinity, pseudo-NaN (SDM vol. 1 §8.2.2). */
  Unsupported: 5,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export type Sign = 0 | 1;

export interface Float {
  readonly kind: Kind;
  readonly sign: Sign;
  /** Exponent of the leading bit; 0 unless finite. */
  readonly exp: number;
  /** 64 bits, the leading one set; 0 for zero and infinity. */
  readonly sig: bigint;
  /** Came from a denormal (or pseudo-denormal) encoding: raises DE where it is computed with. */
  readonly denormal: boolean;
}

/** What a result is rounded to. */
export interface FloatFormat {
  /** Significand bits, the leading one included. */
  readonly precision: number;
  readonly emin: number;
  readonly emax: number;
}

export const F32: FloatFormat = { precision: 24, emin: -126, emax: 127 };
export const F64: FloatFormat = { precision: 53, emin: -1022, emax: 1023 };
export const F80: FloatFormat = { precision: 64, emin: -16382, emax: 16383 };
/** x87 registers under precision control: fewer significand bits, the extended exponent range (SDM vol. 1 §8.1.5.2). */
export const F80_PC53: FloatFormat = { precision: 53, emin: -16382, emax: 16383 };
export const F80_PC24: FloatFormat = { precision: 24, emin: -16382, emax: 16383 };

export const INTEGER_BIT = 1n << 63n;
export const QUIET_BIT = 1n << 62n;
const MASK_64 = (1n << 64n) - 1n;
const MASK_63 = INTEGER_BIT - 1n;

export function makeFloat(kind: Kind, sign: Sign, exp: number, sig: bigint, denormal: boolean): Float {
  return { kind, sign, exp, sig, denormal };
}

export const zero = (sign: Sign): Float => makeFloat(Kind.Zero, sign, 0, 0n, false);
export const infinity = (sign: Sign): Float => makeFloat(Kind.Infinity, sign, 0, 0n, false);
export const finite = (sign: Sign, exp: number, sig: bigint): Float => makeFloat(Kind.Finite, sign, exp, sig, false);
/** The real indefinite: what an invalid operation gives. */
export const INDEFINITE: Float = makeFloat(Kind.QuietNan, 1, 0, INTEGER_BIT | QUIET_BIT, false);

export const isNan = (x: Float): boolean => x.kind === Kind.QuietNan || x.kind === Kind.SignalingNan;
export const quiet = (x: Float): Float => makeFloat(Kind.QuietNan, x.sign, 0, x.sig | QUIET_BIT, false);
export const negate = (x: Float): Float => makeFloat(x.kind, x.sign === 0 ? 1 : 0, x.exp, x.sig, x.denormal);
export const withSign = (x: Float, sign: Sign): Float => makeFloat(x.kind, sign, x.exp, x.sig, x.denormal);

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);

/** Number of significant bits of a positive bigint below 2^1023. */
export function bitLength(n: bigint): number {
  scratch[0] = Number(n);
  const high = scratchWords[1] as number;
  const length = (high >>> 20) - 1022;
  // Number() rounds to nearest, so a run of ones may have become the next power of two.
  if (scratchWords[0] === 0 && (high & 0xfffff) === 0 && n >> BigInt(length - 1) === 0n) return length - 1;
  return length;
}

/** An exact finite number (or zero) from an integer times a power of two. `n` has at most 64 bits. */
export function fromScaled(sign: Sign, n: bigint, exp: number): Float {
  if (n === 0n) return zero(sign);
  const length = bitLength(n);
  return finite(sign, exp + length - 1, n << BigInt(64 - length));
}

export function fromInteger(n: bigint): Float {
  return n < 0n ? fromScaled(1, -n, 0) : fromScaled(0, n, 0);
}

function nan(sign: Sign, payload: bigint): Float {
  const kind = (payload & QUIET_BIT) === 0n ? Kind.SignalingNan : Kind.QuietNan;
  return makeFloat(kind, sign, 0, payload | INTEGER_BIT, false);
}

/** Finite number from a fraction without integer bit, left-aligned below bit 63. */
function denormal(sign: Sign, fraction: bigint, emin: number): Float {
  const length = bitLength(fraction);
  return makeFloat(Kind.Finite, sign, emin - 64 + length, fraction << BigInt(64 - length), true);
}

export function unpack32(bits: number): Float {
  const sign: Sign = bits < 0 || bits > 0x7fffffff ? 1 : 0;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0) return fraction === 0 ? zero(sign) : denormal(sign, BigInt(fraction) << 40n, F32.emin);
  if (exponent !== 0xff) return finite(sign, exponent - 127, BigInt(fraction | 0x800000) << 40n);
  return fraction === 0 ? infinity(sign) : nan(sign, BigInt(fraction) << 40n);
}

export function unpack64(bits: bigint): Float {
  const high = Number(bits >> 52n);
  const sign: Sign = high >= 0x800 ? 1 : 0;
  const exponent = high & 0x7ff;
  const fraction = (bits << 11n) & MASK_63;
  if (exponent === 0) return fraction === 0n ? zero(sign) : denormal(sign, fraction, F64.emin);
  if (exponent !== 0x7ff) return finite(sign, exponent - 1023, fraction | INTEGER_BIT);
  return fraction === 0n ? infinity(sign) : nan(sign, fraction);
}

/** From the two words of an x87 register: sign and exponent (16 bits), significand (64 bits). */
export function unpack80(signExponent: number, significand: bigint): Float {
  const sign: Sign = signExponent >= 0x8000 ? 1 : 0;
  const exponent = signExponent & 0x7fff;
  if (exponent === 0) {
    // With the integer bit set it is a pseudo-denormal, which has the value of the same with exponent 1.
    return significand === 0n ? zero(sign) : denormal(sign, significand, F80.emin);
  }
  if (significand < INTEGER_BIT) return makeFloat(Kind.Unsupported, sign, 0, significand, false);
  if (exponent !== 0x7fff) return finite(sign, exponent - 16383, significand);
  return significand === INTEGER_BIT ? infinity(sign) : nan(sign, significand);
}

/** A number that fits the format (see `round`), as bits: sign and biased exponent, then `precision - 1` fraction bits. */
function pack(x: Float, format: FloatFormat): bigint {
  const fractionBits = format.precision - 1;
  const bias = format.emax;
  const drop = BigInt(63 - fractionBits);
  let biased = 0;
  let fraction = 0n;
  if (x.kind === Kind.Finite) {
    if (x.exp >= format.emin) {
      biased = x.exp + bias;
      fraction = (x.sig & MASK_63) >> drop;
    } else {
      fraction = x.sig >> (drop + BigInt(format.emin - x.exp));
    }
  } else if (x.kind !== Kind.Zero) {
    biased = 2 * bias + 1;
    fraction = (x.sig & MASK_63) >> drop;
  }
  return (BigInt(biased + x.sign * 2 * (bias + 1)) << BigInt(fractionBits)) | fraction;
}

export const pack32 = (x: Float): number => Number(pack(x, F32));
export const pack64 = (x: Float): bigint => pack(x, F64);

/** Sign and exponent word of the f80 encoding. */
export function pack80High(x: Float): number {
  const sign = x.sign << 15;
  if (x.kind === Kind.Zero) return sign;
  if (x.kind !== Kind.Finite) return sign | 0x7fff;
  return x.exp < F80.emin ? sign : sign | (x.exp + 16383);
}

/** Significand word of the f80 encoding. */
export function pack80Low(x: Float): bigint {
  if (x.kind === Kind.Finite) return x.exp < F80.emin ? x.sig >> BigInt(F80.emin - x.exp) : x.sig;
  return x.kind === Kind.Infinity ? INTEGER_BIT : x.sig;
}

/** All 80 bits as one bigint, for tests and tools. */
export const pack80 = (x: Float): bigint => (BigInt(pack80High(x)) << 64n) | pack80Low(x);
export const unpack80Bits = (bits: bigint): Float => unpack80(Number(bits >> 64n), bits & MASK_64);
