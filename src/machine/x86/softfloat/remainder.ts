/** FPREM and FPREM1: partial remainders. SDM vol. 2, "FPREM", "FPREM1". */
import { denormalOperand, invalid, nanResult } from "./arithmetic.ts";
import type { FpContext } from "./context.ts";
import { F80, type Float, INDEFINITE, Kind, type Sign, zero } from "./float.ts";
import { round } from "./round.ts";

/** In place of a quotient: the exponents were too far apart for one step; run the instruction again. */
export const INCOMPLETE = -1;

export interface RemainderResult {
  readonly value: Float;
  /** Low three bits of the quotient, INCOMPLETE, or nothing if an operand is invalid or a NaN. */
  readonly quotient?: number;
}

/**
 * @param nearest round the quotient to nearest (FPREM1, IEEE) instead of truncating it (FPREM)
 */
export function remainder(context: FpContext, a: Float, b: Float, nearest: boolean): RemainderResult {
  const special = nanResult(context, a, b);
  if (special) return { value: special };
  if (a.kind === Kind.Infinity || b.kind === Kind.Zero) return { value: invalid(context) };
  if (denormalOperand(context, a, b)) return { value: INDEFINITE };
  if (a.kind === Kind.Zero) return { value: a, quotient: 0 };
  const distance = b.kind === Kind.Infinity ? -Infinity : a.exp - b.exp;
  if (distance < -1 || (distance === -1 && !nearest)) {
    return { value: exact(context, a.sign, a.sig, a.exp - 63, a.sign), quotient: 0 };
  }
  if (distance < 64) return complete(context, a, b, distance, nearest);
  // One step: subtract the truncated quotient's leading N bits; the exponent falls by N at least.
  const n = 32 + (distance & 31);
  const rest = (a.sig << BigInt(n)) % b.sig;
  return { value: exact(context, a.sign, rest, a.exp - 63 - n, a.sign), quotient: INCOMPLETE };
}

function complete(context: FpContext, a: Float, b: Float, distance: number, nearest: boolean): RemainderResult {
  // Bring both to the exponent of the smaller one.
  const x = distance >= 0 ? a.sig << BigInt(distance) : a.sig;
  const y = distance >= 0 ? b.sig : b.sig << 1n;
  const exp = (distance >= 0 ? b.exp : a.exp) - 63;
  let quotient = x / y;
  let rest = x - quotient * y;
  let sign = a.sign;
  if (nearest) {
    const twice = rest << 1n;
    if (twice > y || (twice === y && (quotient & 1n) === 1n)) {
      quotient++;
      rest = y - rest;
      sign = (sign ^ 1) as Sign;
    }
  }
  return { value: exact(context, sign, rest, exp, a.sign), quotient: Number(quotient & 7n) };
}

/** Remainders are exact; only an unmasked underflow can come of them. */
function exact(context: FpContext, sign: Sign, magnitude: bigint, exp: number, zeroSign: Sign): Float {
  return magnitude === 0n ? zero(zeroSign) : round(context, F80, sign, magnitude, exp);
}
