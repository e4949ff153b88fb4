/** Which of two NaNs is the result: SDM vol. 1 §4.8.3.5, table 4-7. */
import { type Float, Kind } from "./float.ts";

/** SSE: the first source operand. */
export const firstNan = (a: Float, _b: Float): Float => a;

/**
 * x87: a quiet NaN before a signaling one; of two alike, the larger significand; of equal
 * significands, the positive one.
 */
export function largerNan(a: Float, b: Float): Float {
  if (a.kind !== b.kind) return a.kind === Kind.QuietNan ? a : b;
  if (a.sig !== b.sig) return a.sig > b.sig ? a : b;
  return a.sign === 0 ? a : b;
}
