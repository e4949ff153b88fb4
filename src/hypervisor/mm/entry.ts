/**
 * What one present page-table entry of a guest may be, and which references it holds:
 *
 *     L1  a reference on the frame it maps, and a writable type reference if RW is set
 *     Ln  a reference and a type reference L(n-1) on the table it points to
 *         or, read-only, a *linear* reference: Ln on another table of the same level
 *
 * Entries are given as halves (pte.ts). Errors: -EINVAL for forbidden bits and for a frame in use
 * as something else (-EBUSY for a writable mapping of it), -EPERM for a frame of someone else.
 */
import { EBUSY, EINVAL, EPERM } from "../../abi/errno.ts";
import { DOMAIN_HAS_IO, type Domain } from "../domain.ts";
import { invalidateLdts } from "./descriptor-window.ts";
import { COUNT_LIMIT, PageType } from "./frame-table.ts";
import {
  getPage,
  getPageAndType,
  getPageType,
  type MmuOperation,
  putPage,
  putPageAndType,
  putPageType,
} from "./page-type.ts";
import {
  entryFrame,
  L1_DISALLOWED,
  PTE_GLOBAL,
  PTE_HI_GUEST_KERNEL,
  PTE_PRESENT,
  PTE_RW,
  PTE_USER,
  TABLE_DISALLOWED,
} from "./pte.ts";

/** The frame number with all bits set: a common "nothing" of guests. */
const INVALID_FRAME = 0xff_ffff_ffff;
const LINEAR_LIMIT = 0x7fff;

/** `lo` has bits that `domain` may not set in an L1 entry. */
export function l1Disallowed(domain: Domain, lo: number): boolean {
  return (lo & L1_DISALLOWED) !== 0 && (domain.record.flags & DOMAIN_HAS_IO) === 0;
}

/**
 * Takes the references of a present L1 entry in a table of `domain` that maps a frame of domain
 * `owner` (the same, but for privileged foreign mappings).
 */
export function getL1Entry(domain: Domain, owner: number, lo: number, hi: number): number {
  if ((lo & L1_DISALLOWED) !== 0 && l1Disallowed(domain, lo)) return -EINVAL;
  const mfn = entryFrame(lo, hi);
  const { frames } = domain.hypervisor;
  if (mfn >= frames.count) return mfn === INVALID_FRAME ? -EINVAL : -EPERM;
  const { words } = frames;
  const at = mfn * 4;
  const references = words[at + 2]!;
  if (references === 0 || references >= COUNT_LIMIT || (words[at]! & 0xffff) !== owner) return -EPERM;
  if ((lo & PTE_RW) !== 0) {
    const result = getPageType(domain, mfn, PageType.Writable);
    if (result !== 0) return result === -EINVAL ? -EBUSY : result;
  }
  words[at + 2] = references + 1;
  return 0;
}

/** Gives back what a present L1 entry in a table of `domain` holds. */
export function putL1Entry(domain: Domain, lo: number, hi: number): void {
  const mfn = entryFrame(lo, hi);
  const { hypervisor } = domain;
  const { frames } = hypervisor;
  if (mfn >= frames.count) return;
  if ((lo & PTE_RW) !== 0) putPageType(domain, mfn);
  else if (frames.type(mfn) === PageType.SegDesc && frames.typeCount(mfn) !== 0 && frames.owner(mfn) === domain.id) {
    // The LDT windows follow the guest's own mapping of the LDT: it may have unmapped it.
    invalidateLdts(domain);
  }
  putPage(hypervisor, mfn);
}

// What PV64 guests observe: all their mappings are user ones, since their kernel runs at CPL 3.
// Those that the guest made for its kernel are marked by bit 52, the others by GLOBAL.

/** High half of a present L1 entry as it is stored. */
export function adjustedL1Hi(lo: number, hi: number): number {
  return ((lo & PTE_USER) === 0 ? hi | PTE_HI_GUEST_KERNEL : hi) >>> 0;
}
/** Low half of a present L1 entry as it is stored, from the adjusted high half. */
export function adjustedL1Lo(lo: number, adjustedHi: number): number {
  return (lo | PTE_USER | ((adjustedHi & PTE_HI_GUEST_KERNEL) === 0 ? PTE_GLOBAL : 0)) >>> 0;
}

/** Takes the references of a present entry of `table`, which is an L2, L3 or L4 of `domain`. */
export function getTableEntry(
  domain: Domain,
  table: number,
  level: PageType,
  lo: number,
  hi: number,
  operation: MmuOperation,
): number {
  if ((lo & TABLE_DISALLOWED) !== 0) return -EINVAL;
  const child = entryFrame(lo, hi);
  const result = getPageAndType(domain, child, (level - 1) as PageType, operation);
  if (result === -EINVAL && getLinearEntry(domain, table, level, lo, child)) return 0;
  return result;
}

/**
 * A linear page table: an entry that points to a table of its own level, so that the guest sees
 * page tables as an array. It must not be writable. A table that is referred to so may not itself
 * refer so to another (XSA-240): chains would make devalidation recurse without limit. A reference
 * to itself needs no count, as it goes with the table.
 */
function getLinearEntry(domain: Domain, table: number, level: PageType, lo: number, child: number): boolean {
  const { frames } = domain.hypervisor;
  if ((lo & PTE_RW) !== 0 || !frames.valid(child)) return false;
  if (child === table) return true;
  const uses = frames.linearCount(child);
  const entries = frames.linearCount(table);
  if (frames.owner(child) !== domain.id || !frames.isValidated(child, level)) return false;
  if (uses > 0 || uses <= -LINEAR_LIMIT || entries < 0 || entries >= LINEAR_LIMIT) return false;
  if (frames.typeCount(child) >= COUNT_LIMIT || !getPage(domain, child)) return false;
  frames.setTypeCount(child, frames.typeCount(child) + 1);
  frames.setLinearCount(child, uses - 1);
  frames.setLinearCount(table, entries + 1);
  return true;
}

/** Gives back what a present entry of an L2, L3 or L4 holds. @returns 0, or -ERESTART */
export function putTableEntry(domain: Domain, table: number, lo: number, hi: number, operation: MmuOperation): number {
  const child = entryFrame(lo, hi);
  if (child === table) return 0;
  const { frames } = domain.hypervisor;
  if (frames.type(child) === frames.type(table)) {
    frames.setLinearCount(child, frames.linearCount(child) + 1);
    frames.setLinearCount(table, frames.linearCount(table) - 1);
  }
  return putPageAndType(domain, child, operation);
}

/** The low half says that the entry is present. */
export function isPresent(lo: number): boolean {
  return (lo & PTE_PRESENT) !== 0;
}
