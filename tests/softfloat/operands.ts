/** Operands that find mistakes: special values, their neighbours, and random ones. */

/** A small deterministic generator (xorshift32). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 1;
  }
  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }
  below(n: number): number {
    return this.u32() % n;
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

/** Significand patterns: few bits set, few bits clear, any. `bits` wide. */
function fraction(random: Random, bits: number): bigint {
  const all = (1n << BigInt(bits)) - 1n;
  const one = 1n << BigInt(random.below(bits));
  switch (random.below(6)) {
    case 0:
      return 0n;
    case 1:
      return one;
    case 2:
      return all;
    case 3:
      return all ^ one;
    case 4:
      return all ^ (one - 1n);
    default:
      return random.u64() & all;
  }
}

/** A number with a biased exponent of `exponentBits` and a fraction of `fractionBits` (integer bit not included). */
function number(random: Random, exponentBits: number, fractionBits: number): { high: number; fraction: bigint } {
  const max = (1 << exponentBits) - 1;
  const bias = max >> 1;
  let exponent: number;
  switch (random.below(10)) {
    case 0:
      exponent = 0;
      break;
    case 1:
      exponent = max;
      break;
    case 2:
      exponent = random.pick([1, 2, fractionBits, max - 1, max - 2]);
      break;
    case 3:
    case 4:
      exponent = random.below(max + 1);
      break;
    case 5:
      exponent = bias + random.pick([15, 16, 31, 32, 62, 63, 64]) - random.below(3);
      break;
    default:
      exponent = bias + random.below(24) - 12;
  }
  return { high: exponent | (random.below(2) << exponentBits), fraction: fraction(random, fractionBits) };
}

export function randomF32(random: Random): number {
  const { high, fraction } = number(random, 8, 23);
  return ((high << 23) | Number(fraction)) >>> 0;
}

export function randomF64(random: Random): bigint {
  const { high, fraction } = number(random, 11, 52);
  return (BigInt(high) << 52n) | fraction;
}

/** Sign and exponent word, and significand; now and then an encoding that is not supported. */
export function randomF80(random: Random): { high: number; low: bigint } {
  const { high, fraction } = number(random, 15, 63);
  const integerBit = ((high & 0x7fff) !== 0) !== (random.below(40) === 0);
  return { high, low: fraction | (integerBit ? 1n << 63n : 0n) };
}

/** A second operand near the first, so that sums cancel and quotients are close to one. */
export function nearF64(random: Random, x: bigint): bigint {
  const moved = x + BigInt(random.below(7) - 3);
  return BigInt.asUintN(64, random.below(2) ? moved : moved ^ (1n << 63n));
}

/**
 * Two factors whose product is just below the least normal (2^emin), so that rounding decides
 * whether it is tiny: powers of two and their neighbours.
 */
export function tinyProductF64(random: Random): [bigint, bigint] {
  const exponent = BigInt(1 + random.below(2000));
  const near = (biased: bigint): bigint => (biased << 52n) + BigInt(random.below(9) - 4);
  // Biased exponents that add up to bias + 1: the product is next to 2^-1022.
  return [near(exponent < 1023n ? exponent : 1023n), near(1024n - (exponent < 1023n ? exponent : 1023n))];
}

export function tinyProductF32(random: Random): [number, number] {
  const exponent = 1 + random.below(126);
  const near = (biased: number): number => (biased << 23) + random.below(9) - 4;
  return [near(exponent), near(128 - exponent)];
}
