/** A byte buffer that grows: where decompressors write, and what their matches copy from. */
export class Output {
  bytes: Uint8Array;
  length = 0;

  /** @param sizeHint the size of the result where it is known; wrong hints only cost copies */
  constructor(sizeHint = 65536) {
    // A hint comes from the input, so it may not make us allocate without bound.
    this.bytes = new Uint8Array(Math.min(Math.max(sizeHint, 16), 256 << 20));
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  append(data: Uint8Array): void {
    this.reserve(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }

  /** Copies a match: `count` bytes from `distance` bytes back, which may overlap what is being written. */
  copyMatch(distance: number, count: number): void {
    this.reserve(count);
    const { bytes } = this;
    let to = this.length;
    if (distance >= count) {
      bytes.copyWithin(to, to - distance, to - distance + count);
    } else {
      for (const end = to + count; to < end; to++) bytes[to] = bytes[to - distance] as number;
    }
    this.length += count;
  }

  result(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }
}
