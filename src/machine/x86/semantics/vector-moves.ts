/** Moves of vectors, halves and scalars (SDM vol. 1 §10.4.1.1, §11.4.1.1, §11.4.2), and of MMX registers (§9.4.1). */
import { type Expr, i8x16, i32, i32x4, i64, i64x2, StoreOp, v128 } from "../../wasm/expression.ts";
import { MXCSR_VALID } from "../softfloat/index.ts";
import { EXC_GP, RDI } from "../state.ts";
import { type Semantics, truncate } from "./emit.ts";
import {
  enterMmx,
  isMmx,
  isVector,
  leaveMmx,
  low64,
  requireMmx,
  requireSse,
  requireVectors,
  writeMmx,
  writeRegister,
  ZERO_VECTOR,
} from "./vector.ts";

/** Both operands are 16 bytes: MOVAPS, MOVUPS and their like. */
const move =
  (aligned: boolean): Semantics =>
  (e) => {
    requireSse(e);
    e.writeVector(0, e.readVector(1, 16, aligned), aligned);
  };

/** MOVD, MOVQ: the low bytes; the rest of a vector register is cleared. */
const moveQuad: Semantics = (e) => {
  requireVectors(e);
  const size = Math.min(e.size(0), e.size(1), 8) as 4 | 8;
  const general = !e.isMemory(1) && !isVector(e, 1);
  const value = general ? e.fn.let(i64x2.replaceLane(ZERO_VECTOR(), 0, e.read(1))) : e.readVector(1, size);
  if (isVector(e, 0)) return writeRegister(e, 0, value);
  if (e.isMemory(0)) e.writeScalar(0, size, value);
  else e.write(0, truncate(size, low64(value)));
  if (isMmx(e, 1)) enterMmx(e);
};

/** MOVSS, MOVSD: a load clears the rest of the register, a move between registers leaves it. */
const moveScalar: Semantics = (e) => {
  requireSse(e);
  const size = e.size(1) as 4 | 8;
  const value = e.readVector(1, size);
  if (e.isMemory(1)) e.writeVector(0, value);
  else e.writeScalar(0, size, value);
};

/** MOVLPS, MOVLPD: the low half, to or from memory. */
const moveLow: Semantics = (e) => {
  requireSse(e);
  e.writeLow(0, 8, e.readLow64(1));
};

/** MOVHPS, MOVHPD: the high half of the register, to or from memory. */
const moveHigh: Semantics = (e) => {
  requireSse(e);
  if (e.isMemory(0)) return e.writeLow(0, 8, i64x2.extractLane(e.readVector(1), 1));
  const value = e.readLow64(1);
  e.writeVector(0, i64x2.replaceLane(e.readVector(0), 1, value));
};

/** MOVHLPS: the high half to the low one. */
const moveHighToLow: Semantics = (e) => {
  requireSse(e);
  e.writeLow(0, 8, i64x2.extractLane(e.readVector(1), 1));
};

/** MOVLHPS: the low half to the high one. */
const moveLowToHigh: Semantics = (e) => {
  requireSse(e);
  const value = e.readLow64(1);
  e.writeVector(0, i64x2.replaceLane(e.readVector(0), 1, value));
};

/** MOVNTQ: the cache hint has no meaning here. */
const storeMmx: Semantics = (e) => {
  requireMmx(e);
  e.writeLow(0, 8, e.readLow64(1));
  enterMmx(e);
};

/** MOVQ2DQ */
const mmxToXmm: Semantics = (e) => {
  requireVectors(e);
  e.writeVector(0, e.readVector(1, 8));
  enterMmx(e);
};

/** MOVDQ2Q */
const xmmToMmx: Semantics = (e) => {
  requireVectors(e);
  writeMmx(e, 0, e.readLow64(1));
};

/** MOVMSKPS, MOVMSKPD, PMOVMSKB: the sign bits of the lanes. */
const signBits =
  (bitmask: (v: Expr) => Expr): Semantics =>
  (e) => {
    requireVectors(e);
    const mmx = isMmx(e, 1);
    const source = e.readVector(1, mmx ? 8 : 16);
    e.write(0, i64.extendU(bitmask(source)));
    if (mmx) enterMmx(e);
  };

/**
 * MASKMOVQ, MASKMOVDQU: stores the bytes whose mask byte is negative at DS:rDI. All bytes are checked
 * for the access, and the x87 state is MMX's even if that faults (both left to the implementation).
 */
const maskMove: Semantics = (e) => {
  requireVectors(e);
  const { fn } = e;
  const size = isMmx(e, 0) ? 8 : 16;
  if (size === 8) enterMmx(e);
  const selected = i8x16.shrS(e.readVector(1, size), i32.const(7));
  const offset = e.gpr(RDI, e.insn.addressSize);
  const base = e.segmentBase();
  const host = e.translate(fn.let(base ? i64.add(offset, base) : offset), size, true);
  const old = size === 8 ? v128.load64Zero(host) : v128.load(host);
  const merged = fn.let(v128.bitselect(e.readVector(0, size), old, selected));
  if (size === 8) fn.store(StoreOp.i64, host, low64(merged));
  else fn.store(StoreOp.v128, host, merged);
  e.commit(host);
};

const emms: Semantics = (e) => {
  requireMmx(e);
  leaveMmx(e);
};

/** LDMXCSR: #GP(0) for reserved bits. */
const loadMxcsr: Semantics = (e) => {
  requireSse(e);
  const value = e.fn.let(i32.wrap(e.read(0)));
  e.fn.if(i32.and(value, i32.const(~MXCSR_VALID)), () => e.raise(EXC_GP));
  e.setState32("mxcsr", value);
};

const storeMxcsr: Semantics = (e) => {
  requireSse(e);
  e.write(0, i64.extendU(e.state32("mxcsr")));
};

const aligned = move(true);
const unaligned = move(false);

export const vectorMoves: Record<string, Semantics> = {
  movaps: aligned,
  movapd: aligned,
  movdqa: aligned,
  movntps: aligned,
  movntpd: aligned,
  movntdq: aligned,
  movups: unaligned,
  movupd: unaligned,
  movdqu: unaligned,
  movd: moveQuad,
  movq: moveQuad,
  movss: moveScalar,
  movsd_x: moveScalar,
  movlps: moveLow,
  movlpd: moveLow,
  movhps: moveHigh,
  movhpd: moveHigh,
  movhlps: moveHighToLow,
  movlhps: moveLowToHigh,
  movntq: storeMmx,
  movq2dq: mmxToXmm,
  movdq2q: xmmToMmx,
  movmskps: signBits(i32x4.bitmask),
  movmskpd: signBits(i64x2.bitmask),
  pmovmskb: signBits(i8x16.bitmask),
  maskmovq: maskMove,
  maskmovdqu: maskMove,
  emms,
  ldmxcsr: loadMxcsr,
  stmxcsr: storeMxcsr,
};
