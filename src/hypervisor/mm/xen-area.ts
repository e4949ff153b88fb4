/**
 * The hypervisor's part of a PV64 guest's address space: L4 slots 256..271.
 *
 *     slot 256  0xffff800000000000  machine-to-physical table, readable by the guest
 *     slot 260  0xffff820000000000  descriptor-table windows of the domain's vCPUs, see
 *                                   descriptor-window.ts; supervisor only
 *     others                        nothing
 *
 * Everything else that the hypervisor has is outside of any guest's address space: it does not
 * run on the guest's page tables.
 */
import { INVALID_M2P_ENTRY, ROOT_PAGETABLE_FIRST_XEN_SLOT, ROOT_PAGETABLE_LAST_XEN_SLOT } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { buildReservedGdt } from "./descriptor-window.ts";
import { ENTRIES, makeEntry, PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT, PTE_RW, PTE_USER } from "./pte.ts";

export const M2P_SLOT = ROOT_PAGETABLE_FIRST_XEN_SLOT;
export const WINDOW_SLOT = 260;

/** Flags of the hypervisor's own entries. */
export const XEN_TABLE = PTE_PRESENT | PTE_RW | PTE_ACCESSED | PTE_DIRTY;
export const XEN_READ_ONLY = PTE_PRESENT | PTE_ACCESSED;
/** Read-only, for the guest too. */
const XEN_GUEST_READABLE = PTE_PRESENT | PTE_USER | PTE_ACCESSED;

/** Builds the M2P and its page tables, the frames that all domains share, and the idle root. Once, before the first domain. */
export function initXenMappings(hv: Hypervisor): void {
  const { frames, heap, memory } = hv;
  const { state } = frames;
  if (state.m2p !== 0) return;
  const m2pFrames = Math.ceil((frames.count * 8) / PAGE_SIZE);
  const m2p = heap.allocFrames(m2pFrames);
  state.m2p = m2p * PAGE_SIZE;
  memory.u64.fill(INVALID_M2P_ENTRY, m2p * ENTRIES, (m2p + m2pFrames) * ENTRIES);

  const l3 = heap.allocFrames(1);
  const l2 = heap.allocFrames(1);
  memory.u64[l3 * ENTRIES] = makeEntry(l2, XEN_GUEST_READABLE);
  for (let i = 0; i < m2pFrames; i += ENTRIES) {
    const l1 = heap.allocFrames(1);
    memory.u64[l2 * ENTRIES + i / ENTRIES] = makeEntry(l1, XEN_GUEST_READABLE);
    for (let j = 0; j < ENTRIES && i + j < m2pFrames; j++) {
      memory.u64[l1 * ENTRIES + j] = makeEntry(m2p + i + j, XEN_GUEST_READABLE);
    }
  }
  state.m2p_l3 = l3;
  state.zero_frame = heap.allocFrames(1);
  state.reserved_gdt = heap.allocFrames(1);
  buildReservedGdt(hv, state.reserved_gdt);
  state.idle_root = heap.allocFrames(1);
}

/** What the hypervisor keeps in L4 slot `index` of `domain`. */
export function xenSlotEntry(domain: Domain, index: number): bigint {
  if (index === M2P_SLOT) return makeEntry(domain.hypervisor.frames.state.m2p_l3, XEN_GUEST_READABLE);
  if (index === WINDOW_SLOT) return makeEntry(domain.record.mm.window_l3, XEN_TABLE);
  return 0n;
}

/** Writes the hypervisor's entries into an L4 of `domain`, whatever the guest had there. */
export function fillXenSlots(domain: Domain, l4: number): void {
  const { u64 } = domain.hypervisor.memory;
  for (let i = ROOT_PAGETABLE_FIRST_XEN_SLOT; i <= ROOT_PAGETABLE_LAST_XEN_SLOT; i++) {
    u64[l4 * ENTRIES + i] = xenSlotEntry(domain, i);
  }
}

/** Makes the M2P visible under a kernel root, which may have been a user root before. */
export function showM2p(domain: Domain, l4: number): void {
  domain.hypervisor.memory.u64[l4 * ENTRIES + M2P_SLOT] = xenSlotEntry(domain, M2P_SLOT);
}

/** Hides the M2P from a user root, for a guest with the m2p_strict assist. */
export function hideM2p(domain: Domain, l4: number): void {
  domain.hypervisor.memory.u64[l4 * ENTRIES + M2P_SLOT] = 0n;
}
