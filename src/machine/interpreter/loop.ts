/** The interpreter's loop: one function that dispatches over records. */
import { CPU_SCRATCH, CPU_STATE } from "../layout.ts";
import { ExitReason } from "../processor.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn, Label } from "../wasm/function.ts";
import { call, callIndirect, type FunctionRef } from "../wasm/module.ts";
import { cpuState } from "../x86/state.ts";
import type { CaseFlow } from "./case-emit.ts";
import { countBranch, countTransfer, jumpSlot, storePageOf } from "./chain.ts";
import { engineState } from "./engine-state.ts";
import { sampleRecord } from "./form-profile.ts";
import { branchTarget, emitCase, type FormShape, pageVa, state32 } from "./handlers.ts";
import {
  CASE_CALL,
  CASE_CROSSING,
  CASE_FIRST_FORM,
  CASE_GOTO,
  CASE_LOOKUP,
  REC_CASE,
  REC_HANDLER,
  REC_IMM,
  REC_LINK,
  REC_OFFSET,
  REC_PLAIN,
  RECORD_SIZE,
} from "./record.ts";
import { type Runtime, SLOT_RECORD } from "./runtime.ts";
import { STEP_LIMIT, Status } from "./status.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);
/** `region_budget` while no compiled region has run: no budget is as large. */
const NO_REGION = 0x7fffffff;
const { i32: I32 } = ValType;

export interface LoopReferences {
  readonly runtime: Runtime;
  readonly hot: FunctionRef;
  readonly handlerType: number;
  /** chain(kind), see chain.ts. */
  readonly chain: FunctionRef;
}

/**
 * The loop. Locals: the record being executed, the budget left, the TLB. At the top of the loop one
 * instruction is taken off the budget; it is looked at where control is transferred.
 */
export function defineRun(
  fn: Fn,
  { runtime, hot, handlerType, chain }: LoopReferences,
  inline: readonly FormShape[],
  profile: number,
): void {
  const [start] = fn.params as [Local];
  const record = fn.let(start);
  const budget = fn.let(state32(ST.budget));
  const tlb = fn.let(i32.load(ZERO, CPU_SCRATCH + EN.tlb));
  const target = fn.let(i64.load(ZERO, CPU_STATE + ST.rip));
  const advance = (): void => fn.set(record, i32.add(record, i32.const(RECORD_SIZE)));
  /** The case to execute: the record's, or its plain one behind an exit of compiled code. */
  const kind = fn.let(ZERO);
  /** The case of the next record: read an instruction before, since the host waits for it when it has foreseen another one. */
  const ahead = fn.let(ZERO);
  const readKind = (): void => fn.set(kind, i32.load16u(record, REC_CASE));
  const readAhead = (): void => fn.set(ahead, i32.load16u(record, RECORD_SIZE + REC_CASE));
  const spend = (n: number): void => fn.set(budget, i32.sub(budget, i32.const(n)));
  const rememberLink = (link: Expr): void => fn.store(StoreOp.i32, ZERO, link, CPU_SCRATCH + EN.link);
  const here = (): Expr => i64.add(pageVa(), i64.load16u(record, REC_OFFSET));
  const storeRip = (rip: Expr): void => fn.store(StoreOp.i64, ZERO, rip, CPU_STATE + ST.rip);
  const storeBudgetExit = (): void => {
    fn.store(StoreOp.i32, ZERO, i32.const(ExitReason.Budget), CPU_STATE + ST.exit_reason);
    fn.store(StoreOp.i64, ZERO, here(), CPU_SCRATCH + EN.interrupted_at);
  };

  /** The budget at which a jump in progress ends the run. */
  const limit = fn.let(ZERO);
  rememberLink(ZERO);
  fn.store(StoreOp.i32, ZERO, i32.const(NO_REGION), CPU_SCRATCH + EN.region_budget);
  fn.block((exit) => {
    fn.block((fault) => {
      fn.loop((enter) => {
        fn.block((jump) => {
          fn.brIf(jump, i32.eqz(record));
          readKind();
          fn.loop((dispatch) => {
            // One loop header an instruction: V8 looks at its stack limit at each.
            readAhead();
            spend(1);
            const go = (): void => {
              readKind();
              fn.br(dispatch);
            };
            const toRepeat = (): void => {
              fn.if(i32.gtS(budget, ZERO), go);
              storeBudgetExit();
              storeRip(here());
              fn.br(exit);
            };
            /** What follows from the status of a function or of compiled code. */
            const onStatus = (status: Local): void => {
              fn.if(i32.eqz(status), () => {
                advance();
                go();
              });
              fn.brIf(fault, i32.eq(status, i32.const(Status.Fault)));
              fn.brIf(exit, i32.eq(status, i32.const(Status.Exit)));
              fn.if(i32.eq(status, i32.const(Status.Repeat)), toRepeat);
              fn.set(target, i64.load(ZERO, CPU_STATE + ST.rip));
              fn.set(limit, i32.select(i32.eq(status, i32.const(Status.Jump)), ZERO, i32.const(STEP_LIMIT)));
              fn.br(jump);
            };
            // What many cases may lead to is here once: the larger the function, the worse V8's code for all of it.
            fn.block((repeat) => {
              fn.block((branch) => {
                fn.block((leave) => {
                  const flow: CaseFlow = {
                    next: () => {
                      advance();
                      go();
                    },
                    repeat: () => fn.br(repeat),
                    jump: (to) => {
                      fn.set(target, to);
                      fn.set(limit, ZERO);
                      fn.br(jump);
                    },
                    branch: (narrow) => {
                      // A call has pushed by now, so this cannot be left to the function any more.
                      if (narrow) throw new Error("a branch that is cut to 16 bits may not have a case");
                      fn.br(branch);
                    },
                    leave: () => fn.br(leave),
                  };
                  const place = { fn, record, tlb, flow };
                  const pseudo = {
                    [CASE_CALL]: () => {
                      if (profile) sampleRecord(fn, record, profile);
                      fn.br(leave);
                    },
                    [CASE_LOOKUP]: () => {
                      fn.set(target, here());
                      // If the jump cache led here, the record was dropped since.
                      const slot = fn.let(jumpSlot(target));
                      const isItsSlot = i32.eq(i32.load(slot, SLOT_RECORD), record);
                      fn.if(isItsSlot, () => fn.store(StoreOp.i64, slot, i64.const(-1)));
                      fn.set(limit, i32.const(STEP_LIMIT));
                      spend(-1);
                      fn.br(jump);
                    },
                    [CASE_GOTO]: () => {
                      fn.set(record, i32.load(record, REC_LINK));
                      spend(-1);
                      go();
                    },
                    [CASE_CROSSING]: () => {
                      spend(-1);
                      crossing(fn, runtime, record, here, storeRip, exit, go);
                    },
                  };
                  const inRegion = (): void => {
                    spend(-1);
                    fn.store(StoreOp.i32, ZERO, budget, CPU_STATE + ST.budget);
                    const status = fn.let(call(chain, kind));
                    const before = fn.let(budget);
                    fn.set(budget, state32(ST.budget));
                    fn.store(StoreOp.i32, ZERO, budget, CPU_SCRATCH + EN.region_budget);
                    const retired = i64.extendS(i32.sub(before, budget));
                    const total = CPU_SCRATCH + EN.jit_retired;
                    fn.store(StoreOp.i64, ZERO, i64.add(i64.load(ZERO, total), retired), total);
                    fn.if(i32.eq(status, i32.const(Status.Resume)), () => {
                      fn.set(record, i32.load(ZERO, CPU_SCRATCH + EN.record));
                      fn.set(kind, i32.load16u(record, REC_PLAIN));
                      fn.br(dispatch);
                    });
                    fn.if(i32.eq(status, i32.const(Status.Record)), () => {
                      fn.set(record, i32.load(ZERO, CPU_SCRATCH + EN.record));
                      go();
                    });
                    onStatus(status);
                  };
                  const between = (): void => {
                    advance();
                    readAhead();
                    spend(1);
                  };
                  fn.switch(kind, CASE_FIRST_FORM + inline.length + 1, (i) =>
                    fn.scope(() => {
                      const shape = inline[i - CASE_FIRST_FORM];
                      if (shape) emitCase(shape, place, between);
                      else (pseudo[i as keyof typeof pseudo] ?? inRegion)();
                    }),
                  );
                  // A case changes no code, so that this is still what was read.
                  advance();
                  fn.set(kind, ahead);
                  fn.br(dispatch);
                });
                // leave: the function of the instruction. TypeScript may ask how many have retired.
                fn.store(StoreOp.i32, ZERO, budget, CPU_STATE + ST.budget);
                onStatus(fn.let(callIndirect(handlerType, I32, [record], i32.load16u(record, REC_HANDLER))));
              });
              // branch: a direct branch is taken.
              const link = fn.let(i32.load(record, REC_LINK));
              fn.if(i32.and(i32.ne(link, ZERO), i32.gtS(budget, ZERO)), () => {
                countBranch(fn, hot, record, link);
                fn.set(record, link);
                go();
              });
              const to = fn.let(i64.load(record, REC_IMM));
              const samePage = fn.let(i64.ltU(to, i64.const(4096)));
              const forward = i64.gtU(to, i64.load16u(record, REC_OFFSET));
              rememberLink(i32.select(samePage, record, ZERO));
              fn.set(limit, i32.select(i32.and(samePage, forward), i32.const(STEP_LIMIT), ZERO));
              fn.set(target, branchTarget(record, false));
              fn.br(jump);
            });
            // repeat: the instruction is executed again.
            toRepeat();
          });
        });
        // jump: control goes to `target`; if it is a direct branch within a page, `link` is its record.
        fn.if(i32.leS(budget, limit), () => {
          storeBudgetExit();
          storeRip(target);
          fn.br(exit);
        });
        const slot = fn.let(jumpSlot(target));
        fn.if(
          i64.eq(i64.load(slot), target),
          () => {
            fn.set(record, i32.load(slot, SLOT_RECORD));
            storePageOf(fn, target);
            countTransfer(fn, hot, slot, record);
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
  exit: Label,
  go: () => void,
): void {
  const user = i32.eq(state32(ST.cpl), i32.const(3));
  const host = fn.let(call(runtime.walk, i64.add(pageVa(), i64.const(4096)), i32.const(2), user));
  fn.if(i32.eqz(host), () => {
    storeRip(here());
    fn.br(exit);
  });
  fn.if(i32.eq(i32.shrU(host, i32.const(12)), i32.load(record, REC_LINK)), () => {
    fn.set(record, i32.add(record, i32.const(RECORD_SIZE)));
    go();
  });
  fn.store(StoreOp.i32, ZERO, host, CPU_SCRATCH + EN.crossing_second);
  fn.set(record, call(runtime.crossing, record, host));
  go();
}
