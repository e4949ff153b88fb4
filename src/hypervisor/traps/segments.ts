/**
 * Segment registers as the hypervisor loads them: flat ones at once, guest ones from the
 * guest's descriptor tables with the checks of a far return to CPL 3 (SDM vol. 3 §5.8, IRET).
 */
import { FLAT_RING3_CS32, FLAT_RING3_CS64, FLAT_RING3_SS64 } from "../../abi/arch-x86.ts";
import { PAGE_MASK, PAGE_SHIFT } from "../../machine/memory.ts";
import { Access } from "../../machine/processor.ts";
import { CS, cpuState, EXC_GP, EXC_NP, EXC_PF, EXC_SS, SS, segmentRegister } from "../../machine/x86/state.ts";
import { gdtPage, handleLdtFault } from "../mm/descriptor-window.ts";
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
export const FLAT_CODE64 = 0xafb;
const FLAT_CODE32 = 0xcfb;
export const FLAT_DATA = 0xcf3;

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
  setFlat(vcpu, segment, selector, attributes);
  const { dv } = vcpu.domain.hypervisor.memory;
  const a = at(vcpu, segment);
  dv.setUint32(a + LIMIT, limit, true);
  dv.setBigUint64(a + BASE, base, true);
}

/** A segment from 0 to 4 GiB. */
function setFlat(vcpu: Vcpu, segment: number, selector: number, attributes: number): void {
  const { u32 } = vcpu.domain.hypervisor.memory;
  const a = at(vcpu, segment) >>> 2;
  // Selector and attributes are the halves of one word, the base the last two.
  u32[a] = selector | (attributes << 16);
  u32[a + 1] = 0xffff_ffff;
  u32[a + 2] = u32[a + 3] = 0;
}

/** CS and SS of the guest kernel of a 64-bit guest. */
export function loadFlatKernelSegments(vcpu: Vcpu): void {
  setFlat(vcpu, CS, FLAT_RING3_CS64, FLAT_CODE64);
  setFlat(vcpu, SS, FLAT_RING3_SS64, FLAT_DATA);
}

/** CS and SS as SYSRET would load them. */
export function loadFlatUserSegments(vcpu: Vcpu, code32: boolean): void {
  if (code32) setFlat(vcpu, CS, FLAT_RING3_CS32, FLAT_CODE32);
  else setFlat(vcpu, CS, FLAT_RING3_CS64, FLAT_CODE64);
  setFlat(vcpu, SS, FLAT_RING3_SS64, FLAT_DATA);
}

/** The vCPU executes 64-bit code (as opposed to 32- or 16-bit code in compatibility mode). */
export function in64BitCode(vcpu: Vcpu): boolean {
  return (attributesOf(vcpu, CS) & ATTR_L) !== 0;
}

/** The descriptor that `readDescriptor` has found, in halves. */
let low = 0;
let high = 0;

/**
 * Reads the descriptor that a selector names into `low` and `high`; false if it is beyond its table
 * or not mapped. Of the GDT the hypervisor knows the frames; the LDT is looked up in its window.
 */
function readDescriptor(vcpu: Vcpu, selector: number): boolean {
  const { memory } = vcpu.domain.hypervisor;
  const offset = selector & 0xfff8;
  const base = (selector & 4) !== 0 ? ldtPage(vcpu, offset) : gdtPage(vcpu, offset >>> PAGE_SHIFT);
  if (base < 0) return false;
  const maddr = base + (offset & PAGE_MASK);
  low = memory.u32[maddr >>> 2]!;
  high = memory.u32[(maddr >>> 2) + 1]!;
  return true;
}

/** Machine address of a page of the LDT, which is mapped, and validated, when it is first used. */
function ldtPage(vcpu: Vcpu, offset: number): number {
  const { cpu } = vcpu.domain.hypervisor;
  const { ldtr } = vcpu.state;
  if (offset + 7 > ldtr.limit || (ldtr.attributes & ATTR_PRESENT) === 0) return -1;
  const linear = BigInt.asUintN(64, ldtr.base + BigInt(offset & ~PAGE_MASK));
  const maddr = cpu.translate(linear, Access.Read, false);
  if (maddr >= 0 || handleLdtFault(vcpu, linear).kind !== "mapped") return maddr;
  return cpu.translate(linear, Access.Read, false);
}

/** Loads what `readDescriptor` has found. */
function loadFrom(vcpu: Vcpu, segment: number, selector: number): void {
  const attributes = ((high >>> 8) & 0xff) | ((high >>> 12) & 0xf00) | ATTR_ACCESSED;
  let limit = (low & 0xffff) | (high & 0xf_0000);
  if ((attributes & ATTR_G) !== 0) limit = limit * 4096 + 4095;
  setFlat(vcpu, segment, selector, attributes);
  const { u32 } = vcpu.domain.hypervisor.memory;
  const a = at(vcpu, segment) >>> 2;
  u32[a + 1] = limit;
  u32[a + 2] = (high & 0xff00_0000) | ((high & 0xff) << 16) | (low >>> 16);
}

/** `vector << 16 | errorCode`: how a failed load is to be reported, 0 for success. */
export type SegmentFault = number;

const fault = (vector: number, selector: number): SegmentFault => (vector << 16) | (selector & 0xfffc);

/** Loads CS for a return to ring 3. The register is unchanged if it faults. */
export function loadCodeSegment(vcpu: Vcpu, selector: number): SegmentFault {
  if (selector === FLAT_RING3_CS64) {
    setFlat(vcpu, CS, selector, FLAT_CODE64);
    return 0;
  }
  if ((selector & 0xfffc) === 0) return fault(EXC_GP, 0);
  if (!readDescriptor(vcpu, selector)) return fault(EXC_GP, selector);
  const access = (high >>> 8) & 0xff;
  if ((access & (ATTR_S | ATTR_EXECUTABLE)) !== (ATTR_S | ATTR_EXECUTABLE)) return fault(EXC_GP, selector);
  // A conforming segment may have any DPL up to the new CPL, which is 3.
  if ((access & ATTR_CONFORMING) === 0 && ((access >>> ATTR_DPL_SHIFT) & 3) !== 3) return fault(EXC_GP, selector);
  if ((high & (3 << 21)) === 3 << 21) return fault(EXC_GP, selector);
  if ((access & ATTR_PRESENT) === 0) return fault(EXC_NP, selector);
  loadFrom(vcpu, CS, selector);
  return 0;
}

/** Loads SS for a return to ring 3 (`selector` has RPL 3). The register is unchanged if it faults. */
export function loadStackSegment(vcpu: Vcpu, selector: number): SegmentFault {
  if (selector === FLAT_RING3_SS64) {
    setFlat(vcpu, SS, selector, FLAT_DATA);
    return 0;
  }
  if ((selector & 0xfffc) === 0) return fault(EXC_GP, 0);
  if (!readDescriptor(vcpu, selector)) return fault(EXC_GP, selector);
  const access = (high >>> 8) & 0xff;
  const data = (access & (ATTR_S | ATTR_EXECUTABLE | ATTR_WRITABLE)) === (ATTR_S | ATTR_WRITABLE);
  if (!data || ((access >>> ATTR_DPL_SHIFT) & 3) !== 3) return fault(EXC_GP, selector);
  if ((access & ATTR_PRESENT) === 0) return fault(EXC_SS, selector);
  loadFrom(vcpu, SS, selector);
  return 0;
}

/**
 * Loads a data segment register. A page of the LDT that has not been used yet is mapped first.
 * @returns as Processor.loadSegment
 */
export function loadDataSegment(vcpu: Vcpu, segment: number, selector: number): SegmentFault {
  const { cpu } = vcpu.domain.hypervisor;
  const result = cpu.loadSegment(segment, selector);
  if (result >>> 16 !== EXC_PF || handleLdtFault(vcpu, vcpu.state.cr2).kind !== "mapped") return result;
  return cpu.loadSegment(segment, selector);
}
