/**
 * xz: streams of blocks, each LZMA2 behind optional filters (xz file format 1.1).
 *
 * Written here since the packaged decoders lack the x86 branch filter, which every xz-compressed
 * kernel for x86 uses.
 */
import { undoBranchFilterX86 } from "./bcj.ts";
import { crc32, crc64 } from "./checksum.ts";
import { DecompressError } from "./error.ts";
import { LzmaDecoder } from "./lzma.ts";
import { Output } from "./output.ts";
import { Reader } from "./reader.ts";

export const XZ_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] as const;

const FILTER_DELTA = 3;
const FILTER_X86 = 4;
const FILTER_LZMA2 = 0x21;

/** Size in bytes of each check, by its number. */
const CHECK_SIZE = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const;
const CHECK_CRC32 = 1;
const CHECK_CRC64 = 4;

interface Filter {
  readonly id: number;
  readonly properties: Uint8Array;
}

/** A variable-length integer: 7 bits a byte, least significant first. */
function readInteger(input: Reader): number {
  let value = 0;
  for (let shift = 0; shift < 63; shift += 7) {
    const byte = input.byte();
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new DecompressError("xz: bad integer");
}

function checkCrc(what: string, data: Uint8Array, expected: number): void {
  if (crc32(data) !== expected) throw new DecompressError(`xz: ${what} is damaged`);
}

/** Reads the flags that the stream's header and footer share; returns the number of the check. */
function readStreamHeader(input: Reader): number {
  input.take(XZ_MAGIC.length);
  const flags = input.take(2);
  checkCrc("stream header", flags, input.u32le());
  const [reserved = 0, check = 0] = flags;
  if (reserved !== 0 || check > 15) throw new DecompressError("xz: stream flags not supported");
  return check;
}

/** Reads a block header; the size byte is still to come. */
function readBlockHeader(input: Reader): Filter[] {
  const start = input.position;
  const size = (input.byte() + 1) * 4;
  input.position = start;
  const header = input.take(size);
  const fields = new Reader(header, 1, size - 4);
  checkCrc("block header", header.subarray(0, size - 4), new Reader(header, size - 4).u32le());
  const flags = fields.byte();
  if (flags & 0x3c) throw new DecompressError("xz: block flags not supported");
  if (flags & 0x40) readInteger(fields);
  if (flags & 0x80) readInteger(fields);
  const filters: Filter[] = [];
  for (let i = 0; i <= (flags & 3); i++) {
    const id = readInteger(fields);
    filters.push({ id, properties: fields.take(readInteger(fields)) });
  }
  return filters;
}

/**
 * LZMA2: chunks, each with a control byte:
 * 0 end; 1 uncompressed, dictionary reset; 2 uncompressed; 0x80.. LZMA, with bits 5..6
 * nothing / state reset / + new properties / + dictionary reset, and bits 0..4 the size's bits 16..20.
 */
function decodeLzma2(input: Reader, out: Output): void {
  const decoder = new LzmaDecoder(out, input);
  let needDictionaryReset = true;
  let needProperties = true;
  for (;;) {
    const control = input.byte();
    if (control === 0) return;
    if (control === 1 || control >= 0xe0) {
      decoder.resetDictionary();
      needDictionaryReset = false;
    }
    if (needDictionaryReset) throw new DecompressError("lzma2: no dictionary reset at the start");
    if (control < 0x80) {
      if (control > 2) throw new DecompressError("lzma2: bad control byte");
      out.append(input.take(input.u16be() + 1));
      continue;
    }
    const uncompressed = ((control & 0x1f) << 16) + input.u16be() + 1;
    const compressed = input.u16be() + 1;
    if (control >= 0xc0) {
      decoder.setProperties(input.byte());
      needProperties = false;
    } else if (needProperties) {
      throw new DecompressError("lzma2: no properties at the start");
    } else if (control >= 0xa0) {
      decoder.resetState();
    }
    const chunk = new Reader(input.take(compressed));
    decoder.start(chunk);
    out.reserve(uncompressed);
    if (decoder.decode(out.length + uncompressed) || chunk.remaining !== 0 || !decoder.finished) {
      throw new DecompressError("lzma2: damaged chunk");
    }
  }
}

function undoFilters(filters: readonly Filter[], data: Uint8Array): void {
  // The last filter is LZMA2; the others were applied before it in this order.
  for (const filter of filters.slice(0, -1).reverse()) {
    if (filter.id === FILTER_X86) {
      undoBranchFilterX86(data, filter.properties.length === 4 ? new Reader(filter.properties).u32le() : 0);
    } else if (filter.id === FILTER_DELTA) {
      const distance = (filter.properties[0] ?? 0) + 1;
      for (let i = distance; i < data.length; i++) {
        data[i] = (data[i] as number) + (data[i - distance] as number);
      }
    } else {
      throw new DecompressError(`xz: filter ${filter.id} is not supported`);
    }
  }
}

function verifyCheck(check: number, stored: Uint8Array, data: Uint8Array): void {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const good =
    check === CHECK_CRC32
      ? view.getUint32(0, true) === crc32(data)
      : check === CHECK_CRC64
        ? view.getBigUint64(0, true) === crc64(data)
        : true; // SHA-256 and reserved checks may be ignored by a decoder.
  if (!good) throw new DecompressError("xz: data is damaged (wrong check)");
}

function skipPadding(input: Reader, start: number): void {
  while ((input.position - start) % 4 !== 0) {
    if (input.byte() !== 0) throw new DecompressError("xz: bad padding");
  }
}

function decodeBlock(input: Reader, check: number, out: Output): void {
  const start = input.position;
  const filters = readBlockHeader(input);
  if (filters.at(-1)?.id !== FILTER_LZMA2) throw new DecompressError("xz: last filter is not LZMA2");
  const from = out.length;
  decodeLzma2(input, out);
  skipPadding(input, start);
  const data = out.bytes.subarray(from, out.length);
  undoFilters(filters, data);
  verifyCheck(check, input.take(CHECK_SIZE[check] ?? 0), data);
}

/** Reads index and footer. What the index says of the blocks we have seen for ourselves. */
function readIndexAndFooter(input: Reader): void {
  const start = input.position;
  input.byte();
  for (let records = readInteger(input); records > 0; records--) {
    readInteger(input);
    readInteger(input);
  }
  skipPadding(input, start);
  checkCrc("index", input.bytes.subarray(start, input.position), input.u32le());
  const crc = input.u32le();
  checkCrc("stream footer", input.take(6), crc);
  if (input.u16le() !== 0x5a59) throw new DecompressError("xz: bad stream footer");
}

/** Decodes all streams of an xz file. What follows the last stream is ignored. */
export function decodeXz(data: Uint8Array, sizeHint?: number): Uint8Array {
  const input = new Reader(data);
  const out = new Output(sizeHint);
  if (!input.startsWith(XZ_MAGIC)) throw new DecompressError("xz: no stream header");
  while (input.startsWith(XZ_MAGIC)) {
    const check = readStreamHeader(input);
    while (input.bytes[input.position] !== 0) decodeBlock(input, check, out);
    readIndexAndFooter(input);
    // Stream padding: a multiple of four zero bytes.
    while (input.startsWith([0, 0, 0, 0])) input.position += 4;
  }
  return out.result();
}
