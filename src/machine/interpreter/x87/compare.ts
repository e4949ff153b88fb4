/** Comparison of numbers, infinities included. */
import { type Expr, i32, i64, type Local } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { FLAG_CF, FLAG_ZF } from "../../x86/state.ts";
import { FSW_C0, FSW_C2, FSW_C3 } from "../../x86/x87/unit.ts";
import {
  begin,
  exponentOf,
  finish,
  INTEGER_BIT,
  isNormal,
  isZero,
  leave,
  loadNumber,
  type Number80,
  operandAddress,
  registerAddress,
  signOf,
  tagOf,
} from "./unit.ts";

/** What compare returns if it is not done. */
export const NOT_COMPARED = -1;
const CONDITIONS = FSW_C0 | FSW_C2 | FSW_C3;
/** C3 and C0 are as far from ZF and CF as this. */
const CONDITIONS_SHIFT = 8;

const isInfinity = (x: Number80): Expr =>
  i32.and(i32.eq(exponentOf(x), i32.const(0x7fff)), i64.eq(x.significand, i64.const(INTEGER_BIT)));

const isOrdered = (x: Number80): Expr => i32.or(i32.or(isNormal(x), isZero(x)), isInfinity(x));

/**
 * compare(source, pops, to status): ST(0) with an operand.
 * @returns ZF and CF as FCOMI sets them, or NOT_COMPARED. `to status`: C3, C2 and C0 are set alike.
 */
export function defineCompare(fn: Fn): void {
  const [source, pops, toStatus] = fn.params as [Local, Local, Local];
  const status = begin(fn, i32.or(i32.const(1), tagOf(source)), NOT_COMPARED);
  const a = loadNumber(fn, registerAddress(status, i32.const(0)));
  const b = loadNumber(fn, operandAddress(status, source));
  fn.if(i32.eqz(i32.and(isOrdered(a), isOrdered(b))), () => leave(fn, NOT_COMPARED));
  const flags = fn.let(i32.const(FLAG_ZF));
  // Zeros are equal whatever their signs.
  fn.if(i64.ne(i64.or(a.significand, b.significand), i64.const(0)), () => {
    const less = i32.or(
      i32.ltU(exponentOf(a), exponentOf(b)),
      i32.and(i32.eq(exponentOf(a), exponentOf(b)), i64.ltU(a.significand, b.significand)),
    );
    const magnitude = fn.let(less);
    const isSame = i32.and(i32.eq(a.high, b.high), i64.eq(a.significand, b.significand));
    const sameSign = i32.eq(signOf(a), signOf(b));
    const negative = (): Expr => i32.shrU(a.high, i32.const(15));
    const order = i32.select(sameSign, i32.xor(magnitude, negative()), negative());
    fn.set(flags, i32.select(isSame, i32.const(FLAG_ZF), i32.mul(order, i32.const(FLAG_CF))));
  });
  const shown = i32.mul(toStatus, i32.shl(flags, i32.const(CONDITIONS_SHIFT)));
  finish(fn, shown, pops, i32.mul(toStatus, i32.const(CONDITIONS)));
  fn.result(flags);
}
