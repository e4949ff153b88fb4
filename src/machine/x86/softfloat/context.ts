/**
 * How to round, which exceptions are masked, and which were raised: what MXCSR or the x87 control
 * and status words say to one operation. SDM vol. 1 §4.8.4 (rounding), §4.9 (exceptions).
 */
import type { Float } from "./float.ts";

/** Rounding control, as encoded in MXCSR.RC and FCW.RC. */
export const Rounding = { Nearest: 0, Down: 1, Up: 2, Zero: 3 } as const;
export type Rounding = (typeof Rounding)[keyof typeof Rounding];

// Exception flags; the same bits in MXCSR and FSW, and (shifted by 7 in MXCSR) as masks.
export const IE = 1,
  DE = 2,
  ZE = 4,
  OE = 8,
  UE = 16,
  PE = 32;
/** Found by looking at the operands, before anything is computed. */
export const PRE_COMPUTATION = IE | DE | ZE;
export const ALL_EXCEPTIONS = 0x3f;

export interface FpContext {
  rounding: Rounding;
  /** Bit set = exception masked. */
  masks: number;
  /** MXCSR.FTZ: masked underflow gives zero. */
  flushToZero: boolean;
  /** Which NaN operand is the result. */
  chooseNan(a: Float, b: Float): Float;
  /**
   * Added to the exponent of a result with an unmasked underflow, subtracted with an unmasked
   * overflow (SDM vol. 1 §8.5.4, §8.5.5). 0 if such a result is not stored anyway.
   */
  exponentWrap: number;
  /** Flags raised so far. */
  flags: number;
  /** The last rounding changed the value. */
  inexact: boolean;
  /** The last rounding increased the magnitude (C1 of the x87). */
  roundedUp: boolean;
}
