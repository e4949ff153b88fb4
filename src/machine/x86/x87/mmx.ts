/**
 * What MMX instructions do to the x87 state they share (SDM vol. 1 §9.5): every one but EMMS makes
 * all tags valid and TOP zero; a write to MMi also sets the sign and exponent of that physical
 * register to ones. MMi itself is the significand of physical register i, at `mmxAddress`.
 */
import { cpuState } from "../state.ts";
import { FSW_TOP } from "./unit.ts";

const { fpr, fsw, ftw } = cpuState.offset;

/** Address of MMi's eight bytes, in the state block at `state`. */
export const mmxAddress = (state: number, i: number): number => state + fpr + 16 * i;

/** Before an MMX instruction (after its #NM and #MF checks). */
export function enterMmx(dv: DataView, state: number): void {
  dv.setUint16(state + fsw, dv.getUint16(state + fsw, true) & ~FSW_TOP, true);
  dv.setUint8(state + ftw, 0xff);
}

/** After a write to MMi. */
export function mmxWritten(dv: DataView, state: number, i: number): void {
  dv.setUint16(mmxAddress(state, i) + 8, 0xffff, true);
}
