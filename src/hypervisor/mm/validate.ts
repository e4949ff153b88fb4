/**
 * Validation of page tables: taking, entry by entry, the references that a table's use implies, and
 * giving them back. The rules of entries are in entry.ts and segdesc.ts.
 *
 * `frames.partialIndex(mfn)` says how far it is: entries below it hold their references; the table
 * behind the entry *at* it may itself be partial.
 */
import { EINVAL, ERESTART } from "../../abi/errno.ts";
import { ROOT_PAGETABLE_FIRST_XEN_SLOT, ROOT_PAGETABLE_LAST_XEN_SLOT } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { adjustedL1Hi, adjustedL1Lo, getL1Entry, getTableEntry, putL1Entry, putTableEntry } from "./entry.ts";
import { FRAME_PARTIAL, PageType } from "./frame-table.ts";
import { type MmuOperation, putPartialTable } from "./page-type.ts";
import { ENTRIES, entryFrame, nextPresent, PTE_PRESENT, PTE_USER, previousPresent } from "./pte.ts";
import { validateDescriptors } from "./segdesc.ts";
import { fillXenSlots } from "./xen-area.ts";

/** What a table below is worth to `preempt`: its 512 entries are looked at. */
const TABLE_STEPS = 16;

/** Entry `index` of an L4 belongs to the hypervisor. */
export function isXenSlot(index: number): boolean {
  return index >= ROOT_PAGETABLE_FIRST_XEN_SLOT && index <= ROOT_PAGETABLE_LAST_XEN_SLOT;
}

/** Takes the references of all entries from the partial index on. @returns 0, -errno, or -ERESTART */
export function validate(domain: Domain, mfn: number, type: PageType, operation: MmuOperation): number {
  switch (type) {
    case PageType.L1:
      return validateL1(domain, mfn);
    case PageType.L2:
    case PageType.L3:
    case PageType.L4:
      return validateTable(domain, mfn, type, operation);
    case PageType.SegDesc:
      return validateDescriptors(domain, mfn) ? 0 : -EINVAL;
    default:
      throw new Error(`type ${type} has no content to validate`);
  }
}

/** Gives back the references of entries [0, end) and of a partial table behind entry `end`. @returns 0 or -ERESTART */
export function devalidate(domain: Domain, mfn: number, type: PageType, end: number, operation: MmuOperation): number {
  if (type === PageType.L1) devalidateL1(domain, mfn, end);
  else if (type >= PageType.L2 && type <= PageType.L4) return devalidateTable(domain, mfn, type, end, operation);
  return 0;
}

function validateL1(domain: Domain, mfn: number): number {
  const { memory, frames, cpu } = domain.hypervisor;
  const { u32 } = memory;
  const first = mfn * 1024;
  let changed = 0;
  for (let i = -1; (i = nextPresent(u32, first, i + 1, ENTRIES)) < ENTRIES; ) {
    const at = first + i * 2;
    const lo = u32[at]!;
    const hi = u32[at + 1]!;
    const result = getL1Entry(domain, domain.id, lo, hi);
    if (result !== 0) {
      frames.setPartialIndex(mfn, i);
      return result;
    }
    const newHi = adjustedL1Hi(lo, hi);
    const newLo = adjustedL1Lo(lo, newHi);
    changed |= (newLo ^ lo) | (newHi ^ hi);
    u32[at] = newLo;
    u32[at + 1] = newHi;
  }
  if (changed !== 0) cpu.frameWritten(mfn);
  return 0;
}

function devalidateL1(domain: Domain, mfn: number, end: number): void {
  const { u32 } = domain.hypervisor.memory;
  const first = mfn * 1024;
  for (let i = -1; (i = nextPresent(u32, first, i + 1, end)) < end; ) {
    const at = first + i * 2;
    putL1Entry(domain, u32[at]!, u32[at + 1]!);
  }
}

function validateTable(domain: Domain, mfn: number, level: PageType, operation: MmuOperation): number {
  const { memory, frames, cpu } = domain.hypervisor;
  const { u32 } = memory;
  const first = mfn * 1024;
  const root = level === PageType.L4;
  let taken = 0;
  for (let i = frames.partialIndex(mfn) - 1; (i = nextPresent(u32, first, i + 1, ENTRIES)) < ENTRIES; ) {
    if (root && isXenSlot(i)) continue;
    const at = first + i * 2;
    const lo = u32[at]!;
    // At least one table a call, so that a guest gets on under constant pressure.
    const result =
      taken > 0 && operation.preempt(TABLE_STEPS)
        ? -ERESTART
        : getTableEntry(domain, mfn, level, lo, u32[at + 1]!, operation);
    if (result !== 0) {
      frames.setPartialIndex(mfn, i);
      return result;
    }
    taken++;
    u32[at] = lo | PTE_USER;
  }
  frames.setPartialIndex(mfn, ENTRIES);
  if (root) fillXenSlots(domain, mfn);
  cpu.frameWritten(mfn);
  return 0;
}

function devalidateTable(domain: Domain, mfn: number, level: PageType, end: number, operation: MmuOperation): number {
  const { memory, frames } = domain.hypervisor;
  const { u32 } = memory;
  const first = mfn * 1024;
  const root = level === PageType.L4;
  let dropped = 0;
  if (end < ENTRIES && !(root && isXenSlot(end))) {
    const lo = u32[first + end * 2]!;
    const child = entryFrame(lo, u32[first + end * 2 + 1]!);
    const partial = (lo & PTE_PRESENT) !== 0 && frames.valid(child) && frames.hasFlag(child, FRAME_PARTIAL);
    if (partial && frames.type(child) === level - 1) {
      const result = putPartialTable(domain, child, operation);
      if (result !== 0) return result;
      dropped++;
    }
  }
  for (let i = end; (i = previousPresent(u32, first, i)) >= 0; ) {
    if (root && isXenSlot(i)) continue;
    const at = first + i * 2;
    const lo = u32[at]!;
    if (dropped > 0 && operation.preempt(TABLE_STEPS)) {
      // Entry i still holds its references.
      frames.setPartialIndex(mfn, i + 1);
      return -ERESTART;
    }
    const result = putTableEntry(domain, mfn, lo, u32[at + 1]!, operation);
    if (result !== 0) {
      frames.setPartialIndex(mfn, i);
      return result;
    }
    dropped++;
  }
  return 0;
}
