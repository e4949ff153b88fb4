/**
 * Unpacking, shuffling, inserting and extracting lanes (SDM vol. 1 §10.4.3, §11.4.1.3, §11.4.2).
 *
 * Where a lane is chosen by the immediate, a tier that knows it gets a constant shuffle; the
 * interpreter computes the byte positions from it: a multiplication moves each lane's field of the
 * immediate to the same place.
 */
import { type Expr, i8x16, i16x8, i32, i32x4, i64, i64x2, type Local, v128 } from "../../wasm/expression.ts";
import { type Emit, type Semantics, truncate } from "./emit.ts";
import {
  bytes,
  bytesOfLanes,
  enterMmx,
  isMmx,
  low64,
  packed,
  readSource,
  requireVectors,
  splat32,
  writeRegister,
} from "./vector.ts";

/** PUNPCKxx: lanes of the low (high) halves of both sources alternate. */
function unpack(width: number, high: boolean): Semantics {
  const pattern = (bytes: number): number[] => {
    const lanes: number[] = [];
    const count = bytes / width / 2;
    for (let i = 0; i < 8 / width; i++) {
      const from = (high ? count : 0) + (i % count);
      lanes.push(from, from + 16 / width);
    }
    return bytesOfLanes(width, lanes);
  };
  return packed(
    (a, b) => v128.shuffle(a, b, pattern(16)),
    (a, b) => v128.shuffle(a, b, pattern(8)),
  );
}

/** Two-bit field `i` of an immediate. */
const field = (immediate: number, i: number): number => (immediate >> (2 * i)) & 3;

/** Byte positions for a shuffle of four 32-bit lanes by a run-time immediate. */
function positions32(immediate: Expr): Expr {
  const fields = i32x4.mul(i32x4.splat(immediate), v128.const(0x0000001000000040n, 0x0000000100000004n));
  const lane = v128.and(i32x4.shrU(fields, i32.const(6)), splat32(3));
  return i32x4.add(i32x4.mul(lane, splat32(0x04040404)), splat32(0x03020100));
}

/** Byte positions for a shuffle of the low (high) four 16-bit lanes; the others stay. */
function positions16(immediate: Expr, high: boolean): Expr {
  const factors = 0x0001000400100040n;
  const fields = i16x8.mul(i16x8.splat(immediate), high ? v128.const(0n, factors) : v128.const(factors, 0n));
  const lane = v128.and(i16x8.shrU(fields, i32.const(6)), splat32(0x00030003));
  const start = high
    ? v128.const(0x0706050403020100n, 0x0908090809080908n)
    : v128.const(0x0100010001000100n, 0x0f0e0d0c0b0a0908n);
  return i16x8.add(i16x8.mul(lane, splat32(0x02020202)), start);
}

export const immediate32 = (e: Emit): Expr => i32.wrap(e.immediate());

/** PSHUFD */
const shuffle32: Semantics = (e) => {
  requireVectors(e);
  const value = readSource(e, 1);
  const constant = e.constantImmediate();
  if (constant === undefined) return e.writeVector(0, v128.swizzle(value, positions32(immediate32(e))));
  const lanes = [0, 1, 2, 3].map((i) => field(constant, i));
  e.writeVector(0, v128.shuffle(value, value, bytesOfLanes(4, lanes)));
};

/** PSHUFLW, PSHUFHW, PSHUFW */
const shuffle16 =
  (high: boolean): Semantics =>
  (e) => {
    requireVectors(e);
    const value = readSource(e, 1);
    const constant = e.constantImmediate();
    if (constant === undefined) return writeRegister(e, 0, v128.swizzle(value, positions16(immediate32(e), high)));
    const chosen = [0, 1, 2, 3].map((i) => field(constant, i) + (high ? 4 : 0));
    const lanes = high ? [0, 1, 2, 3, ...chosen] : [...chosen, 4, 5, 6, 7];
    writeRegister(e, 0, v128.shuffle(value, value, bytesOfLanes(2, lanes)));
  };

/** SHUFPS: two lanes of the destination, then two of the source. */
const shufps: Semantics = (e) => {
  requireVectors(e);
  const b = readSource(e, 1);
  const a = e.readVector(0);
  const constant = e.constantImmediate();
  if (constant !== undefined) {
    const lanes = [0, 1, 2, 3].map((i) => field(constant, i) + (i < 2 ? 0 : 4));
    return e.writeVector(0, v128.shuffle(a, b, bytesOfLanes(4, lanes)));
  }
  const at = e.fn.let(positions32(immediate32(e)));
  const halves = bytesOfLanes(8, [0, 3]);
  e.writeVector(0, v128.shuffle(v128.swizzle(a, at), v128.swizzle(b, at), halves));
};

/** SHUFPD: one lane of the destination, then one of the source. */
const shufpd: Semantics = (e) => {
  requireVectors(e);
  const b = readSource(e, 1);
  const a = e.readVector(0);
  const constant = e.constantImmediate();
  if (constant !== undefined) {
    return e.writeVector(0, v128.shuffle(a, b, bytesOfLanes(8, [constant & 1, 2 + ((constant >> 1) & 1)])));
  }
  const pick = (v: Local, bit: number): Expr =>
    i64.select(i32.and(immediate32(e), i32.const(bit)), i64x2.extractLane(v, 1), i64x2.extractLane(v, 0));
  e.writeVector(0, i64x2.replaceLane(i64x2.splat(pick(a, 1)), 1, pick(b, 2)));
};

const BYTES = Array.from({ length: 16 }, (_, i) => i);

/** PINSRx: the lane's number is taken modulo the number of lanes. */
export const insert =
  (width: 1 | 2 | 4 | 8): Semantics =>
  (e) => {
    requireVectors(e);
    const value = e.read(1);
    const size = isMmx(e, 0) ? 8 : 16;
    const old = e.readVector(0, size);
    const number = i32.and(immediate32(e), i32.const(size / width - 1));
    const chosen = i8x16.eq(bytes(BYTES.map((i) => Math.floor(i / width))), i8x16.splat(number));
    writeRegister(e, 0, v128.bitselect(splat(width, value), old, chosen));
  };

function splat(width: number, value: Expr): Expr {
  if (width === 8) return i64x2.splat(value);
  const low = i32.wrap(value);
  if (width === 4) return i32x4.splat(low);
  return width === 2 ? i16x8.splat(low) : i8x16.splat(low);
}

/** PEXTRx, EXTRACTPS: the lane is moved to the lowest. */
export const extract =
  (width: 1 | 2 | 4 | 8): Semantics =>
  (e) => {
    requireVectors(e);
    const mmx = isMmx(e, 1);
    const size = mmx ? 8 : 16;
    const value = e.readVector(1, size);
    const number = i32.and(immediate32(e), i32.const(size / width - 1));
    const at = i8x16.add(bytes(BYTES.map((i) => i % width)), i8x16.splat(i32.mul(number, i32.const(width))));
    e.write(0, truncate(width, low64(v128.swizzle(value, at))));
    if (mmx) enterMmx(e);
  };

export const vectorShuffle: Record<string, Semantics> = {
  punpcklbw: unpack(1, false),
  punpcklwd: unpack(2, false),
  punpckldq: unpack(4, false),
  punpcklqdq: unpack(8, false),
  punpckhbw: unpack(1, true),
  punpckhwd: unpack(2, true),
  punpckhdq: unpack(4, true),
  punpckhqdq: unpack(8, true),
  unpcklps: unpack(4, false),
  unpckhps: unpack(4, true),
  unpcklpd: unpack(8, false),
  unpckhpd: unpack(8, true),
  pshufd: shuffle32,
  pshuflw: shuffle16(false),
  pshufw: shuffle16(false),
  pshufhw: shuffle16(true),
  shufps,
  shufpd,
  pinsrw: insert(2),
  pextrw: extract(2),
};
