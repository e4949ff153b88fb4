/** Rounding of results, by the control word (SDM vol. 1 §4.8.4, §8.1.5). */
import { type Expr, i32, i64, type Local } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { PE } from "../../x86/softfloat/context.ts";
import { FSW_C1 } from "../../x86/x87/unit.ts";
import { DONE, EXPONENT_MASK, finish, INTEGER_BIT, leave, loadControl, SIGN, storeNumber } from "./unit.ts";

/** Rounding control in place. */
export const RC = 0xc00;
const RC_DOWN = 0x400;
const RC_UP = 0x800;
/** Precision control: of the values 0 (24 bits), 2 (53), 1 and 3 (64) only the first two have this bit clear. */
const PC_FULL = 0x100;
const PC_DOUBLE = 0x200;

export const isRoundingDown = (control: Expr): Expr => i32.eq(i32.and(control, i32.const(RC)), i32.const(RC_DOWN));

/**
 * Whether (0 or 1) a magnitude is rounded up.
 * @param rounding word with the rounding control in its bits 10 and 11
 * @param sign SIGN or 0
 * @param kept what it is rounded to; its bit `unit` decides ties
 * @param rest the bits that are dropped, the first in bit 63; not zero
 */
export function roundsUp(rounding: Local, sign: Expr, kept: Local, unit: Expr, rest: Local): Expr {
  const beyondHalf = i64.ne(i64.or(i64.shl(rest, i64.const(1)), i64.and(kept, unit)), i64.const(0));
  const nearest = i32.and(i64.ltS(rest, i64.const(0)), beyondHalf);
  const mode = (): Expr => i32.and(rounding, i32.const(RC));
  const away = i32.eq(mode(), i32.select(sign, i32.const(RC_DOWN), i32.const(RC_UP)));
  return i32.select(mode(), away, nearest);
}

/** Status flags of an inexact result; leaves if the exception is not masked. */
export function inexact(fn: Fn, control: Local, roundedUp: Local): Expr {
  fn.if(i32.eqz(i32.and(control, i32.const(PE))), () => leave(fn));
  return i32.or(i32.const(PE), i32.mul(roundedUp, i32.const(FSW_C1)));
}

/** A result before it is rounded: `0.high:low * 2^exponent`, the exponent biased, bit 63 of `high` set. */
export interface Exact {
  /** SIGN or 0. */
  readonly sign: Local;
  readonly exponent: Local;
  readonly high: Local;
  /** The bits behind; bit 0 may stand for "and something below". */
  readonly low: Local;
}

/** Rounds to the precision in force and stores; leaves on overflow and underflow. Ends the function. */
export function roundAndFinish(fn: Fn, address: Local, x: Exact, pops: Local | undefined): void {
  const { sign, exponent, high, low } = x;
  const control = fn.let(loadControl());
  const unit = fn.let(i64.const(1));
  fn.if(i32.eqz(i32.and(control, i32.const(PC_FULL))), () => {
    const drop = fn.let(i64.select(i32.and(control, i32.const(PC_DOUBLE)), i64.const(11), i64.const(40)));
    const back = fn.let(i64.sub(i64.const(64), drop));
    const sticky = i64.extendU(i64.ne(i64.shl(low, back), i64.const(0)));
    fn.set(low, i64.or(i64.or(i64.shl(high, back), i64.shrU(low, drop)), sticky));
    fn.set(high, i64.shl(i64.shrU(high, drop), drop));
    fn.set(unit, i64.shl(i64.const(1), drop));
  });
  const flags = fn.let(i32.const(0));
  fn.if(i64.ne(low, i64.const(0)), () => {
    const up = fn.let(roundsUp(control, sign, high, unit, low));
    fn.set(flags, inexact(fn, control, up));
    fn.set(high, i64.add(high, i64.mul(i64.extendU(up), unit)));
    fn.if(i64.eqz(high), () => {
      fn.set(high, i64.const(INTEGER_BIT));
      fn.set(exponent, i32.add(exponent, i32.const(1)));
    });
  });
  fn.if(i32.geU(i32.sub(exponent, i32.const(1)), i32.const(EXPONENT_MASK - 1)), () => leave(fn));
  storeNumber(fn, address, i32.or(sign, exponent), high);
  finish(fn, flags, pops);
  fn.result(i32.const(DONE));
}

/** Ends the function with a zero that was computed without rounding. */
export function finishZero(fn: Fn, address: Local, sign: Expr, pops: Local | undefined): void {
  storeNumber(fn, address, i32.and(sign, i32.const(SIGN)), i64.const(0));
  finish(fn, i32.const(0), pops);
  leave(fn, DONE);
}
