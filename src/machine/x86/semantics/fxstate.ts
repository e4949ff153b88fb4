/**
 * FXSAVE64 and FXRSTOR64 (SDM vol. 1 §10.5.1), which kernels execute at every context switch and signal. The image is
 * described in x86/x87/fxsave.ts, which executes the other forms, and these where SSE is switched off.
 */
import { type Expr, i32, i64, StoreOp, v128 } from "../../wasm/expression.ts";
import { MXCSR_VALID } from "../softfloat/index.ts";
import { CR4_OSFXSR, cpuState, EXC_GP } from "../state.ts";
import { FXSAVE_SIZE } from "../x87/operands.ts";
import { FSW_TOP_SHIFT } from "../x87/unit.ts";
import type { Emit, Semantics } from "./emit.ts";
import { requireAlignedImage } from "./fx-alignment.ts";
import { requireX87 } from "./x87-checks.ts";
import { loadControlAndStatus } from "./x87-control.ts";

const ST = cpuState.offset;
const REGISTERS = 32;
const XMM = 160;
const XMM_REGISTERS = 16;
const OPCODE_BITS = 0x7ff;

/** Address of ST(i), from `status`, the status word. */
function stackRegister(e: Emit, status: Expr, i: number): Expr {
  const top = i32.add(i32.shrU(status, i32.const(FSW_TOP_SHIFT)), i32.const(i));
  const offset = i32.shl(i32.and(top, i32.const(7)), i32.const(4));
  return e.fn.let(i32.add(i32.add(e.stateBase(), i32.const(ST.fpr)), offset));
}

const withoutSse = (e: Emit): Expr => i64.eqz(i64.and(e.state64("cr4"), i64.const(CR4_OSFXSR)));

const fxsave64: Semantics = (e) => {
  const { fn } = e;
  const state = e.stateBase();
  requireX87(e);
  const linear = e.linearAddress();
  requireAlignedImage(e, linear);
  const host = e.translate(linear, FXSAVE_SIZE, true);
  fn.if(withoutSse(e), () => e.callSystem(host));
  const status = fn.let(i32.load16u(state, ST.fsw));
  fn.store(StoreOp.i32as16, host, i32.load16u(state, ST.fcw), 0);
  fn.store(StoreOp.i32as16, host, status, 2);
  fn.store(StoreOp.i32as16, host, i32.load8u(state, ST.ftw), 4);
  fn.store(StoreOp.i32as16, host, i32.load16u(state, ST.fop), 6);
  fn.store(StoreOp.i64, host, e.state64("fip"), 8);
  fn.store(StoreOp.i64, host, e.state64("fdp"), 16);
  fn.store(StoreOp.i32, host, e.state32("mxcsr"), 24);
  fn.store(StoreOp.i32, host, i32.const(MXCSR_VALID), 28);
  for (let i = 0; i < 8; i++) {
    const from = fn.let(stackRegister(e, status, i));
    fn.store(StoreOp.i64, host, i64.load(from), REGISTERS + 16 * i);
    fn.store(StoreOp.i64, host, i64.load16u(from, 8), REGISTERS + 16 * i + 8);
  }
  for (let i = 0; i < XMM_REGISTERS; i++) {
    fn.store(StoreOp.v128, host, v128.load(state, ST.xmm + 16 * i), XMM + 16 * i);
  }
  e.commit(host);
};

/** #GP(0) if the image's MXCSR has reserved bits; then nothing is loaded. */
const fxrstor64: Semantics = (e) => {
  const { fn } = e;
  const state = e.stateBase();
  requireX87(e);
  const linear = e.linearAddress();
  requireAlignedImage(e, linear);
  const host = e.translate(linear, FXSAVE_SIZE, false);
  fn.if(withoutSse(e), () => e.callSystem(host));
  const mxcsr = fn.let(i32.load(host, 24));
  fn.if(i32.and(mxcsr, i32.const(~MXCSR_VALID)), () => e.raise(EXC_GP));
  e.setState32("mxcsr", mxcsr);
  const status = fn.let(i32.load16u(host, 2));
  loadControlAndStatus(e, i32.load16u(host), status);
  fn.store(StoreOp.i32as8, state, i32.load8u(host, 4), ST.ftw);
  fn.store(StoreOp.i32as16, state, i32.and(i32.load16u(host, 6), i32.const(OPCODE_BITS)), ST.fop);
  e.setState64("fip", i64.load(host, 8));
  e.setState64("fdp", i64.load(host, 16));
  for (let i = 0; i < 8; i++) {
    const to = fn.let(stackRegister(e, status, i));
    fn.store(StoreOp.i64, to, i64.load(host, REGISTERS + 16 * i));
    fn.store(StoreOp.i32as16, to, i32.load16u(host, REGISTERS + 16 * i + 8), 8);
  }
  for (let i = 0; i < XMM_REGISTERS; i++) {
    fn.store(StoreOp.v128, state, v128.load(host, XMM + 16 * i), ST.xmm + 16 * i);
  }
};

export const fxstate: Record<string, Semantics> = { fxsave64, fxrstor64 };
