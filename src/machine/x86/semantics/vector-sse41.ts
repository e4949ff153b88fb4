/** SSE4.1 (SDM vol. 1 §12.9). PINSRx, PEXTRx are in vector-shuffle.ts. */
import { type Expr, i8x16, i16x8, i32, i32x4, i64x2, type Local, v128 } from "../../wasm/expression.ts";
import { SSE_IMMEDIATE_SHIFT } from "../softfloat/sse-op.ts";
import type { Emit, Semantics } from "./emit.ts";
import {
  DOUBLE,
  FORMS,
  fastOr,
  holds,
  isUsual,
  type Lanes,
  operation,
  raiseInexact,
  SINGLE,
  type VectorLanes,
} from "./float-lanes.ts";
import { bytesOfLanes, packed, readSource, requireSse, ZERO_VECTOR } from "./vector.ts";
import { addition, calculate, multiplication, operands, writeResult } from "./vector-float.ts";
import { lanes, pack } from "./vector-integer.ts";
import { positions } from "./vector-shift.ts";
import { extract, immediate32, insert } from "./vector-shuffle.ts";

// --- Choosing lanes ------------------------------------------------------------------------------

/** PBLENDVB, BLENDVPS, BLENDVPD: by the signs of XMM0's lanes. */
const blendBySign =
  (signs: (mask: Expr) => Expr): Semantics =>
  (e) => {
    requireSse(e);
    const b = readSource(e, 1);
    const a = e.readVector(0);
    e.writeVector(0, v128.bitselect(b, a, signs(e.readXmm0())));
  };

/** Lanes for which bit (lane + shift) of the immediate is set; lanes are 2, 4 or 8 bytes wide. */
function immediateMask(e: Emit, width: 2 | 4 | 8, shift = 0): Local {
  const bit = (lane: number): bigint => 1n << BigInt(lane + shift);
  const list = Array.from({ length: 16 / width }, (_, lane) => bit(lane));
  const half = (from: number): bigint =>
    list.slice(from, from + 8 / width).reduce((sum, b, i) => sum | (b << BigInt(8 * width * i)), 0n);
  const bits = e.fn.let(v128.const(half(0), half(8 / width)));
  const value = immediate32(e);
  if (width === 2) return e.fn.let(i16x8.eq(v128.and(i16x8.splat(value), bits), bits));
  if (width === 4) return e.fn.let(i32x4.eq(v128.and(i32x4.splat(value), bits), bits));
  // The upper halves of 64-bit lanes are zero on both sides.
  const low = v128.and(i32x4.splat(value), v128.const(0xffffffffn, 0xffffffffn));
  return e.fn.let(i64x2.eq(v128.and(low, bits), bits));
}

/** BLENDPS, BLENDPD, PBLENDW: by bits of the immediate. */
const blendByImmediate =
  (width: 2 | 4 | 8): Semantics =>
  (e) => {
    requireSse(e);
    const b = readSource(e, 1);
    const a = e.readVector(0);
    e.writeVector(0, v128.bitselect(b, a, immediateMask(e, width)));
  };

/** INSERTPS: source lane in bits 6..7, destination lane in bits 4..5, lanes to be cleared in bits 0..3. */
const insertps: Semantics = (e) => {
  requireSse(e);
  const b = e.readVector(1, e.isMemory(1) ? 4 : 16);
  const a = e.readVector(0);
  const value = e.fn.let(immediate32(e));
  const field = (shift: number): Expr => i32.and(i32.shrU(value, i32.const(shift)), i32.const(3));
  // From memory there is only lane 0.
  const source = e.isMemory(1) ? i32.const(0) : field(6);
  const at = i32x4.splat(i32.add(i32.mul(source, i32.const(0x04040404)), i32.const(0x03020100)));
  const chosen = i32x4.eq(i32x4.splat(field(4)), v128.const(0x0000000100000000n, 0x0000000300000002n));
  const merged = v128.bitselect(v128.swizzle(b, at), a, chosen);
  e.writeVector(0, v128.andnot(merged, immediateMask(e, 4)));
};

/** PTEST: ZF if no bit is in both, CF if the source has none beyond the destination's. */
const ptest: Semantics = (e) => {
  requireSse(e);
  const b = readSource(e, 1);
  const a = e.readVector(0);
  const zero = i32.eqz(v128.anyTrue(v128.and(a, b)));
  const carry = i32.eqz(v128.anyTrue(v128.andnot(b, a)));
  e.flagsCompare(e.fn.let(i32.or(i32.shl(zero, i32.const(6)), carry)));
};

// --- Integers --------------------------------------------------------------------------------------

/** PMULDQ: the signed product of the even 32-bit lanes. */
const multiplyEven = packed((a, b) => {
  const even = bytesOfLanes(4, [0, 2, 0, 2]);
  return i64x2.extmulLowI32x4S(v128.shuffle(a, a, even), v128.shuffle(b, b, even));
});

/** PHMINPOSUW: the smallest word and the lowest position that has it. */
const minimumPosition = packed((_a, b, fn) => {
  const sixteen = i32.const(16);
  const low = v128.or(
    i32x4.shl(i32x4.extendLowI16x8U(b), sixteen),
    v128.const(0x0000000100000000n, 0x0000000300000002n),
  );
  const high = v128.or(
    i32x4.shl(i32x4.extendHighI16x8U(b), sixteen),
    v128.const(0x0000000500000004n, 0x0000000700000006n),
  );
  let best = fn.let(i32x4.minU(low, high));
  for (const order of [
    [2, 3, 0, 1],
    [1, 0, 3, 2],
  ])
    best = fn.let(i32x4.minU(best, v128.shuffle(best, best, bytesOfLanes(4, order))));
  return i32x4.replaceLane(ZERO_VECTOR(), 0, i32.rotl(i32x4.extractLane(best, 0), sixteen));
});

/** PMOVSXxx, PMOVZXxx: the source is as large as it needs to be. */
const extend =
  (...steps: ((v: Expr) => Expr)[]): Semantics =>
  (e) => {
    requireSse(e);
    e.writeVector(
      0,
      steps.reduce((v: Expr, step) => step(v), e.readVector(1, e.size(1))),
    );
  };

/** MPSADBW: eight sums of four absolute differences: one block of the source against eight of the destination. */
const mpsadbw: Semantics = (e) => {
  requireSse(e);
  const { fn } = e;
  const b = readSource(e, 1);
  const value = fn.let(immediate32(e));
  const start = i32.and(value, i32.const(4));
  const a = fn.let(v128.swizzle(e.readVector(0), positions(start)));
  const block = fn.let(v128.swizzle(b, positions(i32.shl(i32.and(value, i32.const(3)), i32.const(2)))));
  let sum: Expr | undefined;
  for (let k = 0; k < 4; k++) {
    const moved = v128.shuffle(
      a,
      a,
      Array.from({ length: 16 }, (_, i) => (i + k) & 15),
    );
    const difference = i16x8.sub(i16x8.extendLowI8x16U(moved), i16x8.splat(i8x16.extractLaneU(block, k)));
    sum = sum ? i16x8.add(sum, i16x8.abs(difference)) : i16x8.abs(difference);
  }
  e.writeVector(0, sum as Expr);
};

// --- Floating point ----------------------------------------------------------------------------------

const MODE_FROM_MXCSR = 4;
const NO_INEXACT = 8;
const PM = 1 << 12;
const RC_SHIFT = 13;

/** ROUNDxx: the mode is in the immediate's bits 0..1 or MXCSR; bit 3: no inexact exception. */
const round =
  (op: "roundps" | "roundpd" | "roundss" | "roundsd", type: VectorLanes, scalar: boolean): Semantics =>
  (e) => {
    const { fn } = e;
    const { a, b } = operands(e, type, scalar);
    const { float } = type;
    const value = fn.let(immediate32(e));
    const exact = i32.or(operation(op), i32.shl(value, i32.const(SSE_IMMEDIATE_SHIFT)));
    const result = fastOr(e, exact, a, b, (require) => {
      const quiet = fn.let(i32.and(value, i32.const(NO_INEXACT)));
      require(i32.or(quiet, i32.and(e.state32("mxcsr"), i32.const(PM))));
      require(holds(type, scalar, isUsual(type, b)));
      const fromMxcsr = i32.shrU(e.state32("mxcsr"), i32.const(RC_SHIFT));
      const mode = fn.let(
        i32.and(i32.select(i32.and(value, i32.const(MODE_FROM_MXCSR)), fromMxcsr, value), i32.const(3)),
      );
      const rounded = fn.let(float.nearest(b));
      fn.if(i32.eq(mode, i32.const(1)), () => fn.set(rounded, float.floor(b)));
      fn.if(i32.eq(mode, i32.const(2)), () => fn.set(rounded, float.ceil(b)));
      fn.if(i32.eq(mode, i32.const(3)), () => fn.set(rounded, float.trunc(b)));
      fn.if(i32.eqz(quiet), () => raiseInexact(e, v128.anyTrue(float.ne(rounded, b))));
      return rounded;
    });
    writeResult(e, type, scalar, result);
  };

/** DPPS, DPPD: lanes to be multiplied in the immediate's bits 4..7, lanes that get the sum in bits 0..3. */
const dotProduct =
  (type: Lanes): Semantics =>
  (e) => {
    const { fn } = e;
    const { a, b } = operands(e, type, false);
    const [multiply, add] = type === SINGLE ? (["mulps", "addps"] as const) : (["mulpd", "addpd"] as const);
    const taken = immediateMask(e, type.bytes, 4);
    const mask = (v: Local): Local => fn.let(v128.and(v, taken));
    let sum = calculate(e, multiplication, multiply, type, mask(a), mask(b));
    // Neighbours are added first.
    const steps =
      type === SINGLE
        ? [
            [0, 0, 2, 2],
            [1, 1, 3, 3],
            [0, 0, 0, 0],
            [2, 2, 2, 2],
          ]
        : [
            [0, 0],
            [1, 1],
          ];
    for (let i = 0; i < steps.length; i += 2) {
      const pick = (order: number[] | undefined): Local =>
        fn.let(v128.shuffle(sum, sum, bytesOfLanes(type.bytes, order ?? [])));
      sum = calculate(e, addition, add, type, pick(steps[i]), pick(steps[i + 1]));
    }
    e.writeVector(0, v128.and(sum, immediateMask(e, type.bytes)));
  };

export const vectorSse41: Record<string, Semantics> = {
  pblendvb: blendBySign((v) => i8x16.shrS(v, i32.const(7))),
  blendvps: blendBySign((v) => i32x4.shrS(v, i32.const(31))),
  blendvpd: blendBySign((v) => i64x2.shrS(v, i32.const(63))),
  blendps: blendByImmediate(4),
  blendpd: blendByImmediate(8),
  pblendw: blendByImmediate(2),
  insertps,
  pinsrb: insert(1),
  pinsrd: insert(4),
  pinsrq: insert(8),
  extractps: extract(4),
  pextrb: extract(1),
  pextrd: extract(4),
  pextrq: extract(8),
  ptest,
  pmuldq: multiplyEven,
  phminposuw: minimumPosition,
  mpsadbw,
  packusdw: pack(i16x8.narrowI32x4U),
  pcmpeqq: lanes(i64x2.eq),
  pmulld: lanes(i32x4.mul),
  pminsb: lanes(i8x16.minS),
  pminsd: lanes(i32x4.minS),
  pminuw: lanes(i16x8.minU),
  pminud: lanes(i32x4.minU),
  pmaxsb: lanes(i8x16.maxS),
  pmaxsd: lanes(i32x4.maxS),
  pmaxuw: lanes(i16x8.maxU),
  pmaxud: lanes(i32x4.maxU),
  pmovsxbw: extend(i16x8.extendLowI8x16S),
  pmovsxbd: extend(i16x8.extendLowI8x16S, i32x4.extendLowI16x8S),
  pmovsxbq: extend(i16x8.extendLowI8x16S, i32x4.extendLowI16x8S, i64x2.extendLowI32x4S),
  pmovsxwd: extend(i32x4.extendLowI16x8S),
  pmovsxwq: extend(i32x4.extendLowI16x8S, i64x2.extendLowI32x4S),
  pmovsxdq: extend(i64x2.extendLowI32x4S),
  pmovzxbw: extend(i16x8.extendLowI8x16U),
  pmovzxbd: extend(i16x8.extendLowI8x16U, i32x4.extendLowI16x8U),
  pmovzxbq: extend(i16x8.extendLowI8x16U, i32x4.extendLowI16x8U, i64x2.extendLowI32x4U),
  pmovzxwd: extend(i32x4.extendLowI16x8U),
  pmovzxwq: extend(i32x4.extendLowI16x8U, i64x2.extendLowI32x4U),
  pmovzxdq: extend(i64x2.extendLowI32x4U),
  movntdqa: (e) => {
    requireSse(e);
    e.writeVector(0, readSource(e, 1));
  },
  dpps: dotProduct(SINGLE),
  dppd: dotProduct(DOUBLE),
};

for (const [suffix, type, scalar] of FORMS) vectorSse41[`round${suffix}`] = round(`round${suffix}`, type, scalar);
