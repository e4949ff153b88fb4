/**
 * GDT and LDT of guests. The processor reads descriptors through linear windows in the
 * hypervisor's area, 32 pages a vCPU, so that a guest can neither write to a descriptor in use nor
 * pull the table away:
 *
 *     pages 0..13   frames of the guest's GDT (set_gdt), or the zero frame
 *     page  14      the hypervisor's flat descriptors: selectors 0xe000..0xefff
 *     page  15      the zero frame
 *     pages 16..31  frames of the guest's LDT, each mapped on first use
 *
 * A mapped guest frame holds a seg-desc type reference. The windows are writable for the processor
 * alone, which sets accessed bits.
 */
import { EINVAL } from "../../abi/errno.ts";
import { FIRST_RESERVED_GDT_ENTRY, FIRST_RESERVED_GDT_PAGE } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { PageType } from "./frame-table.ts";
import { isGuestAddress } from "./guest-access.ts";
import { linearOf } from "./linear.ts";
import { getPageAndType, putPageAndType } from "./page-type.ts";
import { ENTRIES, entryFrame, makeEntry, PTE_PRESENT } from "./pte.ts";
import { VCPUS_PER_WINDOW_TABLE, WINDOW_TABLES } from "./record.ts";
import { flushTlb, l1EntryChanged } from "./tlb.ts";
import { l1EntryAddress } from "./walk.ts";
import { XEN_READ_ONLY, XEN_TABLE } from "./xen-area.ts";

/** L4 slot 260. */
const WINDOW_START = 0xffff_8200_0000_0000n;
/** Pages of the windows of one vCPU. */
export const WINDOW_PAGES = 32;
const WINDOW_BYTES = WINDOW_PAGES * PAGE_SIZE;
const LDT_PAGE = 16;
const LDT_PAGES = 16;
const GDT_LIMIT = 0xffff;
const MAX_LDT_ENTRIES = 8192;
const DESCRIPTORS_PER_FRAME = 512;
/** Attributes of LDTR while there is an LDT: present, system type 2. */
const LDT_PRESENT = 0x82;

/**
 * The hypervisor's descriptors of 64-bit guests, by selector (public/arch-x86/xen-x86_64.h): flat
 * segments of ring 3, accessed already.
 */
const FLAT_DESCRIPTORS: readonly (readonly [selector: number, descriptor: bigint])[] = [
  [0xe020, 0x00cf_fb00_0000_ffffn], // 32-bit code
  [0xe028, 0x00cf_f300_0000_ffffn], // data
  [0xe030, 0x00af_fb00_0000_ffffn], // 64-bit code
];

export function buildReservedGdt(hv: Hypervisor, mfn: number): void {
  for (const [selector, descriptor] of FLAT_DESCRIPTORS) {
    hv.memory.u64[mfn * ENTRIES + (selector >>> 3) - FIRST_RESERVED_GDT_ENTRY] = descriptor;
  }
}

/** Linear address of a vCPU's GDT window; its LDT window follows. */
export function gdtWindow(vcpu: Vcpu): bigint {
  return WINDOW_START + BigInt(vcpu.id * WINDOW_BYTES);
}
export function ldtWindow(vcpu: Vcpu): bigint {
  return gdtWindow(vcpu) + BigInt(LDT_PAGE * PAGE_SIZE);
}

/** Index in `memory.u64` of the entry that maps page `page` of a vCPU's windows. */
function windowEntry(vcpu: Vcpu, page: number): number {
  const table = vcpu.domain.record.mm.window_l1.get(Math.floor(vcpu.id / VCPUS_PER_WINDOW_TABLE));
  return table * ENTRIES + (vcpu.id % VCPUS_PER_WINDOW_TABLE) * WINDOW_PAGES + page;
}

/** Maps a page of a vCPU's windows, or nothing (0n). */
function setWindowEntry(vcpu: Vcpu, page: number, entry: bigint): void {
  const { hypervisor } = vcpu.domain;
  const { u32, u64 } = hypervisor.memory;
  const at = windowEntry(vcpu, page);
  const lo = u32[at * 2]!;
  const hi = u32[at * 2 + 1]!;
  u64[at] = entry;
  if ((lo & PTE_PRESENT) !== 0) l1EntryChanged(hypervisor, at * 8, lo, hi);
}

/** Machine address of page `page` (0..15) of a vCPU's GDT. */
export function gdtPage(vcpu: Vcpu, page: number): number {
  const { memory } = vcpu.domain.hypervisor;
  const at = windowEntry(vcpu, page) * 2;
  return entryFrame(memory.u32[at]!, memory.u32[at + 1]!) * PAGE_SIZE;
}

/** Makes the page tables of a new domain's windows. */
export function initDomainWindows(domain: Domain, maxVcpus: number): void {
  const { heap, memory } = domain.hypervisor;
  const { mm } = domain.record;
  const tables = Math.ceil(maxVcpus / VCPUS_PER_WINDOW_TABLE);
  if (tables > WINDOW_TABLES) throw new RangeError(`no descriptor windows for ${maxVcpus} vCPUs`);
  mm.window_l3 = heap.allocFrames(1);
  mm.window_l2 = heap.allocFrames(1);
  memory.u64[mm.window_l3 * ENTRIES] = makeEntry(mm.window_l2, XEN_TABLE);
  for (let i = 0; i < tables; i++) {
    const l1 = heap.allocFrames(1);
    mm.window_l1.set(i, l1);
    memory.u64[mm.window_l2 * ENTRIES + i] = makeEntry(l1, XEN_TABLE);
  }
}

/** Frees them, when all vCPUs have let go of their tables. */
export function freeDomainWindows(domain: Domain): void {
  const { heap } = domain.hypervisor;
  const { mm } = domain.record;
  for (let i = 0; i < WINDOW_TABLES; i++) {
    const l1 = mm.window_l1.get(i);
    if (l1 !== 0) heap.freeFrames(l1, 1);
    mm.window_l1.set(i, 0);
  }
  if (mm.window_l2 !== 0) heap.freeFrames(mm.window_l2, 1);
  if (mm.window_l3 !== 0) heap.freeFrames(mm.window_l3, 1);
  mm.window_l2 = mm.window_l3 = 0;
}

/** An empty GDT with the hypervisor's descriptors, and no LDT: what a vCPU starts with. */
export function initDescriptorTables(vcpu: Vcpu): void {
  const { state } = vcpu.domain.hypervisor.frames;
  for (let page = 0; page < LDT_PAGE; page++) {
    const reserved = page === FIRST_RESERVED_GDT_PAGE;
    setWindowEntry(
      vcpu,
      page,
      reserved ? makeEntry(state.reserved_gdt, XEN_TABLE) : makeEntry(state.zero_frame, XEN_READ_ONLY),
    );
  }
  const { gdtr } = vcpu.state;
  gdtr.base = gdtWindow(vcpu);
  gdtr.limit = GDT_LIMIT;
  loadLdtr(vcpu);
}

/** Sets LDTR by the vCPU's LDT. */
function loadLdtr(vcpu: Vcpu): void {
  const { ldtr } = vcpu.state;
  const entries = vcpu.mm.ldt_entries;
  ldtr.selector = 0;
  ldtr.attributes = entries === 0 ? 0 : LDT_PRESENT;
  ldtr.limit = entries === 0 ? 0 : entries * 8 - 1;
  ldtr.base = entries === 0 ? 0n : ldtWindow(vcpu);
}

/** Installs a GDT of `entries` descriptors. All frames are validated before the old GDT goes. */
export function setGdt(vcpu: Vcpu, mfns: readonly number[], entries: number): void {
  const count = Math.ceil(entries / DESCRIPTORS_PER_FRAME);
  if (entries > FIRST_RESERVED_GDT_ENTRY || mfns.length < count) throw new HypercallError(EINVAL);
  const { domain } = vcpu;
  const taken: number[] = [];
  for (const mfn of mfns.slice(0, count)) {
    if (getPageAndType(domain, mfn, PageType.SegDesc) !== 0) {
      for (const held of taken) putPageAndType(domain, held);
      throw new HypercallError(EINVAL);
    }
    taken.push(mfn);
  }
  destroyGdt(vcpu);
  taken.forEach((mfn, page) => {
    vcpu.mm.gdt_frames.set(page, mfn);
    setWindowEntry(vcpu, page, makeEntry(mfn, XEN_TABLE));
  });
  vcpu.mm.gdt_entries = entries;
  flushTlb(domain.hypervisor);
}

/** Removes the guest's GDT: its selectors lead to null descriptors. */
export function destroyGdt(vcpu: Vcpu): void {
  const { mm, domain } = vcpu;
  const { frames } = domain.hypervisor;
  mm.gdt_entries = 0;
  for (let page = 0; page < FIRST_RESERVED_GDT_PAGE; page++) {
    const mfn = mm.gdt_frames.get(page);
    if (mfn === 0) continue;
    setWindowEntry(vcpu, page, makeEntry(frames.state.zero_frame, XEN_READ_ONLY));
    mm.gdt_frames.set(page, 0);
    putPageAndType(domain, mfn);
  }
  flushTlb(domain.hypervisor);
}

/** MMUEXT_SET_LDT. Its frames are looked at when they are used first. */
export function setLdt(vcpu: Vcpu, base: bigint, entries: number): void {
  if (entries > MAX_LDT_ENTRIES || (base & 0xfffn) !== 0n) throw new HypercallError(EINVAL);
  if (entries !== 0 && !(isGuestAddress(base) && isGuestAddress(base + BigInt(entries) * 8n - 1n))) {
    throw new HypercallError(EINVAL);
  }
  const { mm } = vcpu;
  if (mm.ldt_base === base && mm.ldt_entries === entries) return;
  destroyLdt(vcpu);
  mm.ldt_base = entries === 0 ? 0n : base;
  mm.ldt_entries = entries;
  loadLdtr(vcpu);
}

/** Unmaps all frames from the LDT window. The LDT stays set: they come back on use. */
export function destroyLdt(vcpu: Vcpu): void {
  const { mm, domain } = vcpu;
  const { memory } = domain.hypervisor;
  const mapped = mm.ldt_mapped;
  if (mapped === 0) return;
  mm.ldt_mapped = 0;
  for (let page = 0; page < LDT_PAGES; page++) {
    if ((mapped & (1 << page)) === 0) continue;
    const at = windowEntry(vcpu, LDT_PAGE + page) * 2;
    const mfn = entryFrame(memory.u32[at] ?? 0, memory.u32[at + 1] ?? 0);
    setWindowEntry(vcpu, LDT_PAGE + page, 0n);
    putPageAndType(domain, mfn);
  }
  flushTlb(domain.hypervisor);
}

/** Empties the LDT windows of all vCPUs of a domain. */
export function invalidateLdts(domain: Domain): void {
  for (const vcpu of domain.vcpus) destroyLdt(vcpu);
}

/** What a supervisor page fault in the window area comes to. */
export type LdtFault =
  /** Not in this vCPU's LDT window. */
  | { readonly kind: "elsewhere" }
  /** The page is mapped now: try again. */
  | { readonly kind: "mapped" }
  /** Reflect #PF to the guest with its own address; if that is not canonical, #GP with the selector. */
  | { readonly kind: "reflect"; readonly address: bigint };

/** Handles a page fault at `cr2` that the processor took on reading a descriptor. */
export function handleLdtFault(vcpu: Vcpu, cr2: bigint): LdtFault {
  const offset = cr2 - ldtWindow(vcpu);
  if (offset < 0n || offset >= BigInt(LDT_PAGES * PAGE_SIZE)) return { kind: "elsewhere" };
  const { mm } = vcpu;
  const address = BigInt.asUintN(64, mm.ldt_base + offset);
  if (Number(offset) < mm.ldt_entries * 8 && mapLdtPage(vcpu, address, Number(offset >> 12n)))
    return { kind: "mapped" };
  return { kind: "reflect", address };
}

/** Maps the guest's page at `address` into page `page` of the LDT window, if it is a good descriptor page. */
function mapLdtPage(vcpu: Vcpu, address: bigint, page: number): boolean {
  const { domain, mm } = vcpu;
  const { memory } = domain.hypervisor;
  if (!isGuestAddress(address) || mm.kernel_root === 0 || (mm.ldt_mapped & (1 << page)) !== 0) return false;
  const entry = l1EntryAddress(memory, mm.kernel_root, linearOf(address));
  if (entry < 0) return false;
  const lo = memory.u32[entry >>> 2] ?? 0;
  if ((lo & PTE_PRESENT) === 0) return false;
  const mfn = entryFrame(lo, memory.u32[(entry >>> 2) + 1] ?? 0);
  if (getPageAndType(domain, mfn, PageType.SegDesc) !== 0) return false;
  setWindowEntry(vcpu, LDT_PAGE + page, makeEntry(mfn, XEN_TABLE));
  mm.ldt_mapped |= 1 << page;
  return true;
}
