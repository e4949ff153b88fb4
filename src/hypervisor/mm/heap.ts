/**
 * The hypervisor's heap: whole frames, and small allocations cut out of frames.
 *
 * Small allocations are powers of two from 16 to 2048 bytes, naturally aligned. A frame (slab) holds chunks of
 * one size; those that have a free one are on a list. Word 3 of the slab's entry in the frame table is
 *
 *     bits 0..15    its first free chunk, counted from 1; 0 = none. The first word of that chunk leads to the next
 *     bits 16..31   chunks in use
 *
 * and a slab goes back with its last chunk. Everything that is handed out is zero, and free frames are kept zero,
 * so that a frame never carries data from one owner to the next.
 */

import { DOMID_XEN } from "../../abi/xen.ts";
import { PAGE_SHIFT, PAGE_SIZE } from "../../machine/memory.ts";
import { FRAME_XENHEAP, type FrameTable } from "./frame-table.ts";

const MIN_CHUNK_SHIFT = 4;
const MAX_CHUNK = 2048;

/** There is no memory left for the hypervisor itself. */
export class OutOfHeap extends Error {}

export class Heap {
  readonly frames: FrameTable;

  constructor(frames: FrameTable) {
    this.frames = frames;
  }

  /** Allocates `n` contiguous zeroed frames aligned to `align` frames, and returns the first MFN. */
  allocFrames(n: number, align = 1): number {
    const { free_frames, outstanding_claims } = this.frames.state;
    const mfn = n + outstanding_claims <= free_frames ? this.frames.findRun(n, align) : -1;
    if (mfn < 0) throw new OutOfHeap(`no ${n} contiguous frames left for the hypervisor`);
    for (let i = 0; i < n; i++) this.frames.take(mfn + i, DOMID_XEN, FRAME_XENHEAP);
    return mfn;
  }

  /** Gives back frames that nothing refers to any more (for frames shared with a guest: `unshareWithGuest` first). */
  freeFrames(mfn: number, n: number): void {
    const { frames } = this;
    for (let i = mfn; i < mfn + n; i++) {
      if (frames.owner(i) !== DOMID_XEN || frames.refCount(i) !== 1) {
        throw new Error(`heap frame ${i} is freed while in use`);
      }
    }
    frames.memory.u8.fill(0, mfn * PAGE_SIZE, (mfn + n) * PAGE_SIZE);
    for (let i = mfn; i < mfn + n; i++) frames.release(i);
  }

  /** Allocates `size` zeroed bytes and returns their machine address. Larger sizes take whole frames. */
  allocBytes(size: number, align = 8): number {
    const chunk = chunkSize(size, align);
    if (chunk > MAX_CHUNK) return this.allocFrames(Math.ceil(size / PAGE_SIZE)) * PAGE_SIZE;
    const { memory, state, words } = this.frames;
    const list = Math.log2(chunk) - MIN_CHUNK_SHIFT;
    let slab = state.partial_slabs.get(list);
    if (slab === 0) {
      slab = this.#newSlab(chunk);
      state.partial_slabs.set(list, this.frames.link(0, slab));
    }
    const word = words[slab * 4 + 3]!;
    const address = slab * PAGE_SIZE + ((word & 0xffff) - 1) * chunk;
    const next = memory.dv.getUint32(address, true);
    memory.dv.setUint32(address, 0, true);
    words[slab * 4 + 3] = ((word >>> 16) + 1) * 0x10000 + next;
    if (next === 0) state.partial_slabs.set(list, this.frames.unlink(slab, slab));
    return address;
  }

  /** A frame of free chunks, each leading to the one behind it. */
  #newSlab(chunk: number): number {
    const slab = this.allocFrames(1);
    const { memory, words } = this.frames;
    const count = PAGE_SIZE / chunk;
    for (let i = 1; i < count; i++) memory.dv.setUint32(slab * PAGE_SIZE + (i - 1) * chunk, i + 1, true);
    words[slab * 4 + 3] = 1;
    return slab;
  }

  /** Gives back what `allocBytes` returned for the same size and alignment. */
  freeBytes(address: number, size: number, align = 8): void {
    const chunk = chunkSize(size, align);
    if (chunk > MAX_CHUNK) {
      this.freeFrames(address >>> PAGE_SHIFT, Math.ceil(size / PAGE_SIZE));
      return;
    }
    const { memory, state, words } = this.frames;
    const list = Math.log2(chunk) - MIN_CHUNK_SHIFT;
    const slab = address >>> PAGE_SHIFT;
    const word = words[slab * 4 + 3]!;
    const head = state.partial_slabs.get(list);
    memory.u8.fill(0, address, address + chunk);
    if (word >>> 16 === 1) {
      if ((word & 0xffff) !== 0) state.partial_slabs.set(list, this.frames.unlink(head, slab));
      words[slab * 4 + 3] = 0;
      this.freeFrames(slab, 1);
      return;
    }
    if ((word & 0xffff) === 0) state.partial_slabs.set(list, this.frames.link(head, slab));
    memory.dv.setUint32(address, word & 0xffff, true);
    words[slab * 4 + 3] = ((word >>> 16) - 1) * 0x10000 + (address % PAGE_SIZE) / chunk + 1;
  }
}

function chunkSize(size: number, align: number): number {
  if (!(size > 0)) throw new RangeError(`allocation of ${size} bytes`);
  let chunk = 1 << MIN_CHUNK_SHIFT;
  while (chunk < size || chunk < align) chunk *= 2;
  return chunk;
}
