/**
 * A decoded instruction: what the decoder gives to the interpreter, to the JIT,
 * to the emulator of privileged instructions and to the disassembler.
 */
import type { InsnDef } from "./table/types.ts";

/** Execution mode that decoding depends on: size of the code segment. */
export type CodeSize = 64 | 32 | 16;

/** Register classes of operands. */
export const RegClass = {
  /** General register; size 1 with index 4..7 and `highByte` is AH, CH, DH, BH (then index is 0..3). */
  Gpr: 0,
  Segment: 1,
  Control: 2,
  Debug: 3,
  Mmx: 4,
  Xmm: 5,
  /** ST(i). */
  X87: 6,
} as const;
export type RegClass = (typeof RegClass)[keyof typeof RegClass];

export const OperandKind = { None: 0, Reg: 1, Mem: 2, Imm: 3, Rel: 4 } as const;
export type OperandKind = (typeof OperandKind)[keyof typeof OperandKind];

/** Base register numbers beyond R15 in `Insn.base`. */
export const BASE_NONE = 16;
export const BASE_RIP = 17;
export const INDEX_NONE = 16;
/** `Insn.segment` when the default segment's base is zero in 64-bit mode or no memory is used. */
export const SEG_NONE = -1;

export interface Operand {
  kind: OperandKind;
  /** Bytes read or written (Mem, Reg) or the size that an immediate is extended to. 0 if the access has a size of its own (FXSAVE, LEA...). */
  size: number;
  regClass: RegClass;
  /** Register number, REX applied. */
  reg: number;
  /** AH, CH, DH, BH. */
  highByte: boolean;
}

/**
 * One decoded instruction. An object is reused by the decoder: copy what must be kept.
 * There is at most one ModRM memory operand, described by base, index, scale, disp, segment.
 */
export interface Insn {
  def: InsnDef;
  length: number;
  codeSize: CodeSize;
  /** Effective operand size in bytes: 2, 4, 8 (1 for byte forms). */
  operandSize: number;
  /** Effective address size in bytes: 8, 4, 2. */
  addressSize: number;
  /** Stack operation size in bytes: 8 in 64-bit mode (2 with 0x66). */
  operandCount: number;
  operands: [Operand, Operand, Operand, Operand];
  /** Base register 0..15, BASE_NONE or BASE_RIP. */
  base: number;
  /** Index register 0..15 or INDEX_NONE. */
  index: number;
  /** log2 of the scale: 0..3. */
  scale: number;
  /** Displacement, sign-extended (moffs64 forms need all 64 bits). */
  disp: bigint;
  /** Segment whose base is added: a number of state.ts, or SEG_NONE. */
  segment: number;
  /** First immediate (sign- or zero-extended as the instruction wants it, to 64 bits). For Rel: displacement relative to the next instruction. */
  imm: bigint;
  /** Second immediate (ENTER). */
  imm2: number;
  lock: boolean;
  /** 0, 0xf2 (REPNE) or 0xf3 (REP/REPE), where it is a repeat prefix and not part of the opcode. */
  rep: number;
  /** Condition code 0..15 of Jcc, SETcc, CMOVcc; else 0. */
  condition: number;
}
