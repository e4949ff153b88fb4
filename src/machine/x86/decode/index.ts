/**
 * The instruction decoder's interface.
 *
 * Where Intel and AMD differ, this is AMD: the operand-size prefix counts for near branches in
 * 64-bit mode, far pointers in memory have no 64-bit offsets, LOCK MOV CR0 is MOV CR8, UD0 has no
 * ModRM byte. VEX, EVEX and XOP encodings are undefined.
 */
import type { CodeSize, Insn, Operand } from "../insn.ts";
import { BASE_NONE, INDEX_NONE, OperandKind, RegClass, SEG_NONE } from "../insn.ts";
import { instructionTable } from "../table/index.ts";
import { decodeAt, MAX_LENGTH, TOO_LONG, UNDEFINED, undefinedAt } from "./decode.ts";

export { TOO_LONG, UNDEFINED } from "./decode.ts";

/** The result when the bytes end before the instruction does. */
export const NEED_MORE = 0;

/** No instruction is looked at beyond this many bytes, whatever it says. */
const WINDOW = 32;

/** Inputs that end early, with zeros behind. */
const padded = new Uint8Array(WINDOW);

function newOperand(): Operand {
  return { kind: OperandKind.None, size: 0, regClass: RegClass.Gpr, reg: 0, highByte: false };
}

/** An instruction for `decode` to fill. */
export function newInsn(): Insn {
  return {
    def: instructionTable[0]!,
    length: 0,
    codeSize: 64,
    operandSize: 0,
    addressSize: 0,
    operandCount: 0,
    operands: [newOperand(), newOperand(), newOperand(), newOperand()],
    base: BASE_NONE,
    index: INDEX_NONE,
    scale: 0,
    disp: 0n,
    segment: SEG_NONE,
    imm: 0n,
    imm2: 0,
    lock: false,
    rep: 0,
    condition: 0,
  };
}

/**
 * Decodes the instruction at `bytes[offset]`.
 *
 * Returns its length, NEED_MORE (0) if `bytes` ends before it does, UNDEFINED (-1) if it raises #UD,
 * or TOO_LONG (-2) if it is longer than 15 bytes and so raises #GP(0). Only with a length is all
 * of `out` valid.
 */
export function decode(bytes: Uint8Array, offset: number, codeSize: CodeSize, out: Insn): number {
  const available = bytes.length - offset;
  if (available >= WINDOW) return decodeAt(bytes, offset, codeSize, out);
  padded.fill(0);
  for (let i = 0; i < available; i++) padded[i] = bytes[offset + i]!;
  const length = decodeAt(padded, 0, codeSize, out);
  if (length > available) return NEED_MORE;
  if (length === UNDEFINED && undefinedAt > available) return NEED_MORE;
  if (length === TOO_LONG && available < MAX_LENGTH) return NEED_MORE;
  return length;
}
