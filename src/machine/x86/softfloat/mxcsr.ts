/** MXCSR, the control and status register of SSE. SDM vol. 1 §10.2.3. */
import { ALL_EXCEPTIONS, type FpContext, type Rounding } from "./context.ts";
import { firstNan } from "./nan.ts";

export const MXCSR_DAZ = 1 << 6;
/** The masks are in bits 7..12, in the order of the flags in bits 0..5. */
export const MXCSR_MASK_SHIFT = 7;
export const MXCSR_RC_SHIFT = 13;
export const MXCSR_FTZ = 1 << 15;
export const MXCSR_DEFAULT = 0x1f80;
/** Bits that may be set: LDMXCSR and FXRSTOR of others is #GP(0). FXSAVE stores this as MXCSR_MASK. */
export const MXCSR_VALID = 0xffff;

/** The context of one SSE operation under this MXCSR. */
export function mxcsrContext(mxcsr: number): FpContext {
  return {
    rounding: ((mxcsr >> MXCSR_RC_SHIFT) & 3) as Rounding,
    masks: (mxcsr >> MXCSR_MASK_SHIFT) & ALL_EXCEPTIONS,
    flushToZero: (mxcsr & MXCSR_FTZ) !== 0,
    chooseNan: firstNan,
    exponentWrap: 0,
    flags: 0,
    inexact: false,
    roundedUp: false,
  };
}

/**
 * MXCSR after an instruction raised `flags`, and whether it faults with #XM (then its destination
 * is unchanged, but the flags are set).
 */
export function mxcsrUpdate(mxcsr: number, flags: number): { mxcsr: number; fault: boolean } {
  return { mxcsr: mxcsr | flags, fault: (flags & ~(mxcsr >> MXCSR_MASK_SHIFT) & ALL_EXCEPTIONS) !== 0 };
}
