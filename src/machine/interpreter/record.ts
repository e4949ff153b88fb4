/**
 * The decoded instruction record, 32 bytes in machine memory.
 *
 *      0 u16 case     which case of the interpreter's switch executes it
 *      2 u16 handler  table index of its function, where the case is CASE_CALL
 *      4 u16 offset   of the instruction in its page
 *      6 u8  length   in bytes
 *      7 u8  r0 r1 r2 byte offset of register operands: from the general registers (high byte
 *                     registers are +1), from XMM0, or from R0 for MMX
 *     10 u8  base     byte offset from the general registers: a register, the zero slot, or page_va
 *     11 u8  index
 *     12 u8  scale    log2
 *     13 u8  segment  offset of the segment base from the processor state, in units of 8 (the zero slot: none)
 *     14 u16 plain    the case that executes this instruction alone, if `case` does more (fused, region)
 *     16 i32 disp     for RIP-relative operands relative to page_va; direct branches: times taken
 *     20 u32 link     branches: record of the target, if in the same page and known, else 0;
 *                     instructions executed in TypeScript: index of the decoded instruction
 *     24 i64 imm      immediate; direct branches: target relative to page_va; indirect jumps and calls: the same of
 *                     the last target, 0 if there was none
 *
 * Records of consecutive instructions are consecutive, so that "next" is +32.
 */
export const RECORD_SIZE = 32;
export const REC_CASE = 0;
export const REC_HANDLER = 2;
export const REC_OFFSET = 4;
export const REC_LENGTH = 6;
export const REC_REG = 7;
export const REC_BASE = 10;
export const REC_INDEX = 11;
export const REC_SCALE = 12;
/** In REC_SCALE: the record is a direct branch. */
export const SCALE_BRANCH = 0x80;
export const REC_SEGMENT = 13;
export const REC_PLAIN = 14;
export const REC_DISP = 16;
export const REC_LINK = 20;
export const REC_IMM = 24;

/** Case 0: calls the record's handler function. */
export const CASE_CALL = 0;
/** Case 1: the record does not hold an instruction (any more): look up what is at page_va + offset. */
export const CASE_LOOKUP = 1;
/** Case 2: go to the record in `link`: joins code that was decoded before. */
export const CASE_GOTO = 2;
/** Case 3: an instruction that crosses into the next page, whose record follows if that page's frame is still `link`. */
export const CASE_CROSSING = 3;
/** First case of an inlined form. */
export const CASE_FIRST_FORM = 4;
/** Case numbers from here on: compiled code begins here; the number is the region's table index. */
export const CASE_FIRST_REGION = 4096;
