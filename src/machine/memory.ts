/**
 * Machine memory: all RAM of the machine, one WebAssembly.Memory.
 *
 * A machine address (maddr) is an offset into it, and a machine frame number
 * (mfn) is `maddr >> 12`; there is no other numbering. The lowest frames hold
 * the processor's own structures and the hypervisor's heap (see layout.ts),
 * the rest is what domains can own.
 */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
export const PAGE_MASK = 0xfff;

export class MachineMemory {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly u64: BigUint64Array;
  readonly dv: DataView;
  /** Number of machine frames; valid MFNs are 0 .. frames-1. */
  readonly frames: number;

  /** @param bytes size of machine memory, a multiple of 64 KiB, below 4 GiB */
  constructor(bytes: number) {
    const pages = bytes / 65536;
    if (!Number.isInteger(pages) || pages <= 0 || pages > 65536) {
      throw new RangeError(`machine memory of ${bytes} bytes: must be a multiple of 64 KiB up to 4 GiB`);
    }
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.dv = new DataView(buffer);
    this.frames = bytes / PAGE_SIZE;
  }

  /** Makes a frame zero. One that is zero already is only read: the host need not back what nobody has written. */
  clearFrame(mfn: number): void {
    const { u32 } = this;
    const end = (mfn + 1) * (PAGE_SIZE / 4);
    for (let i = mfn * (PAGE_SIZE / 4); i < end; i += 4) {
      if ((u32[i]! | u32[i + 1]! | u32[i + 2]! | u32[i + 3]!) === 0) continue;
      this.u8.fill(0, i * 4, end * 4);
      return;
    }
  }

  /** The bytes of one frame. */
  frame(mfn: number): Uint8Array {
    return this.u8.subarray(mfn * PAGE_SIZE, (mfn + 1) * PAGE_SIZE);
  }
}
