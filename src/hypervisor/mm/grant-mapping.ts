/**
 * Grant mappings in a PV guest's page tables: L1 entries that map a frame of another domain.
 *
 * References: the caller (grant-table/) holds, for each mapping, a reference on the frame and, if it is
 * not read-only, a writable type reference. While the entry stands they are its own: a guest that
 * overwrites the entry drops them, like those of any other mapping, and `removeGrantMapping` fails
 * then. When it succeeds they are the caller's again, to drop; the TLB must be flushed before the guest
 * goes on.
 */
import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_guest_avail0,
  GNTMAP_readonly,
  GNTST,
  type GrantStatus,
} from "../../abi/grant_table.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Vcpu } from "../vcpu.ts";
import { adjustedL1Hi, adjustedL1Lo, isPresent, putL1Entry } from "./entry.ts";
import { PageType } from "./frame-table.ts";
import { linearOf } from "./linear.ts";
import { entryFrame, PTE_ACCESSED, PTE_AVAILABLE, PTE_DIRTY, PTE_PRESENT, PTE_RW, PTE_USER } from "./pte.ts";
import { l1EntryChanged } from "./tlb.ts";
import { guestL1Entry } from "./va-mapping.ts";

/** The L1 entry that `host_addr` means, or -1: by linear address, or (GNTMAP_contains_pte) by its machine address. */
function entryAddress(vcpu: Vcpu, hostAddress: bigint, flags: number): number {
  if ((flags & GNTMAP_contains_pte) === 0) return guestL1Entry(vcpu, linearOf(hostAddress));
  const { frames } = vcpu.domain.hypervisor;
  // An entry is 8 bytes and aligned: anything else would straddle two (XSA-227).
  if ((hostAddress & 7n) !== 0n || hostAddress >= BigInt(frames.count) * BigInt(PAGE_SIZE)) return -1;
  const at = Number(hostAddress);
  const mfn = Math.floor(at / PAGE_SIZE);
  return frames.owner(mfn) === vcpu.domain.id && frames.isValidated(mfn, PageType.L1) ? at : -1;
}

/** Low half of the entry that GNTMAP_* flags ask for, frame not included. */
function entryFlags(flags: number): number {
  const available = ((flags >>> GNTMAP_guest_avail0) << 9) & PTE_AVAILABLE;
  const writable = (flags & GNTMAP_readonly) === 0 ? PTE_RW : 0;
  const user = (flags & GNTMAP_application_map) !== 0 ? PTE_USER : 0;
  return PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | writable | user | available;
}

/** Puts a mapping of `mfn` as GNTMAP_* `flags` say into the caller's page tables, in place of what was there. */
export function createGrantMapping(vcpu: Vcpu, hostAddress: bigint, mfn: number, flags: number): GrantStatus {
  const at = entryAddress(vcpu, hostAddress, flags);
  if (at < 0) return GNTST.general_error;
  const { memory } = vcpu.domain.hypervisor;
  const oldLo = memory.u32[at >>> 2]!;
  const oldHi = memory.u32[(at >>> 2) + 1]!;
  const lo = ((mfn << 12) | entryFlags(flags)) >>> 0;
  const hi = adjustedL1Hi(lo, Math.floor(mfn / 0x10_0000));
  writeEntry(vcpu, at, adjustedL1Lo(lo, hi), hi);
  if (isPresent(oldLo)) putL1Entry(vcpu.domain, oldLo, oldHi);
  return GNTST.okay;
}

/** Takes a mapping away again: its entry becomes 0. With an error nothing has changed. */
export function removeGrantMapping(vcpu: Vcpu, hostAddress: bigint, mfn: number, flags: number): GrantStatus {
  const at = grantEntry(vcpu, hostAddress, mfn, flags);
  if (at < 0) return GNTST.general_error;
  writeEntry(vcpu, at, 0, 0);
  return GNTST.okay;
}

/**
 * GNTTABOP_unmap_and_replace: the entry at linear address `newAddress` moves to that of the grant mapping,
 * with the references that it holds, whatever it is (XSA-234). Not for GNTMAP_contains_pte, as in Xen.
 */
export function replaceGrantMapping(
  vcpu: Vcpu,
  hostAddress: bigint,
  mfn: number,
  newAddress: bigint,
  flags: number,
): GrantStatus {
  if ((flags & GNTMAP_contains_pte) !== 0) return GNTST.general_error;
  if (newAddress === 0n) return removeGrantMapping(vcpu, hostAddress, mfn, flags);
  const at = grantEntry(vcpu, hostAddress, mfn, flags);
  const from = guestL1Entry(vcpu, linearOf(newAddress));
  if (at < 0 || from < 0 || from === at) return GNTST.general_error;
  const { memory } = vcpu.domain.hypervisor;
  writeEntry(vcpu, at, memory.u32[from >>> 2]!, memory.u32[(from >>> 2) + 1]!);
  writeEntry(vcpu, from, 0, 0);
  return GNTST.okay;
}

/** The entry at `hostAddress` if it maps `mfn` as `flags` say, else -1. */
function grantEntry(vcpu: Vcpu, hostAddress: bigint, mfn: number, flags: number): number {
  const at = entryAddress(vcpu, hostAddress, flags);
  if (at < 0) return -1;
  const { memory } = vcpu.domain.hypervisor;
  const lo = memory.u32[at >>> 2]!;
  const want = PTE_PRESENT | ((flags & GNTMAP_readonly) === 0 ? PTE_RW : 0);
  return (lo & (PTE_PRESENT | PTE_RW)) === want && entryFrame(lo, memory.u32[(at >>> 2) + 1]!) === mfn ? at : -1;
}

function writeEntry(vcpu: Vcpu, at: number, lo: number, hi: number): void {
  const { hypervisor } = vcpu.domain;
  const { u32 } = hypervisor.memory;
  const oldLo = u32[at >>> 2]!;
  const oldHi = u32[(at >>> 2) + 1]!;
  u32[at >>> 2] = lo;
  u32[(at >>> 2) + 1] = hi;
  hypervisor.cpu.frameWritten(at >>> 12);
  if (isPresent(oldLo)) l1EntryChanged(hypervisor, at, oldLo, oldHi);
}
