/**
 * Generates the interpreter: one function with a loop and a br_table over the forms that are
 * executed most, and a function for each other form.
 *
 * The forms worth a case are data (hot-forms.ts, from measured frequencies); a form met later gets
 * its function in a small module of its own, linked to the first by the table.
 */
import { CPU_SCRATCH, CPU_STATE, type MemoryLayout } from "../layout.ts";
import { ExitReason } from "../processor.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn, Label } from "../wasm/function.ts";
import { call, callIndirect, type FunctionRef, ModuleBuilder } from "../wasm/module.ts";
import type { Insn } from "../x86/insn.ts";
import { semantics } from "../x86/semantics/index.ts";
import { cpuState } from "../x86/state.ts";
import { type Flow, InterpreterEmit } from "./emit.ts";
import { engineState } from "./engine-state.ts";
import {
  CASE_CROSSING,
  CASE_FIRST_FORM, CASE_FIRST_REGION,
  CASE_GOTO,
  CASE_LOOKUP,
  
  REC_CASE,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_LINK,
  REC_OFFSET,
  REC_PLAIN,
  RECORD_SIZE,
} from "./record.ts";
import { defineRuntime, jumpCacheSlot, type Runtime } from "./runtime.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);
const { i32: I32, i64: I64 } = ValType;

/** What an out-of-line handler returns. */
export const Status = {
  /** Go on with the next record. */
  Next: 0,
  /** An exception is in the state; RIP is at the instruction. */
  Fault: 1,
  /** exit_reason and rip are set. */
  Exit: 2,
  /** Go on at `rip`. */
  Jump: 3,
  /** Execute the same record again. */
  Repeat: 4,
  /** From compiled code: execute the instruction of the record in `engine.record` here, and go on behind it. */
  Resume: 5,
  /** Go on at `rip` without looking at the budget (a forward branch within the page). */
  JumpUnchecked: 6,
} as const;

/** Size of the table: out-of-line handlers, then compiled regions. */
export const HANDLERS = CASE_FIRST_REGION;
export const TABLE_SIZE = 16384;

/**
 * Where the budget is looked at: at indirect transfers, and at direct branches that go backward or
 * leave the page. Compiled code does the same, so that a run ends at the same instruction whatever
 * executes it. A budget below STEP_LIMIT ends at any transfer: single steps start there.
 */
export const STEP_LIMIT = -0x40000000;

/** Executions of a transfer to one record between two looks at whether it is worth compiling; a power of two. */
export const HOT_INTERVAL = 4096;

/** Handlers that the profile tells apart. */
export const PROFILED_HANDLERS = 2048;
/** Bytes of the profile: a u32 for each pair of handlers executed one after the other. */
export const FORM_PROFILE_SIZE = PROFILED_HANDLERS * PROFILED_HANDLERS * 4;

/** What the generator needs to know of one form: the instructions (one, or two fused) that show its shape. */
export type FormShape = readonly Insn[];

/** Imports from TypeScript of the first module. */
export const IMPORTS = {
  decode: { params: [I32], results: [I32] },
  codeWrite: { params: [I32, I32], results: [] },
  hot: { params: [I32], results: [] },
  crossing: { params: [I32, I32], results: [I32] },
  system: { params: [I32, I32], results: [I32] },
  softSse: { params: [I32], results: [I32] },
} as const;

const state32 = (field: number): Expr => i32.load(ZERO, CPU_STATE + field);
const pageVa = (): Expr => i64.load(ZERO, CPU_STATE + ST.page_va);

/** Result of emitting a form. */
interface Emitted {
  readonly usesSystem: boolean;
}

/** Emits the instructions of a form one behind the other. */
function emitForm(
  shape: FormShape,
  fn: Fn,
  record: Local,
  tlb: Expr,
  runtime: Runtime,
  system: FunctionRef,
  flow: Flow,
  between: () => void,
): Emitted {
  let previous: InterpreterEmit | undefined;
  let usesSystem = false;
  for (const insn of shape) {
    if (previous) between();
    const e = new InterpreterEmit(fn, insn, record, tlb, runtime, system, runtimeFunctions(runtime), flow);
    if (previous) e.inheritFlags(previous);
    const semantic = semantics.get(insn.def.mnemonic);
    if (!semantic) throw new Error(`no semantics for ${insn.def.mnemonic}`);
    semantic(e);
    usesSystem ||= e.usesSystem;
    previous = e;
  }
  return { usesSystem };
}

const runtimeFunctions = (runtime: Runtime): Readonly<Record<string, FunctionRef>> => ({
  getFlags: runtime.getFlags,
  setFlags: runtime.setFlags,
  softSse: runtime.softSse,
});

/** Flow of an out-of-line handler: everything is told by its status. */
function statusFlow(fn: Fn, record: Local): Flow {
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
function branchTarget(record: Local, narrow: boolean): Expr {
  const target = i64.add(pageVa(), i64.load(record, REC_IMM));
  return narrow ? i64.and(target, i64.const(0xffff)) : target;
}

/** Defines the out-of-line handler of a form. */
function defineHandler(
  module: ModuleBuilder,
  ref: FunctionRef,
  shape: FormShape,
  runtime: Runtime,
  system: FunctionRef,
): Emitted {
  let emitted: Emitted = { usesSystem: false };
  module.define(ref, (fn) => {
    const [record] = fn.params as [Local];
    const tlb = fn.let(i32.load(ZERO, CPU_SCRATCH + EN.tlb));
    emitted = emitForm(shape, fn, record, tlb, runtime, system, statusFlow(fn, record), () => {
      throw new Error("only the switch fuses");
    });
    fn.result(i32.const(Status.Next));
  });
  return emitted;
}

/** What the first module offers to TypeScript. */
export interface InterpreterExports {
  /** Runs from `record` (0: from RIP) until an exit; returns the exit reason. */
  run(record: number): number;
  walk(linear: bigint, access: number, user: number): number;
  slowRead(linear: bigint, size: number): number;
  slowWrite(linear: bigint, size: number): number;
  commitCrossing(): void;
  find(rip: bigint): number;
  getFlags(): number;
  setFlags(flags: number): void;
  readonly table: WebAssembly.Table;
}

export interface GeneratedForm {
  readonly usesSystem: boolean;
}

export interface Generated {
  readonly bytes: Uint8Array;
  /** By position in `inline`: what case CASE_FIRST_FORM + position executes. */
  readonly inline: readonly GeneratedForm[];
  /** By position in `outOfLine`: what table entry `position` executes. */
  readonly outOfLine: readonly GeneratedForm[];
}

/**
 * Generates the first module.
 * @param inline forms that get a case in the switch
 * @param outOfLine forms that get a function
 * @param profile address of a matrix that counts handlers by the one before, or 0; see FORM_PROFILE_SIZE
 */
export function generateInterpreter(
  layout: MemoryLayout,
  inline: readonly FormShape[],
  outOfLine: readonly FormShape[],
  profile = 0,
): Generated {
  const module = new ModuleBuilder();
  module.importMemory(layout.size / 65536);
  const imports = {
    decode: module.importFunction("decode", IMPORTS.decode.params, IMPORTS.decode.results),
    codeWrite: module.importFunction("codeWrite", IMPORTS.codeWrite.params, IMPORTS.codeWrite.results),
    hot: module.importFunction("hot", IMPORTS.hot.params, IMPORTS.hot.results),
    crossing: module.importFunction("crossing", IMPORTS.crossing.params, IMPORTS.crossing.results),
    system: module.importFunction("system", IMPORTS.system.params, IMPORTS.system.results),
    softSse: module.importFunction("softSse", IMPORTS.softSse.params, IMPORTS.softSse.results),
  };
  module.ownTable(TABLE_SIZE);
  const runtime = defineRuntime(module, layout, imports);
  const handlerType = module.typeIndex({ params: [I32], results: [I32] });
  const run = module.declare([I32], [I32], "run");
  const inlineForms: GeneratedForm[] = [];
  const regionType = module.typeIndex({ params: [], results: [I32] });
  const refs = { runtime, system: imports.system, hot: imports.hot, handlerType, regionType };
  module.define(run, (fn) => defineRun(fn, refs, inline, inlineForms, profile));
  const outForms = outOfLine.map((shape) => {
    const ref = module.declare([I32], [I32]);
    module.element(ref);
    return defineHandler(module, ref, shape, runtime, imports.system);
  });
  return { bytes: module.encode(), inline: inlineForms, outOfLine: outForms };
}

/** Generates a module with the functions of more forms, exported as "0", "1", ... */
export function generateHandlers(
  layout: MemoryLayout,
  shapes: readonly FormShape[],
): { bytes: Uint8Array; forms: GeneratedForm[] } {
  const module = new ModuleBuilder();
  module.importMemory(layout.size / 65536);
  const system = module.importFunction("system", IMPORTS.system.params, IMPORTS.system.results);
  const runtime: Runtime = {
    walk: module.importFunction("walk", [I64, I32, I32], [I32]),
    slowRead: module.importFunction("slowRead", [I64, I32], [I32]),
    slowWrite: module.importFunction("slowWrite", [I64, I32], [I32]),
    commitCrossing: module.importFunction("commitCrossing", [], []),
    find: module.importFunction("find", [I64], [I32]),
    crossing: system,
    getFlags: module.importFunction("getFlags", [], [I32]),
    setFlags: module.importFunction("setFlags", [I32], [I32]),
    softSse: module.importFunction("softSse", IMPORTS.softSse.params, IMPORTS.softSse.results),
  };
  const forms = shapes.map((shape, i) =>
    defineHandler(module, module.declare([I32], [I32], String(i)), shape, runtime, system),
  );
  return { bytes: module.encode(), forms };
}

interface LoopReferences {
  readonly runtime: Runtime;
  readonly system: FunctionRef;
  readonly hot: FunctionRef;
  readonly handlerType: number;
  readonly regionType: number;
}

/**
 * The loop. Locals: the record being executed, the budget left, the TLB. At the top of the loop one
 * instruction is taken off the budget; it is looked at where control is transferred.
 */
function defineRun(
  fn: Fn,
  { runtime, system, hot, handlerType, regionType }: LoopReferences,
  inline: readonly FormShape[],
  forms: GeneratedForm[],
  profile: number,
): void {
  const [start] = fn.params as [Local];
  const record = fn.let(start);
  const budget = fn.let(state32(ST.budget));
  const tlb = fn.let(i32.load(ZERO, CPU_SCRATCH + EN.tlb));
  const target = fn.let(i64.load(ZERO, CPU_STATE + ST.rip));
  const advance = (): void => fn.set(record, i32.add(record, i32.const(RECORD_SIZE)));
  const spend = (n: number): void => fn.set(budget, i32.sub(budget, i32.const(n)));
  const rememberLink = (link: Expr): void => fn.store(StoreOp.i32, ZERO, link, CPU_SCRATCH + EN.link);
  const here = (): Expr => i64.add(pageVa(), i64.load16u(record, REC_OFFSET));
  const storeRip = (rip: Expr): void => fn.store(StoreOp.i64, ZERO, rip, CPU_STATE + ST.rip);
  const storeBudgetExit = (): void =>
    fn.store(StoreOp.i32, ZERO, i32.const(ExitReason.Budget), CPU_STATE + ST.exit_reason);

  /** The budget at which a jump in progress ends the run. */
  const limit = fn.let(ZERO);
  const unchecked = (): void => fn.set(limit, i32.const(STEP_LIMIT));
  const checked = (): void => fn.set(limit, ZERO);
  /** The case to execute: the record's, or its plain one behind an exit of compiled code. */
  const kind = fn.let(ZERO);
  /** Counts a transfer in the u32 at an address, and now and then shows its target to the compiler. */
  const countTransfer = (address: Expr, offset: number, to: Local): void => {
    const at = fn.let(address);
    const n = fn.let(i32.add(i32.load(at, offset), i32.const(1)));
    fn.store(StoreOp.i32, at, n, offset);
    fn.if(i32.eqz(i32.and(n, i32.const(HOT_INTERVAL - 1))), () => fn.run(call(hot, to)));
  };
  const lastHandler = fn.let(ZERO);
  rememberLink(ZERO);
  fn.block((exit) => {
    fn.block((fault) => {
      fn.loop((enter) => {
        fn.block((jump) => {
          fn.brIf(jump, i32.eqz(record));
          fn.loop((dispatch) => {
            fn.set(kind, i32.load16u(record, REC_CASE));
            fn.loop((redispatch) => {
              spend(1);
              const flow: Flow = {
                fault: () => fn.br(fault),
                next: () => {
                  advance();
                  fn.br(dispatch);
                },
                repeat: () => {
                  fn.brIf(dispatch, i32.gtS(budget, ZERO));
                  storeBudgetExit();
                  storeRip(here());
                  fn.br(exit);
                },
                exit: () => fn.br(exit),
                jump: (to) => {
                  fn.set(target, to);
                  checked();
                  fn.br(jump);
                },
                branch: (narrow) => {
                  const link = fn.let(i32.load(record, REC_LINK));
                  fn.if(i32.and(i32.ne(link, ZERO), i32.gtS(budget, ZERO)), () => {
                    countTransfer(record, REC_DISP, link);
                    fn.set(record, link);
                    fn.br(dispatch);
                  });
                  const to = fn.let(i64.load(record, REC_IMM));
                  const samePage = fn.let(i64.ltU(to, i64.const(4096)));
                  const forward = i64.gtU(to, i64.load16u(record, REC_OFFSET));
                  rememberLink(narrow ? ZERO : i32.select(samePage, record, ZERO));
                  fn.set(limit, i32.select(i32.and(samePage, forward), i32.const(STEP_LIMIT), ZERO));
                  fn.set(target, branchTarget(record, narrow));
                  fn.br(jump);
                },
                status: (value) => {
                  const status = fn.let(value);
                  onStatus(status);
                },
              };
              const onStatus = (status: Local): void => {
                fn.if(i32.eqz(status), () => {
                  advance();
                  fn.br(dispatch);
                });
                fn.brIf(fault, i32.eq(status, i32.const(Status.Fault)));
                fn.brIf(exit, i32.eq(status, i32.const(Status.Exit)));
                fn.if(i32.eq(status, i32.const(Status.Repeat)), () => flow.repeat());
                fn.set(target, i64.load(ZERO, CPU_STATE + ST.rip));
                fn.set(limit, i32.select(i32.eq(status, i32.const(Status.Jump)), ZERO, i32.const(STEP_LIMIT)));
                fn.br(jump);
              };
              fn.switch(kind, CASE_FIRST_FORM + inline.length + 1, (i) =>
                fn.scope(() => {
                  if (i === 0) {
                    if (profile) countHandler(fn, record, lastHandler, profile);
                    // TypeScript may ask how many instructions have retired.
                    fn.store(StoreOp.i32, ZERO, budget, CPU_STATE + ST.budget);
                    onStatus(fn.let(callIndirect(handlerType, I32, [record], i32.load16u(record, REC_HANDLER))));
                  } else if (i === CASE_LOOKUP) {
                    spend(-1);
                    fn.set(target, here());
                    // If the jump cache led here, the record was dropped since.
                    const slot = fn.let(i32.add(i32.load(ZERO, CPU_SCRATCH + EN.jump_cache), jumpCacheSlot(target)));
                    fn.if(i32.eq(i32.load(slot, 8), record), () => fn.store(StoreOp.i64, slot, i64.const(-1)));
                    unchecked();
                    fn.br(jump);
                  } else if (i === CASE_FIRST_FORM + inline.length) {
                    spend(-1);
                    fn.store(StoreOp.i32, ZERO, budget, CPU_STATE + ST.budget);
                    const status = fn.let(callIndirect(regionType, I32, [], kind));
                    const before = fn.let(budget);
                    fn.set(budget, state32(ST.budget));
                    const retired = i64.extendS(i32.sub(before, budget));
                    const total = CPU_SCRATCH + EN.jit_retired;
                    fn.store(StoreOp.i64, ZERO, i64.add(i64.load(ZERO, total), retired), total);
                    fn.if(i32.eq(status, i32.const(Status.Resume)), () => {
                      fn.set(record, i32.load(ZERO, CPU_SCRATCH + EN.record));
                      fn.set(kind, i32.load16u(record, REC_PLAIN));
                      fn.br(redispatch);
                    });
                    onStatus(status);
                  } else if (i === CASE_GOTO) {
                    spend(-1);
                    fn.set(record, i32.load(record, REC_LINK));
                    fn.br(dispatch);
                  } else if (i === CASE_CROSSING) {
                    spend(-1);
                    crossing(fn, runtime, record, here, storeRip, { exit, dispatch });
                  } else {
                    const shape = inline[i - CASE_FIRST_FORM] as FormShape;
                    forms.push(
                      emitForm(shape, fn, record, tlb, runtime, system, flow, () => {
                        advance();
                        spend(1);
                      }),
                    );
                  }
                }),
              );
              advance();
              fn.br(dispatch);
            });
          });
        });
        // jump: control goes to `target`; if it is a direct branch within a page, `link` is its record.
        fn.if(i32.leS(budget, limit), () => {
          storeBudgetExit();
          storeRip(target);
          fn.br(exit);
        });
        const slot = fn.let(i32.add(i32.load(ZERO, CPU_SCRATCH + EN.jump_cache), jumpCacheSlot(target)));
        fn.if(
          i64.eq(i64.load(slot), target),
          () => {
            fn.set(record, i32.load(slot, 8));
            fn.store(StoreOp.i64, ZERO, i64.and(target, i64.const(~0xfffn)), CPU_STATE + ST.page_va);
            countTransfer(slot, 12, record);
          },
          () => {
            fn.set(record, call(runtime.find, target));
            fn.if(i32.eqz(record), () => {
              storeRip(target);
              fn.br(exit);
            });
          },
        );
        const link = fn.let(i32.load(ZERO, CPU_SCRATCH + EN.link));
        fn.if(link, () => {
          fn.store(StoreOp.i32, link, record, REC_LINK);
          rememberLink(ZERO);
        });
        fn.br(enter);
      });
    });
    // fault: the instruction did not retire.
    spend(-1);
    storeRip(here());
  });
  fn.store(StoreOp.i32, ZERO, budget, CPU_STATE + ST.budget);
  fn.result(state32(ST.exit_reason));
}

/** Counts the record's handler behind the last one. */
function countHandler(fn: Fn, record: Local, last: Local, profile: number): void {
  const handler = fn.let(i32.load16u(record, REC_HANDLER));
  const cell = fn.let(i32.shl(i32.add(i32.mul(last, i32.const(PROFILED_HANDLERS)), handler), i32.const(2)));
  fn.store(StoreOp.i32, cell, i32.add(i32.load(cell, profile), i32.const(1)), profile);
  fn.set(last, handler);
}

/**
 * An instruction whose last bytes are on the next page: the record that follows holds it as decoded
 * with the frame that was mapped there then. If another one is now, TypeScript decodes it anew.
 */
function crossing(
  fn: Fn,
  runtime: Runtime,
  record: Local,
  here: () => Expr,
  storeRip: (rip: Expr) => void,
  to: { exit: Label; dispatch: Label },
): void {
  const user = i32.eq(state32(ST.cpl), i32.const(3));
  const host = fn.let(call(runtime.walk, i64.add(pageVa(), i64.const(4096)), i32.const(2), user));
  fn.if(i32.eqz(host), () => {
    storeRip(here());
    fn.br(to.exit);
  });
  fn.if(i32.eq(i32.shrU(host, i32.const(12)), i32.load(record, REC_LINK)), () => {
    fn.set(record, i32.add(record, i32.const(RECORD_SIZE)));
    fn.br(to.dispatch);
  });
  fn.store(StoreOp.i32, ZERO, host, CPU_SCRATCH + EN.crossing_second);
  fn.set(record, call(runtime.crossing, record, host));
  fn.br(to.dispatch);
}
