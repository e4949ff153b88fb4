/**
 * What the processor's TLB must hear of. Guests cannot change their page tables but through this
 * hypervisor, so a TLB that can be told of each change (TrackedTlb) is never flushed for one: what
 * guests ask for is done already. Others are flushed when a guest asks, and when a frame that may
 * still be in a TLB gets another use (tlb_clock, page-type.ts).
 */
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { PageType } from "./frame-table.ts";
import { ENTRIES, entryFrame, PTE_PRESENT } from "./pte.ts";

/** Drops all translations, where that is not done already, and notes the time. */
export function flushTlb(hv: Hypervisor): void {
  const { state } = hv.frames;
  state.tlb_clock = (state.tlb_clock + 1) >>> 0;
  if (hv.cpu.trackedTlb === undefined) hv.cpu.flushTlb();
}

/** Drops the translation of one linear address, where that is not done already. */
export function flushTlbPage(hv: Hypervisor, linear: bigint): void {
  if (hv.cpu.trackedTlb === undefined) hv.cpu.invlpg(linear);
}

/** The L1 entry at a machine address was present, with these halves, and has been changed. */
export function l1EntryChanged(hv: Hypervisor, at: number, lo: number, hi: number): void {
  hv.cpu.trackedTlb?.entryChanged((at & (PAGE_SIZE - 1)) >>> 3, entryFrame(lo, hi));
}

/**
 * The same for an entry of a table of a higher level. Below an L2 entry it is all that its L1 maps;
 * entries above that are hardly ever changed while they are in use.
 */
export function tableEntryChanged(hv: Hypervisor, level: PageType, at: number, lo: number, hi: number): void {
  const tlb = hv.cpu.trackedTlb;
  if (tlb === undefined) return;
  const child = entryFrame(lo, hi);
  if (level !== PageType.L2 || hv.frames.type(child) !== PageType.L1) {
    hv.cpu.flushTlb();
    return;
  }
  // A linear page table shows the L1 itself.
  tlb.entryChanged((at & (PAGE_SIZE - 1)) >>> 3, child);
  const { u32 } = hv.memory;
  const first = child * (PAGE_SIZE / 4);
  for (let i = 0; i < ENTRIES; i++) {
    const entry = u32[first + i * 2]!;
    if ((entry & PTE_PRESENT) !== 0) tlb.entryChanged(i, entryFrame(entry, u32[first + i * 2 + 1]!));
  }
}

/** Loads a root in place of another. */
export function switchRoot(hv: Hypervisor, mfn: number, pcid: number): void {
  const { cpu } = hv;
  if (cpu.trackedTlb !== undefined) cpu.trackedTlb.switchRoot(mfn * PAGE_SIZE, pcid);
  else cpu.loadCr3(mfn * PAGE_SIZE, pcid, false);
}
