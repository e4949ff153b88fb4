/** Walks a guest's page tables in software, without side effects: no accessed bits, no TLB. */
import type { MachineMemory } from "../../machine/memory.ts";
import { entryFrame, PTE_PRESENT, PTE_PSE, tableIndex } from "./pte.ts";

/**
 * Machine address of the L1 entry that maps linear address `la` under `root`, whether that is present or not;
 * -1 if a table above it is absent or maps a large page.
 */
export function l1EntryAddress(memory: MachineMemory, root: number, la: number): number {
  const { u32, frames } = memory;
  let table = root;
  for (let level = 4; level > 1; level--) {
    const at = table * 1024 + tableIndex(la, level) * 2;
    const lo = u32[at] ?? 0;
    if ((lo & (PTE_PRESENT | PTE_PSE)) !== PTE_PRESENT) return -1;
    table = entryFrame(lo, u32[at + 1] ?? 0);
    if (table >= frames) return -1;
  }
  return table * 4096 + tableIndex(la, 1) * 8;
}
