/**
 * Stencils: code that is written once and placed many times, each time with other locals and constants.
 * Writing code from expression trees takes microseconds, placing a stencil a tenth of that.
 */

export const HoleKind = {
  /** The index of the local that stands for a symbol. */
  Local: 0,
  /** The value of a constant. */
  Constant: 1,
  /** Whatever the place wants to have written: which one in bits 0 to 7, depth of blocks in bits 8 to 15, a symbol from bit 16 on. */
  Flow: 2,
} as const;

export interface Stencil {
  readonly code: Uint8Array;
  /** In threes, in order of position: position in `code`, HoleKind, what is to be written there. */
  readonly holes: Int32Array;
}
