/**
 * The symbols that a Linux kernel carries in itself (CONFIG_KALLSYMS), found in its image.
 *
 * scripts/kallsyms.c of Linux writes these tables into .rodata, each aligned to 8 bytes:
 *
 *     names         a symbol each: length, then that many tokens; the first character is the type
 *     num_syms      number of symbols, before the names
 *     markers       offset of every 256th name
 *     token_table   256 strings
 *     token_index   offset of each string, 16 bits
 *     offsets       32 bits a symbol, and relative_base; or 64-bit addresses (before 4.6, and without
 *                   CONFIG_KALLSYMS_BASE_RELATIVE)
 *
 * Nothing points to them, so they are found by what they look like: the token table has the digits
 * one behind the other. Addresses are before num_syms up to Linux 6.3 and behind the token index
 * since; lengths above 127 take two bytes since 6.1, and did not occur before.
 */
import { type CodeSymbol, type SymbolTable, symbolTable } from "./symbols.ts";

const TOKENS = 256;
const DIGIT_0 = 0x30;
/** "0" to "9", each with its NUL. */
const DIGITS = Uint8Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? DIGIT_0 + i / 2 : 0));
const MARKER_SYMBOLS = 256;
/** A symbol takes at least a length and a token; more than this on average would be strange. */
const LEAST_BYTES = 2;
const MOST_BYTES = 64;
const MOST_SYMBOLS = 1 << 21;
/** Bytes of a token, and characters of a name: KSYM_NAME_LEN is 512. */
const LONGEST_NAME = 1024;
/** The image is a guest's: looking for tables in it must not take for ever. Steps; a real kernel takes some millions. */
const MOST_WORK = 100_000_000;
/** Kernel space: where addresses begin. */
const KERNEL_SPACE = 0xffff_8000_0000_0000n;

const align8 = (n: number): number => (n + 7) & ~7;

interface Tokens {
  readonly strings: readonly string[];
  /** Where the table begins, and where the index ends. */
  readonly start: number;
  readonly end: number;
}

interface Names {
  /** Where the number of symbols is. */
  readonly start: number;
  readonly count: number;
  /** Where the first name begins. */
  readonly first: number;
}

class Image {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  #work = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Counts steps of work. @returns false when there were too many */
  work(steps: number): boolean {
    this.#work += steps;
    return this.#work <= MOST_WORK;
  }

  /** The position behind a string at `at`, its NUL included; -1 if it is too long. */
  behindString(at: number): number {
    const end = this.bytes.subarray(at, at + LONGEST_NAME).indexOf(0);
    return end < 0 ? -1 : at + end + 1;
  }

  /** Positions of a pattern whose bytes of even index are all different (Horspool's search). */
  *find(pattern: Uint8Array): Generator<number> {
    const { bytes } = this;
    const last = pattern.length - 1;
    const skip = new Uint8Array(256).fill(pattern.length);
    for (let i = 0; i < last; i++) skip[pattern[i]!] = last - i;
    for (let at = 0; at + last < bytes.length; at += skip[bytes[at + last]!]!) {
      let i = last;
      while (i >= 0 && bytes[at + i] === pattern[i]) i--;
      if (i < 0) yield at;
    }
  }

  u16(at: number): number {
    return at + 2 <= this.bytes.length ? this.view.getUint16(at, true) : -1;
  }
  u32(at: number): number {
    return at >= 0 && at + 4 <= this.bytes.length ? this.view.getUint32(at, true) : -1;
  }
  u64(at: number): bigint {
    return at >= 0 && at + 8 <= this.bytes.length ? this.view.getBigUint64(at, true) : 0n;
  }
}

/** The token table around the digits at a position, if its index confirms it. */
function readTokens(image: Image, digits: number): Tokens | undefined {
  let end = digits;
  for (let token = DIGIT_0; token < TOKENS; token++) {
    end = image.behindString(end);
    if (end < 0) return undefined;
  }
  const index = align8(end);
  const start = digits - image.u16(index + DIGIT_0 * 2);
  if (start < 0 || start > digits) return undefined;
  const strings: string[] = [];
  let at = start;
  for (let token = 0; token < TOKENS; token++) {
    const behind = image.behindString(at);
    if (behind < 0 || image.u16(index + token * 2) !== at - start) return undefined;
    strings.push(String.fromCharCode(...image.bytes.subarray(at, behind - 1)));
    at = behind;
  }
  return { strings, start, end: index + TOKENS * 2 };
}

/** Length of a name in tokens, and of the length itself. */
function nameLength(bytes: Uint8Array, at: number): { tokens: number; size: number } {
  const low = bytes[at] ?? 0;
  return low < 0x80 ? { tokens: low, size: 1 } : { tokens: (low & 0x7f) | ((bytes[at + 1] ?? 0) << 7), size: 2 };
}

/** True if `count` names from a position are followed by the markers that they must have. */
function namesFit(image: Image, first: number, count: number, limit: number): boolean {
  const markers: number[] = [];
  let at = first;
  for (let i = 0; i < count; i++) {
    if (!image.work(1)) return false;
    if (i % MARKER_SYMBOLS === 0) markers.push(at - first);
    const { tokens, size } = nameLength(image.bytes, at);
    at += size + tokens;
    if (tokens === 0 || tokens > LONGEST_NAME || at > limit) return false;
  }
  const table = align8(at);
  // Markers were as wide as a pointer before Linux 4.20.
  return [4, 8].some((width) => markers.every((marker, i) => image.u32(table + i * width) === marker));
}

/** The names before the token table: looks backwards for their number. */
function findNames(image: Image, tokens: Tokens): Names | undefined {
  const lowest = Math.max(0, tokens.start - MOST_SYMBOLS * MOST_BYTES);
  for (let start = (tokens.start & ~7) - 16; start >= lowest && image.work(1); start -= 8) {
    const count = image.u32(start);
    // Aligned to 8 bytes behind it: the other half is no part of a 32-bit number, nor of a 64-bit one as small.
    if (count < 1 || count > MOST_SYMBOLS || image.u32(start + 4) !== 0) continue;
    const room = tokens.start - start - 8;
    if (count * LEAST_BYTES > room || count * MOST_BYTES < room) continue;
    if (namesFit(image, start + 8, count, tokens.start)) return { start, count, first: start + 8 };
  }
  return undefined;
}

/** True if addresses are those of a sorted table of a kernel's symbols. */
function plausible(addresses: BigUint64Array): boolean {
  for (let i = 1; i < addresses.length; i++) if (addresses[i]! < addresses[i - 1]!) return false;
  return (addresses.at(-1) ?? 0n) >= KERNEL_SPACE;
}

/** Offsets at a position, their base at another. */
function fromOffsets(image: Image, at: number, base: number, count: number): BigUint64Array | undefined {
  const relativeBase = image.u64(base);
  if (at < 0 || relativeBase < KERNEL_SPACE) return undefined;
  const offsets = Int32Array.from({ length: count }, (_, i) => image.view.getInt32(at + i * 4, true));
  // With absolute per-CPU symbols (SMP kernels of x86 before 6.15) all others have negative offsets.
  const absolutePercpu = offsets.some((offset) => offset < 0);
  const address = (offset: number): bigint => {
    if (!absolutePercpu) return relativeBase + BigInt(offset);
    return offset >= 0 ? BigInt(offset) : relativeBase - 1n - BigInt(offset);
  };
  const addresses = BigUint64Array.from(offsets, address);
  return plausible(addresses) ? addresses : undefined;
}

function fromAddresses(image: Image, at: number, count: number): BigUint64Array | undefined {
  if (at < 0 || at + count * 8 > image.bytes.length) return undefined;
  const addresses = BigUint64Array.from({ length: count }, (_, i) => image.u64(at + i * 8));
  return plausible(addresses) ? addresses : undefined;
}

function findAddresses(image: Image, tokens: Tokens, { start, count }: Names): BigUint64Array | undefined {
  const size = align8(count * 4);
  const behind = align8(tokens.end);
  const room = image.bytes.length - behind >= size + 8;
  return (
    fromOffsets(image, start - 8 - size, start - 8, count) ??
    (room ? fromOffsets(image, behind, behind + size, count) : undefined) ??
    fromAddresses(image, start - count * 8, count) ??
    fromAddresses(image, behind, count)
  );
}

/** The names, each with its type before it. They go into reports: what is not printable does not. */
function decodeNames(image: Image, { strings }: Tokens, { first, count }: Names): string[] {
  const { bytes } = image;
  const names: string[] = [];
  for (let i = 0, at = first; i < count; i++) {
    const { tokens, size } = nameLength(bytes, at);
    let name = "";
    for (const token of bytes.subarray(at + size, at + size + tokens)) name += strings[token] ?? "";
    if (name.length > LONGEST_NAME || !image.work(name.length)) return [];
    names.push(name.replace(/[^!-~]/g, "?"));
    at += size + tokens;
  }
  return names;
}

/**
 * The code symbols of a kernel.
 * @param bytes the kernel's image as it is in memory, from an address that is a multiple of 8
 * @returns undefined if there are no such tables, or of a kind that is not known here
 */
export function readKallsyms(bytes: Uint8Array): SymbolTable | undefined {
  const image = new Image(bytes);
  for (const digits of image.find(DIGITS)) {
    const tokens = readTokens(image, digits);
    const names = tokens && findNames(image, tokens);
    const addresses = names && findAddresses(image, tokens, names);
    if (!addresses) continue;
    const symbols: CodeSymbol[] = [];
    let end = 0n;
    decodeNames(image, tokens, names).forEach((typed, i) => {
      const name = typed.slice(1);
      const address = addresses[i] ?? 0n;
      if (name === "_end" || (name === "_etext" && end === 0n)) end = address;
      if (/^[tTwW]/.test(typed)) symbols.push({ address, name });
    });
    const highest = symbols.reduce((most, { address }) => (address > most ? address : most), 0n);
    if (symbols.length > 0) return symbolTable(symbols, end > highest ? end : highest + 0x1000n);
  }
  return undefined;
}
