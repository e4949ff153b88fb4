/**
 * Page-table entries (SDM vol. 3 §4.5) and what a PV guest may put into them.
 *
 *     63  62........52  51...............12  11..9  8 7 6 5 4   3   2 1  0
 *     NX  available     frame number         avail  G S D A PCD PWT U RW P
 *
 * Loops over tables work on the low and high 32 bits of an entry; elsewhere an entry is a bigint.
 */
export const PTE_PRESENT = 0x001;
export const PTE_RW = 0x002;
export const PTE_USER = 0x004;
export const PTE_PWT = 0x008;
export const PTE_PCD = 0x010;
export const PTE_ACCESSED = 0x020;
export const PTE_DIRTY = 0x040;
/** L2, L3: large page; L1: PAT. */
export const PTE_PSE = 0x080;
export const PTE_GLOBAL = 0x100;
export const PTE_AVAILABLE = 0xe00;

/** Xen's mark on L1 entries that the guest wrote without U: bit 52, here as bit of the high half. */
export const PTE_HI_GUEST_KERNEL = 1 << 20;
/** Address bits in the high half. */
export const PTE_HI_ADDRESS = 0x000f_ffff;

const CACHE_ATTRIBUTES = PTE_PWT | PTE_PCD | PTE_PSE;
/** Bits of the low half that a guest may not set in L2, L3 and L4 entries: no superpages, no cache attributes. */
export const TABLE_DISALLOWED = CACHE_ATTRIBUTES | PTE_GLOBAL;
/** The same in L1 entries, for a domain without I/O rights. */
export const L1_DISALLOWED = CACHE_ATTRIBUTES;

/**
 * Bits that may change in a present entry without validating it again: they change neither the
 * frame nor the right to write to it.
 */
export const FAST_PATH_LO = PTE_USER | PTE_ACCESSED | PTE_DIRTY | PTE_GLOBAL | PTE_AVAILABLE;
export const FAST_PATH_HI = ~PTE_HI_ADDRESS;

export const ENTRIES = 512;

// Most tables are nearly empty: they are looked through by cache lines, of eight entries.

/** One of the eight entries from `at` on is present. */
function anyPresent(u32: Uint32Array, at: number): boolean {
  const first = u32[at]! | u32[at + 2]! | u32[at + 4]! | u32[at + 6]!;
  const second = u32[at + 8]! | u32[at + 10]! | u32[at + 12]! | u32[at + 14]!;
  return ((first | second) & PTE_PRESENT) !== 0;
}

/** Index of the first present entry from `i` on, in the table at `table` of `u32`; `end` if there is none below that. */
export function nextPresent(u32: Uint32Array, table: number, i: number, end: number): number {
  const last = table + end * 2;
  for (let at = table + i * 2; at < last; ) {
    if ((u32[at]! & PTE_PRESENT) !== 0) return (at - table) >>> 1;
    at += 2;
    while ((at & 15) === 0 && at + 16 <= last && !anyPresent(u32, at)) at += 16;
  }
  return end;
}

/** Index of the last present entry below `i`, or -1. */
export function previousPresent(u32: Uint32Array, table: number, i: number): number {
  for (let at = table + i * 2; at > table; ) {
    at -= 2;
    if ((u32[at]! & PTE_PRESENT) !== 0) return (at - table) >>> 1;
    while ((at & 15) === 0 && at - 16 >= table && !anyPresent(u32, at - 16)) at -= 16;
  }
  return -1;
}

/** Frame number in an entry given as halves. */
export function entryFrame(lo: number, hi: number): number {
  return (lo >>> 12) + (hi & PTE_HI_ADDRESS) * 0x10_0000;
}

/** An entry as bigint. */
export function makeEntry(mfn: number, flags: number): bigint {
  return (BigInt(mfn) << 12n) | BigInt(flags);
}

/** Bytes that an entry maps, by the level of its table. */
const SPAN = [0, 2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39];

/** Index of the entry that maps linear address `la` in a table of `level` (4..1). */
export function tableIndex(la: number, level: number): number {
  return Math.floor(la / SPAN[level]!) & 511;
}
