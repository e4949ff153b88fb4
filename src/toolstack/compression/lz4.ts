/** LZ4: blocks, and the "legacy" frame of `lz4 -l` that kernels are compressed with. */
import { DecompressError } from "./error.ts";
import { Output } from "./output.ts";
import { Reader } from "./reader.ts";

export const LZ4_LEGACY_MAGIC = [0x02, 0x21, 0x4c, 0x18] as const;
const MAGIC = 0x184c2102;
/** Uncompressed size of every block but the last. */
const BLOCK_MAXIMUM = 8 << 20;

/** A length of 15 in a token goes on in further bytes, up to the first that is not 255. */
function extendLength(length: number, input: Reader): number {
  if (length < 15) return length;
  for (let byte = 255; byte === 255; length += byte) byte = input.byte();
  return length;
}

/** Decodes one block: sequences of literals and a match; the last has literals only. */
export function decodeLz4Block(block: Uint8Array, out: Output, maximum = BLOCK_MAXIMUM): void {
  const input = new Reader(block);
  const start = out.length;
  for (;;) {
    const token = input.byte();
    out.append(input.take(extendLength(token >> 4, input)));
    if (out.length - start > maximum) throw new DecompressError("lz4: block too large");
    if (input.remaining === 0) return;
    const distance = input.u16le();
    const length = extendLength(token & 15, input) + 4;
    if (distance === 0 || distance > out.length - start) {
      throw new DecompressError("lz4: match before the start of the data");
    }
    if (length > maximum) throw new DecompressError("lz4: block too large");
    out.copyMatch(distance, length);
  }
}

/** Legacy frame: magic, then blocks of (compressed size u32, data), each independent. */
export function decodeLz4Legacy(data: Uint8Array, sizeHint?: number): Uint8Array {
  const input = new Reader(data, LZ4_LEGACY_MAGIC.length);
  const out = new Output(sizeHint);
  while (input.remaining > 0) {
    const size = input.u32le();
    // Frames may be concatenated.
    if (size === MAGIC) continue;
    decodeLz4Block(input.take(size), out);
  }
  return out.result();
}
