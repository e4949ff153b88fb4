/**
 * The runtime functions that x87 semantics call (callRuntime). They do the frequent cases of an
 * operation; a result other than zero (of x87Compare: below zero) says that the case is another and
 * nothing has been done. interpreter/x87/ defines them.
 *
 * An operand is 16 times the number of a stack register, or OPERAND_TEMPORARY: the number that one of
 * the x87From functions has left. `pops` is how many registers are popped behind the operation.
 */
export const OPERAND_TEMPORARY = 0x80;

export type X87Function =
  // Bits of a float, an integer, or sign and exponent and significand become the temporary number.
  | "x87FromSingle"
  | "x87FromDouble"
  | "x87FromInteger"
  | "x87FromParts"
  /** The temporary number is pushed. */
  | "x87Push"
  /** (operand) */
  | "x87PushRegister"
  /** (host address) */
  | "x87PushExtended"
  /** (destination operand, pops): of ST(0). */
  | "x87Copy"
  /** (operand): with ST(0). */
  | "x87Exchange"
  /** (source operand, condition): to ST(0). */
  | "x87Move"
  /** (mask to keep, mask to flip): of the sign and exponent of ST(0). */
  | "x87ChangeSign"
  // (host address, pops)
  | "x87StoreSingle"
  | "x87StoreDouble"
  | "x87StoreExtended"
  /** (host address, bytes, 1 to truncate, pops) */
  | "x87StoreInteger"
  | "x87RoundToInteger"
  /** (destination, source, SIGN to negate the destination, SIGN to negate the source, pops) */
  | "x87Add"
  /** (destination, source, pops) */
  | "x87Multiply"
  /** (destination, source, 1 for source / destination, pops) */
  | "x87Divide"
  | "x87SquareRoot"
  /** (operand, pops, 1 to set C3, C2, C0): ZF and CF of ST(0) against it. */
  | "x87Compare";
