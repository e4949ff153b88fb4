/** ST(0) rounded to something smaller: FST to memory, FIST, FRNDINT. */
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { inexact, RC, roundsUp } from "./round.ts";
import {
  BIAS,
  begin,
  DONE,
  exponentOf,
  finish,
  isNormal,
  isZero,
  leave,
  loadControl,
  loadNumber,
  type Number80,
  registerAddress,
  signOf,
  storeNumber,
} from "./unit.ts";

const ONE = i64.const(1);

/** A magnitude and the bits behind it, the first in bit 63; and how it is to be rounded. */
interface Cut {
  readonly sign: Local;
  readonly kept: Local;
  readonly rest: Local;
}

/** Rounds `kept` by the control word; leaves if the inexact exception is not masked. Returns the status flags. */
function roundCut(fn: Fn, { sign, kept, rest }: Cut, control: Local, rounding: Local): Local {
  const flags = fn.let(i32.const(0));
  fn.if(i64.ne(rest, i64.const(0)), () => {
    const up = fn.let(roundsUp(rounding, sign, kept, ONE, rest));
    fn.set(flags, inexact(fn, control, up));
    fn.set(kept, i64.add(kept, i64.extendU(up)));
  });
  return flags;
}

function loadTop(fn: Fn): { address: Local; x: Number80 } {
  const address = fn.let(registerAddress(begin(fn, i32.const(1)), i32.const(0)));
  return { address, x: loadNumber(fn, address) };
}

/** storeSingle(host, pops), storeDouble(host, pops) */
function defineStoreFloat(fn: Fn, fraction: number, emax: number, store: StoreOp): void {
  const [host, pops] = fn.params as [Local, Local];
  const { x } = loadTop(fn);
  const sign = fn.let(signOf(x));
  const bits = fn.let(i64.const(0));
  const flags = fn.let(i32.const(0));
  fn.if(
    isNormal(x),
    () => {
      const exponent = fn.let(i32.sub(exponentOf(x), i32.const(BIAS - emax)));
      // Exponents of denormals and overflows are found below, those far out are here.
      fn.if(i32.gtU(exponent, i32.const(2 * emax)), () => leave(fn));
      const kept = fn.let(i64.shrU(x.significand, i64.const(63 - fraction)));
      const rest = fn.let(i64.shl(x.significand, i64.const(fraction + 1)));
      const control = fn.let(loadControl());
      fn.set(flags, roundCut(fn, { sign, kept, rest }, control, control));
      // The leading bit adds one to the exponent, and a carry of the rounding one more.
      const below = i64.extendS(i32.sub(exponent, i32.const(1)));
      fn.set(bits, i64.add(i64.shl(below, i64.const(fraction)), kept));
      const biased = i32.wrap(i64.shrU(bits, i64.const(fraction)));
      fn.if(i32.geU(i32.sub(biased, i32.const(1)), i32.const(2 * emax)), () => leave(fn));
    },
    () => fn.if(i32.eqz(isZero(x)), () => leave(fn)),
  );
  const placed = i64.shl(i64.extendU(sign), i64.const(fraction + bitLength(emax) + 1 - 15));
  fn.store(store, host, i64.or(bits, placed));
  finish(fn, flags, pops);
  fn.result(i32.const(DONE));
}

const bitLength = (n: number): number => 32 - Math.clz32(n);

export const defineStoreSingle = (fn: Fn): void => defineStoreFloat(fn, 23, 127, StoreOp.i64as32);
export const defineStoreDouble = (fn: Fn): void => defineStoreFloat(fn, 52, 1023, StoreOp.i64);

/** The integer part of a normal number below 2^63, and the rest. */
function cutInteger(fn: Fn, x: Number80): Cut {
  const exponent = fn.let(i32.sub(exponentOf(x), i32.const(BIAS)));
  const kept = fn.let(i64.const(0));
  // Below one half.
  const rest = fn.let(ONE);
  fn.if(i32.geS(exponent, i32.const(-1)), () => {
    const places = fn.let(i64.extendS(i32.add(exponent, i32.const(1))));
    fn.set(rest, i64.shl(x.significand, places));
    const whole = i64.shrU(x.significand, i64.sub(i64.const(64), places));
    fn.set(kept, i64.select(i64.eqz(places), i64.const(0), whole));
  });
  return { sign: fn.let(signOf(x)), kept, rest };
}

const isBelow63 = (x: Number80): Expr => i32.ltU(exponentOf(x), i32.const(BIAS + 63));

/** storeInteger(host, bytes, truncate, pops) */
export function defineStoreInteger(fn: Fn): void {
  const [host, bytes, truncate, pops] = fn.params as [Local, Local, Local, Local];
  const { x } = loadTop(fn);
  const value = fn.let(i64.const(0));
  const flags = fn.let(i32.const(0));
  fn.if(
    i32.and(isNormal(x), isBelow63(x)),
    () => {
      const control = fn.let(loadControl());
      const rounding = fn.let(i32.or(control, i32.mul(truncate, i32.const(RC))));
      const cut = cutInteger(fn, x);
      fn.set(flags, roundCut(fn, cut, control, rounding));
      fn.set(value, i64.select(cut.sign, i64.sub(i64.const(0), cut.kept), cut.kept));
      const spare = fn.let(i64.extendU(i32.sub(i32.const(64), i32.shl(bytes, i32.const(3)))));
      const fits = i64.eq(i64.shrS(i64.shl(value, spare), spare), value);
      // 2^63, too, has become too large.
      fn.if(i32.or(i32.eqz(fits), i64.ltS(cut.kept, i64.const(0))), () => leave(fn));
    },
    () => fn.if(i32.eqz(isZero(x)), () => leave(fn)),
  );
  fn.if(
    i32.eq(bytes, i32.const(8)),
    () => fn.store(StoreOp.i64, host, value),
    () =>
      fn.if(
        i32.eq(bytes, i32.const(4)),
        () => fn.store(StoreOp.i64as32, host, value),
        () => fn.store(StoreOp.i64as16, host, value),
      ),
  );
  finish(fn, flags, pops);
  fn.result(i32.const(DONE));
}

/** roundToInteger(): ST(0) */
export function defineRoundToInteger(fn: Fn): void {
  const { address, x } = loadTop(fn);
  const flags = fn.local(ValType.i32);
  fn.set(flags, i32.const(0));
  fn.if(
    isNormal(x),
    () =>
      fn.if(isBelow63(x), () => {
        const control = fn.let(loadControl());
        const cut = cutInteger(fn, x);
        fn.set(flags, roundCut(fn, cut, control, control));
        const shift = fn.let(i64.clz(cut.kept));
        const isNothing = fn.let(i64.eqz(cut.kept));
        const exponent = i32.sub(i32.const(BIAS + 63), i32.wrap(shift));
        const high = i32.or(cut.sign, i32.select(isNothing, i32.const(0), exponent));
        storeNumber(fn, address, high, i64.shl(cut.kept, shift));
      }),
    () => fn.if(i32.eqz(isZero(x)), () => leave(fn)),
  );
  finish(fn, flags);
  fn.result(i32.const(DONE));
}
