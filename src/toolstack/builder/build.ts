/**
 * The domain builder: puts a kernel into a new domain's memory, makes its page tables and its
 * start_info, and sets its first vCPU to the entry point (libxenguest's part in Xen).
 */
import { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE } from "../../abi/grant_table.ts";
import { MAX_GUEST_CMDLINE, SIF_MOD_START_PFN, startInfo } from "../../abi/xen.ts";
import type { Domain } from "../../hypervisor/domain.ts";
import { allocUnbound } from "../../hypervisor/event-channel/bind.ts";
import { seedGrant } from "../../hypervisor/grant-table/table.ts";
import { HypercallError } from "../../hypervisor/hypercall.ts";
import type { Hypervisor } from "../../hypervisor/hypervisor.ts";
import { initialiseVcpu } from "../../hypervisor/initialise-vcpu.ts";
import { hypercallPage64 } from "../../hypervisor/misc/hypercall-page.ts";
import { allocDomainFrames } from "../../hypervisor/mm/domain-frames.ts";
import { PageType } from "../../hypervisor/mm/frame-table.ts";
import { setM2p } from "../../hypervisor/mm/m2p.ts";
import { builderPin } from "../../hypervisor/mm/pin.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import { extractElf } from "./bzimage.ts";
import { PT_LOAD, readElf } from "./elf.ts";
import { BuildError } from "./error.ts";
import { type Area, type BootLayout, layOutDomain } from "./layout.ts";
import { type PvImage, readPvImage } from "./notes.ts";
import { fillPageTables } from "./page-tables.ts";
import { startContext } from "./start-vcpu.ts";

export interface BuildOptions {
  /** bzImage, ELF file, or compressed ELF file. */
  readonly kernel: Uint8Array;
  readonly ramdisk?: Uint8Array;
  readonly commandLine?: string;
  readonly memoryBytes: number;
  /** Domain that console and store are served by. */
  readonly backendDomid?: number;
}

/** A ring that the domain has from birth. */
export interface BuiltRing {
  /** Machine frame of the ring. */
  readonly mfn: number;
  /** The domain's port, unbound, for the back end. */
  readonly port: number;
  /** Its grant reference. */
  readonly grant: number;
}

/** Where the kernel's image is. */
export interface LoadedKernel {
  /** Its first page. */
  readonly address: bigint;
  /** Its machine frames, in the order of their addresses. */
  readonly frames: Uint32Array;
}

export interface BuiltDomain {
  readonly image: PvImage;
  readonly layout: BootLayout;
  readonly kernel: LoadedKernel;
  readonly console: BuiltRing;
  readonly store: BuiltRing;
}

/** The domain's memory while it is built: by PFN. */
class DomainMemory {
  readonly mfns: readonly number[];
  readonly #hv: Hypervisor;

  constructor(hv: Hypervisor, mfns: readonly number[]) {
    this.#hv = hv;
    this.mfns = mfns;
  }

  mfn(pfn: number): number {
    const mfn = this.mfns[pfn];
    if (mfn === undefined) throw new RangeError(`PFN ${pfn} is outside the domain`);
    return mfn;
  }

  frame(pfn: number): Uint8Array {
    return this.#hv.memory.frame(this.mfn(pfn));
  }

  /** Writes across frames, from a byte offset in pseudo-physical memory. */
  write(offset: number, data: Uint8Array): void {
    const { u8 } = this.#hv.memory;
    for (let done = 0; done < data.length; ) {
      const inPage = (offset + done) % PAGE_SIZE;
      const pfn = (offset + done - inPage) / PAGE_SIZE;
      const wanted = inPage + data.length - done;
      const count = Math.min(this.#contiguous(pfn, wanted) - inPage, data.length - done);
      u8.set(data.subarray(done, done + count), this.mfn(pfn) * PAGE_SIZE + inPage);
      done += count;
    }
  }

  /**
   * The same where memory is still zero. Pages of zeros are left out: to look at one costs less than to write one, and
   * the host need not back it. Nearly half of a vmlinux is .bss and .brk.
   */
  writeToZero(offset: number, data: Uint8Array): void {
    const isZero = zeroPages(data);
    for (let at = 0; at < data.length; ) {
      let end = at;
      while (end < data.length && !isZero(end)) end += PAGE_SIZE;
      this.write(offset + at, data.subarray(at, end));
      at = end;
      while (at < data.length && isZero(at)) at += PAGE_SIZE;
    }
  }

  /** How many bytes follow each other in machine memory, too, from the start of a page: at least `wanted`, or to a gap. */
  #contiguous(pfn: number, wanted: number): number {
    const first = this.mfn(pfn);
    let pages = 1;
    while (pages * PAGE_SIZE < wanted && this.mfns[pfn + pages] === first + pages) pages++;
    return pages * PAGE_SIZE;
  }

  /** Code may have been translated from these frames when they belonged to another domain. */
  forgetCode(): void {
    for (const mfn of this.mfns) this.#hv.cpu.frameWritten(mfn);
  }
}

/** A test for whole pages of zeros in `data`, by their offsets. Says no where that cannot be seen by words. */
function zeroPages(data: Uint8Array): (offset: number) => boolean {
  if (data.byteOffset % 4 !== 0) return () => false;
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length >>> 2);
  return (offset) => {
    const end = (offset + PAGE_SIZE) >>> 2;
    if (end > words.length) return false;
    for (let i = offset >>> 2; i < end; i++) if (words[i] !== 0) return false;
    return true;
  };
}

function allocate(hv: Hypervisor, domain: Domain, pages: number): DomainMemory {
  try {
    const mfns = allocDomainFrames(domain, pages);
    for (const [pfn, mfn] of mfns.entries()) setM2p(hv, mfn, pfn);
    return new DomainMemory(hv, mfns);
  } catch (error) {
    if (!(error instanceof HypercallError)) throw error;
    throw new BuildError(`the machine has not enough free memory for a domain of ${(pages * PAGE_SIZE) >> 20} MiB`);
  }
}

/** Loads the kernel's segments. Frames are fresh and zero, so what the file has no bytes for (.bss) is zero. */
function loadKernel(image: PvImage, memory: DomainMemory): void {
  let behind = 0;
  for (const segment of image.elf.segments) {
    if (segment.type !== PT_LOAD) continue;
    const offset = Number(segment.paddr - image.paddrOffset);
    const content = image.elf.content(segment);
    // Linkers sort segments; if one overlaps another, its zeros count as well.
    if (offset >= behind) memory.writeToZero(offset, content);
    else memory.write(offset, content);
    behind = Math.max(behind, offset + content.length);
  }
  if (image.hypercallPage !== undefined) {
    memory.write(Number(image.hypercallPage - image.virtBase), hypercallPage64());
  }
}

function loadedKernel({ virtBase, kernelStart, kernelEnd }: PvImage, memory: DomainMemory): LoadedKernel {
  const first = Number((kernelStart - virtBase) / BigInt(PAGE_SIZE));
  const behind = Math.ceil(Number(kernelEnd - virtBase) / PAGE_SIZE);
  const address = virtBase + BigInt(first * PAGE_SIZE);
  return { address, frames: Uint32Array.from(memory.mfns.slice(first, behind)) };
}

function writeP2m(layout: BootLayout, memory: DomainMemory): void {
  // Entries of 8 bytes, of which an MFN fills the lower 4.
  const entries = new Uint32Array(memory.mfns.length * 2);
  for (const [pfn, mfn] of memory.mfns.entries()) entries[pfn * 2] = mfn;
  memory.write(layout.p2m.pfn * PAGE_SIZE, new Uint8Array(entries.buffer));
}

function writePageTables(layout: BootLayout, memory: DomainMemory): void {
  const contents = fillPageTables(layout, (pfn) => memory.mfn(pfn));
  for (const [pfn, entries] of contents) memory.write(pfn * PAGE_SIZE, new Uint8Array(entries.buffer));
}

/** The command line as start_info holds it: bytes, one of them a NUL. */
function encodeCommandLine(commandLine: string): string {
  const bytes = new TextEncoder().encode(commandLine);
  if (bytes.length >= MAX_GUEST_CMDLINE) {
    throw new BuildError(
      `kernel command line is too long: ${bytes.length} bytes, at most ${MAX_GUEST_CMDLINE - 1} are possible`,
    );
  }
  if (bytes.includes(0)) throw new BuildError("kernel command line contains a NUL character");
  return String.fromCharCode(...bytes);
}

const addressOf = (area: Area): bigint => {
  if (area.address === undefined) throw new Error("area is not mapped");
  return area.address;
};

function writeStartInfo(
  domain: Domain,
  memory: DomainMemory,
  layout: BootLayout,
  parts: { commandLine: string; ramdiskBytes: number; console: BuiltRing; store: BuiltRing },
): void {
  const { memory: machine } = domain.hypervisor;
  const info = startInfo.at(machine, memory.mfn(layout.startInfo.pfn) * PAGE_SIZE);
  info.magic = "xen-3.0-x86_64";
  info.nr_pages = BigInt(layout.pages);
  info.shared_info = domain.record.shared_info;
  info.store_mfn = BigInt(parts.store.mfn);
  info.store_evtchn = parts.store.port;
  info.console.domU.mfn = BigInt(parts.console.mfn);
  info.console.domU.evtchn = parts.console.port;
  info.pt_base = addressOf(layout.pageTables);
  info.nr_pt_frames = BigInt(layout.pageTables.pages);
  info.mfn_list = addressOf(layout.p2m);
  info.cmd_line = parts.commandLine;
  if (layout.ramdisk) {
    const { pfn, address } = layout.ramdisk;
    info.mod_start = address ?? BigInt(pfn);
    info.mod_len = BigInt(parts.ramdiskBytes);
    if (address === undefined) info.flags = SIF_MOD_START_PFN;
  }
  if (layout.p2mFrames) {
    info.first_p2m_pfn = BigInt(layout.p2mFrames.pfn);
    info.nr_p2m_frames = BigInt(layout.p2mFrames.pages);
  }
}

/** Gives the domain a port and a grant for a ring page that `backend` will map. */
function makeRing(domain: Domain, mfn: number, grant: number, backend: number): BuiltRing {
  seedGrant(domain, grant, backend, mfn);
  return { mfn, port: allocUnbound(domain, backend), grant };
}

/** Images that were read lately. Unpacked kernels are large: they go when memory is short, and with their file. */
const images = new WeakMap<Uint8Array, WeakRef<PvImage>>();

/**
 * Reads the image of a kernel, in any of the forms that `BuildOptions.kernel` can have. The next domain from the same
 * bytes need not unpack them again; they must not be changed meanwhile.
 * @throws ImageError
 */
export function readKernel(kernel: Uint8Array): PvImage {
  const known = images.get(kernel)?.deref();
  if (known !== undefined) return known;
  const image = readPvImage(readElf(extractElf(kernel)));
  images.set(kernel, new WeakRef(image));
  return image;
}

/**
 * Builds a domain that has no memory yet. Afterwards its first vCPU is ready to run.
 * @throws ImageError, BuildError
 */
export function buildDomain(hv: Hypervisor, domain: Domain, options: BuildOptions): BuiltDomain {
  const image = readKernel(options.kernel);
  if (image.width === 32) throw new BuildError("this is a 32-bit PV kernel (PV32), which is not supported yet");
  const commandLine = encodeCommandLine(options.commandLine ?? "");
  const ramdisk = options.ramdisk ?? new Uint8Array(0);
  const pages = Math.floor(options.memoryBytes / PAGE_SIZE);
  const layout = layOutDomain({ ...image, ramdiskBytes: ramdisk.length, pages });

  const memory = allocate(hv, domain, pages);
  loadKernel(image, memory);
  if (layout.ramdisk) memory.write(layout.ramdisk.pfn * PAGE_SIZE, ramdisk);
  writeP2m(layout, memory);
  writePageTables(layout, memory);

  const backend = options.backendDomid ?? 0;
  const console = makeRing(domain, memory.mfn(layout.console.pfn), GNTTAB_RESERVED_CONSOLE, backend);
  const store = makeRing(domain, memory.mfn(layout.store.pfn), GNTTAB_RESERVED_XENSTORE, backend);
  writeStartInfo(domain, memory, layout, { commandLine, ramdiskBytes: ramdisk.length, console, store });
  memory.forgetCode();

  const root = memory.mfn(layout.pageTables.pfn);
  builderPin(domain, root, PageType.L4);
  const context = startContext({
    entry: image.entry,
    startInfo: addressOf(layout.startInfo),
    stackEnd: addressOf(layout.stack) + BigInt(PAGE_SIZE),
    root,
  });
  const [first] = domain.vcpus;
  if (first === undefined || !initialiseVcpu(first, context)) throw new Error("the first vCPU cannot be initialised");
  return { image, layout, kernel: loadedKernel(image, memory), console, store };
}
