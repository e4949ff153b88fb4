/**
 * FXSAVE and FXRSTOR: x87 and SSE state in 512 bytes (SDM vol. 1 §10.5.1).
 *
 *     0 FCW  2 FSW  4 FTW (abridged)  6 FOP  8 FIP  16 FDP  24 MXCSR  28 MXCSR_MASK
 *     32     ST(0)..ST(7), 16 bytes each
 *     160    XMM0..XMM15, 16 bytes each (XMM0..7 outside 64-bit mode)
 *
 * With REX.W, FIP and FDP have 64 bits; else 32, followed by a selector (zero here). Waits for no
 * pending exception.
 */

import type { Insn } from "../insn.ts";
import { MXCSR_VALID } from "../softfloat/index.ts";
import { CR4_OSFXSR, EXC_GP } from "../state.ts";
import type { Handler } from "./handler.ts";
import type { X87Unit } from "./unit.ts";

const REGISTERS = 32;
const XMM = 160;

const isWide = (insn: Insn): boolean => insn.def.mnemonic.endsWith("64");

const xmmBytes = (fpu: X87Unit, codeSize: number): number => {
  if ((fpu.host.state.cr4 & CR4_OSFXSR) === 0n) return 0;
  return codeSize === 64 ? 256 : 128;
};

const fxsave: Handler = (fpu, insn, address) => {
  const { dv } = fpu;
  const { state } = fpu.host;
  const wide = isWide(insn);
  const pointer = (value: bigint): bigint => (wide ? value : BigInt.asUintN(32, value));
  dv.setUint16(address, fpu.fcw, true);
  dv.setUint16(address + 2, fpu.fsw, true);
  dv.setUint16(address + 4, fpu.ftw, true);
  dv.setUint16(address + 6, state.fop, true);
  dv.setBigUint64(address + 8, pointer(state.fip), true);
  dv.setBigUint64(address + 16, pointer(state.fdp), true);
  dv.setUint32(address + 24, state.mxcsr, true);
  dv.setUint32(address + 28, MXCSR_VALID, true);
  for (let i = 0; i < 8; i++) {
    const to = address + REGISTERS + 16 * i;
    dv.setBigUint64(to + 8, 0n, true);
    fpu.copyBits(fpu.address(i), to);
  }
  const xmm = state.xmm;
  const bytes = xmmBytes(fpu, insn.codeSize);
  for (let i = 0; i < bytes; i++) dv.setUint8(address + XMM + i, xmm[i] as number);
};

/** #GP(0) if the image's MXCSR has reserved bits; then nothing is loaded. */
const fxrstor: Handler = (fpu, insn, address) => {
  const { dv } = fpu;
  const { state } = fpu.host;
  const bytes = xmmBytes(fpu, insn.codeSize);
  if (bytes !== 0) {
    const mxcsr = dv.getUint32(address + 24, true);
    if ((mxcsr & ~MXCSR_VALID) !== 0) return EXC_GP;
    state.mxcsr = mxcsr;
    const xmm = state.xmm;
    for (let i = 0; i < bytes; i++) xmm[i] = dv.getUint8(address + XMM + i);
  }
  const wide = isWide(insn);
  const pointer = (at: number): bigint => (wide ? dv.getBigUint64(at, true) : BigInt(dv.getUint32(at, true)));
  fpu.fsw = dv.getUint16(address + 2, true);
  fpu.ftw = dv.getUint8(address + 4);
  state.fop = dv.getUint16(address + 6, true) & 0x7ff;
  state.fip = pointer(address + 8);
  state.fdp = pointer(address + 16);
  fpu.loadControl(dv.getUint16(address, true));
  for (let i = 0; i < 8; i++) fpu.copyBits(address + REGISTERS + 16 * i, fpu.address(i));
  return 0;
};

export const fxstate: Record<string, Handler> = { fxsave, fxrstor, fxsave64: fxsave, fxrstor64: fxrstor };
