/**
 * x87 (SDM vol. 1 §8): the availability checks and operand translation; the arithmetic is exact and
 * in TypeScript (x86/x87/).
 */
import { type Expr, i32, i64, type Local } from "../../wasm/expression.ts";
import { CR0_AM, CR0_EM, CR0_MP, CR0_TS, cpuState, EXC_AC, EXC_GP, EXC_MF, EXC_NM, FLAG_AC } from "../state.ts";
import { instructionTable } from "../table/index.ts";
import { FSW_ES, x87MemoryOperand, x87Waits } from "../x87/index.ts";
import type { Emit, Semantics } from "./emit.ts";

const FSW = cpuState.offset.fsw;

const isSet = (e: Emit, field: "cr0" | "rflags_system", mask: bigint | number): Expr =>
  typeof mask === "bigint"
    ? i64.ne(i64.and(e.state64(field), i64.const(mask)), i64.const(0))
    : i32.ne(i32.and(e.state32(field), i32.const(mask)), i32.const(0));

const x87Instruction: Semantics = (e: Emit) => {
  const { fn } = e;
  fn.if(isSet(e, "cr0", CR0_TS | CR0_EM), () => e.raise(EXC_NM));
  const operand = x87MemoryOperand(e.insn);
  if (operand.bytes === 0) return e.callSystem();
  // A pending exception comes before any of the memory operand.
  if (x87Waits(e.insn.def.mnemonic)) {
    const status = i32.load16u(e.stateBase(), FSW);
    fn.if(i32.and(status, i32.const(FSW_ES)), () => e.raise(EXC_MF));
  }
  const linear = e.linearAddress();
  if (e.insn.def.feature === "fxsr") requireAlignedImage(e, linear);
  e.callSystem(e.translate(linear, operand.bytes, operand.write));
};

/** FXSAVE, FXRSTOR: a misaligned image is #AC(0) where alignment is checked, else #GP(0). */
function requireAlignedImage(e: Emit, linear: Local): void {
  const { fn } = e;
  fn.if(i64.ne(i64.and(linear, i64.const(15)), i64.const(0)), () => {
    const checked = i32.and(isSet(e, "rflags_system", FLAG_AC), isSet(e, "cr0", CR0_AM));
    fn.if(i32.and(checked, i32.eq(e.state32("cpl"), i32.const(3))), () => e.raise(EXC_AC));
    e.raise(EXC_GP);
  });
}

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
x87.fisttp = x87Instruction;
for (const name of ["fwait", "wait"]) if (x87[name]) x87[name] = wait;
