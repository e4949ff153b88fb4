/**
 * Segment descriptors that a PV guest may have in its GDT and LDT.
 *
 *     63......56 55 54 53 52 51....48 47 46.45 44 43..40 39......32
 *     base 31:24 G  D  L  A  limit    P  DPL   S  type   base 23:16      high half
 *     base 15:0  (gate: selector)     limit 15:0 (gate: offset 15:0)    low half
 */
import { FIRST_RESERVED_GDT_ENTRY, FLAT_KERNEL_CS64, FLAT_USER_CS32 } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { ENTRIES } from "./pte.ts";

const PRESENT = 1 << 15;
const CODE_OR_DATA = 1 << 12;
const DPL_SHIFT = 13;
const DPL_MASK = 3 << DPL_SHIFT;
const TYPE_MASK = 0xf << 8;
const TYPE_CALL_GATE = 0xc << 8;
/** Reserved bits of a 64-bit call gate's high half. */
const GATE_RESERVED = 0xff;
/** Ring of the kernel of 64-bit guests. */
const GUEST_KERNEL_RPL = 3;

/** A descriptor as it is stored, in halves. */
export interface Descriptor {
  readonly lo: number;
  readonly hi: number;
}

/** The descriptor as it is stored, or undefined if it is refused. */
export function checkDescriptor(lo: number, hi: number): Descriptor | undefined {
  // Faults whatever else it says.
  if ((hi & PRESENT) === 0) return { lo, hi };
  const dpl = Math.max((hi & DPL_MASK) >>> DPL_SHIFT, GUEST_KERNEL_RPL);
  const raised = ((hi & ~DPL_MASK) | (dpl << DPL_SHIFT)) >>> 0;
  if ((hi & CODE_OR_DATA) !== 0) return { lo, hi: raised };
  // Type 0 is the second half of a 64-bit call gate.
  if ((hi & TYPE_MASK) === 0) return { lo, hi };
  const selector = (lo >>> 16) | GUEST_KERNEL_RPL;
  if ((hi & TYPE_MASK) !== TYPE_CALL_GATE || (hi & GATE_RESERVED) !== 0 || !gateSelectorAllowed(selector)) {
    return undefined;
  }
  // A gate of DPL 0 always faults, with the gate's selector as error code, and is then emulated.
  return { lo: ((lo & 0xffff) | (selector << 16)) >>> 0, hi: (hi & ~DPL_MASK) >>> 0 };
}

/** Call gates lead to the guest's own segments, or to Xen's flat guest code segments. */
function gateSelectorAllowed(selector: number): boolean {
  const isGuests = (selector & 4) !== 0 || selector >>> 3 < FIRST_RESERVED_GDT_ENTRY;
  return isGuests || selector === FLAT_KERNEL_CS64 || selector === FLAT_USER_CS32;
}

/** Checks and fixes up the 512 descriptors of a frame. */
export function validateDescriptors(domain: Domain, mfn: number): boolean {
  const { memory, cpu } = domain.hypervisor;
  const { u32 } = memory;
  const first = mfn * 1024;
  for (let i = 0; i < ENTRIES; i++) {
    const at = first + i * 2;
    const descriptor = checkDescriptor(u32[at]!, u32[at + 1]!);
    if (descriptor === undefined) return false;
    u32[at] = descriptor.lo;
    u32[at + 1] = descriptor.hi;
  }
  cpu.frameWritten(mfn);
  return true;
}
