/** A cursor over compressed bytes. Reading behind the end is a `DecompressError`. */
import { DecompressError } from "./error.ts";

export class Reader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  byte(): number {
    if (this.position >= this.end) throw new DecompressError("compressed data is truncated");
    return this.bytes[this.position++] as number;
  }

  u16le(): number {
    return this.byte() | (this.byte() << 8);
  }

  u32le(): number {
    return (this.u16le() | (this.u16le() << 16)) >>> 0;
  }

  u16be(): number {
    return (this.byte() << 8) | this.byte();
  }

  u32be(): number {
    return ((this.u16be() << 16) | this.u16be()) >>> 0;
  }

  /** The next `count` bytes, not copied. */
  take(count: number): Uint8Array {
    if (count > this.remaining) throw new DecompressError("compressed data is truncated");
    const start = this.position;
    this.position += count;
    return this.bytes.subarray(start, this.position);
  }

  startsWith(magic: readonly number[]): boolean {
    return magic.length <= this.remaining && magic.every((b, i) => this.bytes[this.position + i] === b);
  }
}
