/** Recognizes and decodes the compressions of kernels, ramdisks and Debian packages. */

import { gunzipSync } from "fflate";
import { decompress as decodeZstd } from "fzstd";
import { BZIP2_MAGIC, decodeBzip2 } from "./bzip2.ts";
import { DecompressError } from "./error.ts";
import { decodeLz4Legacy, LZ4_LEGACY_MAGIC } from "./lz4.ts";
import { decodeLzma } from "./lzma.ts";
import { decodeLzop, LZOP_MAGIC } from "./lzo.ts";
import { Reader } from "./reader.ts";
import { decodeXz, XZ_MAGIC } from "./xz.ts";

export { DecompressError } from "./error.ts";

export type Compression = "gzip" | "bzip2" | "lzma" | "xz" | "lzo" | "lz4" | "zstd";

/** First bytes by which each is known. LZMA has no magic: 0x5d is its usual properties byte, then come zeros of the dictionary size. */
const MAGIC: Readonly<Record<Compression, readonly number[]>> = {
  gzip: [0x1f, 0x8b, 0x08],
  bzip2: BZIP2_MAGIC,
  lzma: [0x5d, 0x00, 0x00],
  xz: XZ_MAGIC,
  lzo: LZOP_MAGIC,
  lz4: LZ4_LEGACY_MAGIC,
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/** Which compression the data begins with, if any. */
export function detectCompression(data: Uint8Array): Compression | undefined {
  const start = new Reader(data);
  return (Object.keys(MAGIC) as Compression[]).find((name) => start.startsWith(MAGIC[name]));
}

function decode(data: Uint8Array, format: Compression, sizeHint: number | undefined): Uint8Array {
  switch (format) {
    case "gzip":
      return gunzipSync(data);
    case "zstd":
      return decodeZstd(data);
    case "xz":
      return decodeXz(data, sizeHint);
    case "lzma":
      return decodeLzma(data, sizeHint);
    case "bzip2":
      return decodeBzip2(data, sizeHint);
    case "lzo":
      return decodeLzop(data, sizeHint);
    case "lz4":
      return decodeLz4Legacy(data, sizeHint);
  }
}

/**
 * Decompresses.
 * @param sizeHint expected size of the result, if known
 * @throws DecompressError
 */
export function decompress(data: Uint8Array, format: Compression, sizeHint?: number): Uint8Array {
  if (data.length === 0) throw new DecompressError(`${format}: no data`);
  try {
    return decode(data, format, sizeHint);
  } catch (error) {
    if (error instanceof DecompressError) throw error;
    throw new DecompressError(`${format}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
