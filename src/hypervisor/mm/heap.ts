/**
 * The hypervisor's heap: whole frames, and small allocations cut out of frames.
 *
 * Small allocations are powers of two from 16 to 2048 bytes, naturally aligned; a free chunk holds
 * the address of the next one in its first word. Everything that is handed out is zero, and free
 * frames are kept zero, so that a frame never carries data from one owner to the next.
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
    const mfn = this.frames.findRun(n, align);
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
    const { memory, state } = this.frames;
    const list = Math.log2(chunk) - MIN_CHUNK_SHIFT;
    let address = state.free_chunks.get(list);
    if (address === 0) {
      const base = this.allocFrames(1) * PAGE_SIZE;
      for (let at = base + PAGE_SIZE - chunk; at > base; at -= chunk) {
        memory.dv.setUint32(at, address, true);
        address = at;
      }
      memory.dv.setUint32(base, address, true);
      address = base;
    }
    state.free_chunks.set(list, memory.dv.getUint32(address, true));
    memory.dv.setUint32(address, 0, true);
    return address;
  }

  /** Gives back what `allocBytes` returned for the same size and alignment. */
  freeBytes(address: number, size: number, align = 8): void {
    const chunk = chunkSize(size, align);
    if (chunk > MAX_CHUNK) {
      this.freeFrames(address >>> PAGE_SHIFT, Math.ceil(size / PAGE_SIZE));
      return;
    }
    const { memory, state } = this.frames;
    const list = Math.log2(chunk) - MIN_CHUNK_SHIFT;
    memory.u8.fill(0, address, address + chunk);
    memory.dv.setUint32(address, state.free_chunks.get(list), true);
    state.free_chunks.set(list, address);
  }
}

function chunkSize(size: number, align: number): number {
  if (!(size > 0)) throw new RangeError(`allocation of ${size} bytes`);
  let chunk = 1 << MIN_CHUNK_SHIFT;
  while (chunk < size || chunk < align) chunk *= 2;
  return chunk;
}
