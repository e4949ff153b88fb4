/**
 * The frame table: who owns each machine frame, what it is used as, how often it is referenced.
 *
 * It lies at the start of the hypervisor's heap, behind one frame of global state: 16 bytes a frame, then
 * 8 bytes a frame of links (next, previous) for the lists of frames, then the map of free frames.
 *
 *     word 0   bits 0..15 owner, 16..19 type, 20..31 flags
 *     word 1   type count: uses that need the frame to have this type
 *     word 2   reference count: all uses; 0 = free
 *     word 3   type count 0: TLB clock when a mapping was last dropped
 *              page table:   bits 0..15 entries validated so far (FRAME_PARTIAL),
 *                            bits 16..31 linear references, signed (see page-type.ts)
 *              heap frame:   small allocations in it (see heap.ts)
 *
 * A frame has one type at a time while its type count is above 0 (as in Xen's page_info).
 * This class knows the layout and the free frames, not the rules: those are in page-type.ts.
 */
import { array, struct, u32 } from "../../abi/struct.ts";
import { DOMID_INVALID, DOMID_XEN } from "../../abi/xen.ts";
import { type MachineMemory, PAGE_SIZE } from "../../machine/memory.ts";
import { FreeMap } from "./free-map.ts";

/** Owner of free frames. Those of the hypervisor belong to DOMID_XEN. */
const OWNER_FREE = DOMID_INVALID;

/** Types. `None` is any use that does not write: no count is needed for it. */
export const PageType = { None: 0, L1: 1, L2: 2, L3: 3, L4: 4, SegDesc: 5, Writable: 7 } as const;
export type PageType = (typeof PageType)[keyof typeof PageType];
export const PAGE_TYPE_NAMES = ["none", "L1", "L2", "L3", "L4", "segdesc", "?", "writable"] as const;

/** One of the type references (and references) is held by the guest's pin. */
export const FRAME_PINNED = 1 << 20;
/** The content has been checked against the type. */
export const FRAME_VALIDATED = 1 << 21;
/** Validation or devalidation was preempted; the frame itself holds the one type reference and a reference. */
export const FRAME_PARTIAL = 1 << 22;
/** The domain owns it by allocation: this is worth one reference. */
export const FRAME_ALLOCATED = 1 << 23;
/** Belongs to the hypervisor's heap; with a domain as owner it is shared with that domain. */
export const FRAME_XENHEAP = 1 << 24;

const OWNER_MASK = 0xffff;
const TYPE_SHIFT = 16;
const TYPE_MASK = 0xf << TYPE_SHIFT;
/** Counts stop here: far more than there can be entries in machine memory. */
export const COUNT_LIMIT = 0x7fff_ffff;

/** Global state of memory management: the first frame of the heap. */
export const mmState = struct("mm_state", {
  free_frames: u32,
  /** Free frames that are promised to domains (XENMEM_claim_pages). */
  outstanding_claims: u32,
  /** The domain id that was given last: the next one is looked for behind it. */
  last_domid: u32,
  /** First frame behind the frame table. */
  first_frame: u32,
  /** Counts TLB flushes. */
  tlb_clock: u32,
  /** Lists of heap frames with free chunks of 16, 32 ... 2048 bytes. */
  partial_slabs: array(u32, 8),
  /** Machine address of the M2P and the L3 that maps it. */
  m2p: u32,
  m2p_l3: u32,
  /** Root with nothing but Xen's slots: loaded when there is no guest. */
  idle_root: u32,
  /** Always zero; stands for the absent frames of a GDT. */
  zero_frame: u32,
  /** Xen's own part of every GDT. */
  reserved_gdt: u32,
});

export class FrameTable {
  readonly memory: MachineMemory;
  readonly state: ReturnType<typeof mmState.at>;
  /** The table, 4 words a frame. */
  readonly words: Uint32Array;
  /** The same, signed, for the halves of word 3. */
  readonly halves: Int16Array;
  /** Two words a frame: MFNs of the next and the previous frame of its list, 0 = none. */
  readonly #links: Uint32Array;
  readonly #free: FreeMap;
  /** Number of machine frames. */
  readonly count: number;

  /**
   * @param heapBase machine address where the heap begins
   * @param fresh builds an empty table; otherwise the one in memory is used (a restored snapshot)
   */
  constructor(memory: MachineMemory, heapBase: number, fresh = true) {
    if (heapBase % PAGE_SIZE !== 0) throw new RangeError("heap base is not page aligned");
    this.memory = memory;
    this.count = memory.frames;
    this.state = mmState.at(memory, heapBase);
    const table = heapBase + PAGE_SIZE;
    this.words = new Uint32Array(memory.u8.buffer, table, this.count * 4);
    this.halves = new Int16Array(memory.u8.buffer, table, this.count * 8);
    const links = table + this.count * 16;
    const freeMap = links + this.count * 8;
    const first = Math.ceil((freeMap + FreeMap.bytes(this.count)) / PAGE_SIZE);
    if (first >= this.count) throw new RangeError("machine memory is too small for its frame table");
    this.#links = new Uint32Array(memory.u8.buffer, links, this.count * 2);
    this.#free = new FreeMap(memory.u8.buffer, freeMap, this.count);
    if (!fresh) return;
    memory.u8.fill(0, heapBase, first * PAGE_SIZE);
    for (let mfn = 0; mfn < this.count; mfn++) {
      if (mfn < first) {
        this.words[mfn * 4] = DOMID_XEN | FRAME_XENHEAP | FRAME_ALLOCATED;
        this.words[mfn * 4 + 2] = 1;
      } else {
        this.words[mfn * 4] = OWNER_FREE;
        this.#free.add(mfn);
      }
    }
    this.state.first_frame = first;
    this.state.free_frames = this.count - first;
    this.state.tlb_clock = 1;
  }

  /** `mfn` is a frame of this machine. */
  valid(mfn: number): boolean {
    return mfn >= 0 && mfn < this.count;
  }
  /** Domain id of the owner, DOMID_XEN, or another reserved one. */
  owner(mfn: number): number {
    return (this.words[mfn * 4] ?? OWNER_FREE) & OWNER_MASK;
  }
  setOwner(mfn: number, owner: number): void {
    this.words[mfn * 4] = ((this.words[mfn * 4] ?? 0) & ~OWNER_MASK) | (owner & OWNER_MASK);
  }
  type(mfn: number): PageType {
    return (((this.words[mfn * 4] ?? 0) & TYPE_MASK) >>> TYPE_SHIFT) as PageType;
  }
  setType(mfn: number, type: PageType): void {
    this.words[mfn * 4] = ((this.words[mfn * 4] ?? 0) & ~TYPE_MASK) | (type << TYPE_SHIFT);
  }
  hasFlag(mfn: number, flag: number): boolean {
    return ((this.words[mfn * 4] ?? 0) & flag) !== 0;
  }
  setFlag(mfn: number, flag: number): void {
    this.words[mfn * 4] = (this.words[mfn * 4] ?? 0) | flag;
  }
  clearFlag(mfn: number, flag: number): void {
    this.words[mfn * 4] = (this.words[mfn * 4] ?? 0) & ~flag;
  }
  typeCount(mfn: number): number {
    return this.words[mfn * 4 + 1] ?? 0;
  }
  setTypeCount(mfn: number, count: number): void {
    this.words[mfn * 4 + 1] = count;
  }
  refCount(mfn: number): number {
    return this.words[mfn * 4 + 2] ?? 0;
  }
  setRefCount(mfn: number, count: number): void {
    this.words[mfn * 4 + 2] = count;
  }
  /** Entries [0, n) of a partially validated table hold references. */
  partialIndex(mfn: number): number {
    return this.halves[mfn * 8 + 6] ?? 0;
  }
  setPartialIndex(mfn: number, index: number): void {
    this.halves[mfn * 8 + 6] = index;
  }
  /** Above 0: entries of this table that are linear references; below 0: linear references to this table. */
  linearCount(mfn: number): number {
    return this.halves[mfn * 8 + 7] ?? 0;
  }
  setLinearCount(mfn: number, count: number): void {
    this.halves[mfn * 8 + 7] = count;
  }
  /** TLB clock when a mapping was last dropped; only while the type count is 0. */
  tlbStamp(mfn: number): number {
    return this.words[mfn * 4 + 3] ?? 0;
  }
  setTlbStamp(mfn: number, clock: number): void {
    this.words[mfn * 4 + 3] = clock;
  }

  /** The frame has this type now, checked. */
  isValidated(mfn: number, type: PageType): boolean {
    return this.type(mfn) === type && this.typeCount(mfn) > 0 && this.hasFlag(mfn, FRAME_VALIDATED);
  }

  /** Takes a reference if the frame exists and belongs to `owner`. */
  getPage(mfn: number, owner: number): boolean {
    if (!this.valid(mfn)) return false;
    const count = this.refCount(mfn);
    if (count === 0 || count >= COUNT_LIMIT || this.owner(mfn) !== owner) return false;
    this.words[mfn * 4 + 2] = count + 1;
    return true;
  }

  isFree(mfn: number): boolean {
    return this.#free.has(mfn);
  }

  /** Finds `n` contiguous free frames from below, aligned to `align` frames; -1 if there are none. */
  findRun(n: number, align = 1): number {
    const free = this.#free;
    for (let at = free.above(0); at >= 0; ) {
      const start = Math.ceil(at / align) * align;
      const run = free.run(start, n);
      if (run === n) return start;
      at = free.above(start + run);
    }
    return -1;
  }

  /** Finds `n` free frames below frame `limit`, from above, in ascending order; undefined if there are not as many. */
  findHigh(n: number, limit = this.count): number[] | undefined {
    if (n > this.state.free_frames) return undefined;
    const found: number[] = [];
    for (let mfn = limit; found.length < n; ) {
      mfn = this.#free.below(mfn);
      if (mfn < 0) return undefined;
      found.push(mfn);
    }
    return found.reverse();
  }

  /** Takes a free frame for `owner`, with one reference. */
  take(mfn: number, owner: number, flags: number): void {
    const at = mfn * 4;
    this.words[at] = owner | flags | FRAME_ALLOCATED;
    this.words[at + 1] = 0;
    this.words[at + 2] = 1;
    this.#free.remove(mfn);
    this.state.free_frames--;
  }

  /** Gives a frame back that nothing refers to, no TLB entry either. It must be zero. */
  release(mfn: number): void {
    const at = mfn * 4;
    this.words[at] = OWNER_FREE;
    this.words[at + 1] = 0;
    this.words[at + 2] = 0;
    this.words[at + 3] = 0;
    this.#free.add(mfn);
    this.state.free_frames++;
  }

  /** Puts a frame that is on no list at the front of the one that begins with `head` (0: empty). @returns the new head */
  link(head: number, mfn: number): number {
    const links = this.#links;
    links[mfn * 2] = head;
    links[mfn * 2 + 1] = 0;
    if (head !== 0) links[head * 2 + 1] = mfn;
    return mfn;
  }

  /** Takes a frame off the list that begins with `head`. @returns the new head */
  unlink(head: number, mfn: number): number {
    const links = this.#links;
    const next = links[mfn * 2]!;
    const previous = links[mfn * 2 + 1]!;
    if (next !== 0) links[next * 2 + 1] = previous;
    if (previous !== 0) links[previous * 2] = next;
    links[mfn * 2] = links[mfn * 2 + 1] = 0;
    return head === mfn ? next : head;
  }

  /** The frame behind `mfn` on its list; 0 at the end. */
  next(mfn: number): number {
    return this.#links[mfn * 2]!;
  }
}
