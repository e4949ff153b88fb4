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
/** These use RBP, too: ENTER with its nesting levels, LEAVE. */
const FRAME_INSTRUCTIONS = new Set(["enter", "leave"]);
/** ENTER, IRET and far returns reach this far below and above RSP and RBP. */
const REACH = 1n << 17n;

const near = (a: bigint, b: bigint): boolean => {
  const distance = BigInt.asIntN(64, a - b);
  return distance > -REACH && distance < REACH;
};

/** Whether the access of `insn` to `linear` uses SS: pushes and pops, and operands based on RSP or RBP. */
export function isStackAccess(insn: Insn, linear: bigint, gpr: BigUint64Array): boolean {
  const { mnemonic } = insn.def;
  const explicit = insn.operands.some((o, i) => i < insn.operandCount && o.kind === OperandKind.Mem);
  const byOperand = explicit && (insn.base === RSP || insn.base === RBP) && insn.segment < FS;
  if (!STACK_INSTRUCTIONS.has(mnemonic)) return byOperand;
  const rsp = gpr[RSP] as bigint;
  if (explicit && mnemonic !== "call_far") {
    // PUSH, POP, CALL with a memory operand: the other access is the one word at the top of the stack.
    const top = mnemonic === "pop" ? rsp : BigInt.asUintN(64, rsp - BigInt(insn.operandSize));
    return byOperand || linear === top;
  }
  return byOperand || near(linear, rsp) || (FRAME_INSTRUCTIONS.has(mnemonic) && near(linear, gpr[RBP] as bigint));
}
