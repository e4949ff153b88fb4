/**
 * Floating-point lanes of SSE registers, and when WebAssembly's arithmetic on them cannot be told
 * apart from the processor's.
 *
 * WebAssembly rounds to nearest, raises no flags and leaves NaN payloads open. So its result is
 * taken only if MXCSR rounds to nearest with all exceptions masked, no operand is denormal or NaN
 * (flags, payloads), the result is neither NaN, infinite nor below the smallest normal number
 * (underflow and overflow flags), and either the inexact flag is set already, as it is in most
 * programs after a while, or the result is found to be exact. All else is computed in TypeScript
 * (softfloat/sse.ts).
 */
import {
  type Expr,
  f32,
  f32x4,
  f64,
  f64x2,
  i32,
  i32x4,
  i64x2,
  type Local,
  ValType,
  v128,
} from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { SseOp } from "../softfloat/sse-op.ts";
import type { Emit } from "./emit.ts";

/** WebAssembly's arithmetic on vectors, or on single numbers; its comparisons give masks, or 0 and 1. */
type Arithmetic = Pick<
  typeof f64x2,
  "abs" | "add" | "div" | "eq" | "ge" | "gt" | "le" | "lt" | "mul" | "ne" | "neg" | "sqrt" | "sub"
>;

/** A lane type with its WebAssembly operations: all lanes of a vector, or one as a number of its own. */
export interface Lanes<Float extends Arithmetic = Arithmetic> {
  readonly bytes: 4 | 8;
  /** Of operands and results. */
  readonly type: ValType;
  readonly float: Float;
  /** What a comparison gives, combined. */
  and(a: Expr, b: Expr): Expr;
  or(a: Expr, b: Expr): Expr;
  /** One bit for each lane of a comparison's result. */
  bitmask(v: Expr): Expr;
  /** What bitmask gives if all lanes are true. */
  readonly all: number;
  /** The same value in all lanes. */
  splat(bits: bigint): Expr;
  readonly minNormal: bigint;
  readonly infinity: bigint;
  /** A product from here on can be proved exact: the parts it is made of do not underflow (see productError). */
  readonly minProduct: bigint;
  /** 2^(half the significand's bits, rounded up) + 1. */
  readonly splitter: bigint;
}

export const SINGLE: Lanes<typeof f32x4> = {
  bytes: 4,
  type: ValType.v128,
  float: f32x4,
  and: v128.and,
  or: v128.or,
  bitmask: i32x4.bitmask,
  all: 15,
  splat: (bits) => v128.const((bits << 32n) | bits, (bits << 32n) | bits),
  minNormal: 0x00800000n,
  infinity: 0x7f800000n,
  minProduct: 0x17800000n,
  splitter: 0x45800800n,
};

export const DOUBLE: Lanes<typeof f64x2> = {
  bytes: 8,
  type: ValType.v128,
  float: f64x2,
  and: v128.and,
  or: v128.or,
  bitmask: i64x2.bitmask,
  all: 3,
  splat: (bits) => v128.const(bits, bits),
  minNormal: 0x0010000000000000n,
  infinity: 0x7ff0000000000000n,
  minProduct: 0x03f0000000000000n,
  splitter: 0x41a0000002000000n,
};

export type VectorLanes = Lanes<typeof f32x4 | typeof f64x2>;

/** One number of a lane type, and how it gets into a vector and out of it. */
export interface Scalar extends Lanes {
  fromVector(v: Expr): Expr;
  /** With zeros above. */
  toVector(value: Expr): Expr;
}

const one = { bitmask: (v: Expr): Expr => v, all: 1, and: i32.and, or: i32.or } as const;

export const SCALAR_SINGLE: Scalar = {
  ...SINGLE,
  ...one,
  type: ValType.f32,
  float: f32,
  splat: (bits) => f32.reinterpretI32(i32.const(Number(bits))),
  fromVector: (v) => f32x4.extractLane(v, 0),
  toVector: (value) => f32x4.replaceLane(v128.const(0n, 0n), 0, value),
};

export const SCALAR_DOUBLE: Scalar = {
  ...DOUBLE,
  ...one,
  type: ValType.f64,
  float: f64,
  splat: f64.const,
  fromVector: (v) => f64x2.extractLane(v, 0),
  toVector: (value) => f64x2.replaceLane(v128.const(0n, 0n), 0, value),
};

export const scalarOf = (lanes: Lanes): Scalar => (lanes.bytes === 4 ? SCALAR_SINGLE : SCALAR_DOUBLE);

/** The forms of an operation: names end in ps, pd, ss, sd. */
export const FORMS = [
  ["ps", SINGLE, false],
  ["pd", DOUBLE, false],
  ["ss", SINGLE, true],
  ["sd", DOUBLE, true],
] as const;

/** Mask of the lanes that are neither denormal nor NaN. */
export const isUsual = (lanes: Lanes, v: Local): Expr =>
  lanes.or(lanes.float.ge(lanes.float.abs(v), lanes.splat(lanes.minNormal)), isZero(lanes, v));

export const isZero = (lanes: Lanes, v: Expr): Expr => lanes.float.eq(v, lanes.splat(0n));

/** Mask of the lanes that are neither infinite nor NaN. */
export const isBounded = (lanes: Lanes, v: Local): Expr =>
  lanes.float.lt(lanes.float.abs(v), lanes.splat(lanes.infinity));

/** Above the smallest normal number: that itself may be a rounded underflow. */
export const isAboveMinimum = (lanes: Lanes, v: Local): Expr =>
  lanes.float.gt(lanes.float.abs(v), lanes.splat(lanes.minNormal));

/** What rounding took from a sum r = a + b (Knuth's TwoSum). */
export function sumError(lanes: Lanes, a: Expr, b: Expr, r: Local, fn: Fn): Expr {
  const { add, sub } = lanes.float;
  const x = fn.let(a);
  const y = fn.let(b);
  const partOfY = fn.let(sub(r, x));
  return add(sub(x, sub(r, partOfY)), sub(y, partOfY));
}

/** What rounding took from a product r = a * b (Dekker's product, of halves of the significands). */
export function productError(lanes: Lanes, a: Local, b: Local, r: Local, fn: Fn): Expr {
  const { mul, sub } = lanes.float;
  const split = (v: Local): { high: Local; low: Local } => {
    const scaled = fn.let(mul(v, lanes.splat(lanes.splitter)));
    const high = fn.let(sub(scaled, sub(scaled, v)));
    return { high, low: fn.let(sub(v, high)) };
  };
  const x = split(a);
  const y = split(b);
  const rest = sub(sub(sub(r, mul(x.high, y.high)), mul(x.low, y.high)), mul(x.high, y.low));
  return sub(mul(x.low, y.low), rest);
}

/** Mask of the lanes whose value is large enough for productError, or zero. */
export const isProvable = (lanes: Lanes, v: Local): Expr =>
  lanes.or(lanes.float.ge(lanes.float.abs(v), lanes.splat(lanes.minProduct)), isZero(lanes, v));

/** All lanes of a mask are true (of a scalar: the lowest). */
export function holds(lanes: Lanes, scalar: boolean, mask: Expr): Expr {
  if (lanes.type !== ValType.v128) return mask;
  const wanted = i32.const(scalar ? 1 : lanes.all);
  const bits = lanes.bitmask(mask);
  return i32.eq(scalar ? i32.and(bits, wanted) : bits, wanted);
}

// MXCSR (SDM vol. 1 §10.2.3).
const PE = 1 << 5;
const DAZ = 1 << 6;
const MASKS = 0x3f << 7;
const PM = 1 << 12;
const RC = 3 << 13;
const FTZ = 1 << 15;

/** MXCSR rounds as WebAssembly does, and no exception is raised. */
export const roundsAsUsual = (e: Emit): Expr =>
  i32.eq(i32.and(e.state32("mxcsr"), i32.const(FTZ | RC | MASKS | DAZ)), i32.const(MASKS));

/** The inexact flag is set. */
export const isInexact = (e: Emit): Expr => i32.and(e.state32("mxcsr"), i32.const(PE));

/** MXCSR rounds as WebAssembly does, and an inexact result changes nothing. */
export const isUsualMode = (e: Emit): Expr =>
  i32.eq(i32.and(e.state32("mxcsr"), i32.const(FTZ | RC | MASKS | DAZ | PE)), i32.const(MASKS | PE));

/** An inexact conversion to an integer has no effect but the flag. `nearest`: the rounding mode matters, too. */
export const canRaiseInexact = (e: Emit, nearest: boolean): Expr =>
  i32.eq(i32.and(e.state32("mxcsr"), i32.const(PM | DAZ | (nearest ? RC : 0))), i32.const(PM));

/** Sets the inexact flag if `inexact` (0 or 1). */
export const raiseInexact = (e: Emit, inexact: Expr): void =>
  e.setState32("mxcsr", i32.or(e.state32("mxcsr"), i32.shl(inexact, i32.const(5))));

/** Number of an operation, for softSse. */
export const operation = (name: SseOp): Expr => i32.const(SseOp[name]);

/**
 * The result of `fast` (of `type`) if the conditions that it gives to `require` hold, else that of
 * the exact operation `op` on `a` and `b`.
 */
export function fastOr(
  e: Emit,
  op: Expr,
  a: Expr,
  b: Expr,
  fast: (require: (condition: Expr) => void) => Expr,
  type: ValType = ValType.v128,
  fromSoft: (result: Local) => Expr = (result) => result,
): Local {
  const { fn } = e;
  const result = fn.local(type);
  fn.block((done) => {
    fn.block((slow) => {
      fn.set(
        result,
        fast((condition) => fn.brIf(slow, i32.eqz(condition))),
      );
      fn.br(done);
    });
    fn.set(result, fromSoft(e.softSse(op, a, b)));
  });
  return result;
}
