/** x87 control instructions (SDM vol. 1 §8.3.10): control and status word, tags, the top of the stack. */
import { type Expr, i32, i64, type Local, StoreOp } from "../../wasm/expression.ts";
import { ALL_EXCEPTIONS } from "../softfloat/index.ts";
import { cpuState } from "../state.ts";
import { FSW_ES } from "../x87/index.ts";
import { FCW_FIXED, FCW_VALID, FSW_B, FSW_C1, FSW_SF, FSW_TOP, FSW_TOP_SHIFT } from "../x87/unit.ts";
import type { Emit, Semantics } from "./emit.ts";
import { requireNothingPending, requireWait, requireX87, status, translateOperand } from "./x87-checks.ts";

const { fcw: FCW, fsw: FSW, ftw: FTW } = cpuState.offset;
const SUMMARY = FSW_ES | FSW_B;

const storeStatus = (e: Emit, value: Expr): void => e.fn.store(StoreOp.i32as16, e.stateBase(), value, FSW);

function require(e: Emit): void {
  requireX87(e);
  requireNothingPending(e);
}

/** Does not wait. */
const fnstcw: Semantics = (e) => {
  requireX87(e);
  e.write(0, i64.load16u(e.stateBase(), FCW));
};

/** Does not wait. */
const fnstsw: Semantics = (e) => {
  requireX87(e);
  e.write(0, i64.load16u(e.stateBase(), FSW));
};

/** Loads control and status word: the exceptions that are flagged are judged by the new masks. */
export function loadControlAndStatus(e: Emit, control: Expr, word: Expr): void {
  const loaded = e.fn.let(i32.or(i32.and(control, i32.const(FCW_VALID)), i32.const(FCW_FIXED)));
  e.fn.store(StoreOp.i32as16, e.stateBase(), loaded, FCW);
  const flags = e.fn.let(i32.and(word, i32.const(~SUMMARY)));
  const masks = i32.xor(loaded, i32.const(-1));
  const pending = i32.and(i32.and(flags, masks), i32.const(ALL_EXCEPTIONS));
  storeStatus(e, i32.or(flags, i32.select(pending, i32.const(SUMMARY), i32.const(0))));
}

const fldcw: Semantics = (e) => {
  requireX87(e);
  const host = translateOperand(e, 2, false);
  loadControlAndStatus(e, i32.load16u(host), status(e));
};

/** Does not wait. */
const fnclex: Semantics = (e) => {
  requireX87(e);
  storeStatus(e, i32.and(status(e), i32.const(~(ALL_EXCEPTIONS | FSW_SF | SUMMARY))));
};

/** FINCSTP, FDECSTP. */
function moveTop(by: number): Semantics {
  return (e) => {
    require(e);
    const word: Local = e.fn.let(status(e));
    const top = i32.and(i32.add(word, i32.const(by << FSW_TOP_SHIFT)), i32.const(FSW_TOP));
    storeStatus(e, i32.or(i32.and(word, i32.const(~(FSW_TOP | FSW_C1))), top));
  };
}

const ffree: Semantics = (e) => {
  require(e);
  const top = i32.shrU(status(e), i32.const(FSW_TOP_SHIFT));
  const physical = i32.and(i32.add(top, i32.shrU(e.stackOffset(0), i32.const(4))), i32.const(7));
  const others = i32.rotl(i32.const(~1), physical);
  e.fn.store(StoreOp.i32as8, e.stateBase(), i32.and(i32.load8u(e.stateBase(), FTW), others), FTW);
};

const wait: Semantics = (e) => {
  requireWait(e);
  requireNothingPending(e);
};

export const x87Control: Record<string, Semantics> = {
  fnstcw,
  fnstsw,
  fldcw,
  fnclex,
  fincstp: moveTop(1),
  fdecstp: moveTop(-1),
  ffree,
  fnop: require,
  fwait: wait,
};
