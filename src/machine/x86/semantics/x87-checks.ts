/** What x87 instructions look at before they do anything (SDM vol. 1 §8.6, §8.7), and where they go when they are rare. */
import { type Expr, i32, type Local } from "../../wasm/expression.ts";
import { CR0_EM, CR0_MP, CR0_TS, cpuState, EXC_MF, EXC_NM } from "../state.ts";
import { FSW_ES } from "../x87/index.ts";
import type { Emit } from "./emit.ts";

const FSW = cpuState.offset.fsw;

/** #NM if the unit is switched off. */
export function requireX87(e: Emit): void {
  const off = (): Expr => i32.and(e.state32("cr0"), i32.const(Number(CR0_TS | CR0_EM)));
  e.check("x87", () => e.fn.if(off(), () => e.raise(EXC_NM)));
}

/** #NM for WAIT, which is blocked by TS only together with MP. */
export function requireWait(e: Emit): void {
  const both = Number(CR0_TS | CR0_MP);
  e.fn.if(i32.eq(i32.and(e.state32("cr0"), i32.const(both)), i32.const(both)), () => e.raise(EXC_NM));
}

export const status = (e: Emit): Expr => i32.load16u(e.stateBase(), FSW);

/** #MF for an exception that an earlier instruction left. */
export function requireNothingPending(e: Emit): void {
  e.fn.if(i32.and(status(e), i32.const(FSW_ES)), () => e.raise(EXC_MF));
}

/** Host address of the memory operand. A pending exception comes before any of its own. */
export function translateOperand(e: Emit, size: number, write: boolean): Local {
  requireNothingPending(e);
  return e.translate(e.linearAddress(), size, write);
}

/**
 * The end of an instruction that a runtime function has executed, or has left undone: then TypeScript
 * executes it. The instruction pointer follows; the data pointer stays unless an exception becomes
 * pending, which the functions leave to TypeScript.
 */
export function completeX87(e: Emit, undone: Expr, host?: Local): void {
  e.fn.if(undone, () => e.callSystem(host));
  e.setState64("fip", e.thisRip());
}
