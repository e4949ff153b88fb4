/** SSE3 and SSSE3: horizontal arithmetic, duplicating moves, byte shuffles (SDM vol. 1 §12.3, §12.6). */
import { type Expr, i8x16, i16x8, i32, i32x4, type Local, v128 } from "../../wasm/expression.ts";
import type { Semantics } from "./emit.ts";
import { DOUBLE, SINGLE } from "./float-lanes.ts";
import {
  bytesOfLanes,
  isMmx,
  join,
  packed,
  readSource,
  requireSse,
  requireVectors,
  splat32,
  writeRegister,
} from "./vector.ts";
import { type Arrange, addition, arithmetic, subtraction } from "./vector-float.ts";
import { clampedImmediate, positions } from "./vector-shift.ts";

// --- SSE3 --------------------------------------------------------------------------------------

/** LDDQU */
const loadUnaligned: Semantics = (e) => {
  requireSse(e);
  e.writeVector(0, e.readVector(1));
};

/** MOVDDUP, MOVSLDUP, MOVSHDUP */
const duplicate =
  (width: number, lanes: readonly number[]): Semantics =>
  (e) => {
    requireSse(e);
    const value = readSource(e, 1);
    e.writeVector(0, v128.shuffle(value, value, bytesOfLanes(width, lanes)));
  };

/** The even and the odd lanes of both sources. */
const pairs =
  (width: number): Arrange =>
  (a, b, fn) => {
    const lanes = Array.from({ length: 16 / width }, (_, i) => 2 * i);
    const pick = (odd: number): Local =>
      fn.let(
        v128.shuffle(
          a,
          b,
          bytesOfLanes(
            width,
            lanes.map((lane) => lane + odd),
          ),
        ),
      );
    return [pick(0), pick(1)];
  };

/** ADDSUBPS, ADDSUBPD: even lanes of the source negated, then added. */
const alternate =
  (evenSigns: () => Expr): Arrange =>
  (a, b, fn) => [a, fn.let(v128.xor(b, evenSigns()))];

const EVEN_SINGLE = (): Expr => v128.const(0x80000000n, 0x80000000n);
const EVEN_DOUBLE = (): Expr => v128.const(0x8000000000000000n, 0n);

// --- SSSE3 -------------------------------------------------------------------------------------

/** PHADDx, PHSUBx: neighbours of the destination's lanes, then of the source's. */
function horizontal(width: 2 | 4, op: (even: Expr, odd: Expr) => Expr): Semantics {
  const arrange = pairs(width);
  return packed(
    (a, b, fn) => op(...arrange(a, b, fn)),
    (a, b, fn) => {
      const both = join(a, b, fn);
      return op(...arrange(both, both, fn));
    },
  );
}

/** PSHUFB: a negative position gives zero. Positions in an MMX register have three bits. */
const shuffleBytes = packed(
  (a, b) => v128.swizzle(a, v128.and(b, splat32(0x8f8f8f8f))),
  (a, b) => v128.swizzle(a, v128.and(b, splat32(0x87878787))),
);

/** PMADDUBSW: unsigned bytes of the destination by signed bytes of the source, pairs added with saturation. */
const multiplyAddBytes = packed((a, b) => {
  const eight = i32.const(8);
  const even = i16x8.mul(v128.and(a, splat32(0x00ff00ff)), i16x8.shrS(i16x8.shl(b, eight), eight));
  const odd = i16x8.mul(i16x8.shrU(a, eight), i16x8.shrS(b, eight));
  return i16x8.addSatS(even, odd);
});

/** PMULHRSW: as WebAssembly's Q15 product, but -1 times -1 wraps to -1. */
const multiplyRounded = packed((a, b, fn) => {
  const minimum = fn.let(splat32(0x80008000));
  const wraps = v128.and(i16x8.eq(a, minimum), i16x8.eq(b, minimum));
  return v128.xor(i16x8.q15mulrSatS(a, b), wraps);
});

/** PSIGNx: lanes negated, cleared or left by the sign of the source's lanes. */
const sign = (lanes: typeof i8x16 | typeof i16x8 | typeof i32x4, bits: number): Semantics =>
  packed((a, b, fn) => {
    const negative = fn.let(lanes.shrS(b, i32.const(bits - 1)));
    const signed = lanes.sub(v128.xor(a, negative), negative);
    return v128.andnot(signed, lanes.eq(b, v128.const(0n, 0n)));
  });

const absolute = (abs: (v: Expr) => Expr): Semantics => packed((_a, b) => abs(b));

/** PALIGNR: destination and source as one number, shifted right by bytes. */
const alignRight: Semantics = (e) => {
  requireVectors(e);
  const { fn } = e;
  const b = readSource(e, 1);
  const mmx = isMmx(e, 0);
  const a = e.readVector(0, mmx ? 8 : 16);
  const constant = e.constantImmediate();
  const low = mmx ? join(b, a, fn) : b;
  const high = mmx ? fn.let(v128.const(0n, 0n)) : a;
  if (constant !== undefined && constant <= 16) {
    const from = Array.from({ length: 16 }, (_, i) => i + constant);
    return writeRegister(e, 0, v128.shuffle(low, high, from));
  }
  const count = clampedImmediate(e, 32);
  const fromLow = v128.swizzle(low, positions(count));
  const fromHigh = v128.swizzle(high, positions(i32.sub(count, i32.const(16))));
  writeRegister(e, 0, v128.or(fromLow, fromHigh));
};

export const vectorSse3: Record<string, Semantics> = {
  lddqu: loadUnaligned,
  movddup: duplicate(8, [0, 0]),
  movsldup: duplicate(4, [0, 0, 2, 2]),
  movshdup: duplicate(4, [1, 1, 3, 3]),
  haddps: arithmetic(addition, "haddps", SINGLE, pairs(4)),
  haddpd: arithmetic(addition, "haddpd", DOUBLE, pairs(8)),
  hsubps: arithmetic(subtraction, "hsubps", SINGLE, pairs(4)),
  hsubpd: arithmetic(subtraction, "hsubpd", DOUBLE, pairs(8)),
  addsubps: arithmetic(addition, "addsubps", SINGLE, alternate(EVEN_SINGLE)),
  addsubpd: arithmetic(addition, "addsubpd", DOUBLE, alternate(EVEN_DOUBLE)),
};

export const vectorSsse3: Record<string, Semantics> = {
  pshufb: shuffleBytes,
  palignr: alignRight,
  pmaddubsw: multiplyAddBytes,
  pmulhrsw: multiplyRounded,
  phaddw: horizontal(2, i16x8.add),
  phaddd: horizontal(4, i32x4.add),
  phaddsw: horizontal(2, i16x8.addSatS),
  phsubw: horizontal(2, i16x8.sub),
  phsubd: horizontal(4, i32x4.sub),
  phsubsw: horizontal(2, i16x8.subSatS),
  psignb: sign(i8x16, 8),
  psignw: sign(i16x8, 16),
  psignd: sign(i32x4, 32),
  pabsb: absolute(i8x16.abs),
  pabsw: absolute(i16x8.abs),
  pabsd: absolute(i32x4.abs),
};
