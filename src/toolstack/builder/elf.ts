/** ELF executables of both classes: the parts that a loader needs. */
import { ImageError } from "./error.ts";

export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const SHT_NOTE = 7;
const SHT_NOBITS = 8;
const EM_386 = 3;
const EM_X86_64 = 62;

export interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly vaddr: bigint;
  readonly paddr: bigint;
  readonly fileSize: number;
  readonly memorySize: number;
}

export interface Section {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

export interface ElfImage {
  readonly bytes: Uint8Array;
  /** 64 for x86-64, 32 for i386. */
  readonly width: 64 | 32;
  readonly entry: bigint;
  readonly segments: readonly Segment[];
  readonly sections: readonly Section[];
  /** The content of a segment or section. */
  content(part: { offset: number; fileSize?: number; size?: number }): Uint8Array;
}

/** Reads fields that are 4 bytes wide in one class and 8 in the other. */
class ElfReader {
  readonly view: DataView;
  readonly is64: boolean;

  constructor(bytes: Uint8Array, is64: boolean) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.is64 = is64;
  }

  #check(offset: number, size: number): void {
    if (offset < 0 || offset + size > this.view.byteLength) {
      throw new ImageError(
        `ELF file is truncated: its headers point to byte ${offset + size} of ${this.view.byteLength}`,
      );
    }
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.view.getUint16(offset, true);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.view.getUint32(offset, true);
  }

  /** An address (Elf32_Addr, Elf64_Addr). */
  address(offset64: number, offset32: number): bigint {
    if (!this.is64) return BigInt(this.u32(offset32));
    this.#check(offset64, 8);
    return this.view.getBigUint64(offset64, true);
  }

  /** A size or file offset; those beyond 2^53 are as good as any beyond the file's end. */
  number(offset64: number, offset32: number): number {
    return Number(this.address(offset64, offset32));
  }
}

function readSegments(elf: ElfReader): Segment[] {
  const base = elf.number(32, 28);
  const entrySize = elf.u16(elf.is64 ? 54 : 42);
  const count = elf.u16(elf.is64 ? 56 : 44);
  const segments: Segment[] = [];
  for (let i = 0; i < count; i++) {
    const at = base + i * entrySize;
    segments.push({
      type: elf.u32(at),
      offset: elf.number(at + 8, at + 4),
      vaddr: elf.address(at + 16, at + 8),
      paddr: elf.address(at + 24, at + 12),
      fileSize: elf.number(at + 32, at + 16),
      memorySize: elf.number(at + 40, at + 20),
    });
  }
  return segments;
}

function cString(bytes: Uint8Array, offset: number): string {
  let end = offset;
  while (end < bytes.length && bytes[end] !== 0) end++;
  return new TextDecoder("latin1").decode(bytes.subarray(offset, end));
}

function readSections(elf: ElfReader, bytes: Uint8Array): Section[] {
  const base = elf.number(40, 32);
  const entrySize = elf.u16(elf.is64 ? 58 : 46);
  const count = elf.u16(elf.is64 ? 60 : 48);
  const namesIndex = elf.u16(elf.is64 ? 62 : 50);
  // Sections are optional for a loader: stripped or cut-off tables only mean that there are none.
  if (base === 0 || base + count * entrySize > bytes.length) return [];
  const offsetOf = (index: number): number => {
    const at = base + index * entrySize;
    return elf.number(at + 24, at + 16);
  };
  const names = namesIndex < count ? offsetOf(namesIndex) : bytes.length;
  const sections: Section[] = [];
  for (let i = 0; i < count; i++) {
    const at = base + i * entrySize;
    const type = elf.u32(at + 4);
    sections.push({
      name: cString(bytes, names + elf.u32(at)),
      type,
      offset: offsetOf(i),
      size: type === SHT_NOBITS ? 0 : elf.number(at + 32, at + 20),
    });
  }
  return sections;
}

function checkHeader(bytes: Uint8Array): void {
  if (bytes.length < 4 || bytes[0] !== 0x7f || bytes[1] !== 0x45 || bytes[2] !== 0x4c || bytes[3] !== 0x46) {
    throw new ImageError("not a kernel image: neither a bzImage nor an ELF file, plain or compressed");
  }
  if (bytes.length < 52) throw new ImageError("ELF file is truncated: no complete header");
  if (bytes[5] !== 1) throw new ImageError("not an x86 kernel: big-endian ELF file");
}

/** Parses an ELF file. All parts that are loaded lie within the file. */
export function readElf(bytes: Uint8Array): ElfImage {
  checkHeader(bytes);
  const is64 = bytes[4] === 2;
  const elf = new ElfReader(bytes, is64);
  const machine = elf.u16(18);
  if (machine !== (is64 ? EM_X86_64 : EM_386)) {
    throw new ImageError(`not an x86 kernel: ELF machine ${machine}, class ${is64 ? 64 : 32}`);
  }
  const segments = readSegments(elf);
  for (const { type, offset, fileSize, memorySize } of segments) {
    if (type !== PT_LOAD && type !== PT_NOTE) continue;
    if (offset + fileSize > bytes.length) {
      throw new ImageError(`ELF file is truncated: a segment ends at byte ${offset + fileSize} of ${bytes.length}`);
    }
    if (type === PT_LOAD && fileSize > memorySize) {
      throw new ImageError("ELF file is damaged: a segment is larger in the file than in memory");
    }
  }
  return {
    bytes,
    width: is64 ? 64 : 32,
    entry: elf.address(24, 24),
    segments,
    sections: readSections(elf, bytes),
    content: ({ offset, fileSize, size }) => bytes.subarray(offset, offset + (fileSize ?? size ?? 0)),
  };
}
