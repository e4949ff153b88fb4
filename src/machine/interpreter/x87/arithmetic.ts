/** Sum, product, quotient and square root of normal numbers and zeros, from 64-bit integers. */
import { type Expr, f64, i32, i64, type Local, truncSat, ValType } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { type Exact, finishZero, isRoundingDown, roundAndFinish } from "./round.ts";
import {
  BIAS,
  begin,
  exponentOf,
  INTEGER_BIT,
  isNormal,
  isZero,
  leave,
  loadControl,
  loadNumber,
  type Number80,
  operandAddress,
  registerAddress,
  SIGN,
  signOf,
  tagOf,
} from "./unit.ts";

const { i32: I32, i64: I64 } = ValType;
const LOW_32 = 0xffffffffn;

interface Operands {
  /** Address of the destination. */
  readonly address: Local;
  readonly a: Number80;
  readonly b: Number80;
}

/** The destination's old value and the source; leaves if a register is empty. */
function loadOperands(fn: Fn, destination: Local, source: Local): Operands {
  const status = begin(fn, i32.or(tagOf(destination), tagOf(source)));
  const address = fn.let(registerAddress(status, destination));
  return { address, a: loadNumber(fn, address), b: loadNumber(fn, operandAddress(status, source)) };
}

const newExact = (fn: Fn): Exact => ({
  sign: fn.local(I32),
  exponent: fn.local(I32),
  high: fn.local(I64),
  low: fn.local(I64),
});

function setExact(fn: Fn, to: Exact, sign: Expr, exponent: Expr, high: Expr, low: Expr): void {
  fn.set(to.sign, sign);
  fn.set(to.exponent, exponent);
  fn.set(to.high, high);
  fn.set(to.low, low);
}

function swap(fn: Fn, a: Number80, b: Number80): void {
  for (const part of ["high", "significand"] as const) {
    const saved = fn.let(a[part]);
    fn.set(a[part], b[part]);
    fn.set(b[part], saved);
  }
}

/** Moves the leading one of `high:low`, which is not zero, to bit 63 of `high`. */
function normalize(fn: Fn, x: Exact): void {
  fn.if(i64.eqz(x.high), () => {
    fn.set(x.high, x.low);
    fn.set(x.low, i64.const(0));
    fn.set(x.exponent, i32.sub(x.exponent, i32.const(64)));
  });
  const shift = fn.let(i64.clz(x.high));
  fn.if(i64.ne(shift, i64.const(0)), () => {
    fn.set(x.high, i64.or(i64.shl(x.high, shift), i64.shrU(x.low, i64.sub(i64.const(64), shift))));
    fn.set(x.low, i64.shl(x.low, shift));
    fn.set(x.exponent, i32.sub(x.exponent, i32.wrap(shift)));
  });
}

/**
 * add(destination, source, flips of their signs, pops): `destination = destination + source`. The
 * flips make it a difference either way.
 */
export function defineAdd(fn: Fn): void {
  const [destination, source, flipDestination, flipSource, pops] = fn.params as [Local, Local, Local, Local, Local];
  const { address, a, b } = loadOperands(fn, destination, source);
  fn.set(a.high, i32.xor(a.high, flipDestination));
  fn.set(b.high, i32.xor(b.high, flipSource));
  const sum = newExact(fn);
  fn.block((known) => {
    fn.if(i32.eqz(i32.and(isNormal(a), isNormal(b))), () => {
      fn.if(isZero(a), () => {
        fn.if(isZero(b), () => {
          const cancelled = i32.select(isRoundingDown(loadControl()), i32.const(SIGN), i32.const(0));
          finishZero(fn, address, i32.select(i32.eq(a.high, b.high), a.high, cancelled), pops);
        });
        swap(fn, a, b);
      });
      fn.if(i32.eqz(i32.and(isNormal(a), isZero(b))), () => leave(fn));
      // It may have more bits than the precision.
      setExact(fn, sum, signOf(a), exponentOf(a), a.significand, i64.const(0));
      fn.br(known);
    });
    addNormal(fn, address, a, b, sum, pops);
  });
  roundAndFinish(fn, address, sum, pops);
}

function addNormal(fn: Fn, address: Local, a: Number80, b: Number80, sum: Exact, pops: Local): void {
  // The larger magnitude first.
  const distance = fn.let(i32.sub(exponentOf(a), exponentOf(b)));
  const smaller = i32.and(i32.eqz(distance), i64.ltU(a.significand, b.significand));
  fn.if(i32.or(i32.ltS(distance, i32.const(0)), smaller), () => {
    swap(fn, a, b);
    fn.set(distance, i32.sub(i32.const(0), distance));
  });
  setExact(fn, sum, signOf(a), exponentOf(a), a.significand, i64.const(0));
  // The smaller one, shifted: of what is below the 128 bits it only matters that there is something.
  const high = fn.let(i64.const(0));
  const low = fn.let(i64.const(1));
  const shift = fn.let(i64.extendU(distance));
  fn.if(
    i32.ltU(distance, i32.const(64)),
    () => {
      fn.set(high, i64.shrU(b.significand, shift));
      const below = i64.shl(b.significand, i64.sub(i64.const(64), shift));
      fn.set(low, i64.select(distance, below, i64.const(0)));
    },
    () =>
      fn.if(i32.ltU(distance, i32.const(66)), () => {
        // By 0 or 1 more.
        const more = fn.let(i64.and(shift, i64.const(1)));
        fn.set(low, i64.or(i64.shrU(b.significand, more), i64.and(b.significand, more)));
      }),
  );
  fn.if(
    i32.eqz(i32.and(i32.xor(a.high, b.high), i32.const(SIGN))),
    () => {
      fn.set(sum.high, i64.add(a.significand, high));
      fn.set(sum.low, low);
      fn.if(i64.ltU(sum.high, high), () => {
        // Then the distance is below 64, and the lowest bit zero.
        fn.set(sum.low, i64.or(i64.shl(sum.high, i64.const(63)), i64.shrU(low, i64.const(1))));
        fn.set(sum.high, i64.or(i64.shrU(sum.high, i64.const(1)), i64.const(INTEGER_BIT)));
        fn.set(sum.exponent, i32.add(sum.exponent, i32.const(1)));
      });
    },
    () => {
      const borrow = i64.extendU(i64.ne(low, i64.const(0)));
      fn.set(sum.high, i64.sub(i64.sub(a.significand, high), borrow));
      fn.set(sum.low, i64.sub(i64.const(0), low));
      fn.if(i64.eqz(i64.or(sum.high, sum.low)), () =>
        finishZero(fn, address, i32.select(isRoundingDown(loadControl()), i32.const(SIGN), i32.const(0)), pops),
      );
      normalize(fn, sum);
    },
  );
}

/** The 128-bit product of two 64-bit numbers. */
function multiply128(fn: Fn, a: Local, b: Local): { high: Local; low: Local } {
  const low32 = (x: Expr): Expr => i64.and(x, i64.const(LOW_32));
  const high32 = (x: Expr): Expr => i64.shrU(x, i64.const(32));
  const [a0, a1, b0, b1] = [fn.let(low32(a)), fn.let(high32(a)), fn.let(low32(b)), fn.let(high32(b))];
  const p00 = fn.let(i64.mul(a0, b0));
  const p01 = fn.let(i64.mul(a0, b1));
  const p10 = fn.let(i64.mul(a1, b0));
  const middle = fn.let(i64.add(i64.add(high32(p00), low32(p01)), low32(p10)));
  const low = fn.let(i64.or(i64.shl(middle, i64.const(32)), low32(p00)));
  const carries = i64.add(i64.add(high32(p01), high32(p10)), high32(middle));
  return { high: fn.let(i64.add(i64.mul(a1, b1), carries)), low };
}

/** multiply(destination, source, pops) */
export function defineMultiply(fn: Fn): void {
  const [destination, source, pops] = fn.params as [Local, Local, Local];
  const { address, a, b } = loadOperands(fn, destination, source);
  const sign = fn.let(i32.and(i32.xor(a.high, b.high), i32.const(SIGN)));
  fn.if(i32.eqz(i32.and(isNormal(a), isNormal(b))), () => {
    const numbers = i32.and(i32.or(isNormal(a), isZero(a)), i32.or(isNormal(b), isZero(b)));
    fn.if(i32.eqz(numbers), () => leave(fn));
    finishZero(fn, address, sign, pops);
  });
  const { high, low } = multiply128(fn, a.significand, b.significand);
  const exponent = fn.let(i32.add(i32.add(exponentOf(a), exponentOf(b)), i32.const(1 - BIAS)));
  fn.if(i64.geS(high, i64.const(0)), () => {
    fn.set(high, i64.or(i64.shl(high, i64.const(1)), i64.shrU(low, i64.const(63))));
    fn.set(low, i64.shl(low, i64.const(1)));
    fn.set(exponent, i32.sub(exponent, i32.const(1)));
  });
  roundAndFinish(fn, address, { sign, exponent, high, low }, pops);
}

/**
 * One digit of 32 bits of a quotient (D. Knuth, The Art of Computer Programming, vol. 2, 4.3.1,
 * algorithm D): divides `remainder:next` by the divisor, whose bit 63 is set. The remainder is
 * replaced.
 */
function quotientDigit(fn: Fn, remainder: Local, next: Expr, divisor: Local, high: Local, low: Local): Local {
  const digit = fn.let(i64.divU(remainder, high));
  const rest = fn.let(i64.sub(remainder, i64.mul(digit, high)));
  const following = fn.let(next);
  fn.block((good) =>
    fn.loop((again) => {
      const fits = i64.eqz(i64.shrU(digit, i64.const(32)));
      const enough = i64.leU(i64.mul(digit, low), i64.or(i64.shl(rest, i64.const(32)), following));
      fn.brIf(good, i32.and(fits, enough));
      fn.set(digit, i64.sub(digit, i64.const(1)));
      fn.set(rest, i64.add(rest, high));
      fn.brIf(again, i64.eqz(i64.shrU(rest, i64.const(32))));
    }),
  );
  const whole = i64.or(i64.shl(remainder, i64.const(32)), following);
  fn.set(remainder, i64.sub(whole, i64.mul(digit, divisor)));
  return digit;
}

/** divide(destination, source, reverse, pops): `destination / source`, or the reverse. */
export function defineDivide(fn: Fn): void {
  const [destination, source, reverse, pops] = fn.params as [Local, Local, Local, Local];
  const { address, a, b } = loadOperands(fn, destination, source);
  fn.if(reverse, () => swap(fn, a, b));
  const sign = fn.let(i32.and(i32.xor(a.high, b.high), i32.const(SIGN)));
  fn.if(i32.eqz(isNormal(b)), () => leave(fn));
  fn.if(i32.eqz(isNormal(a)), () => {
    fn.if(i32.eqz(isZero(a)), () => leave(fn));
    finishZero(fn, address, sign, pops);
  });
  const divisor = b.significand;
  const exponent = fn.let(i32.add(i32.sub(exponentOf(a), exponentOf(b)), i32.const(BIAS - 1)));
  // The dividend's high half must be below the divisor, and the quotient have 64 bits.
  const remainder = fn.let(a.significand);
  const below = fn.let(i64.const(0));
  fn.if(i64.geU(remainder, divisor), () => {
    fn.set(below, i64.shl(remainder, i64.const(63)));
    fn.set(remainder, i64.shrU(remainder, i64.const(1)));
    fn.set(exponent, i32.add(exponent, i32.const(1)));
  });
  const high = fn.let(i64.shrU(divisor, i64.const(32)));
  const low = fn.let(i64.and(divisor, i64.const(LOW_32)));
  const first = quotientDigit(fn, remainder, i64.shrU(below, i64.const(32)), divisor, high, low);
  // The dividend's lowest 32 bits are zero.
  const second = quotientDigit(fn, remainder, i64.const(0), divisor, high, low);
  const quotient = fn.let(i64.or(i64.shl(first, i64.const(32)), second));
  roundAndFinish(fn, address, { sign, exponent, high: quotient, low: restOfQuotient(fn, remainder, divisor) }, pops);
}

/** The bits behind a quotient: more or less than half a unit, or nothing. (Half a unit would make a dividend of 65 bits.) */
function restOfQuotient(fn: Fn, remainder: Local, divisor: Local): Local {
  const isMore = i64.gtU(remainder, i64.sub(divisor, remainder));
  const something = i64.extendU(i64.ne(remainder, i64.const(0)));
  return fn.let(i64.or(i64.select(isMore, i64.const(INTEGER_BIT), i64.const(0)), something));
}

/**
 * squareRoot(): of ST(0). The high half of the root from the processor's square root, the low half by
 * a division (P. Zimmermann, "Karatsuba Square Root", 1999), and the remainder tells if that was one too many.
 */
export function defineSquareRoot(fn: Fn): void {
  const status = begin(fn, i32.const(1));
  const address = fn.let(registerAddress(status, i32.const(0)));
  const a = loadNumber(fn, address);
  // Neither negative nor special.
  fn.if(i32.or(i32.eqz(isNormal(a)), signOf(a)), () => leave(fn));
  // The radicand has an even exponent and bit 127 or 126 set, the root 64 bits.
  const odd = fn.let(i32.and(a.high, i32.const(1)));
  const high = fn.let(i64.shrU(a.significand, i64.extendU(odd)));
  const low = fn.let(i64.select(odd, i64.shl(a.significand, i64.const(63)), i64.const(0)));
  const exponent = fn.let(i32.add(i32.shrU(i32.add(a.high, i32.const(1)), i32.const(1)), i32.const((BIAS - 1) / 2)));
  // Half of it is a positive number for the conversion. The estimate is right or one too many.
  const half = f64.convertI64s(i64.shrU(high, i64.const(1)));
  const upper = fn.let(truncSat.i64FromF64s(f64.sqrt(f64.mul(half, f64.const(0x4000000000000000n)))));
  fn.if(i64.gtU(upper, i64.const(LOW_32)), () => fn.set(upper, i64.const(LOW_32)));
  fn.loop((again) =>
    fn.if(i64.gtU(i64.mul(upper, upper), high), () => {
      fn.set(upper, i64.sub(upper, i64.const(1)));
      fn.br(again);
    }),
  );
  const rest = fn.let(i64.sub(high, i64.mul(upper, upper)));
  const dividend = i64.add(i64.shl(rest, i64.const(31)), i64.shrU(low, i64.const(33)));
  const lower = fn.let(i64.divU(dividend, upper));
  fn.if(i64.gtU(lower, i64.const(LOW_32)), () => fn.set(lower, i64.const(LOW_32)));
  const root = fn.let(i64.or(i64.shl(upper, i64.const(32)), lower));
  const square = multiply128(fn, root, root);
  const restHigh = fn.let(i64.sub(i64.sub(high, square.high), i64.extendU(i64.ltU(low, square.low))));
  const restLow = fn.let(i64.sub(low, square.low));
  fn.if(i64.ltS(restHigh, i64.const(0)), () => {
    // One too many: the remainder grows by twice the new root and one.
    fn.set(root, i64.sub(root, i64.const(1)));
    const twice = fn.let(i64.or(i64.shl(root, i64.const(1)), i64.const(1)));
    fn.set(restLow, i64.add(restLow, twice));
    const carry = i64.extendU(i64.ltU(restLow, twice));
    fn.set(restHigh, i64.add(i64.add(restHigh, i64.shrU(root, i64.const(63))), carry));
  });
  // The root is nearer to the next number if the remainder is larger than the root; it is never half way.
  const beyond = i32.or(i64.ne(restHigh, i64.const(0)), i64.gtU(restLow, root));
  const something = i64.extendU(i64.ne(i64.or(restHigh, restLow), i64.const(0)));
  const below = fn.let(i64.or(i64.select(beyond, i64.const(INTEGER_BIT), i64.const(0)), something));
  roundAndFinish(fn, address, { sign: fn.let(i32.const(0)), exponent, high: root, low: below }, undefined);
}
