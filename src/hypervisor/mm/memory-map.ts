/** The e820 map of a domain's pseudo-physical memory, as XENMEM_memory_map gives it. */
import { E820_ENTRY_SIZE } from "../../abi/memory.ts";
import type { Domain } from "../domain.ts";

export interface MemoryRange {
  readonly start: number;
  readonly size: number;
  /** E820_RAM... */
  readonly type: number;
}

/** Sets a domain's map; the domain builder and the toolstack do. */
export function setMemoryMap(domain: Domain, ranges: readonly MemoryRange[]): void {
  const { heap, memory } = domain.hypervisor;
  freeMemoryMap(domain);
  if (ranges.length === 0) return;
  const { mm } = domain.record;
  mm.memory_map = heap.allocBytes(ranges.length * E820_ENTRY_SIZE);
  mm.memory_map_entries = ranges.length;
  ranges.forEach(({ start, size, type }, i) => {
    const at = mm.memory_map + i * E820_ENTRY_SIZE;
    memory.dv.setBigUint64(at, BigInt(start), true);
    memory.dv.setBigUint64(at + 8, BigInt(size), true);
    memory.dv.setUint32(at + 16, type, true);
  });
}

export function freeMemoryMap(domain: Domain): void {
  const { mm } = domain.record;
  if (mm.memory_map_entries === 0) return;
  domain.hypervisor.heap.freeBytes(mm.memory_map, mm.memory_map_entries * E820_ENTRY_SIZE);
  mm.memory_map = mm.memory_map_entries = 0;
}

/** The packed entries of the map, at most `entries` of them. */
export function memoryMapBytes(domain: Domain, entries: number): Uint8Array {
  const { mm } = domain.record;
  const count = Math.min(entries, mm.memory_map_entries);
  const start = mm.memory_map;
  return domain.hypervisor.memory.u8.slice(start, start + count * E820_ENTRY_SIZE);
}
