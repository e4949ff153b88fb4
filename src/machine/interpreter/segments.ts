/** Loading segment registers in long mode (SDM vol. 3 §3.4, §5; AMD APM vol. 2 §4). */

import { CPU_STATE } from "../layout.ts";
import type { MachineMemory } from "../memory.ts";
import { CS, cpuState, EXC_GP, EXC_NP, EXC_SS, SS, segmentRegister } from "../x86/state.ts";

/** Descriptor bits in its high word. */
const D_ACCESSED = 1 << 8;
const D_READ_WRITE = 1 << 9;
const D_CODE = 1 << 11;
const D_CONFORMING = 1 << 10;
const D_S = 1 << 12;
const D_PRESENT = 1 << 15;
const D_GRANULARITY = 1 << 23;

/** In the attributes of LDTR: there is an LDT. */
const LDTR_PRESENT = 1 << 7;

/** A fault as `vector << 16 | errorCode`; 0: none. */
export type Fault = number;
export const fault = (vector: number, errorCode: number): Fault => (vector << 16) | (errorCode & 0xffff);

/** Reads and writes linear memory with supervisor rights. Negative: the page fault is in the state. */
export interface SystemAccess {
  readonly memory: MachineMemory;
  /** Host address, or 0 with the exception in the state. */
  translateSystem(linear: bigint, write: boolean): number;
}

export interface Descriptor {
  low: number;
  high: number;
  linear: bigint;
}

/** Fetches the descriptor of a selector; a number is the fault. */
export function fetchDescriptor(cpu: SystemAccess, selector: number, vector = EXC_GP): Descriptor | Fault {
  const state = cpuState.at(cpu.memory, CPU_STATE);
  const error = selector & 0xfffc;
  let base: bigint;
  let limit: number;
  if (selector & 4) {
    base = state.ldtr.base;
    limit = state.ldtr.limit;
    if ((state.ldtr.attributes & LDTR_PRESENT) === 0) return fault(vector, error);
  } else {
    base = state.gdtr.base;
    limit = state.gdtr.limit;
  }
  if ((selector | 7) > limit) return fault(vector, error);
  const linear = base + BigInt(selector & 0xfff8);
  const host = cpu.translateSystem(linear, false);
  if (host === 0) return fault(state.exit_vector, state.exit_error_code);
  return { low: cpu.memory.dv.getUint32(host, true), high: cpu.memory.dv.getUint32(host + 4, true), linear };
}

export const descriptorDpl = (d: Descriptor): number => (d.high >>> 13) & 3;
export const descriptorBase = (d: Descriptor): number =>
  ((d.low >>> 16) | ((d.high & 0xff) << 16) | (d.high & 0xff000000)) >>> 0;
export function descriptorLimit(d: Descriptor): number {
  const raw = (d.low & 0xffff) | (d.high & 0xf0000);
  return d.high & D_GRANULARITY ? ((raw << 12) | 0xfff) >>> 0 : raw;
}
export const isSystemDescriptor = (d: Descriptor): boolean => (d.high & D_S) === 0;
export const isCode = (d: Descriptor): boolean => (d.high & (D_S | D_CODE)) === (D_S | D_CODE);
export const isConforming = (d: Descriptor): boolean => isCode(d) && (d.high & D_CONFORMING) !== 0;
export const isPresent = (d: Descriptor): boolean => (d.high & D_PRESENT) !== 0;
export const isReadable = (d: Descriptor): boolean => !isCode(d) || (d.high & D_READ_WRITE) !== 0;
export const isWritableData = (d: Descriptor): boolean => !isCode(d) && (d.high & D_READ_WRITE) !== 0;
/** L and D/B. */
export const isLong = (d: Descriptor): boolean => (d.high & (1 << 21)) !== 0;
export const isDefault32 = (d: Descriptor): boolean => (d.high & (1 << 22)) !== 0;

/** Writes a segment register from a descriptor and sets the descriptor's accessed bit. */
export function setSegment(cpu: SystemAccess, segment: number, selector: number, d: Descriptor): Fault {
  const state = cpuState.at(cpu.memory, CPU_STATE);
  if (!(d.high & D_ACCESSED)) {
    const host = cpu.translateSystem(d.linear + 4n, true);
    if (host === 0) return fault(state.exit_vector, state.exit_error_code);
    cpu.memory.dv.setUint32(host, d.high | D_ACCESSED, true);
  }
  const register = state.segment.get(segment);
  register.selector = selector;
  register.attributes = ((d.high >>> 8) & 0xff) | ((d.high >>> 12) & 0xf00);
  register.limit = descriptorLimit(d);
  register.base = BigInt(descriptorBase(d));
  return 0;
}

/** Loads DS, ES, FS, GS or SS as MOV Sreg does at the current privilege level. */
export function loadDataSegment(cpu: SystemAccess, segment: number, selector: number): Fault {
  const state = cpuState.at(cpu.memory, CPU_STATE);
  const cpl = state.cpl;
  const error = selector & 0xfffc;
  if (segment === CS) return fault(EXC_GP, error);
  if (error === 0) {
    // NULL in SS is allowed in 64-bit mode below CPL 3 with RPL = CPL.
    if (segment === SS && (cpl === 3 || (selector & 3) !== cpl)) return fault(EXC_GP, 0);
    const register = state.segment.get(segment);
    register.selector = selector;
    register.attributes = 0;
    register.limit = 0;
    register.base = 0n;
    return 0;
  }
  const d = fetchDescriptor(cpu, selector);
  if (typeof d === "number") return d;
  const rpl = selector & 3;
  const dpl = descriptorDpl(d);
  if (isSystemDescriptor(d)) return fault(EXC_GP, error);
  if (segment === SS) {
    if (rpl !== cpl || dpl !== cpl || !isWritableData(d)) return fault(EXC_GP, error);
    if (!isPresent(d)) return fault(EXC_SS, error);
  } else {
    if (!isReadable(d)) return fault(EXC_GP, error);
    if (!isConforming(d) && dpl < Math.max(cpl, rpl)) return fault(EXC_GP, error);
    if (!isPresent(d)) return fault(EXC_NP, error);
  }
  return setSegment(cpu, segment, selector, d);
}

export { segmentRegister };
