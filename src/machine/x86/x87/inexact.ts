/** From fixed point to registers, for results that are never exact. */
import { F80, type Float, type FpContext, finite, INTEGER_BIT, round, type Sign } from "../softfloat/index.ts";

export const ONE = finite(0, 0, INTEGER_BIT);

/** Rounds a fixed-point number that stands for itself and something more. */
export function roundInexact(context: FpContext, n: bigint, bits: number): Float {
  const sign: Sign = n < 0n ? 1 : 0;
  return round(context, F80, sign, ((sign ? -n : n) << 1n) | 1n, -bits - 1);
}

/** x, but a little less (or more): the first term of a series whose others only matter for rounding. */
export function nearly(context: FpContext, x: Float, less: boolean): Float {
  const magnitude = (x.sig << 66n) + (less ? -1n : 1n);
  return round(context, F80, x.sign, magnitude, x.exp - 63 - 66);
}

/** x as a fixed-point number. */
export function toFixed(x: Float, bits: number): bigint {
  const shift = x.exp - 63 + bits;
  const n = shift >= 0 ? x.sig << BigInt(shift) : x.sig >> BigInt(-shift);
  return x.sign === 1 ? -n : n;
}
