/**
 * Segment registers as the hypervisor loads them: flat ones at once, guest ones from the
 * guest's descriptor tables with the checks of a far return to CPL 3 (SDM vol. 3 §5.8, IRET).
 */
import { FLAT_RING3_CS32, FLAT_RING3_CS64, FLAT_RING3_SS64 } from "../../abi/arch-x86.ts";
import { Access } from "../../machine/processor.ts";
import { CS, cpuState, EXC_GP, EXC_NP, EXC_SS, SS, segmentRegister } from "../../machine/x86/state.ts";
import { handleLdtFault } from "../mm/descriptor-window.ts";
import type { Vcpu } from "../vcpu.ts";

const SELECTOR = segmentRegister.offset.selector;
const ATTRIBUTES = segmentRegister.offset.attributes;
const LIMIT = segmentRegister.offset.limit;
const BASE = segmentRegister.offset.base;

/** Attribute bits of `segmentRegister.attributes`. */
export const ATTR_ACCESSED = 1 << 0;
export const ATTR_WRITABLE = 1 << 1;
export const ATTR_CONFORMING = 1 << 2;
export const ATTR_EXECUTABLE = 1 << 3;
export const ATTR_S = 1 << 4;
export const ATTR_DPL_SHIFT = 5;
export const ATTR_PRESENT = 1 << 7;
export const ATTR_L = 1 << 9;
export const ATTR_DB = 1 << 10;
export const ATTR_G = 1 << 11;

/** The fixed descriptors of the reserved GDT page, as attributes. */
const FLAT_CODE64 = 0xafb;
const FLAT_CODE32 = 0xcfb;
const FLAT_DATA = 0xcf3;

const at = (vcpu: Vcpu, segment: number): number =>
  vcpu.state.address + cpuState.offset.segment + segment * segmentRegister.sizeof;

export function selectorOf(vcpu: Vcpu, segment: number): number {
  return vcpu.domain.hypervisor.memory.dv.getUint16(at(vcpu, segment) + SELECTOR, true);
}

export function attributesOf(vcpu: Vcpu, segment: number): number {
  return vcpu.domain.hypervisor.memory.dv.getUint16(at(vcpu, segment) + ATTRIBUTES, true);
}

export function baseOf(vcpu: Vcpu, segment: number): bigint {
  return vcpu.domain.hypervisor.memory.dv.getBigUint64(at(vcpu, segment) + BASE, true);
}

export function setBase(vcpu: Vcpu, segment: number, base: bigint): void {
  vcpu.domain.hypervisor.memory.dv.setBigUint64(at(vcpu, segment) + BASE, base, true);
}

export function setSegment(
  vcpu: Vcpu,
  segment: number,
  selector: number,
  attributes: number,
  limit: number,
  base: bigint,
): void {
  const dv = vcpu.domain.hypervisor.memory.dv;
  const a = at(vcpu, segment);
  dv.setUint16(a + SELECTOR, selector, true);
  dv.setUint16(a + ATTRIBUTES, attributes, true);
  dv.setUint32(a + LIMIT, limit, true);
  dv.setBigUint64(a + BASE, base, true);
}

/** CS and SS of the guest kernel of a 64-bit guest. */
export function loadFlatKernelSegments(vcpu: Vcpu): void {
  setSegment(vcpu, CS, FLAT_RING3_CS64, FLAT_CODE64, 0xffff_ffff, 0n);
  setSegment(vcpu, SS, FLAT_RING3_SS64, FLAT_DATA, 0xffff_ffff, 0n);
}

/** CS and SS as SYSRET would load them. */
export function loadFlatUserSegments(vcpu: Vcpu, code32: boolean): void {
  if (code32) setSegment(vcpu, CS, FLAT_RING3_CS32, FLAT_CODE32, 0xffff_ffff, 0n);
  else setSegment(vcpu, CS, FLAT_RING3_CS64, FLAT_CODE64, 0xffff_ffff, 0n);
  setSegment(vcpu, SS, FLAT_RING3_SS64, FLAT_DATA, 0xffff_ffff, 0n);
}

/** The vCPU executes 64-bit code (as opposed to 32- or 16-bit code in compatibility mode). */
export function in64BitCode(vcpu: Vcpu): boolean {
  return (attributesOf(vcpu, CS) & ATTR_L) !== 0;
}

/** Descriptor that a selector names, or undefined if it is beyond its table or not mapped. */
export function readDescriptor(vcpu: Vcpu, selector: number): bigint | undefined {
  const { memory, cpu } = vcpu.domain.hypervisor;
  const offset = selector & 0xfff8;
  const state = vcpu.state;
  const local = (selector & 4) !== 0;
  const table = local ? state.ldtr : state.gdtr;
  if (offset + 7 > table.limit || (local && (state.ldtr.attributes & ATTR_PRESENT) === 0)) return undefined;
  const linear = BigInt.asUintN(64, table.base + BigInt(offset));
  let maddr = cpu.translate(linear, Access.Read, false);
  // LDT pages are mapped, and validated, when they are first used.
  if (maddr < 0 && local && handleLdtFault(vcpu, linear).kind === "mapped")
    maddr = cpu.translate(linear, Access.Read, false);
  return maddr < 0 ? undefined : memory.dv.getBigUint64(maddr, true);
}

function loadFrom(vcpu: Vcpu, segment: number, selector: number, descriptor: bigint): void {
  const low = Number(descriptor & 0xffff_ffffn);
  const high = Number(descriptor >> 32n);
  const attributes = ((high >>> 8) & 0xff) | ((high >>> 12) & 0xf00) | ATTR_ACCESSED;
  let limit = (low & 0xffff) | (high & 0xf_0000);
  if ((attributes & ATTR_G) !== 0) limit = limit * 4096 + 4095;
  const base = ((high & 0xff00_0000) | ((high & 0xff) << 16) | (low >>> 16)) >>> 0;
  setSegment(vcpu, segment, selector, attributes, limit, BigInt(base));
}

/** `vector << 16 | errorCode`: how a failed load is to be reported, 0 for success. */
export type SegmentFault = number;

const fault = (vector: number, selector: number): SegmentFault => (vector << 16) | (selector & 0xfffc);

/** Loads CS for a return to ring 3. The register is unchanged if it faults. */
export function loadCodeSegment(vcpu: Vcpu, selector: number): SegmentFault {
  if (selector === FLAT_RING3_CS64) {
    setSegment(vcpu, CS, selector, FLAT_CODE64, 0xffff_ffff, 0n);
    return 0;
  }
  if ((selector & 0xfffc) === 0) return fault(EXC_GP, 0);
  const descriptor = readDescriptor(vcpu, selector);
  if (descriptor === undefined) return fault(EXC_GP, selector);
  const high = Number(descriptor >> 32n);
  const access = (high >>> 8) & 0xff;
  if ((access & (ATTR_S | ATTR_EXECUTABLE)) !== (ATTR_S | ATTR_EXECUTABLE)) return fault(EXC_GP, selector);
  // A conforming segment may have any DPL up to the new CPL, which is 3.
  if ((access & ATTR_CONFORMING) === 0 && ((access >>> ATTR_DPL_SHIFT) & 3) !== 3) return fault(EXC_GP, selector);
  if ((high & (3 << 21)) === 3 << 21) return fault(EXC_GP, selector);
  if ((access & ATTR_PRESENT) === 0) return fault(EXC_NP, selector);
  loadFrom(vcpu, CS, selector, descriptor);
  return 0;
}

/** Loads SS for a return to ring 3 (`selector` has RPL 3). The register is unchanged if it faults. */
export function loadStackSegment(vcpu: Vcpu, selector: number): SegmentFault {
  if (selector === FLAT_RING3_SS64) {
    setSegment(vcpu, SS, selector, FLAT_DATA, 0xffff_ffff, 0n);
    return 0;
  }
  if ((selector & 0xfffc) === 0) return fault(EXC_GP, 0);
  const descriptor = readDescriptor(vcpu, selector);
  if (descriptor === undefined) return fault(EXC_GP, selector);
  const access = Number((descriptor >> 40n) & 0xffn);
  const data = (access & (ATTR_S | ATTR_EXECUTABLE | ATTR_WRITABLE)) === (ATTR_S | ATTR_WRITABLE);
  if (!data || ((access >>> ATTR_DPL_SHIFT) & 3) !== 3) return fault(EXC_GP, selector);
  if ((access & ATTR_PRESENT) === 0) return fault(EXC_SS, selector);
  loadFrom(vcpu, SS, selector, descriptor);
  return 0;
}
