/** Emits forms: as handlers of their own, or for the loop. */
import { CPU_SCRATCH, CPU_STATE } from "../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import type { FunctionRef, ModuleBuilder } from "../wasm/module.ts";
import type { Insn } from "../x86/insn.ts";
import type { Semantics } from "../x86/semantics/emit.ts";
import { semantics } from "../x86/semantics/index.ts";
import { cpuState } from "../x86/state.ts";
import { CaseEmit, type CaseFlow } from "./case-emit.ts";
import type { Place } from "./emit.ts";
import { engineState } from "./engine-state.ts";
import { type Callees, HandlerEmit, type HandlerFlow } from "./handler-emit.ts";
import { REC_IMM, REC_OFFSET } from "./record.ts";
import type { Runtime } from "./runtime.ts";
import { Status } from "./status.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);

/** What the generator needs to know of one form: the instructions (one, or some that are fused) that show its shape. */
export type FormShape = readonly Insn[];

export const state32 = (field: number): Expr => i32.load(ZERO, CPU_STATE + field);
export const pageVa = (): Expr => i64.load(ZERO, CPU_STATE + ST.page_va);

/** Result of emitting a form. */
export interface Emitted {
  readonly usesSystem: boolean;
  readonly callsRuntime: boolean;
}

function semanticsOf({ def }: Insn): Semantics {
  const semantic = semantics.get(def.mnemonic);
  if (!semantic) throw new Error(`no semantics for ${def.mnemonic}`);
  return semantic;
}

/** Emits the instructions of a form one behind the other, for a case. */
export function emitCase(shape: FormShape, place: Place<CaseFlow>, between: () => void): void {
  let previous: CaseEmit | undefined;
  for (const insn of shape) {
    if (previous) between();
    const e = new CaseEmit(place, insn);
    if (previous) e.inheritFlags(previous);
    semanticsOf(insn)(e);
    previous = e;
  }
}

export const runtimeFunctions = (runtime: Runtime): Readonly<Record<string, FunctionRef>> => ({
  getFlags: runtime.getFlags,
  setFlags: runtime.setFlags,
  softSse: runtime.softSse,
  tsc: runtime.tsc,
  sameLevelIret: runtime.sameLevelIret,
  ...runtime.x87,
});

/** Flow of an out-of-line handler: everything is told by its status. */
function statusFlow(fn: Fn, record: Local): HandlerFlow {
  const leave = (status: number): void => fn.return(i32.const(status));
  return {
    fault: () => leave(Status.Fault),
    next: () => leave(Status.Next),
    repeat: () => leave(Status.Repeat),
    exit: () => leave(Status.Exit),
    jump: (target) => {
      fn.store(StoreOp.i64, ZERO, target, CPU_STATE + ST.rip);
      leave(Status.Jump);
    },
    branch: (narrow) => {
      fn.store(StoreOp.i64, ZERO, branchTarget(record, narrow), CPU_STATE + ST.rip);
      const to = fn.let(i64.load(record, REC_IMM));
      const free = i32.and(i64.ltU(to, i64.const(4096)), i64.gtU(to, i64.load16u(record, REC_OFFSET)));
      fn.return(i32.select(free, i32.const(Status.JumpUnchecked), i32.const(Status.Jump)));
    },
    status: (value) => fn.return(value),
  };
}

/** Linear target of a direct branch; a 16-bit operand size cuts it. */
export function branchTarget(record: Local, narrow: boolean): Expr {
  const target = i64.add(pageVa(), i64.load(record, REC_IMM));
  return narrow ? i64.and(target, i64.const(0xffff)) : target;
}

/** Defines the function of a form of one instruction. */
export function defineHandler(module: ModuleBuilder, ref: FunctionRef, [insn]: FormShape, callees: Callees): Emitted {
  if (!insn) throw new Error("a form without an instruction");
  let emitted: Emitted = { usesSystem: false, callsRuntime: false };
  module.define(ref, (fn) => {
    const [record] = fn.params as [Local];
    const tlb = fn.let(i32.load(ZERO, CPU_SCRATCH + EN.tlb));
    const place = { fn, record, tlb, flow: statusFlow(fn, record) };
    const e = new HandlerEmit(place, insn, callees);
    semanticsOf(insn)(e);
    emitted = { usesSystem: e.usesSystem, callsRuntime: e.callsRuntime };
    fn.result(i32.const(Status.Next));
  });
  return emitted;
}
