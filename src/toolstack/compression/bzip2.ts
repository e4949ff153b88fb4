/** bzip2: Huffman-coded, move-to-front and run-length coded blocks of a Burrows-Wheeler transform. */
import { DecompressError } from "./error.ts";
import { Output } from "./output.ts";

export const BZIP2_MAGIC = [0x42, 0x5a, 0x68] as const;

const BLOCK_MAGIC = 0x314159265359;
const END_MAGIC = 0x177245385090;
const GROUP_SIZE = 50;
const CODE_LENGTH_MAXIMUM = 20;

/** Bits, most significant first. */
class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;
  /** The next `#available` bits are its low ones. */
  #buffer = 0;
  #available = 0;
  /** How many of these lie behind the end of the data: one may look at them, not take them. */
  #beyond = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next bits, at most 24, without taking them. */
  peek(count: number): number {
    while (this.#available < count) {
      if (this.#position >= this.#bytes.length) this.#beyond += 8;
      this.#buffer = ((this.#buffer << 8) | (this.#bytes[this.#position++] ?? 0)) >>> 0;
      this.#available += 8;
    }
    return (this.#buffer >>> (this.#available - count)) & ((1 << count) - 1);
  }

  /** Takes bits that were looked at. */
  skip(count: number): void {
    this.#available -= count;
    if (this.#available < this.#beyond) throw new DecompressError("compressed data is truncated");
  }

  /** Up to 24 bits. */
  bits(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** A 48-bit number. */
  magic(): number {
    return this.bits(24) * 2 ** 24 + this.bits(24);
  }

  u32(): number {
    return this.bits(16) * 65536 + this.bits(16);
  }

  alignToByte(): void {
    this.skip(this.#available % 8);
  }

  get atEnd(): boolean {
    return this.#position >= this.#bytes.length && this.#available - this.#beyond < 8;
  }
}

/** Codes up to this length are looked up at once. */
const LOOKUP_BITS = 10;

/** A canonical Huffman code. */
class HuffmanTable {
  /** By the next LOOKUP_BITS bits: symbol and code length (5 bits), or 0 for longer codes. */
  readonly #lookup = new Uint16Array(1 << LOOKUP_BITS);
  /** By code length: the first code behind those of this length, and what to add to a code for its index. */
  readonly #limit = new Int32Array(CODE_LENGTH_MAXIMUM + 1);
  readonly #base = new Int32Array(CODE_LENGTH_MAXIMUM + 1);
  readonly #symbols: Uint16Array;

  constructor(lengths: Uint8Array) {
    this.#symbols = Uint16Array.from(lengths.keys()).sort(
      (a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b,
    );
    let code = 0;
    let index = 0;
    for (let length = 1; length <= CODE_LENGTH_MAXIMUM; length++) {
      this.#base[length] = index - code;
      for (; index < lengths.length && lengths[this.#symbols[index] as number] === length; index++, code++) {
        if (length > LOOKUP_BITS) continue;
        const spare = LOOKUP_BITS - length;
        this.#lookup.fill(((this.#symbols[index] as number) << 5) | length, code << spare, (code + 1) << spare);
      }
      this.#limit[length] = code;
      code <<= 1;
    }
  }

  decode(input: BitReader): number {
    const bits = input.peek(CODE_LENGTH_MAXIMUM);
    const found = this.#lookup[bits >> (CODE_LENGTH_MAXIMUM - LOOKUP_BITS)] as number;
    if (found !== 0) {
      input.skip(found & 31);
      return found >> 5;
    }
    for (let length = LOOKUP_BITS + 1; length <= CODE_LENGTH_MAXIMUM; length++) {
      const code = bits >> (CODE_LENGTH_MAXIMUM - length);
      const symbol = this.#symbols[code + (this.#base[length] as number)];
      if (code < (this.#limit[length] as number) && symbol !== undefined) {
        input.skip(length);
        return symbol;
      }
    }
    throw new DecompressError("bzip2: bad code");
  }
}

/** Which byte values occur in the block: a bit map of bit maps. */
function readAlphabet(input: BitReader): Uint8Array {
  const groups = input.bits(16);
  const alphabet: number[] = [];
  for (let i = 0; i < 16; i++) {
    if (!(groups & (0x8000 >> i))) continue;
    const members = input.bits(16);
    for (let j = 0; j < 16; j++) if (members & (0x8000 >> j)) alphabet.push(i * 16 + j);
  }
  if (alphabet.length === 0) throw new DecompressError("bzip2: empty alphabet");
  return Uint8Array.from(alphabet);
}

function moveToFront(list: Uint8Array, index: number): number {
  const value = list[index];
  if (value === undefined) throw new DecompressError("bzip2: bad index");
  // Mostly a few elements: a loop is faster than copyWithin.
  for (let i = index; i > 0; i--) list[i] = list[i - 1] as number;
  list[0] = value;
  return value;
}

/** Which Huffman table each group of 50 symbols uses. */
function readSelectors(input: BitReader, tables: number): Uint8Array {
  const selectors = new Uint8Array(input.bits(15));
  const order = Uint8Array.from({ length: tables }, (_, i) => i);
  for (let i = 0; i < selectors.length; i++) {
    let index = 0;
    while (input.bits(1)) index++;
    selectors[i] = moveToFront(order, index);
  }
  return selectors;
}

function readTable(input: BitReader, symbols: number): HuffmanTable {
  const lengths = new Uint8Array(symbols);
  let length = input.bits(5);
  for (let i = 0; i < symbols; i++) {
    while (input.bits(1)) length += input.bits(1) ? -1 : 1;
    if (length < 1 || length > CODE_LENGTH_MAXIMUM) throw new DecompressError("bzip2: bad code length");
    lengths[i] = length;
  }
  return new HuffmanTable(lengths);
}

/** Reads a block up to its last Burrows-Wheeler column, into `column`; returns its length. */
function readColumn(input: BitReader, column: Uint32Array): number {
  const alphabet = readAlphabet(input);
  const symbols = alphabet.length + 2;
  const tableCount = input.bits(3);
  if (tableCount < 2 || tableCount > 6) throw new DecompressError("bzip2: bad number of tables");
  const selectors = readSelectors(input, tableCount);
  const tables = Array.from({ length: tableCount }, () => readTable(input, symbols));

  let length = 0;
  let runLength = 0;
  let runBit = 1;
  const checkRoom = (count: number): void => {
    if (count > column.length - length) throw new DecompressError("bzip2: block too large");
  };
  for (const selector of selectors) {
    const table = tables[selector] as HuffmanTable;
    for (let i = 0; i < GROUP_SIZE; i++) {
      const symbol = table.decode(input);
      if (symbol < 2) {
        // RUNA and RUNB: a run of the front value, its length in bijective base 2.
        runLength += runBit << symbol;
        runBit <<= 1;
        if (runLength > column.length) throw new DecompressError("bzip2: block too large");
        continue;
      }
      if (runLength > 0) {
        checkRoom(runLength);
        column.fill(alphabet[0] as number, length, length + runLength);
        length += runLength;
        runLength = 0;
        runBit = 1;
      }
      if (symbol === symbols - 1) return length;
      checkRoom(1);
      column[length++] = moveToFront(alphabet, symbol - 1);
    }
  }
  throw new DecompressError("bzip2: block without end");
}

/** Undoes the Burrows-Wheeler transform and the outer run-length code (four equal bytes, then a count). */
function writeBlock(column: Uint32Array, length: number, origin: number, out: Output): void {
  if (origin >= length) throw new DecompressError("bzip2: bad origin");
  const next = new Uint32Array(256);
  for (let i = 0; i < length; i++) next[(column[i] as number) & 0xff]!++;
  for (let i = 0, sum = 0; i < 256; i++) {
    const count = next[i] as number;
    next[i] = sum;
    sum += count;
  }
  // Successor indices go above the byte that is already in each entry.
  for (let i = 0; i < length; i++) {
    const byte = (column[i] as number) & 0xff;
    const to = next[byte]!++;
    column[to] = (column[to] as number) | (i << 8);
  }
  let entry = column[origin] as number;
  let run = 0;
  let previous = -1;
  for (let i = 0; i < length; i++) {
    entry = column[entry >>> 8] as number;
    const byte = entry & 0xff;
    if (run === 4) {
      out.reserve(byte);
      out.bytes.fill(previous, out.length, out.length + byte);
      out.length += byte;
      run = 0;
      previous = -1;
      continue;
    }
    run = byte === previous ? run + 1 : 1;
    previous = byte;
    out.reserve(1);
    out.bytes[out.length++] = byte;
  }
}

/** Decodes all streams of a bzip2 file. What follows the last stream is ignored. */
export function decodeBzip2(data: Uint8Array, sizeHint?: number): Uint8Array {
  const input = new BitReader(data);
  const out = new Output(sizeHint);
  for (let stream = 0; ; stream++) {
    if (stream > 0 && input.atEnd) return out.result();
    const signature = input.bits(24);
    const level = input.bits(8) - 0x30;
    if (signature !== 0x425a68 || level < 1 || level > 9) {
      if (stream > 0) return out.result();
      throw new DecompressError("bzip2: bad header");
    }
    const column = new Uint32Array(level * 100_000);
    for (;;) {
      const magic = input.magic();
      input.u32(); // CRC of the block, or of the stream
      if (magic === END_MAGIC) break;
      if (magic !== BLOCK_MAGIC) throw new DecompressError("bzip2: damaged");
      if (input.bits(1)) throw new DecompressError("bzip2: randomised blocks are not supported");
      const origin = input.bits(24);
      const length = readColumn(input, column);
      writeBlock(column, length, origin, out);
    }
    input.alignToByte();
  }
}
