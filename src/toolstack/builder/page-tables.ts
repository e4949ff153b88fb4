/** Fills the bootstrap page tables of a layout. */
import { type BootLayout, type PageTable, TABLE_SHIFT } from "./layout.ts";

const PTE_PRESENT = 1n << 0n,
  PTE_WRITABLE = 1n << 1n,
  PTE_USER = 1n << 2n,
  PTE_ACCESSED = 1n << 5n,
  PTE_DIRTY = 1n << 6n;
/** A guest's kernel runs at CPL 3: all of its memory is "user". */
const PTE_FLAGS = PTE_PRESENT | PTE_WRITABLE | PTE_USER | PTE_ACCESSED | PTE_DIRTY;

const VA_MASK = (1n << 48n) - 1n;
/** log2 of the bytes that one entry of each level covers. */
const ENTRY_SHIFT = { 1: 12n, 2: 21n, 3: 30n, 4: 39n } as const;

/** Whole tables as 512 entries, by their PFN. */
export type TableContents = ReadonlyMap<number, BigUint64Array>;

/**
 * Computes the content of all tables.
 * @param toMfn the machine frame of each PFN
 */
export function fillPageTables(layout: BootLayout, toMfn: (pfn: number) => number): TableContents {
  const contents = new Map<number, BigUint64Array>();
  const byPlace = new Map<string, PageTable>();
  for (const table of layout.tables) {
    contents.set(table.pfn, new BigUint64Array(512));
    byPlace.set(`${table.level}:${table.base}`, table);
  }
  const entry = (pfn: number, flags: bigint): bigint => (BigInt(toMfn(pfn)) << 12n) | flags;
  const tableAt = (level: PageTable["level"], address: bigint): BigUint64Array => {
    const shift = TABLE_SHIFT[level];
    const table = byPlace.get(`${level}:${(address >> shift) << shift}`);
    const content = table && contents.get(table.pfn);
    if (!content) throw new Error(`no level ${level} table for 0x${address.toString(16)}`);
    return content;
  };
  const put = (level: PageTable["level"], address: bigint, value: bigint): void => {
    tableAt(level, address)[Number((address >> ENTRY_SHIFT[level]) & 511n)] = value;
  };
  for (const table of layout.tables) {
    if (table.level < 4) put((table.level + 1) as PageTable["level"], table.base, entry(table.pfn, PTE_FLAGS));
  }
  for (const { address, pfn, pages } of layout.mappings) {
    const first = address & VA_MASK;
    for (let i = 0; i < pages; ) {
      // To the end of its L1: page by page, but without a search for each.
      const at = first + BigInt(i * 4096);
      const content = tableAt(1, at);
      for (let index = Number((at >> ENTRY_SHIFT[1]) & 511n); index < 512 && i < pages; index++, i++) {
        // A page table may not be mapped writable, not even by its owner.
        const flags = contents.has(pfn + i) ? PTE_FLAGS & ~PTE_WRITABLE : PTE_FLAGS;
        content[index] = entry(pfn + i, flags);
      }
    }
  }
  return contents;
}
