/** A growing byte buffer with WebAssembly's integer encodings. */
export class Encoder {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The byte that was written last. */
  get last(): number | undefined {
    return this.#bytes[this.#length - 1];
  }

  /** What has been written; a view that the next write may invalidate. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets what has been written; the memory is used again. */
  clear(): void {
    this.#length = 0;
  }

  #room(n: number): void {
    if (this.#length + n <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + n));
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }

  u8(value: number): void {
    if (this.#length === this.#bytes.length) this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** Replaces a byte that has been written. */
  patch(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** Appends some bytes of an array: for few of them, a loop is the fastest. */
  copy(from: Uint8Array, start: number, end: number): void {
    this.#room(end - start);
    let length = this.#length;
    for (let i = start; i < end; i++) this.#bytes[length++] = from[i] as number;
    this.#length = length;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Unsigned LEB128, 32 bits. */
  unsigned(value: number): void {
    let v = value >>> 0;
    this.#room(5);
    while (v >= 0x80) {
      this.#bytes[this.#length++] = (v & 0x7f) | 0x80;
      v >>>= 7;
    }
    this.#bytes[this.#length++] = v;
  }

  /** Signed LEB128, 32 bits. */
  signed(value: number): void {
    let v = value | 0;
    this.#room(5);
    for (;;) {
      const byte = v & 0x7f;
      v >>= 7;
      if ((v === 0 && !(byte & 0x40)) || (v === -1 && byte & 0x40)) {
        this.#bytes[this.#length++] = byte;
        return;
      }
      this.#bytes[this.#length++] = byte | 0x80;
    }
  }

  /** Signed LEB128, 64 bits. */
  signed64(value: bigint | number): void {
    if (typeof value === "number" && value === (value | 0)) {
      this.signed(value);
      return;
    }
    let v = BigInt.asIntN(64, BigInt(value));
    for (;;) {
      const byte = Number(v & 0x7fn);
      v >>= 7n;
      if ((v === 0n && !(byte & 0x40)) || (v === -1n && byte & 0x40)) {
        this.u8(byte);
        return;
      }
      this.u8(byte | 0x80);
    }
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.raw(bytes);
  }

  /** A vector of bytes: length, then content. */
  sized(bytes: Uint8Array): void {
    this.unsigned(bytes.length);
    this.raw(bytes);
  }
}
