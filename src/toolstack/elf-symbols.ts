/** The symbols of a program: an ELF executable that is always loaded at the same addresses. */
import { type ElfImage, readElf, type Section } from "./builder/elf.ts";
import { type CodeSymbol, type SymbolTable, symbolTable } from "./symbols.ts";

const ELF_TYPE = 16;
const ET_EXEC = 2;
/** Elf64_Sym and Elf32_Sym: size, and offsets of st_info, st_shndx, st_value and st_size. */
const LAYOUT = {
  64: { size: 24, info: 4, section: 6, value: 8, length: 16 },
  32: { size: 16, info: 12, section: 14, value: 4, length: 8 },
} as const;
const STT_NOTYPE = 0;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;
const SHN_UNDEF = 0;
const SHN_ABS = 0xfff1;

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

function stringAt(strings: Uint8Array, offset: number): string {
  const end = strings.indexOf(0, offset);
  return new TextDecoder().decode(strings.subarray(offset, end < 0 ? strings.length : end));
}

function readTable(elf: ElfImage, symbols: Section, names: Section): (CodeSymbol & { end: bigint })[] {
  const bytes = elf.content(symbols);
  const strings = elf.content(names);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const layout = LAYOUT[elf.width];
  const word = (at: number): bigint =>
    elf.width === 64 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
  const found: (CodeSymbol & { end: bigint })[] = [];
  for (let at = 0; at + layout.size <= bytes.length; at += layout.size) {
    const type = (bytes[at + layout.info] ?? 0) & 15;
    const section = view.getUint16(at + layout.section, true);
    // Assembly has labels without a type.
    if (type !== STT_FUNC && type !== STT_GNU_IFUNC && type !== STT_NOTYPE) continue;
    if (section === SHN_UNDEF || section >= SHN_ABS) continue;
    const name = stringAt(strings, view.getUint32(at, true));
    const address = word(at + layout.value);
    if (name !== "") found.push({ address, name, end: address + word(at + layout.length) });
  }
  return found;
}

/**
 * Reads .symtab, or .dynsym where there is no other.
 * @throws ImageError, Error if it is no such program, or has no symbols
 */
export function readElfSymbols(bytes: Uint8Array): SymbolTable {
  const elf = readElf(bytes);
  const type = new DataView(bytes.buffer, bytes.byteOffset).getUint16(ELF_TYPE, true);
  if (type !== ET_EXEC) {
    throw new Error("it is position-independent: where it is loaded is only known when it runs (link it with -no-pie)");
  }
  const section = (name: string): Section | undefined => elf.sections.find((s) => s.name === name);
  for (const [table, names] of [
    [section(".symtab"), section(".strtab")],
    [section(".dynsym"), section(".dynstr")],
  ]) {
    const symbols = table && names ? readTable(elf, table, names) : [];
    if (symbols.length === 0) continue;
    const end = symbols.reduce((most, symbol) => (symbol.end > most ? symbol.end : most), 0n);
    const highest = symbols.reduce((most, { address }) => (address > most ? address : most), 0n);
    return symbolTable(symbols, end > highest ? end : highest + 1n);
  }
  throw new Error("it has no symbols: it has been stripped");
}
