/** x87 (SDM vol. 1 §8): what is generated code, and for the rest the checks and operands of what is in TypeScript. */
import { instructionTable } from "../table/index.ts";
import { x87MemoryOperand, x87Waits } from "../x87/index.ts";
import type { Emit, Semantics } from "./emit.ts";
import { requireAlignedImage } from "./fx-alignment.ts";
import { fxstate } from "./fxstate.ts";
import { x87Arithmetic } from "./x87-arithmetic.ts";
import { requireNothingPending, requireX87 } from "./x87-checks.ts";
import { x87Control } from "./x87-control.ts";

/** Rare instructions: TypeScript executes them. */
const inTypeScript: Semantics = (e: Emit) => {
  requireX87(e);
  const operand = x87MemoryOperand(e.insn);
  if (operand.bytes === 0) return e.callSystem();
  // A pending exception comes before any of the memory operand.
  if (x87Waits(e.insn.def.mnemonic)) requireNothingPending(e);
  const linear = e.linearAddress();
  if (e.insn.def.feature === "fxsr") requireAlignedImage(e, linear);
  e.callSystem(e.translate(linear, operand.bytes, operand.write));
};

export const x87: Record<string, Semantics> = {};
/** Those that compiled code leaves to the interpreter: most are only executed in TypeScript. */
export const x87Interpreted: string[] = [];
for (const { mnemonic, feature } of instructionTable) {
  if (feature !== "x87" && feature !== "fxsr" && mnemonic !== "fisttp") continue;
  const generated = x87Arithmetic[mnemonic] ?? x87Control[mnemonic] ?? fxstate[mnemonic];
  x87[mnemonic] = generated ?? inTypeScript;
  if (!generated || mnemonic in fxstate) x87Interpreted.push(mnemonic);
}
