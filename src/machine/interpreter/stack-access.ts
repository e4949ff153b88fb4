/** Which accesses go through the stack segment, by default (SDM vol. 1 §3.7.4). */
import { type Insn, OperandKind } from "../x86/insn.ts";
import { FS, RBP, RSP } from "../x86/state.ts";

const STACK_INSTRUCTIONS = new Set([
  "push",
  "pop",
  "pushf",
  "popf",
  "call",
  "call_far",
  "ret",
  "ret_far",
  "iret",
  "enter",
  "leave",
]);
/** ENTER reaches this far below and above RSP and RBP. */
const REACH = 1n << 17n;

const near = (a: bigint, b: bigint): boolean => {
  const distance = BigInt.asIntN(64, a - b);
  return distance > -REACH && distance < REACH;
};

/** Whether the access of `insn` to `linear` uses SS: pushes and pops, and operands based on RSP or RBP. */
export function isStackAccess(insn: Insn, linear: bigint, gpr: BigUint64Array): boolean {
  const explicit = insn.operands.some((o, i) => i < insn.operandCount && o.kind === OperandKind.Mem);
  const implicit = STACK_INSTRUCTIONS.has(insn.def.mnemonic);
  const byOperand = explicit && (insn.base === RSP || insn.base === RBP) && insn.segment < FS;
  if (explicit && !implicit) return byOperand;
  if (!implicit) return false;
  if (near(linear, gpr[RSP] as bigint) || near(linear, gpr[RBP] as bigint)) return true;
  return byOperand;
}
