/** x87 (SDM vol. 1 §8): what is generated code, and for the rest the checks and operands of what is in TypeScript. */
import { type Expr, i32, i64, type Local } from "../../wasm/expression.ts";
import { CR0_AM, EXC_AC, EXC_GP, FLAG_AC } from "../state.ts";
import { instructionTable } from "../table/index.ts";
import { x87MemoryOperand, x87Waits } from "../x87/index.ts";
import type { Emit, Semantics } from "./emit.ts";
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

/** FXSAVE, FXRSTOR: a misaligned image is #AC(0) where alignment is checked, else #GP(0). */
function requireAlignedImage(e: Emit, linear: Local): void {
  const { fn } = e;
  const isSet = (field: "cr0" | "rflags_system", mask: number): Expr =>
    i32.ne(i32.and(e.state32(field), i32.const(mask)), i32.const(0));
  fn.if(i64.ne(i64.and(linear, i64.const(15)), i64.const(0)), () => {
    const checked = i32.and(isSet("rflags_system", FLAG_AC), isSet("cr0", Number(CR0_AM)));
    fn.if(i32.and(checked, i32.eq(e.state32("cpl"), i32.const(3))), () => e.raise(EXC_AC));
    e.raise(EXC_GP);
  });
}

export const x87: Record<string, Semantics> = {};
/** Those that are only executed in TypeScript. */
export const x87InTypeScript: string[] = [];
for (const { mnemonic, feature } of instructionTable) {
  if (feature !== "x87" && feature !== "fxsr" && mnemonic !== "fisttp") continue;
  const generated = x87Arithmetic[mnemonic] ?? x87Control[mnemonic];
  x87[mnemonic] = generated ?? inTypeScript;
  if (!generated) x87InTypeScript.push(mnemonic);
}
