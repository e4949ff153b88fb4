/**
 * The Linux bzImage: a setup header (Documentation/arch/x86/boot.rst of Linux) and, inside, a
 * compressed ELF file, the only part that a PV guest needs.
 */
import { type Compression, DecompressError, decompress, detectCompression } from "../compression/index.ts";
import { ImageError } from "./error.ts";

const SETUP_SECTORS = 0x1f1;
const BOOT_FLAG = 0x1fe;
const HEADER_MAGIC = 0x202;
const PROTOCOL_VERSION = 0x206;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const HDRS = 0x53726448; // "HdrS"
const SECTOR = 512;

export function isBzImage(image: Uint8Array): boolean {
  if (image.length < PAYLOAD_LENGTH + 4) return false;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  return view.getUint16(BOOT_FLAG, true) === 0xaa55 && view.getUint32(HEADER_MAGIC, true) === HDRS;
}

export interface BzImagePayload {
  readonly data: Uint8Array;
  readonly compression: Compression | undefined;
  /** Uncompressed size, where the payload ends with it. */
  readonly size: number | undefined;
}

/** Finds the payload of a bzImage. */
export function bzImagePayload(image: Uint8Array): BzImagePayload {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const version = view.getUint16(PROTOCOL_VERSION, true);
  if (version < 0x208) {
    const text = `${version >> 8}.${String(version & 0xff).padStart(2, "0")}`;
    throw new ImageError(`bzImage with boot protocol ${text}: a PV guest needs 2.08 (Linux 2.6.26) or later`);
  }
  // Zero means four, from times when the field was new.
  const setupSectors = image[SETUP_SECTORS] || 4;
  const start = (setupSectors + 1) * SECTOR + view.getUint32(PAYLOAD_OFFSET, true);
  const length = view.getUint32(PAYLOAD_LENGTH, true);
  if (length < 4 || start + length > image.length) {
    throw new ImageError(
      `bzImage is truncated: its payload ends at byte ${start + length}, the file at ${image.length}`,
    );
  }
  const payload = image.subarray(start, start + length);
  const compression = detectCompression(payload);
  // gzip ends with the size by itself; behind the other formats the kernel's build appends it.
  const size = compression ? view.getUint32(start + length - 4, true) : undefined;
  const data = compression && compression !== "gzip" ? payload.subarray(0, -4) : payload;
  return { data, compression, size };
}

function unpack(data: Uint8Array, compression: Compression, sizeHint?: number): Uint8Array {
  try {
    return decompress(data, compression, sizeHint);
  } catch (error) {
    if (error instanceof DecompressError) throw new ImageError(`kernel image cannot be decompressed: ${error.message}`);
    throw error;
  }
}

/**
 * The ELF file inside a kernel image: a bzImage, a compressed ELF file, or an ELF file.
 * What is none of these is returned as it is; `readElf` says so.
 */
export function extractElf(image: Uint8Array): Uint8Array {
  if (isBzImage(image)) {
    const { data, compression, size } = bzImagePayload(image);
    const elf = compression ? unpack(data, compression, size) : data;
    if (compression && size !== elf.length) {
      throw new ImageError(`bzImage is damaged: its payload has ${elf.length} bytes, not ${size}`);
    }
    return elf;
  }
  const compression = detectCompression(image);
  return compression ? unpack(image, compression) : image;
}
