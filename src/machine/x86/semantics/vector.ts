/**
 * What MMX and SSE instructions have in common: the availability checks, operands, and the state
 * that MMX shares with the x87.
 *
 * A 64-bit operand (MMX register, scalar, half a vector) is a vector whose upper part is zero, so
 * that most formulas serve MMX and SSE alike.
 */
import { type Expr, i32, i64x2, type Local, StoreOp, v128 } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { OperandKind, RegClass } from "../insn.ts";
import { CR0_EM, CR0_TS, CR4_OSFXSR, cpuState, EXC_MF, EXC_NM, EXC_UD } from "../state.ts";
import { FSW_ES, FSW_TOP } from "../x87/unit.ts";
import type { Emit, Semantics } from "./emit.ts";

const BLOCKING = Number(CR0_EM | CR0_TS);
const OSFXSR = Number(CR4_OSFXSR);
const { fsw: FSW, ftw: FTW } = cpuState.offset;

/** Operand `i` is an MMX register. */
export function isMmx(e: Emit, i: number): boolean {
  const operand = e.operand(i);
  return operand.kind === OperandKind.Reg && operand.regClass === RegClass.Mmx;
}

/** Operand `i` is an MMX or XMM register. */
export function isVector(e: Emit, i: number): boolean {
  const { kind, regClass } = e.operand(i);
  return kind === OperandKind.Reg && (regClass === RegClass.Mmx || regClass === RegClass.Xmm);
}

/** #UD unless CR4.OSFXSR is set and CR0.EM clear, #NM if CR0.TS is set. */
export function requireSse(e: Emit): void {
  const disabled = (): Expr => i32.and(i32.xor(e.state32("cr4"), i32.const(OSFXSR)), i32.const(OSFXSR));
  e.check("sse", () =>
    e.fn.if(i32.or(i32.and(e.state32("cr0"), i32.const(BLOCKING)), disabled()), () => {
      e.fn.if(i32.or(i32.and(e.state32("cr0"), i32.const(Number(CR0_EM))), disabled()), () => e.raise(EXC_UD));
      e.raise(EXC_NM);
    }),
  );
}

/** #UD if CR0.EM is set, #NM if CR0.TS, #MF if an x87 exception is pending. */
export function requireMmx(e: Emit): void {
  e.fn.if(i32.and(e.state32("cr0"), i32.const(BLOCKING)), () => {
    e.fn.if(i32.and(e.state32("cr0"), i32.const(Number(CR0_EM))), () => e.raise(EXC_UD));
    e.raise(EXC_NM);
  });
  e.fn.if(i32.and(i32.load16u(e.stateBase(), FSW), i32.const(FSW_ES)), () => e.raise(EXC_MF));
}

/** The checks that the register operands ask for. */
export function requireVectors(e: Emit): void {
  let mmx = false;
  let xmm = false;
  for (let i = 0; i < e.insn.operandCount; i++) {
    const operand = e.operand(i);
    if (operand.kind !== OperandKind.Reg) continue;
    mmx ||= operand.regClass === RegClass.Mmx;
    xmm ||= operand.regClass === RegClass.Xmm;
  }
  if (xmm || !mmx) requireSse(e);
  if (mmx) requireMmx(e);
}

/** The x87's state after an MMX instruction: TOP is zero, all registers are in use (SDM vol. 1 §9.5). */
export const enterMmx = (e: Emit): void => setStack(e, 0xff);

/** After EMMS all registers are empty. TOP stays on Intel's processors, on AMD's it is zero here, too. */
export const leaveMmx = (e: Emit): void => setStack(e, 0);

function setStack(e: Emit, tags: number): void {
  const status = i32.and(i32.load16u(e.stateBase(), FSW), i32.const(~FSW_TOP));
  e.fn.store(StoreOp.i32as16, e.stateBase(), status, FSW);
  e.fn.store(StoreOp.i32as8, e.stateBase(), i32.const(tags), FTW);
}

/** Writes MMX register operand `i`: the sign and exponent bits of the x87 register become ones. */
export function writeMmx(e: Emit, i: number, value: Expr): void {
  e.fn.store(StoreOp.i64, e.vectorAddress(i), value);
  e.fn.store(StoreOp.i32as16, e.vectorAddress(i), i32.const(0xffff), 8);
  enterMmx(e);
}

/** Reads vector operand `i` in its size; one of 16 bytes in memory must be aligned. */
export function readSource(e: Emit, i: number): Local {
  const size = e.size(i);
  return e.readVector(i, size, size === 16);
}

/** Writes vector register operand `i`: all of an XMM register, or an MMX register from the low half. */
export function writeRegister(e: Emit, i: number, value: Expr): void {
  if (isMmx(e, i)) writeMmx(e, i, low64(value));
  else e.writeVector(i, value);
}

/** The low half of a vector, as an integer. */
export const low64 = (v: Expr): Expr => i64x2.extractLane(v, 0);

/** A result from the destination's old value and the source. */
export type Formula = (a: Local, b: Local, fn: Fn) => Expr;

/** An instruction `dest = formula(dest, source)` on whole registers. */
export function packed(formula: Formula, mmxFormula: Formula = formula): Semantics {
  return (e) => {
    requireVectors(e);
    const b = readSource(e, 1);
    const mmx = isMmx(e, 0);
    const a = e.readVector(0, mmx ? 8 : 16);
    writeRegister(e, 0, (mmx ? mmxFormula : formula)(a, b, e.fn));
  };
}

/** The low halves of two vectors in one: both sources of an MMX instruction that takes them as a sequence of lanes. */
export const join = (a: Expr, b: Expr, fn: Fn): Local => fn.let(v128.shuffle(a, b, bytesOfLanes(8, [0, 2])));

/** Byte numbers of lanes, given by their numbers. */
export const bytesOfLanes = (width: number, lanes: readonly number[]): number[] =>
  lanes.flatMap((lane) => Array.from({ length: width }, (_, i) => lane * width + i));

/** A vector of the same 32 bits in each lane. */
export function splat32(value: number): Expr {
  const lane = BigInt(value >>> 0);
  return v128.const((lane << 32n) | lane, (lane << 32n) | lane);
}

/** A constant vector of 16 bytes. */
export function bytes(list: readonly number[]): Expr {
  let lo = 0n;
  let hi = 0n;
  for (let i = 0; i < 8; i++) {
    lo |= BigInt(list[i] as number) << BigInt(8 * i);
    hi |= BigInt(list[i + 8] as number) << BigInt(8 * i);
  }
  return v128.const(lo, hi);
}

export const ZERO_VECTOR = (): Expr => v128.const(0n, 0n);
