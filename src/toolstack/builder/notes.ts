/** Reads and checks what an image says of itself: ELF notes "Xen", or the older section `__xen_guest`. */
import { XEN_ELFNOTE, XEN_ELFNOTE_OWNER, XENFEAT_NAMES } from "../../abi/elfnote.ts";
import { type ElfImage, PT_LOAD, PT_NOTE, SHT_NOTE } from "./elf.ts";
import { ImageError } from "./error.ts";

/** What the builder must know of a PV kernel. Addresses are virtual unless said otherwise. */
export interface PvImage {
  readonly elf: ElfImage;
  readonly width: 64 | 32;
  readonly guestOs: string;
  readonly guestVersion: string;
  readonly entry: bigint;
  readonly virtBase: bigint;
  readonly paddrOffset: bigint;
  /** First and (exclusive) last address of the loaded image. */
  readonly kernelStart: bigint;
  readonly kernelEnd: bigint;
  readonly hypercallPage: bigint | undefined;
  readonly initP2m: bigint | undefined;
  readonly modStartPfn: boolean;
  readonly suspendCancel: boolean;
  readonly extendedCr3: boolean;
  /** Features that the image can use, and those that it cannot do without: bit masks of XENFEAT_*. */
  readonly supportedFeatures: number;
  readonly requiredFeatures: number;
}

/** Notes by type; for the old section, made to look like notes. */
type Notes = Map<number, string | bigint>;

const STRINGS: ReadonlySet<number> = new Set([
  XEN_ELFNOTE.INFO,
  XEN_ELFNOTE.XEN_VERSION,
  XEN_ELFNOTE.GUEST_OS,
  XEN_ELFNOTE.GUEST_VERSION,
  XEN_ELFNOTE.LOADER,
  XEN_ELFNOTE.PAE_MODE,
  XEN_ELFNOTE.FEATURES,
  XEN_ELFNOTE.BSD_SYMTAB,
]);

const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes).replace(/\0.*$/s, "");
/** Not by bit operations: damaged sizes may exceed 31 bits. */
const align4 = (n: number): number => Math.ceil(n / 4) * 4;

/** Collects the notes of owner "Xen" from one note segment or section: {namesz, descsz, type, name, desc}. */
function collect(data: Uint8Array, notes: Notes): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at + 12 <= data.length; ) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const name = at + 12;
    const descriptor = name + align4(nameSize);
    if (descriptor + size > data.length) return;
    at = descriptor + align4(size);
    if (text(data.subarray(name, name + nameSize)) !== XEN_ELFNOTE_OWNER) continue;
    if (STRINGS.has(type)) notes.set(type, text(data.subarray(descriptor, descriptor + size)));
    else if (size >= 8) notes.set(type, view.getBigUint64(descriptor, true));
    else if (size >= 4) notes.set(type, BigInt(view.getUint32(descriptor, true)));
  }
}

function parseNumber(value: string, key: string): bigint {
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(value))
    throw new ImageError(`bad __xen_guest section: ${key}=${value} is not a number`);
  return BigInt(value);
}

/** Translates `GUEST_OS=...,VIRT_BASE=0x...` into notes. */
function collectLegacy(section: string): Notes {
  const notes: Notes = new Map();
  for (const field of section.split(",")) {
    const [key = "", value = ""] = field.split(/=(.*)/s);
    switch (key.trim()) {
      case "GUEST_OS":
        notes.set(XEN_ELFNOTE.GUEST_OS, value);
        break;
      case "GUEST_VER":
        notes.set(XEN_ELFNOTE.GUEST_VERSION, value);
        break;
      case "XEN_VER":
        notes.set(XEN_ELFNOTE.XEN_VERSION, value);
        break;
      case "LOADER":
        notes.set(XEN_ELFNOTE.LOADER, value);
        break;
      case "PAE":
        notes.set(XEN_ELFNOTE.PAE_MODE, value);
        break;
      case "FEATURES":
        notes.set(XEN_ELFNOTE.FEATURES, value);
        break;
      case "BSD_SYMTAB":
        notes.set(XEN_ELFNOTE.BSD_SYMTAB, "yes");
        break;
      case "VIRT_BASE":
        notes.set(XEN_ELFNOTE.VIRT_BASE, parseNumber(value, key));
        break;
      case "VIRT_ENTRY":
        notes.set(XEN_ELFNOTE.ENTRY, parseNumber(value, key));
        break;
      case "ELF_PADDR_OFFSET":
        notes.set(XEN_ELFNOTE.PADDR_OFFSET, parseNumber(value, key));
        break;
      case "HYPERCALL_PAGE":
        notes.set(XEN_ELFNOTE.HYPERCALL_PAGE, parseNumber(value, key));
        break;
    }
  }
  const virtBase = (notes.get(XEN_ELFNOTE.VIRT_BASE) as bigint | undefined) ?? 0n;
  if (!notes.has(XEN_ELFNOTE.PADDR_OFFSET)) notes.set(XEN_ELFNOTE.PADDR_OFFSET, virtBase);
  if (!notes.has(XEN_ELFNOTE.VIRT_BASE)) notes.set(XEN_ELFNOTE.VIRT_BASE, virtBase);
  // Here it is the number of a page behind VIRT_BASE.
  const page = notes.get(XEN_ELFNOTE.HYPERCALL_PAGE) as bigint | undefined;
  if (page !== undefined) notes.set(XEN_ELFNOTE.HYPERCALL_PAGE, virtBase + (page << 12n));
  return notes;
}

/** Notes from the program headers, else from the sections, else from `__xen_guest`. */
function findNotes(elf: ElfImage): Notes {
  const notes: Notes = new Map();
  for (const segment of elf.segments) if (segment.type === PT_NOTE) collect(elf.content(segment), notes);
  if (notes.size > 0) return notes;
  for (const section of elf.sections) if (section.type === SHT_NOTE) collect(elf.content(section), notes);
  if (notes.size > 0) return notes;
  const legacy = elf.sections.find((section) => section.name === "__xen_guest");
  if (legacy) return collectLegacy(text(elf.content(legacy)));
  throw new ImageError(
    "kernel has no Xen notes: it was built without support for running as a PV guest (CONFIG_XEN_PV)",
  );
}

/** Splits "a|b|!c" into bit masks; unknown names matter only if required. */
function parseFeatures(list: string): { supported: number; required: number } {
  let supported = 0;
  let required = 0;
  for (const item of list.split("|").filter((name) => name !== "")) {
    const isRequired = item.startsWith("!");
    const name = isRequired ? item.slice(1) : item;
    const number = XENFEAT_NAMES.indexOf(name);
    if (number < 0) {
      if (isRequired) throw new ImageError(`kernel requires the unknown Xen feature "${name}"`);
      continue;
    }
    supported |= 1 << number;
    if (isRequired) required |= 1 << number;
  }
  return { supported, required };
}

/** First and last virtual address of the loaded segments: `p_paddr - PADDR_OFFSET + VIRT_BASE`. */
function extent(elf: ElfImage, toVirtual: (paddr: bigint) => bigint): { start: bigint; end: bigint } {
  let start: bigint | undefined;
  let end = 0n;
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD || segment.memorySize === 0) continue;
    const from = toVirtual(segment.paddr);
    const to = from + BigInt(segment.memorySize);
    if (start === undefined || from < start) start = from;
    if (to > end) end = to;
  }
  if (start === undefined) throw new ImageError("kernel has nothing to load: no PT_LOAD segment");
  return { start, end };
}

/** Features of other kinds of guests, that no PV guest can have. */
const IMPOSSIBLE_FEATURES = ["auto_translated_physmap", "supervisor_mode_kernel", "hvm_callback_vector", "hvm_pirqs"];

function checkRequired(required: number): void {
  const missing = IMPOSSIBLE_FEATURES.find((name) => required & (1 << XENFEAT_NAMES.indexOf(name)));
  if (missing) throw new ImageError(`kernel requires the Xen feature "${missing}", which a PV guest cannot have`);
}

/** The boot region is a few hundred MiB at most; what lies farther from VIRT_BASE is an error of the image. */
const EXTENT_MAXIMUM = 1n << 32n;

function checkWidth(elf: ElfImage, pae: string): void {
  if (elf.width === 32 && !/^(yes|bimodal)/.test(pae)) {
    throw new ImageError("32-bit kernel without PAE: this PV interface is obsolete, Xen itself no longer has it");
  }
}

/** Reads an image's notes and checks that a PV guest can be made from it. */
export function readPvImage(elf: ElfImage): PvImage {
  const notes = findNotes(elf);
  const string = (type: number): string | undefined => notes.get(type) as string | undefined;
  const number = (type: number): bigint | undefined => notes.get(type) as bigint | undefined;
  const mask = elf.width === 64 ? (1n << 64n) - 1n : (1n << 32n) - 1n;

  const version = string(XEN_ELFNOTE.XEN_VERSION);
  // Older images may leave the version out if the loader is said to be the generic one.
  if (version === undefined && string(XEN_ELFNOTE.LOADER) !== "generic") {
    throw new ImageError("kernel is not a PV guest: no XEN_VERSION note (perhaps it is PVH only)");
  }
  if (version !== undefined && !version.startsWith("xen-3.0")) {
    throw new ImageError(`kernel is for another hypervisor interface: "${version}", not "xen-3.0"`);
  }
  const loader = string(XEN_ELFNOTE.LOADER);
  if (loader !== undefined && loader !== "generic")
    throw new ImageError(`kernel asks for the unknown loader "${loader}"`);
  const pae = string(XEN_ELFNOTE.PAE_MODE) ?? "";
  checkWidth(elf, pae);

  if (notes.has(XEN_ELFNOTE.PADDR_OFFSET) && !notes.has(XEN_ELFNOTE.VIRT_BASE)) {
    throw new ImageError("kernel's notes are inconsistent: PADDR_OFFSET without VIRT_BASE");
  }
  const virtBase = number(XEN_ELFNOTE.VIRT_BASE) ?? 0n;
  const paddrOffset = number(XEN_ELFNOTE.PADDR_OFFSET) ?? 0n;
  const { start, end } = extent(elf, (paddr) => (paddr - paddrOffset + virtBase) & mask);
  if (virtBase & 0xfffn || virtBase > start || end - virtBase > EXTENT_MAXIMUM) {
    throw new ImageError(
      `kernel's addresses are inconsistent: image ${hex(start)}..${hex(end)}, base ${hex(virtBase)}`,
    );
  }
  const entry = number(XEN_ELFNOTE.ENTRY) ?? elf.entry;
  if (entry < start || entry >= end) throw new ImageError(`kernel's entry point ${hex(entry)} is outside the image`);
  const hypercallPage = number(XEN_ELFNOTE.HYPERCALL_PAGE);
  if (
    hypercallPage !== undefined &&
    (hypercallPage & 0xfffn || hypercallPage < start || hypercallPage + 4096n > roundUp(end))
  ) {
    throw new ImageError(`kernel's hypercall page ${hex(hypercallPage)} is not a page of the image`);
  }
  const initP2m = number(XEN_ELFNOTE.INIT_P2M);
  if (initP2m !== undefined && initP2m & 0xfffn)
    throw new ImageError(`kernel's INIT_P2M ${hex(initP2m)} is not page aligned`);

  const features = parseFeatures(string(XEN_ELFNOTE.FEATURES) ?? "");
  checkRequired(features.required);
  return {
    elf,
    width: elf.width,
    guestOs: string(XEN_ELFNOTE.GUEST_OS) ?? "",
    guestVersion: string(XEN_ELFNOTE.GUEST_VERSION) ?? "",
    entry,
    virtBase,
    paddrOffset,
    kernelStart: start,
    kernelEnd: end,
    hypercallPage,
    initP2m,
    modStartPfn: number(XEN_ELFNOTE.MOD_START_PFN) === 1n,
    suspendCancel: number(XEN_ELFNOTE.SUSPEND_CANCEL) === 1n,
    extendedCr3: pae.includes("extended-cr3"),
    supportedFeatures: features.supported | Number((number(XEN_ELFNOTE.SUPPORTED_FEATURES) ?? 0n) & 0x7fffffffn),
    requiredFeatures: features.required,
  };
}

const hex = (n: bigint): string => `0x${n.toString(16)}`;
const roundUp = (n: bigint): bigint => (n + 0xfffn) & ~0xfffn;
