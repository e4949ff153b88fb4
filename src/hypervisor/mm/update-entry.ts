/**
 * Checked updates of entries in validated page tables: the references of the new entry are taken,
 * the entry is written, then those of the old one are given back.
 *
 * A change that leaves frame and writability alone takes a fast path without references. RW is not
 * among what it may change, neither in tables: a linear reference must stay read-only.
 */
import { EINVAL, ERESTART } from "../../abi/errno.ts";
import type { Domain } from "../domain.ts";
import {
  adjustedL1Hi,
  adjustedL1Lo,
  getL1Entry,
  getTableEntry,
  isPresent,
  l1Disallowed,
  putL1Entry,
  putTableEntry,
} from "./entry.ts";
import { type PageType, PageType as Type } from "./frame-table.ts";
import type { MmuOperation } from "./page-type.ts";
import { entryFrame, FAST_PATH_HI, FAST_PATH_LO, PTE_ACCESSED, PTE_DIRTY, PTE_USER, TABLE_DISALLOWED } from "./pte.ts";
import { l1EntryChanged, tableEntryChanged } from "./tlb.ts";
import { isXenSlot } from "./validate.ts";

/** Nothing differs but what the fast path may change. */
function similar(lo: number, hi: number, newLo: number, newHi: number): boolean {
  return ((lo ^ newLo) & ~FAST_PATH_LO) === 0 && ((hi ^ newHi) & ~FAST_PATH_HI) === 0;
}

/**
 * Writes an entry of an L1 of `domain`.
 * @param owner id of the domain whose frame the entry may map
 * @param at machine address of the entry
 * @param preserveAd keep the accessed and dirty bits that the processor may have set
 */
export function updateL1Entry(
  domain: Domain,
  owner: number,
  at: number,
  newLo: number,
  newHi: number,
  preserveAd: boolean,
): number {
  const { memory, cpu } = domain.hypervisor;
  const { u32 } = memory;
  const word = at >>> 2;
  const lo = u32[word]!;
  const hi = u32[word + 1]!;
  const keep = preserveAd ? lo & (PTE_ACCESSED | PTE_DIRTY) : 0;
  const present = isPresent(lo);
  if (!isPresent(newLo)) {
    u32[word] = newLo | keep;
    u32[word + 1] = newHi;
    if (present) {
      l1EntryChanged(domain.hypervisor, at, lo, hi);
      putL1Entry(domain, lo, hi);
    }
  } else {
    if (l1Disallowed(domain, newLo)) return -EINVAL;
    const fast = present && similar(lo, hi, newLo, newHi);
    if (!fast) {
      const result = getL1Entry(domain, owner, newLo, newHi);
      if (result !== 0) return result;
    }
    const adjusted = adjustedL1Hi(newLo, newHi);
    u32[word] = adjustedL1Lo(newLo, adjusted) | keep;
    u32[word + 1] = adjusted;
    if (present) l1EntryChanged(domain.hypervisor, at, lo, hi);
    if (present && !fast) putL1Entry(domain, lo, hi);
  }
  cpu.frameWritten(at >>> 12);
  return 0;
}

/**
 * Writes an entry of an L2, L3 or L4 of `domain`, which is `level`.
 * @returns 0, -errno (nothing has changed), or -ERESTART (nothing has changed, try again)
 */
export function updateTableEntry(
  domain: Domain,
  level: PageType,
  at: number,
  newLo: number,
  newHi: number,
  preserveAd: boolean,
  operation: MmuOperation,
): number {
  const { memory, cpu } = domain.hypervisor;
  const { u32 } = memory;
  const table = at >>> 12;
  const word = at >>> 2;
  if (level === Type.L4 && isXenSlot((at & 0xfff) >>> 3)) return -EINVAL;
  const lo = u32[word]!;
  const hi = u32[word + 1]!;
  const keep = preserveAd ? lo & (PTE_ACCESSED | PTE_DIRTY) : 0;
  const present = isPresent(lo);
  let fast = false;
  if (isPresent(newLo)) {
    if ((newLo & TABLE_DISALLOWED) !== 0) return -EINVAL;
    fast = present && similar(lo, hi, newLo, newHi);
    if (!fast) {
      const result = getTableEntry(domain, table, level, newLo, newHi, operation);
      if (result !== 0) return result;
    }
    u32[word] = newLo | PTE_USER | keep;
  } else {
    u32[word] = newLo | keep;
  }
  u32[word + 1] = newHi;
  cpu.frameWritten(table);
  if (present) tableEntryChanged(domain.hypervisor, level, at, lo, hi);
  if (present && !fast) {
    // The entry is written: a preempted put must not undo that. What is left of it is finished later.
    if (putTableEntry(domain, table, lo, hi, operation) === -ERESTART) operation.abandoned = entryFrame(lo, hi);
  }
  return 0;
}
