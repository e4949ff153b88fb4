/** LZO1X and the container of `lzop`, the form in which kernels are LZO-compressed. */
import { DecompressError } from "./error.ts";
import { Output } from "./output.ts";
import { Reader } from "./reader.ts";

export const LZOP_MAGIC = [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a] as const;

/** Header flags of lzop. */
const ADLER32_D = 1,
  ADLER32_C = 2,
  EXTRA_FIELD = 0x40,
  CRC32_D = 0x100,
  CRC32_C = 0x200,
  FILTER = 0x800;

/** A length whose bits in the opcode are 0 goes on in further bytes: 255 for each zero byte, then the last. */
function extendLength(bits: number, mask: number, input: Reader): number {
  if (bits !== 0) return bits;
  let length = mask;
  let byte = input.byte();
  for (; byte === 0; byte = input.byte()) length += 255;
  return length + byte;
}

/**
 * Decodes one LZO1X block. Opcodes by their top bits:
 *
 *     0000LLLL   literals (3 + L) after a match without trailing literals; after 1-3 literals a
 *                2-byte match within 1 KiB; after a literal run a 3-byte match at 2049..3072
 *     0001HLLL   match at 16 KiB..48 KiB; distance 16 KiB ends the block
 *     001LLLLL   match within 16 KiB
 *     01LDDDSS   3-4 byte match within 2 KiB; 1LLDDDSS 5-8 byte match within 2 KiB
 *
 * The two low bits of a match's last distance field count literals (0..3) that follow it.
 */
export function decodeLzo1x(block: Uint8Array, out: Output, maximum: number): void {
  const input = new Reader(block);
  const start = out.length;
  /** 0: after a match; 1..3: after that many trailing literals; 4: after a run of literals. */
  let state = 0;
  const literals = (count: number): void => {
    if (out.length - start + count > maximum) throw new DecompressError("lzo: block too large");
    out.append(input.take(count));
  };
  const first = block[0] ?? 0;
  if (first > 17) {
    input.byte();
    literals(first - 17);
    state = Math.min(first - 17, 4);
  }
  for (;;) {
    const op = input.byte();
    let distance: number;
    let length: number;
    let trailing: number;
    if (op >= 64) {
      trailing = op & 3;
      distance = (input.byte() << 3) + ((op >> 2) & 7) + 1;
      length = (op >> 5) + 1;
    } else if (op >= 32) {
      length = extendLength(op & 31, 31, input) + 2;
      const field = input.u16le();
      trailing = field & 3;
      distance = (field >> 2) + 1;
    } else if (op >= 16) {
      length = extendLength(op & 7, 7, input) + 2;
      const field = input.u16le();
      trailing = field & 3;
      distance = 0x4000 + ((op & 8) << 11) + (field >> 2);
      if (distance === 0x4000) {
        if (length !== 3 || input.remaining !== 0) throw new DecompressError("lzo: bad end of block");
        return;
      }
    } else if (state === 0) {
      literals(extendLength(op, 15, input) + 3);
      state = 4;
      continue;
    } else {
      trailing = op & 3;
      distance = (op >> 2) + (input.byte() << 2) + (state === 4 ? 0x801 : 1);
      length = state === 4 ? 3 : 2;
    }
    if (distance > out.length - start) throw new DecompressError("lzo: match before the start of the data");
    if (out.length - start + length > maximum) throw new DecompressError("lzo: block too large");
    out.copyMatch(distance, length);
    literals(trailing);
    state = trailing;
  }
}

/** Reads the header of an lzop file; returns its flags. */
function readHeader(input: Reader): number {
  input.take(LZOP_MAGIC.length);
  const version = input.u16be();
  input.u16be(); // library version
  if (version >= 0x940) input.u16be(); // version needed to extract
  const method = input.byte();
  if (method < 1 || method > 3) throw new DecompressError(`lzop: method ${method} is not supported`);
  if (version >= 0x940) input.byte(); // level
  const flags = input.u32be();
  if (flags & FILTER) throw new DecompressError("lzop: filters are not supported");
  input.u32be(); // mode
  input.u32be(); // time, low
  if (version >= 0x940) input.u32be(); // time, high
  input.take(input.byte()); // name
  input.u32be(); // checksum of the header
  if (flags & EXTRA_FIELD) {
    input.take(input.u32be());
    input.u32be();
  }
  return flags;
}

/** Decodes an lzop file: blocks of (uncompressed size, compressed size, checksums, data), ended by size 0. */
export function decodeLzop(data: Uint8Array, sizeHint?: number): Uint8Array {
  const input = new Reader(data);
  const flags = readHeader(input);
  const out = new Output(sizeHint);
  for (;;) {
    const uncompressed = input.u32be();
    if (uncompressed === 0) return out.result();
    const compressed = input.u32be();
    if (compressed > uncompressed) throw new DecompressError("lzop: bad block size");
    if (flags & ADLER32_D) input.u32be();
    if (flags & CRC32_D) input.u32be();
    const stored = compressed === uncompressed;
    if (!stored && flags & ADLER32_C) input.u32be();
    if (!stored && flags & CRC32_C) input.u32be();
    const block = input.take(compressed);
    const before = out.length;
    if (stored) out.append(block);
    else decodeLzo1x(block, out, uncompressed);
    if (out.length - before !== uncompressed) throw new DecompressError("lzop: damaged block");
  }
}
