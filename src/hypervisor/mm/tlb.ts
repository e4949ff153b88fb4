/**
 * What the processor's TLB must hear of. Guests cannot change their page tables but through this
 * hypervisor, so a TLB that can be told of each change (TrackedTlb) is never flushed for one: what
 * guests ask for is done already. Others are flushed when a guest asks, and when a frame that may
 * still be in a TLB gets another use (tlb_clock, page-type.ts).
 */
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { TrackedTlb } from "../../machine/processor.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { PageType } from "./frame-table.ts";
import { ENTRIES, entryFrame, nextPresent } from "./pte.ts";
import { isXenSlot } from "./validate.ts";

/** Drops all translations, where that is not done already, and notes the time. */
export function flushTlb(hv: Hypervisor): void {
  const { state } = hv.frames;
  state.tlb_clock = (state.tlb_clock + 1) >>> 0;
  if (hv.cpu.trackedTlb === undefined) hv.cpu.flushTlb();
}

/** Drops the translation of one linear address, where that is not done already. */
export function flushTlbPage(hv: Hypervisor, la: number): void {
  if (hv.cpu.trackedTlb === undefined) hv.cpu.invlpg(BigInt.asUintN(64, BigInt(la)));
}

/** The L1 entry at a machine address was present, with these halves, and has been changed. */
export function l1EntryChanged(hv: Hypervisor, at: number, lo: number, hi: number): void {
  hv.cpu.trackedTlb?.entryChanged((at & (PAGE_SIZE - 1)) >>> 3, entryFrame(lo, hi));
}

/** The same for an entry of a table of a higher level: what all tables below it map is not there any more. */
export function tableEntryChanged(hv: Hypervisor, level: PageType, at: number, lo: number, hi: number): void {
  const tlb = hv.cpu.trackedTlb;
  if (tlb === undefined) return;
  const child = entryFrame(lo, hi);
  // A linear page table shows the tables themselves.
  tlb.entryChanged((at & (PAGE_SIZE - 1)) >>> 3, child);
  if (!dropBelow(hv, tlb, child, (level - 1) as PageType)) hv.cpu.flushTlb();
}

/** A flush costs less than to look through as many entries. */
const MAX_TABLES = 4;

/** Has dropped all that a table of a level maps; false if that is too much, or it is not a table of that level. */
function dropBelow(hv: Hypervisor, tlb: TrackedTlb, table: number, level: PageType): boolean {
  const { memory, frames } = hv;
  if (frames.type(table) !== level) return false;
  const { u32 } = memory;
  const first = table * (PAGE_SIZE / 4);
  let tables = 0;
  for (let i = -1; (i = nextPresent(u32, first, i + 1, ENTRIES)) < ENTRIES; ) {
    if (level === PageType.L4 && isXenSlot(i)) continue;
    const child = entryFrame(u32[first + i * 2]!, u32[first + i * 2 + 1]!);
    tlb.entryChanged(i, child);
    if (level === PageType.L1) continue;
    if (++tables > MAX_TABLES || !dropBelow(hv, tlb, child, (level - 1) as PageType)) return false;
  }
  return true;
}

/** Loads a root in place of another. */
export function switchRoot(hv: Hypervisor, mfn: number, pcid: number): void {
  const { cpu } = hv;
  if (cpu.trackedTlb !== undefined) cpu.trackedTlb.switchRoot(mfn * PAGE_SIZE, pcid);
  else cpu.loadCr3(mfn * PAGE_SIZE, pcid, false);
}
