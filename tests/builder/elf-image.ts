/** Makes small ELF kernels for tests. */
import { XEN_ELFNOTE } from "../../src/abi/elfnote.ts";

export interface TestSegment {
  readonly paddr: bigint;
  readonly vaddr?: bigint;
  readonly data: Uint8Array;
  readonly memorySize?: number;
}

export interface TestElf {
  readonly width?: 64 | 32;
  readonly entry?: bigint;
  readonly segments?: readonly TestSegment[];
  /** Content of a PT_NOTE segment. */
  readonly notes?: Uint8Array;
  /** Sections by name; those named ".note*" get type SHT_NOTE. */
  readonly sections?: Readonly<Record<string, Uint8Array>>;
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

export function joinBytes(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** One ELF note. Numbers are 8 bytes wide, or 4 if given as a number. */
export function note(type: number, value: string | bigint | number, owner = "Xen"): Uint8Array {
  let descriptor: Uint8Array;
  if (typeof value === "string") descriptor = ascii(`${value}\0`);
  else if (typeof value === "number") descriptor = new Uint8Array(Uint32Array.of(value).buffer);
  else descriptor = new Uint8Array(BigUint64Array.of(value).buffer);
  const name = ascii(`${owner}\0`);
  const padded = (bytes: Uint8Array): Uint8Array => joinBytes(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));
  return joinBytes(
    new Uint8Array(Uint32Array.of(name.length, descriptor.length, type).buffer),
    padded(name),
    padded(descriptor),
  );
}

/** The notes that a plain PV64 kernel at `virtBase` has. */
export function plainNotes(virtBase: bigint, ...more: Uint8Array[]): Uint8Array {
  return joinBytes(
    note(XEN_ELFNOTE.XEN_VERSION, "xen-3.0"),
    note(XEN_ELFNOTE.GUEST_OS, "test"),
    note(XEN_ELFNOTE.LOADER, "generic"),
    note(XEN_ELFNOTE.VIRT_BASE, virtBase),
    ...more,
  );
}

export function makeElf(options: TestElf): Uint8Array {
  const is64 = (options.width ?? 64) === 64;
  const word = is64 ? 8 : 4;
  const headerSize = is64 ? 64 : 52;
  const programSize = is64 ? 56 : 32;
  const sectionSize = is64 ? 64 : 40;
  const segments = options.segments ?? [];
  const programs = segments.length + (options.notes ? 1 : 0);
  const sections = Object.entries(options.sections ?? {});
  const names = ascii(`\0${[...sections.map(([name]) => name), ".shstrtab"].join("\0")}\0`);
  const sectionData = sections.length > 0 ? [...sections.map(([, data]) => data), names] : [];

  const contents: Uint8Array[] = [];
  let end = headerSize + programs * programSize;
  const place = (data: Uint8Array): number => {
    const at = end;
    contents.push(data);
    end += data.length;
    return at;
  };
  const segmentAt = segments.map(({ data }) => place(data));
  const notesAt = options.notes ? place(options.notes) : 0;
  const sectionAt = sectionData.map(place);
  const sectionTable = end;

  const bytes = new Uint8Array(end + (sections.length > 0 ? (sectionData.length + 1) * sectionSize : 0));
  const view = new DataView(bytes.buffer);
  const address = (at: number, value: bigint | number): void =>
    is64 ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, Number(value), true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, is64 ? 62 : 3, true);
  address(24, options.entry ?? 0n);
  address(24 + word, headerSize);
  if (sections.length > 0) address(24 + 2 * word, sectionTable);
  const tail = 24 + 3 * word + 4;
  view.setUint16(tail, headerSize, true);
  view.setUint16(tail + 2, programSize, true);
  view.setUint16(tail + 4, programs, true);
  view.setUint16(tail + 6, sectionSize, true);
  view.setUint16(tail + 8, sections.length > 0 ? sectionData.length + 1 : 0, true);
  view.setUint16(tail + 10, sections.length > 0 ? sectionData.length : 0, true);

  const program = (
    i: number,
    type: number,
    offset: number,
    vaddr: bigint,
    paddr: bigint,
    file: number,
    memory: number,
  ): void => {
    const at = headerSize + i * programSize;
    view.setUint32(at, type, true);
    const fields = is64 ? [8, 16, 24, 32, 40] : [4, 8, 12, 16, 20];
    for (const [n, value] of [offset, vaddr, paddr, file, memory].entries()) address(at + (fields[n] as number), value);
  };
  for (const [i, s] of segments.entries()) {
    program(i, 1, segmentAt[i] as number, s.vaddr ?? s.paddr, s.paddr, s.data.length, s.memorySize ?? s.data.length);
  }
  if (options.notes) program(segments.length, 4, notesAt, 0n, 0n, options.notes.length, options.notes.length);

  let at = headerSize + programs * programSize;
  for (const data of contents) {
    bytes.set(data, at);
    at += data.length;
  }
  if (sections.length > 0) {
    sectionData.forEach((data, i) => {
      const base = sectionTable + (i + 1) * sectionSize;
      const name = sections[i]?.[0] ?? ".shstrtab";
      view.setUint32(base, Buffer.from(names).indexOf(`\0${name}\0`) + 1, true);
      view.setUint32(base + 4, name.startsWith(".note") ? 7 : 1, true);
      address(base + (is64 ? 24 : 16), sectionAt[i] as number);
      address(base + (is64 ? 32 : 20), data.length);
    });
  }
  return bytes;
}

/** Wraps a payload as a bzImage does. */
export function makeBzImage(payload: Uint8Array, version = 0x20f): Uint8Array {
  const setup = 2;
  const offset = 64;
  const image = new Uint8Array((setup + 1) * 512 + offset + payload.length + 100);
  const view = new DataView(image.buffer);
  image[0x1f1] = setup;
  view.setUint16(0x1fe, 0xaa55, true);
  image.set(ascii("HdrS"), 0x202);
  view.setUint16(0x206, version, true);
  view.setUint32(0x248, offset, true);
  view.setUint32(0x24c, payload.length, true);
  image.set(payload, (setup + 1) * 512 + offset);
  return image;
}
