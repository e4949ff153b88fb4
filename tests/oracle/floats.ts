/** Floating-point values of all classes, and register files full of them. */
import type { Random } from "./random.ts";
import { CASE_FX, type Case, FX_FCW, FX_FSW, FX_FTW, FX_ST, FX_XMM } from "./record.ts";

const SINGLES = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001,
  0xffbfffff, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000, 0x5f000000, 0xdf000000,
  0x3f000000, 0x3fc00000, 0x40200000,
];
const DOUBLES = [
  0x0000000000000000n,
  0x8000000000000000n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0xfff8000000000000n,
  0x7ff0000000000001n,
  0xfff7ffffffffffffn,
  0x0000000000000001n,
  0x800fffffffffffffn,
  0x0010000000000000n,
  0x7fefffffffffffffn,
  0x41e0000000000000n,
  0xc1e0000000000000n,
  0x43e0000000000000n,
  0xc3e0000000000000n,
  0x3fe0000000000000n,
  0x3ff8000000000000n,
  0x36a0000000000000n,
  0x47efffffe0000000n,
  0x47f0000000000000n,
];

function single(random: Random): number {
  if (random.chance(3)) return random.pick(SINGLES);
  if (random.chance(3)) return random.u32();
  // Exponents close to each other, so that sums and comparisons are interesting.
  return ((random.u32() & 0x807fffff) | ((117 + random.below(30)) << 23)) >>> 0;
}

function double(random: Random): bigint {
  if (random.chance(3)) return random.pick(DOUBLES);
  if (random.chance(3)) return random.u64();
  return (random.u64() & 0x800fffffffffffffn) | (BigInt(1003 + random.below(60)) << 52n);
}

/** Writes 16 bytes: floats, doubles, integers, or anything. */
export function fillVector(random: Random, dv: DataView, at: number): void {
  switch (random.below(4)) {
    case 0:
      for (let i = 0; i < 16; i += 4) dv.setUint32(at + i, single(random), true);
      return;
    case 1:
      for (let i = 0; i < 16; i += 8) dv.setBigUint64(at + i, double(random), true);
      return;
    case 2:
      for (let i = 0; i < 16; i += 8) dv.setBigUint64(at + i, random.value(), true);
      return;
    default:
      for (let i = 0; i < 16; i += 4) dv.setUint32(at + i, random.u32(), true);
  }
}

/** Writes an 80-bit extended value (10 bytes). */
export function fillExtended(random: Random, dv: DataView, at: number): void {
  let significand = random.u64() | (1n << 63n);
  let exponent = 16383 - 40 + random.below(80);
  switch (random.below(12)) {
    case 0: // zero
      [significand, exponent] = [0n, 0];
      break;
    case 1: // infinity
      [significand, exponent] = [1n << 63n, 0x7fff];
      break;
    case 2: // NaN, quiet or signalling
      exponent = 0x7fff;
      break;
    case 3: // denormal
      [significand, exponent] = [random.u64() >> BigInt(1 + random.below(62)), 0];
      break;
    case 4: // unnormal, pseudo-NaN, pseudo-infinity, pseudo-denormal
      significand = random.u64() & ((1n << 63n) - 1n);
      exponent = random.pick([0x7fff, 0x7fff, 16383, 1]);
      if (random.chance(4)) [significand, exponent] = [significand | (1n << 63n), 0];
      break;
    case 5: // any exponent
      exponent = random.below(0x8000);
      break;
    case 6: // an integer
      significand = BigInt.asUintN(64, (1n << 63n) | (BigInt(random.below(256)) << 55n));
      exponent = 16383 + random.below(70);
      break;
    case 7: // one and its neighbourhood
      [significand, exponent] = [1n << 63n, 16383];
      break;
    default:
  }
  dv.setBigUint64(at, significand, true);
  dv.setUint16(at + 8, exponent | (random.chance(2) ? 0x8000 : 0), true);
}

/** A data window: 64 bytes of vectors, extended values or corner integers. */
export function fillWindow(random: Random, bytes: Uint8Array): void {
  const dv = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = random.below(3);
  for (let at = 0; at < bytes.length; at += 16) {
    if (kind === 0) {
      dv.setBigUint64(at, random.value(), true);
      dv.setBigUint64(at + 8, random.value(), true);
    } else if (kind === 1) {
      fillExtended(random, dv, at);
      dv.setBigUint64(at + 8, (dv.getBigUint64(at + 8, true) & 0xffffn) | (random.u64() & ~0xffffn), true);
    } else fillVector(random, dv, at);
  }
}

/** The x87 and SSE state of a case. Exceptions are mostly masked; the state is always consistent. */
export function fillFxState(random: Random, c: Case): void {
  const dv = c.dv;
  // Precision 64, 53 or 24 bits (01 is reserved); all rounding modes.
  const precision = random.chance(4) ? random.pick([0, 2]) : 3;
  const masks = random.chance(6) ? random.below(64) : 0x3f;
  dv.setUint16(CASE_FX + FX_FCW, (masks | 0x40 | (precision << 8) | (random.below(4) << 10)) & 0xffff, true);
  // Sticky flags only where masked, so that no exception is pending; one case in 40 has one.
  const pending = random.chance(40) ? random.below(64) : 0;
  const sticky = (random.chance(3) ? random.below(64) & masks : 0) | pending;
  const top = random.below(8);
  const summary = sticky & ~masks & 0x3f ? 0x8080 : 0;
  dv.setUint16(CASE_FX + FX_FSW, (sticky | summary | (top << 11) | ((random.below(16) << 8) & 0x4700)) & 0xffff, true);
  c.bytes[CASE_FX + FX_FTW] = random.chance(3) ? random.below(256) : 0xff;
  for (let i = 0; i < 8; i++) fillExtended(random, dv, CASE_FX + FX_ST + i * 16);
  for (let i = 0; i < 16; i++) fillVector(random, dv, CASE_FX + FX_XMM + i * 16);
  let mxcsr = 0x1f80 | (random.below(4) << 13);
  if (random.chance(8)) mxcsr |= 0x40; // DAZ
  if (random.chance(8)) mxcsr |= 0x8000; // FTZ
  if (random.chance(6)) mxcsr &= ~(random.below(64) << 7);
  // Sticky flags do not raise anything by themselves, masked or not.
  if (random.chance(3)) mxcsr |= random.below(64);
  // What programs mostly run with: everything masked, often with some inexact result behind them.
  if (random.chance(3)) mxcsr = 0x1f80 | random.below(64);
  c.mxcsr = mxcsr;
}
