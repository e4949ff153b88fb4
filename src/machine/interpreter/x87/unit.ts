/**
 * The x87 state as generated code sees it: stack registers, tags, status. What begins and what ends
 * every x87 function of the runtime.
 *
 * Such a function does the frequent cases and returns DONE, or finds that its case is another (a NaN,
 * an exception, an empty register) and returns UNDONE before it has changed anything. The instruction
 * is then executed by its twin in TypeScript (x86/x87/).
 */
import { CPU_SCRATCH, CPU_STATE } from "../../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { OPERAND_TEMPORARY } from "../../x86/semantics/x87-functions.ts";
import { cpuState } from "../../x86/state.ts";
import { FSW_C1, FSW_ES, FSW_TOP, FSW_TOP_SHIFT } from "../../x86/x87/unit.ts";
import { engineState } from "../engine-state.ts";

const ST = cpuState.offset;
const ZERO = i32.const(0);
const FPR = CPU_STATE + ST.fpr;
const REGISTER = 16;

export const DONE = 0;
export const UNDONE = 1;

/** Where numbers from memory are put in extended format, to be operands like registers. */
const TEMPORARY = CPU_SCRATCH + engineState.offset.x87_operand;

export const SIGN = 0x8000;
export const EXPONENT_MASK = 0x7fff;
export const BIAS = 16383;
export const INTEGER_BIT = 1n << 63n;

/** A number in extended format in locals. */
export interface Number80 {
  /** Sign and exponent, 16 bits. */
  readonly high: Local;
  readonly significand: Local;
}

export const loadStatus = (): Expr => i32.load16u(ZERO, CPU_STATE + ST.fsw);
export const loadControl = (): Expr => i32.load16u(ZERO, CPU_STATE + ST.fcw);
const loadTags = (): Expr => i32.load8u(ZERO, CPU_STATE + ST.ftw);

export const exponentOf = (x: Number80): Expr => i32.and(x.high, i32.const(EXPONENT_MASK));
export const signOf = (x: Number80): Expr => i32.and(x.high, i32.const(SIGN));

export const leave = (fn: Fn, result = UNDONE): void => fn.return(i32.const(result));

/** Tags relative to the top: bit i is set if ST(i) is not empty. Bit 8 is that of ST(0) again. */
const relativeTags = (status: Local): Expr =>
  i32.shrU(i32.mul(loadTags(), i32.const(0x101)), i32.and(i32.shrU(status, i32.const(FSW_TOP_SHIFT)), i32.const(7)));

/** A tag bit's place, from an operand; that of ST(0), which is in use with it, for OPERAND_TEMPORARY. */
export const tagOf = (register: Expr): Expr => i32.shl(i32.const(1), i32.shrU(register, i32.const(4)));

/**
 * Leaves with `otherwise` unless no exception is pending and the registers of a mask are in use.
 * @returns the status word
 */
export function begin(fn: Fn, inUse: Expr, otherwise = UNDONE): Local {
  const status = fn.let(loadStatus());
  const mask = fn.let(inUse);
  const missing = i32.xor(i32.and(relativeTags(status), mask), mask);
  fn.if(i32.or(missing, i32.and(status, i32.const(FSW_ES))), () => leave(fn, otherwise));
  return status;
}

const ST7_IN_USE = 1 << 7;

/** As begin, for instructions that push: ST(7) must be empty. */
export function beginPush(fn: Fn, inUse: Expr): Local {
  const status = fn.let(loadStatus());
  const mask = fn.let(inUse);
  const tags = fn.let(relativeTags(status));
  const wrong = i32.or(i32.xor(i32.and(tags, mask), mask), i32.and(tags, i32.const(ST7_IN_USE)));
  fn.if(i32.or(wrong, i32.and(status, i32.const(FSW_ES))), () => leave(fn));
  return status;
}

/** Address of ST(i), from 16 times i. */
export const registerAddress = (status: Local, register: Expr): Expr =>
  i32.add(i32.and(i32.add(i32.shrU(status, i32.const(7)), register), i32.const(7 * REGISTER)), i32.const(FPR));

/** Address of ST(i), or of the temporary number for OPERAND_TEMPORARY. */
export const operandAddress = (status: Local, operand: Local): Expr =>
  i32.select(i32.and(operand, i32.const(OPERAND_TEMPORARY)), i32.const(TEMPORARY), registerAddress(status, operand));

export function loadNumber(fn: Fn, address: Expr): Number80 {
  const at = fn.let(address);
  return { high: fn.let(i32.load16u(at, 8)), significand: fn.let(i64.load(at)) };
}

export function storeNumber(fn: Fn, address: Expr, high: Expr, significand: Expr): void {
  const at = fn.let(address);
  fn.store(StoreOp.i64, at, significand);
  fn.store(StoreOp.i32as16, at, high, 8);
}

export const loadTemporary = (fn: Fn): Number80 => loadNumber(fn, i32.const(TEMPORARY));

export const storeTemporary = (fn: Fn, high: Expr, significand: Expr): void =>
  storeNumber(fn, i32.const(TEMPORARY), high, significand);

/** Neither zero, denormal, infinite, a NaN nor unsupported. */
export const isNormal = (x: Number80): Expr =>
  i32.and(
    // Exponents of zeros and ones become 0 and 1.
    i32.gtU(i32.and(i32.add(x.high, i32.const(1)), i32.const(EXPONENT_MASK)), i32.const(1)),
    i64.ltS(x.significand, i64.const(0)),
  );

export const isZero = (x: Number80): Expr => i64.eqz(i64.or(i64.extendU(exponentOf(x)), x.significand));

/**
 * The status behind an instruction: C1 replaced, flags added, registers popped. Nothing may leave after this.
 * @param flags bits for the status word
 * @param pops 0, 1 or 2
 * @param cleared more bits to be replaced
 */
export function finish(fn: Fn, flags: Expr, pops?: Local, cleared: Expr = ZERO): void {
  const status = fn.let(loadStatus());
  const kept = i32.and(status, i32.xor(i32.or(cleared, i32.const(FSW_C1)), i32.const(-1)));
  const word = pops === undefined ? kept : withTop(kept, i32.add(status, i32.shl(pops, i32.const(FSW_TOP_SHIFT))));
  fn.store(StoreOp.i32as16, ZERO, i32.or(word, flags), CPU_STATE + ST.fsw);
  if (pops === undefined) return;
  fn.if(pops, () => {
    const bits = i32.sub(i32.shl(i32.const(1), pops), i32.const(1));
    const popped = fn.let(i32.shl(bits, i32.and(i32.shrU(status, i32.const(FSW_TOP_SHIFT)), i32.const(7))));
    const mask = i32.or(popped, i32.shrU(popped, i32.const(8)));
    storeTags(fn, i32.and(loadTags(), i32.xor(mask, i32.const(-1))));
  });
}

const withTop = (word: Expr, top: Expr): Expr =>
  i32.or(i32.and(word, i32.const(~FSW_TOP)), i32.and(top, i32.const(FSW_TOP)));

const storeTags = (fn: Fn, tags: Expr): void => fn.store(StoreOp.i32as8, ZERO, tags, CPU_STATE + ST.ftw);

/** The end of an instruction that pushes the 80 bits of `x`, behind beginPush. */
export function push(fn: Fn, status: Local, x: Number80): void {
  const top = fn.let(i32.sub(status, i32.const(1 << FSW_TOP_SHIFT)));
  storeNumber(fn, registerAddress(top, ZERO), x.high, x.significand);
  const word = withTop(i32.and(status, i32.const(~FSW_C1)), top);
  fn.store(StoreOp.i32as16, ZERO, word, CPU_STATE + ST.fsw);
  const physical = i32.and(i32.shrU(top, i32.const(FSW_TOP_SHIFT)), i32.const(7));
  storeTags(fn, i32.or(loadTags(), i32.shl(i32.const(1), physical)));
  fn.result(i32.const(DONE));
}

/** Marks ST(i) as in use, from 16 times i. */
export function setInUse(fn: Fn, status: Local, register: Local): void {
  const physical = i32.and(
    i32.add(i32.shrU(status, i32.const(FSW_TOP_SHIFT)), i32.shrU(register, i32.const(4))),
    i32.const(7),
  );
  storeTags(fn, i32.or(loadTags(), i32.shl(i32.const(1), physical)));
}
