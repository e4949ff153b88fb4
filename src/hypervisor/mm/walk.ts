/** Walks a guest's page tables in software, without side effects: no accessed bits, no TLB. */
import type { MachineMemory } from "../../machine/memory.ts";
import { entryFrame, PTE_PRESENT, PTE_PSE, tableIndex } from "./pte.ts";

/** `va` has bits 48..63 equal to bit 47. */
export function isCanonical(va: bigint): boolean {
  return va < 0x0000_8000_0000_0000n || (va >= 0xffff_8000_0000_0000n && va <= 0xffff_ffff_ffff_ffffn);
}

/**
 * Machine address of the L1 entry that maps `va` under `root`, whether that is present or not;
 * -1 if a table above it is absent or maps a large page.
 */
export function l1EntryAddress(memory: MachineMemory, root: number, va: bigint): number {
  let table = root;
  for (let level = 4; level > 1; level--) {
    const at = table * 1024 + tableIndex(va, level) * 2;
    const lo = memory.u32[at] ?? 0;
    if ((lo & (PTE_PRESENT | PTE_PSE)) !== PTE_PRESENT) return -1;
    table = entryFrame(lo, memory.u32[at + 1] ?? 0);
    if (table >= memory.frames) return -1;
  }
  return table * 4096 + tableIndex(va, 1) * 8;
}
