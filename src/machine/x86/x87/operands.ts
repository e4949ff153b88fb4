/** Operands of x87 instructions: which stack registers, and what of memory. */
import { type Insn, type Operand, OperandKind, RegClass } from "../insn.ts";

export function memoryOperand(insn: Insn): Operand | undefined {
  for (let i = 0; i < insn.operandCount; i++) {
    const operand = insn.operands[i];
    if (operand?.kind === OperandKind.Mem) return operand;
  }
  return undefined;
}

function isStack(operand: Operand | undefined): operand is Operand {
  return operand?.kind === OperandKind.Reg && operand.regClass === RegClass.X87;
}

/** ST(i) numbers of a two-operand form. With one operand it is the destination, and ST(0) the source (FADDP ST(i)). */
export function registerOperands(insn: Insn): { destination: number; source: number } {
  const [first, second] = insn.operands;
  if (insn.operandCount >= 2 && isStack(first) && isStack(second))
    return { destination: first.reg, source: second.reg };
  return { destination: stackOperand(insn), source: 0 };
}

/** The ST(i) of instructions on one (FXCH, FCOM, FST, FLD, FFREE): the last named; ST(1) if none is. */
export function stackOperand(insn: Insn): number {
  for (let i = insn.operandCount - 1; i >= 0; i--) {
    const operand = insn.operands[i];
    if (isStack(operand)) return operand.reg;
  }
  return 1;
}

/** Size and direction of the memory access of an x87 (or FXSAVE, FXRSTOR) instruction. */
export interface X87Memory {
  /** 0: no memory operand. */
  bytes: number;
  read: boolean;
  write: boolean;
}

/** Sizes of environment and state images: protected-mode format, 16-bit and 32-bit operand size (SDM vol. 1 §8.1.10). */
export const ENVIRONMENT_SIZE_16 = 14;
export const ENVIRONMENT_SIZE_32 = 28;
export const REGISTERS_SIZE = 80;
export const FXSAVE_SIZE = 512;

export const environmentSize = (insn: Insn): number =>
  insn.operandSize === 2 ? ENVIRONMENT_SIZE_16 : ENVIRONMENT_SIZE_32;

const STORES = new Set([
  "fst",
  "fstp",
  "fist",
  "fistp",
  "fisttp",
  "fbstp",
  "fnstcw",
  "fnstsw",
  "fnstenv",
  "fnsave",
  "fxsave",
  "fxsave64",
]);

/** What the caller must translate and check before it calls `executeX87`. */
export function x87MemoryOperand(insn: Insn): X87Memory {
  const memory = memoryOperand(insn);
  if (!memory) return { bytes: 0, read: false, write: false };
  const { mnemonic } = insn.def;
  const write = STORES.has(mnemonic);
  return { bytes: memoryBytes(insn, mnemonic, memory.size), read: !write, write };
}

function memoryBytes(insn: Insn, mnemonic: string, size: number): number {
  switch (mnemonic) {
    case "fldenv":
    case "fnstenv":
      return environmentSize(insn);
    case "frstor":
    case "fnsave":
      return environmentSize(insn) + REGISTERS_SIZE;
    case "fxsave":
    case "fxsave64":
    case "fxrstor":
    case "fxrstor64":
      return FXSAVE_SIZE;
    case "fbld":
    case "fbstp":
      return 10;
    case "fldcw":
    case "fnstcw":
    case "fnstsw":
      return 2;
    default:
      return size;
  }
}
