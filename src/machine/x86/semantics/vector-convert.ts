/** Conversions between integers and floating-point numbers (SDM vol. 1 §10.4.4, §11.4.1.6). */
import {
  type Expr,
  f32,
  f32x4,
  f64,
  f64x2,
  i32,
  i32x4,
  i64,
  i64x2,
  type Local,
  truncSat,
  ValType,
  v128,
} from "../../wasm/expression.ts";
import type { SseOp } from "../softfloat/sse-op.ts";
import type { Emit, Semantics } from "./emit.ts";
import {
  canRaiseInexact,
  DOUBLE,
  fastOr,
  holds,
  isInexact,
  isUsual,
  isUsualMode,
  isZero,
  operation,
  raiseInexact,
  roundsAsUsual,
  SINGLE,
  type VectorLanes,
} from "./float-lanes.ts";
import {
  enterMmx,
  isMmx,
  low64,
  readSource,
  requireMmx,
  requireSse,
  splat32,
  writeMmx,
  ZERO_VECTOR,
} from "./vector.ts";

// --- Integers to floating point ------------------------------------------------------------------

/** CVTSI2SS, CVTSI2SD: exact up to as many bits as the significand has; else rounded. */
function fromGeneral(single: boolean): Semantics {
  const significand = single ? 24 : 53;
  return (e) => {
    requireSse(e);
    const { fn } = e;
    const wide = e.size(1) === 8;
    const integer = e.readSigned(1);
    const convert = (): Expr =>
      single ? i64.extendU(i32.reinterpretF32(f32.convertI64s(integer))) : i64.reinterpretF64(f64.convertI64s(integer));
    const size = single ? 4 : 8;
    if (!single && !wide) return e.writeLow(0, size, convert());
    const limit = 1n << BigInt(significand);
    const old = fn.let(ZERO_VECTOR());
    const source = fn.let(i64x2.splat(integer));
    const op: SseOp = `cvtsi2${single ? "ss" : "sd"}${wide ? 64 : 32}`;
    const fast = (require: (condition: Expr) => void): Expr => {
      const exact = i64.leU(i64.add(integer, i64.const(limit)), i64.const(2n * limit));
      require(i32.or(exact, isUsualMode(e)));
      return convert();
    };
    e.writeLow(0, size, fastOr(e, operation(op), old, source, fast, ValType.i64, low64));
  };
}

/** CVTDQ2PS, CVTPI2PS: rounded if an integer needs more than 24 bits. */
const toSingles = (e: Emit, op: SseOp, a: Local, b: Local): Local =>
  fastOr(e, operation(op), a, b, (require) => {
    const small = i32x4.leU(i32x4.add(b, splat32(1 << 24)), splat32(1 << 25));
    require(i32.or(i32x4.allTrue(small), isUsualMode(e)));
    return f32x4.convertI32x4S(b);
  });

const cvtdq2ps: Semantics = (e) => {
  requireSse(e);
  const b = readSource(e, 1);
  e.writeVector(0, toSingles(e, "cvtdq2ps", b, b));
};

/** CVTDQ2PD is exact. */
const cvtdq2pd: Semantics = (e) => {
  requireSse(e);
  e.writeVector(0, f64x2.convertLowI32x4S(e.readVector(1, 8)));
};

/** An MMX or memory source of 8 bytes; with one in memory it is not an MMX instruction. */
function fromMmx(e: Emit, convert: (b: Local) => void): void {
  requireSse(e);
  if (isMmx(e, 1)) requireMmx(e);
  const b = e.readVector(1, 8);
  if (isMmx(e, 1)) enterMmx(e);
  convert(b);
}

const cvtpi2ps: Semantics = (e) => fromMmx(e, (b) => e.writeScalar(0, 8, toSingles(e, "cvtpi2ps", b, b)));
const cvtpi2pd: Semantics = (e) => fromMmx(e, (b) => e.writeVector(0, f64x2.convertLowI32x4S(b)));

// --- Between the formats ---------------------------------------------------------------------------

/** CVTSS2SD, CVTPS2PD: exact. */
function widen(op: "cvtss2sd" | "cvtps2pd"): Semantics {
  return (e) => {
    requireSse(e);
    const scalar = op === "cvtss2sd";
    const b = e.readVector(1, scalar ? 4 : 8);
    const result = fastOr(e, operation(op), b, b, (require) => {
      require(holds(SINGLE, false, isUsual(SINGLE, b)));
      return f64x2.promoteLowF32x4(b);
    });
    if (scalar) e.writeScalar(0, 8, result);
    else e.writeVector(0, result);
  };
}

/** As a double, the smallest normal single-precision number. */
const MIN_SINGLE = 0x3810000000000000n;
/** As a double, what lies half-way between the largest single-precision number and the next: the first to overflow. */
const OVERFLOWS_SINGLE = 0x47effffff0000000n;

/** CVTSD2SS, CVTPD2PS: rounded. */
function narrow(op: "cvtsd2ss" | "cvtpd2ps"): Semantics {
  return (e) => {
    requireSse(e);
    const scalar = op === "cvtsd2ss";
    const b = scalar ? e.readVector(1, 8) : readSource(e, 1);
    const result = fastOr(e, operation(op), b, b, (require) => {
      require(roundsAsUsual(e));
      const magnitude = e.fn.let(f64x2.abs(b));
      const isLarge = f64x2.ge(magnitude, DOUBLE.splat(MIN_SINGLE));
      const inRange = f64x2.lt(magnitude, DOUBLE.splat(OVERFLOWS_SINGLE));
      require(holds(DOUBLE, false, v128.and(inRange, v128.or(isLarge, isZero(DOUBLE, b)))));
      const r = e.fn.let(f32x4.demoteF64x2Zero(b));
      const isExact = f64x2.eq(f64x2.promoteLowF32x4(r), b);
      require(i32.or(isInexact(e), holds(DOUBLE, false, isExact)));
      return r;
    });
    if (scalar) e.writeScalar(0, 4, result);
    else e.writeVector(0, result);
  };
}

// --- Floating point to integers ----------------------------------------------------------------------

/** 2^31 and 2^63 as doubles. */
const POWER = { 4: 0x41e0000000000000n, 8: 0x43e0000000000000n };
const SINGLE_2_31 = 0x4f000000n;

/** CVTSD2SI, CVTTSS2SI and their like: out of range (and NaN) gives the indefinite integer and IE. */
function toGeneral(from: "ss" | "sd", truncate: boolean): Semantics {
  const lanes = from === "ss" ? SINGLE : DOUBLE;
  return (e) => {
    requireSse(e);
    const { fn } = e;
    const size = e.size(0) as 4 | 8;
    const b = e.readVector(1, lanes.bytes);
    const op: SseOp = `cvt${truncate ? "t" : ""}${from}2si${size === 8 ? 64 : 32}`;
    const fast = (require: (condition: Expr) => void): Expr => {
      require(canRaiseInexact(e, !truncate));
      const x = fn.let(from === "ss" ? f64.promoteF32(f32x4.extractLane(b, 0)) : f64x2.extractLane(b, 0));
      const r = fn.let(truncate ? f64.trunc(x) : f64.nearest(x));
      require(f64.lt(f64.abs(r), f64.const(POWER[size])));
      raiseInexact(e, f64.ne(r, x));
      return truncSat.i64FromF64s(r);
    };
    const result = fastOr(e, operation(op), b, b, fast, ValType.i64, low64);
    e.write(0, result);
  };
}

/** Packed conversions to 32-bit integers: the fast one of each source format. */
const integers = (e: Emit, op: SseOp, lanes: VectorLanes, truncate: boolean, b: Local): Local =>
  fastOr(e, operation(op), b, b, (require) => {
    const { float } = lanes;
    require(canRaiseInexact(e, !truncate));
    const r = e.fn.let(truncate ? float.trunc(b) : float.nearest(b));
    const limit = lanes.splat(lanes === SINGLE ? SINGLE_2_31 : POWER[4]);
    require(holds(lanes, false, float.lt(float.abs(r), limit)));
    raiseInexact(e, v128.anyTrue(float.ne(r, b)));
    return lanes === SINGLE ? i32x4.truncSatF32x4S(r) : i32x4.truncSatF64x2SZero(r);
  });

/** CVT(T)PS2DQ, CVT(T)PD2DQ */
const toVector =
  (op: SseOp, lanes: VectorLanes, truncate: boolean): Semantics =>
  (e) => {
    requireSse(e);
    e.writeVector(0, integers(e, op, lanes, truncate, readSource(e, 1)));
  };

/** CVT(T)PS2PI, CVT(T)PD2PI: the x87 state becomes MMX's before a floating-point exception is found. */
const toMmx =
  (op: SseOp, lanes: VectorLanes, truncate: boolean): Semantics =>
  (e) => {
    requireSse(e);
    requireMmx(e);
    const b = readSource(e, 1);
    enterMmx(e);
    writeMmx(e, 0, low64(integers(e, op, lanes, truncate, b)));
  };

export const vectorConvert: Record<string, Semantics> = {
  cvtsi2ss: fromGeneral(true),
  cvtsi2sd: fromGeneral(false),
  cvtdq2ps,
  cvtdq2pd,
  cvtpi2ps,
  cvtpi2pd,
  cvtss2sd: widen("cvtss2sd"),
  cvtps2pd: widen("cvtps2pd"),
  cvtsd2ss: narrow("cvtsd2ss"),
  cvtpd2ps: narrow("cvtpd2ps"),
};

for (const [t, truncate] of [
  ["", false],
  ["t", true],
] as const) {
  vectorConvert[`cvt${t}ss2si`] = toGeneral("ss", truncate);
  vectorConvert[`cvt${t}sd2si`] = toGeneral("sd", truncate);
  vectorConvert[`cvt${t}ps2dq`] = toVector(`cvt${t}ps2dq`, SINGLE, truncate);
  vectorConvert[`cvt${t}pd2dq`] = toVector(`cvt${t}pd2dq`, DOUBLE, truncate);
  vectorConvert[`cvt${t}ps2pi`] = toMmx(`cvt${t}ps2pi`, SINGLE, truncate);
  vectorConvert[`cvt${t}pd2pi`] = toMmx(`cvt${t}pd2pi`, DOUBLE, truncate);
}
