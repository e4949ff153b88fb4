/** From compiled region to compiled region, without the interpreter's loop in between. */
import { CPU_SCRATCH, CPU_STATE } from "../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { call, callIndirect, type FunctionRef } from "../wasm/module.ts";
import { cpuState } from "../x86/state.ts";
import { engineState } from "./engine-state.ts";
import { CASE_FIRST_REGION, REC_CASE, REC_DISP } from "./record.ts";
import { jumpCacheSlot, SLOT_RECORD, SLOT_REGION } from "./runtime.ts";
import { HOT_INTERVAL, Status } from "./status.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);

/** Each HOT_INTERVAL-th transfer shows its target to the compiler; `n` have been counted. */
function showIfHot(fn: Fn, hot: FunctionRef, n: Local, to: Local): void {
  fn.if(i32.eqz(i32.and(n, i32.const(HOT_INTERVAL - 1))), () => fn.run(call(hot, to)));
}

/** Counts that the direct branch of a record is taken. */
export function countBranch(fn: Fn, hot: FunctionRef, record: Local, to: Local): void {
  const n = fn.let(i32.add(i32.load(record, REC_DISP), i32.const(1)));
  fn.store(StoreOp.i32, record, n, REC_DISP);
  showIfHot(fn, hot, n, to);
}

/** Marks the number of a region, which makes it negative; counts are not. */
const IS_REGION = 1 << 31;

/** Counts a transfer to the record of a slot, unless it is that of a region. */
export function countTransfer(fn: Fn, hot: FunctionRef, slot: Local, record: Local): void {
  const n = fn.let(i32.add(i32.load(slot, SLOT_REGION), i32.const(1)));
  fn.if(i32.gtS(n, ZERO), () => {
    fn.store(StoreOp.i32, slot, n, SLOT_REGION);
    showIfHot(fn, hot, n, record);
  });
}

/** The slot of a linear address in the jump cache in use. */
export function jumpSlot(target: Expr): Expr {
  return i32.add(i32.load(ZERO, CPU_SCRATCH + EN.jump_cache), jumpCacheSlot(target));
}

export function storePageOf(fn: Fn, target: Local): void {
  fn.store(StoreOp.i64, ZERO, i64.and(target, i64.const(~0xfffn)), CPU_STATE + ST.page_va);
}

/**
 * chain(kind): runs the region `kind`, then those that control goes to, until it goes to where no
 * region begins or something else is to be done. The budget is in the state. Returns a Status.
 */
export function defineChain(fn: Fn, regionType: number, hot: FunctionRef): void {
  const { i32: I32 } = ValType;
  const [kind] = fn.params as [Local];
  const status = fn.local(I32);
  const record = fn.local(I32);
  const goOn = (enter: () => void): void => {
    fn.set(kind, i32.load16u(record, REC_CASE));
    fn.if(i32.geU(kind, i32.const(CASE_FIRST_REGION)), enter);
  };
  fn.block((done) => {
    fn.loop((again) => {
      fn.set(status, callIndirect(regionType, I32, [kind], kind));
      fn.brIf(done, i32.ltU(status, i32.const(Status.Jump)));
      fn.brIf(done, i32.eq(status, i32.const(Status.Resume)));
      const target = fn.let(i64.load(ZERO, CPU_STATE + ST.rip));
      const enter = (): void => {
        storePageOf(fn, target);
        fn.br(again);
      };
      // The link is right only behind a region's own code, where the budget has been looked at.
      fn.if(i32.eq(status, i32.const(Status.Link)), () => {
        fn.set(status, i32.const(Status.JumpUnchecked));
        fn.set(record, i32.load(ZERO, CPU_SCRATCH + EN.record));
        goOn(enter);
      });
      const checked = i32.eq(status, i32.const(Status.Jump));
      fn.brIf(done, i32.and(checked, i32.leS(i32.load(ZERO, CPU_STATE + ST.budget), ZERO)));
      const slot = fn.let(jumpSlot(target));
      fn.brIf(done, i64.ne(i64.load(slot), target));
      fn.if(i32.eq(status, i32.const(Status.Gone)), () => {
        fn.store(StoreOp.i32, slot, ZERO, SLOT_REGION);
        fn.set(status, i32.const(Status.JumpUnchecked));
      });
      fn.set(kind, i32.load(slot, SLOT_REGION));
      fn.if(i32.ltS(kind, ZERO), () => {
        fn.set(kind, i32.and(kind, i32.const(~IS_REGION)));
        enter();
      });
      fn.set(record, i32.load(slot, SLOT_RECORD));
      goOn(() => {
        fn.store(StoreOp.i32, slot, i32.or(kind, i32.const(IS_REGION)), SLOT_REGION);
        enter();
      });
      storePageOf(fn, target);
      countTransfer(fn, hot, slot, record);
      fn.store(StoreOp.i32, ZERO, record, CPU_SCRATCH + EN.record);
      fn.set(status, i32.const(Status.Record));
    });
  });
  fn.result(status);
}

/** What the table has in place of a region that is gone, as long as slots of the jump cache may name it: nothing is done. */
export function defineGone(fn: Fn): void {
  fn.result(i32.const(Status.Gone));
}
