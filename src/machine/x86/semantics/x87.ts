/**
 * x87 (SDM vol. 1 §8): the availability checks and operand translation; the arithmetic is exact and
 * in TypeScript (x86/x87/).
 */
import { i64 } from "../../wasm/expression.ts";
import { CR0_EM, CR0_MP, CR0_TS, EXC_NM } from "../state.ts";
import { instructionTable } from "../table/index.ts";
import { x87MemoryOperand } from "../x87/index.ts";
import type { Emit, Semantics } from "./emit.ts";

const x87Instruction: Semantics = (e: Emit) => {
  const blocked = i64.ne(i64.and(e.state64("cr0"), i64.const(CR0_TS | CR0_EM)), i64.const(0));
  e.fn.if(blocked, () => e.raise(EXC_NM));
  const operand = x87MemoryOperand(e.insn);
  if (operand.bytes === 0) return e.callSystem();
  const linear = e.linearAddress();
  if (e.insn.def.feature === "fxsr") e.requireAligned(linear, 16);
  e.callSystem(e.translate(linear, operand.bytes, operand.write));
};

/** WAIT is blocked by TS only together with MP. */
const wait: Semantics = (e) => {
  const both = CR0_TS | CR0_MP;
  e.fn.if(i64.eq(i64.and(e.state64("cr0"), i64.const(both)), i64.const(both)), () => e.raise(EXC_NM));
  e.callSystem();
};

export const x87: Record<string, Semantics> = {};
for (const def of instructionTable) {
  if (def.feature === "x87" || def.feature === "fxsr") x87[def.mnemonic] = x87Instruction;
}
x87.emms = x87Instruction;
for (const name of ["fwait", "wait"]) if (x87[name]) x87[name] = wait;
