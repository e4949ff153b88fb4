/**
 * The initial memory layout of a PV64 domain, computed from the image's notes and the sizes alone.
 *
 * Pseudo-physical memory, from PFN 0 ("Start-of-day memory layout" of public/xen.h):
 *
 *     virt_base ->  +--------------------------+  PFN 0
 *                   | (free, mapped)           |
 *                   | kernel image             |  at its own addresses
 *                   | ramdisk                  |  unless MOD_START_PFN
 *                   | p2m list                 |  unless INIT_P2M
 *                   | start_info               |
 *                   | xenstore ring            |
 *                   | console ring             |
 *                   | page tables              |  L4, then L3s, L2s, L1s; mapped read-only
 *                   | boot stack               |
 *                   | padding >= 512 KiB       |
 *                   +--------------------------+  a multiple of 4 MiB (or the end of a small domain): end of the mapped region
 *                   | ramdisk                  |  with MOD_START_PFN: not mapped
 *                   | p2m list, its L3..L1s    |  with INIT_P2M: mapped there
 *                   | free, not mapped         |
 *                   +--------------------------+  nr_pages
 */
import { BuildError } from "./error.ts";

const PAGE = 4096;
const REGION_ALIGNMENT = 4 << 20;
const PADDING = 512 << 10;
const MIB = 1 << 20;

/** What the layout depends on. Addresses are virtual. */
export interface LayoutInput {
  readonly virtBase: bigint;
  readonly kernelStart: bigint;
  readonly kernelEnd: bigint;
  readonly initP2m: bigint | undefined;
  readonly modStartPfn: boolean;
  readonly ramdiskBytes: number;
  readonly pages: number;
}

/** Consecutive frames of the domain, and where they are mapped. */
export interface Area {
  readonly pfn: number;
  readonly pages: number;
  /** Undefined if not mapped. */
  readonly address: bigint | undefined;
}

/** One bootstrap page table. */
export interface PageTable {
  readonly level: 1 | 2 | 3 | 4;
  readonly pfn: number;
  /** First virtual address that it covers, as a number of 48 bits. */
  readonly base: bigint;
}

/** A virtually contiguous mapping of consecutive frames. */
export interface Mapping {
  readonly address: bigint;
  readonly pfn: number;
  readonly pages: number;
}

export interface BootLayout {
  readonly pages: number;
  readonly kernel: Area;
  readonly ramdisk: Area | undefined;
  readonly p2m: Area;
  /** Frames of the p2m list and of the page tables that map it; where INIT_P2M is used. */
  readonly p2mFrames: { readonly pfn: number; readonly pages: number } | undefined;
  readonly startInfo: Area;
  readonly store: Area;
  readonly console: Area;
  readonly pageTables: Area;
  readonly stack: Area;
  /** All tables: those of the boot region, root first, then those of the p2m list. */
  readonly tables: readonly PageTable[];
  readonly mappings: readonly Mapping[];
  /** Frames in use; what is above is free. */
  readonly usedPages: number;
}

const VA_MASK = (1n << 48n) - 1n;
/** log2 of the bytes that one table of each level covers. */
export const TABLE_SHIFT = { 1: 21n, 2: 30n, 3: 39n, 4: 48n } as const;
const LEVELS = [4, 3, 2, 1] as const;

const pagesOf = (bytes: number): number => Math.ceil(bytes / PAGE);

/** The tables that map [address, address + bytes) and are not in `existing`, by falling level. */
function tablesFor(address: bigint, bytes: number, existing: ReadonlySet<string>): Omit<PageTable, "pfn">[] {
  if (bytes === 0) return [];
  const from = address & VA_MASK;
  const last = from + BigInt(bytes) - 1n;
  const tables: Omit<PageTable, "pfn">[] = [];
  for (const level of LEVELS) {
    const shift = TABLE_SHIFT[level];
    for (let index = from >> shift; index <= last >> shift; index++) {
      const table = { level, base: index << shift };
      if (!existing.has(tableKey(table))) tables.push(table);
    }
  }
  return tables;
}

const tableKey = (table: { level: number; base: bigint }): string => `${table.level}:${table.base}`;

/** Hands out consecutive PFNs. */
class Allocator {
  next: number;
  readonly #virtBase: bigint | undefined;

  /** @param virtBase where PFN 0 is mapped, or undefined if what follows is not mapped */
  constructor(next: number, virtBase: bigint | undefined) {
    this.next = next;
    this.#virtBase = virtBase;
  }

  take(pages: number): Area {
    const pfn = this.next;
    this.next += pages;
    return { pfn, pages, address: this.#virtBase === undefined ? undefined : this.#virtBase + BigInt(pfn * PAGE) };
  }
}

/**
 * Size in bytes of the mapped region when its elements, page tables included, end at `end`. Xen has no domains that
 * are too small for the alignment; ours end with their memory, behind the padding.
 */
function regionBytes(endPages: number, pages: number): number {
  const least = endPages * PAGE + PADDING;
  return Math.max(least, Math.min(Math.ceil(least / REGION_ALIGNMENT) * REGION_ALIGNMENT, pages * PAGE));
}

/** Finds how many tables map a region that contains them: they grow the region, which may need more of them. */
function regionTables(
  virtBase: bigint,
  pagesBefore: number,
  pagesAfter: number,
  pages: number,
): { bytes: number; tables: Omit<PageTable, "pfn">[] } {
  let tables: Omit<PageTable, "pfn">[] = [];
  for (;;) {
    const bytes = regionBytes(pagesBefore + tables.length + pagesAfter, pages);
    const needed = tablesFor(virtBase, bytes, new Set());
    if (needed.length === tables.length) return { bytes, tables };
    tables = needed;
  }
}

function place(input: LayoutInput): BootLayout {
  const { virtBase, kernelStart, kernelEnd, pages } = input;
  const p2mPages = pagesOf(pages * 8);
  const ramdiskPages = pagesOf(input.ramdiskBytes);
  const firstPage = Number((kernelStart - virtBase) >> 12n);
  const endPage = pagesOf(Number(kernelEnd - virtBase));

  const region = new Allocator(firstPage, virtBase);
  const kernel = region.take(endPage - firstPage);
  let ramdisk = !input.modStartPfn && ramdiskPages > 0 ? region.take(ramdiskPages) : undefined;
  let p2m = input.initP2m === undefined ? region.take(p2mPages) : undefined;
  const startInfo = region.take(1);
  const store = region.take(1);
  const console = region.take(1);
  const { bytes, tables: regional } = regionTables(virtBase, region.next, 1, pages);
  const pageTables = region.take(regional.length);
  const stack = region.take(1);
  const tables: PageTable[] = regional.map((table, i) => ({ ...table, pfn: pageTables.pfn + i }));
  const mappings: Mapping[] = [{ address: virtBase, pfn: 0, pages: bytes / PAGE }];

  const rest = new Allocator(bytes / PAGE, undefined);
  if (!ramdisk && ramdiskPages > 0) ramdisk = rest.take(ramdiskPages);
  let p2mFrames: BootLayout["p2mFrames"];
  if (!p2m) {
    p2m = { ...rest.take(p2mPages), address: input.initP2m };
    const more = tablesFor(input.initP2m as bigint, p2mPages * PAGE, new Set(tables.map(tableKey)));
    for (const table of more) tables.push({ ...table, pfn: rest.take(1).pfn });
    p2mFrames = { pfn: p2m.pfn, pages: p2mPages + more.length };
    mappings.push({ address: input.initP2m as bigint, pfn: p2m.pfn, pages: p2mPages });
  }
  return {
    pages,
    kernel,
    ramdisk,
    p2m,
    p2mFrames,
    startInfo,
    store,
    console,
    pageTables,
    stack,
    tables,
    mappings,
    usedPages: rest.next,
  };
}

/** The least memory, in MiB, in which a domain with this image and ramdisk can be built. */
export function minimumMemory(input: Omit<LayoutInput, "pages">): number {
  for (let pages = 0; ; ) {
    const needed = Math.ceil((place({ ...input, pages }).usedPages * PAGE) / MIB) * (MIB / PAGE);
    if (needed <= pages) return (pages * PAGE) / MIB;
    pages = needed;
  }
}

/** First address behind the hypervisor's part of the address space, and its first. */
const XEN_START = 0xffff_8000_0000_0000n;
const XEN_END = 0xffff_8800_0000_0000n;

function checkAddresses(layout: BootLayout): void {
  for (const { address, pages } of layout.mappings) {
    const end = address + BigInt(pages * PAGE);
    const canonical = end <= 1n << 47n || (address >= XEN_START && end <= 1n << 64n);
    if (!canonical || (address < XEN_END && end > XEN_START)) {
      throw new BuildError(`kernel wants memory at 0x${address.toString(16)}, where a guest can have none`);
    }
  }
  const [region, p2m] = layout.mappings;
  if (!region || !p2m) return;
  if (
    p2m.address < region.address + BigInt(region.pages * PAGE) &&
    region.address < p2m.address + BigInt(p2m.pages * PAGE)
  ) {
    throw new BuildError("kernel wants the p2m list (INIT_P2M) inside its boot region");
  }
}

/** Lays out a domain. */
export function layOutDomain(input: LayoutInput): BootLayout {
  const layout = place(input);
  checkAddresses(layout);
  if (layout.usedPages > input.pages) {
    const minimum = minimumMemory(input);
    const kernelOnly = minimumMemory({ ...input, ramdiskBytes: 0 });
    const have = Math.floor((input.pages * PAGE) / MIB);
    throw new BuildError(
      kernelOnly <= have
        ? `the ramdisk (${Math.ceil(input.ramdiskBytes / MIB)} MiB) does not fit: ${have} MiB of memory, at least ${minimum} MiB needed`
        : `too little memory: ${have} MiB, this kernel needs at least ${minimum} MiB to start`,
    );
  }
  return layout;
}
