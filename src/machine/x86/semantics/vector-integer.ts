/** Lane-wise integer arithmetic, comparison and logic of MMX and SSE2 (SDM vol. 1 §9.4, §11.4.2). */
import { type Expr, i8x16, i16x8, i32, i32x4, i64, i64x2, v128 } from "../../wasm/expression.ts";
import type { Semantics } from "./emit.ts";
import { join, packed } from "./vector.ts";

/** An operation that WebAssembly has. */
export const lanes = (op: (a: Expr, b: Expr) => Expr): Semantics => packed((a, b) => op(a, b));

/** PACKxx: each source's lanes narrowed with saturation. */
export const pack = (narrow: (a: Expr, b: Expr) => Expr): Semantics =>
  packed(
    (a, b) => narrow(a, b),
    (a, b, fn) => {
      const both = join(a, b, fn);
      return narrow(both, both);
    },
  );

/** PMULHW, PMULHUW: the high halves of the products. */
const multiplyHigh = (low: (a: Expr, b: Expr) => Expr, high: (a: Expr, b: Expr) => Expr): Semantics =>
  packed((a, b) => v128.shuffle(low(a, b), high(a, b), [2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31]));

/** PMULUDQ: the product of the even 32-bit lanes. */
const multiplyEven = packed((a, b) => {
  const even = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];
  return i64x2.extmulLowI32x4U(v128.shuffle(a, a, even), v128.shuffle(b, b, even));
});

/** PSADBW: sums of the absolute differences of eight bytes each. */
const sumOfDifferences = packed((a, b, fn) => {
  const differences = v128.or(i8x16.subSatU(a, b), i8x16.subSatU(b, a));
  const words = fn.let(i32x4.extaddPairwiseI16x8U(i16x8.extaddPairwiseI8x16U(differences)));
  return v128.and(i64x2.add(words, i64x2.shrU(words, i32.const(32))), i64x2.splat(i64.const(0xffffffff)));
});

const and = lanes(v128.and);
const or = lanes(v128.or);
const xor = lanes(v128.xor);
/** The *destination* is inverted. */
const andNot = packed((a, b) => v128.andnot(b, a));

export const vectorInteger: Record<string, Semantics> = {
  pand: and,
  andps: and,
  andpd: and,
  por: or,
  orps: or,
  orpd: or,
  pxor: xor,
  xorps: xor,
  xorpd: xor,
  pandn: andNot,
  andnps: andNot,
  andnpd: andNot,
  paddb: lanes(i8x16.add),
  paddw: lanes(i16x8.add),
  paddd: lanes(i32x4.add),
  paddq: lanes(i64x2.add),
  psubb: lanes(i8x16.sub),
  psubw: lanes(i16x8.sub),
  psubd: lanes(i32x4.sub),
  psubq: lanes(i64x2.sub),
  paddsb: lanes(i8x16.addSatS),
  paddsw: lanes(i16x8.addSatS),
  paddusb: lanes(i8x16.addSatU),
  paddusw: lanes(i16x8.addSatU),
  psubsb: lanes(i8x16.subSatS),
  psubsw: lanes(i16x8.subSatS),
  psubusb: lanes(i8x16.subSatU),
  psubusw: lanes(i16x8.subSatU),
  pmullw: lanes(i16x8.mul),
  pmaddwd: lanes(i32x4.dotI16x8S),
  pmuludq: multiplyEven,
  pmulhw: multiplyHigh(i32x4.extmulLowI16x8S, i32x4.extmulHighI16x8S),
  pmulhuw: multiplyHigh(i32x4.extmulLowI16x8U, i32x4.extmulHighI16x8U),
  pavgb: lanes(i8x16.avgrU),
  pavgw: lanes(i16x8.avgrU),
  psadbw: sumOfDifferences,
  pminub: lanes(i8x16.minU),
  pmaxub: lanes(i8x16.maxU),
  pminsw: lanes(i16x8.minS),
  pmaxsw: lanes(i16x8.maxS),
  pcmpeqb: lanes(i8x16.eq),
  pcmpeqw: lanes(i16x8.eq),
  pcmpeqd: lanes(i32x4.eq),
  pcmpgtb: lanes(i8x16.gtS),
  pcmpgtw: lanes(i16x8.gtS),
  pcmpgtd: lanes(i32x4.gtS),
  packsswb: pack(i8x16.narrowI16x8S),
  packssdw: pack(i16x8.narrowI32x4S),
  packuswb: pack(i8x16.narrowI16x8U),
};
