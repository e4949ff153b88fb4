/**
 * An independent check of what page types promise. It walks everything that the processor can reach on
 * behalf of each domain, and counts all uses of each frame from scratch; it shares no code with the
 * counting in page-type.ts, validate.ts and entry.ts, on purpose. For tests and `--check`: it reads all tables.
 *
 * - No frame is used as table, as descriptor page or written to by mappings at the same time.
 * - Nobody maps a frame of the hypervisor's or another domain's that was not shared or granted.
 * - The recorded counts, pins and types are those that the uses add up to.
 * - The hypervisor's slots in L4 tables are as it wrote them.
 * - Frames that no guest owns have no PFN, and a free frame is zero.
 */
import { DOMID_XEN, INVALID_M2P_ENTRY } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import type { Hypervisor } from "../hypervisor.ts";

// Facts of the frame table's layout and of page tables, stated again.
const TABLE_ENTRIES = 512;
const FRAME_MASK = 0x000f_ffff_ffff_f000n;
const FLAG_PINNED = 1 << 20;
const FLAG_VALIDATED = 1 << 21;
const FLAG_PARTIAL = 1 << 22;
const FLAG_ALLOCATED = 1 << 23;
const FLAG_XENHEAP = 1 << 24;
const TYPE_SEGDESC = 5;
const TYPE_WRITABLE = 7;
const NAMES = ["none", "L1", "L2", "L3", "L4", "segdesc", "type 6", "writable"];
const FIRST_XEN_SLOT = 256;
const LAST_XEN_SLOT = 271;

/** References that are held by other than page tables and vCPUs: mappings of the host domain, device mappings. */
export interface OutsideReference {
  readonly mfn: number;
  readonly writable: boolean;
}

export interface InvariantOptions {
  readonly outside?: Iterable<OutsideReference>;
  /** `domain` has mapped this foreign frame by a grant. Default: it may not map any. */
  readonly isGranted?: (domain: Domain, mfn: number, writable: boolean) => boolean;
  /** Does not read what is in free frames. */
  readonly skipFreeFrames?: boolean;
}

/** What is wrong, in words; empty if all is well. */
export function checkInvariants(hv: Hypervisor, options: InvariantOptions = {}): string[] {
  return new Checker(hv, options).run();
}

class Checker {
  readonly #hv: Hypervisor;
  readonly #options: InvariantOptions;
  readonly #problems: string[] = [];
  readonly #references: Uint32Array;
  /** Uses by type: [frame * 8 + type]. */
  readonly #uses: Uint32Array;
  /** Tables whose entries are counted already, with their type. */
  readonly #seen = new Map<number, number>();

  constructor(hv: Hypervisor, options: InvariantOptions) {
    this.#hv = hv;
    this.#options = options;
    this.#references = new Uint32Array(hv.frames.count);
    this.#uses = new Uint32Array(hv.frames.count * 8);
  }

  run(): string[] {
    for (const domain of this.#hv.domains.values()) {
      // Domain 0 may be the host, without memory of its own.
      if (domain.record.mm.window_l3 !== 0) this.#walkDomain(domain);
    }
    for (const { mfn, writable } of this.#options.outside ?? []) {
      this.#references[mfn]!++;
      if (writable) this.#uses[mfn * 8 + TYPE_WRITABLE]!++;
    }
    for (let mfn = 0; mfn < this.#hv.frames.count; mfn++) this.#checkFrame(mfn);
    return this.#problems;
  }

  #problem(text: string): void {
    if (this.#problems.length < 100) this.#problems.push(text);
  }

  #word(mfn: number, index: number): number {
    return this.#hv.frames.words[mfn * 4 + index] ?? 0;
  }

  #use(mfn: number, type: number): void {
    this.#references[mfn]!++;
    this.#uses[mfn * 8 + type]!++;
  }

  /** Everything that keeps tables of the domain in use, and what they lead to. */
  #walkDomain(domain: Domain): void {
    for (const vcpu of domain.vcpus) {
      for (const root of [vcpu.mm.kernel_root, vcpu.mm.user_root]) {
        if (root === 0) continue;
        this.#use(root, 4);
        this.#walkTable(domain, root, 4);
      }
      this.#walkWindows(domain, vcpu.id);
    }
    for (let mfn = 0; mfn < this.#hv.frames.count; mfn++) {
      const word = this.#word(mfn, 0);
      if ((word & 0xffff) !== domain.id || this.#word(mfn, 2) === 0) continue;
      const type = (word >>> 16) & 0xf;
      // A partial frame holds itself as a pin does.
      for (const flag of [FLAG_PINNED, FLAG_PARTIAL]) {
        if ((word & flag) === 0) continue;
        this.#use(mfn, type);
        this.#walkTable(domain, mfn, type);
      }
    }
  }

  /** The descriptor-table windows, as the processor sees them under any of the domain's roots. */
  #walkWindows(domain: Domain, vcpuId: number): void {
    const { u64 } = this.#hv.memory;
    const { mm } = domain.record;
    const l2 = Number(((u64[mm.window_l3 * TABLE_ENTRIES] ?? 0n) & FRAME_MASK) >> 12n);
    const l1 = Number(((u64[l2 * TABLE_ENTRIES + Math.floor(vcpuId / 16)] ?? 0n) & FRAME_MASK) >> 12n);
    for (let page = 0; page < 32; page++) {
      const entry = u64[l1 * TABLE_ENTRIES + (vcpuId % 16) * 32 + page] ?? 0n;
      if ((entry & 1n) === 0n) continue;
      if ((entry & 4n) !== 0n)
        this.#problem(`domain ${domain.id}: descriptor window page ${page} is open to the guest`);
      const mfn = Number((entry & FRAME_MASK) >> 12n);
      const owner = this.#word(mfn, 0) & 0xffff;
      if (owner === domain.id) this.#use(mfn, TYPE_SEGDESC);
      else if (owner !== DOMID_XEN)
        this.#problem(`domain ${domain.id}: descriptor window page ${page} maps frame ${mfn} of ${owner}`);
    }
  }

  #walkTable(domain: Domain, mfn: number, level: number): void {
    const before = this.#seen.get(mfn);
    if (before !== undefined) {
      if (before !== level) this.#problem(`frame ${mfn} is used as L${before} and as L${level}`);
      return;
    }
    this.#seen.set(mfn, level);
    if (level < 1 || level > 4) return;
    const word = this.#word(mfn, 0);
    if ((word & 0xffff) !== domain.id) {
      this.#problem(`domain ${domain.id} uses frame ${mfn} of ${word & 0xffff} as L${level}`);
      return;
    }
    const partial = (word & FLAG_PARTIAL) !== 0;
    const end = partial ? this.#word(mfn, 3) & 0xffff : TABLE_ENTRIES;
    if (!partial && (word & FLAG_VALIDATED) === 0) this.#problem(`L${level} ${mfn} is in use, but not validated`);
    const { u32, u64 } = this.#hv.memory;
    for (let i = 0; i < end; i++) {
      const at = mfn * TABLE_ENTRIES + i;
      if (level === 4 && i >= FIRST_XEN_SLOT && i <= LAST_XEN_SLOT) {
        if (!partial) this.#checkXenSlot(domain, mfn, i, u64[at] ?? 0n);
      } else if (((u32[at * 2] ?? 0) & 1) !== 0) this.#walkEntry(domain, mfn, level, i, u64[at] ?? 0n);
    }
  }

  #walkEntry(domain: Domain, table: number, level: number, index: number, entry: bigint): void {
    const where = `L${level} ${table}[${index}]`;
    if ((entry & 4n) === 0n) this.#problem(`${where} lacks U`);
    if ((entry & 0x98n) !== 0n) this.#problem(`${where} has forbidden bits`);
    const mfn = Number((entry & FRAME_MASK) >> 12n);
    if (mfn >= this.#hv.frames.count) {
      this.#problem(`${where} leads out of memory`);
      return;
    }
    const writable = (entry & 2n) !== 0n;
    if (level === 1) {
      this.#references[mfn]!++;
      if (writable) this.#uses[mfn * 8 + TYPE_WRITABLE]!++;
      const owner = this.#word(mfn, 0) & 0xffff;
      const granted = (): boolean => this.#options.isGranted?.(domain, mfn, writable) ?? false;
      if (owner !== domain.id && !granted())
        this.#problem(`${where} of domain ${domain.id} maps frame ${mfn} of ${owner}`);
      return;
    }
    if (mfn === table) {
      // A table that shows itself: no count, read-only.
      if (writable) this.#problem(`${where} is a writable reference to itself`);
      return;
    }
    const linear = ((this.#word(mfn, 0) >>> 16) & 0xf) === level;
    if (linear && writable) this.#problem(`${where} is a writable linear reference`);
    const type = linear ? level : level - 1;
    this.#use(mfn, type);
    this.#walkTable(domain, mfn, type);
  }

  #checkXenSlot(domain: Domain, table: number, index: number, entry: bigint): void {
    const mfn = Number((entry & FRAME_MASK) >> 12n);
    const { state } = this.#hv.frames;
    const where = `L4 ${table}[${index}] of domain ${domain.id}`;
    // Accessed bits are the processor's.
    const flags = entry & 0xfffn & ~0x60n;
    if (index === 256) {
      // Absent in what was a user root under the m2p_strict assist.
      if (entry !== 0n && (mfn !== state.m2p_l3 || flags !== 5n)) this.#problem(`${where} is not the M2P`);
    } else if (index === 260) {
      if (mfn !== domain.record.mm.window_l3 || flags !== 3n) this.#problem(`${where} is not the descriptor windows`);
    } else if (entry !== 0n) this.#problem(`${where} is ${entry.toString(16)}`);
  }

  #checkFrame(mfn: number): void {
    const word = this.#word(mfn, 0);
    const owner = word & 0xffff;
    const references = this.#word(mfn, 2);
    const pfn = this.#hv.memory.u64[this.#hv.frames.state.m2p / 8 + mfn] ?? 0n;
    const shared = (word & FLAG_XENHEAP) !== 0 && owner !== DOMID_XEN;
    const type = (word >>> 16) & 0xf;
    let expected = this.#references[mfn]!;
    if ((word & FLAG_ALLOCATED) !== 0) expected++;
    if (shared) this.#uses[mfn * 8 + type]!++;
    if (references !== expected) this.#problem(`frame ${mfn} of ${owner}: ${references} references, ${expected} uses`);

    const kinds: string[] = [];
    for (let t = 1; t < 8; t++) if (this.#uses[mfn * 8 + t]! > 0) kinds.push(`${NAMES[t]} x${this.#uses[mfn * 8 + t]}`);
    if (kinds.length > 1) this.#problem(`frame ${mfn} of ${owner} is in use as ${kinds.join(" and ")}`);
    const count = this.#word(mfn, 1);
    const uses = this.#uses[mfn * 8 + type]!;
    if (count !== uses) {
      const found = kinds.join(", ") || "no use";
      this.#problem(`frame ${mfn} of ${owner}: type ${NAMES[type]} x${count} recorded, ${found} found`);
    }
    if (references === 0) this.#checkFree(mfn);
    else if (owner === DOMID_XEN && pfn !== INVALID_M2P_ENTRY)
      this.#problem(`frame ${mfn} of the hypervisor has PFN ${pfn}`);
  }

  #checkFree(mfn: number): void {
    const { memory, frames } = this.#hv;
    if ((memory.u64[frames.state.m2p / 8 + mfn] ?? 0n) !== INVALID_M2P_ENTRY)
      this.#problem(`free frame ${mfn} has a PFN`);
    if (this.#options.skipFreeFrames === true) return;
    const first = mfn * 1024;
    for (let i = first; i < first + 1024; i++) {
      if (memory.u32[i] !== 0) {
        this.#problem(`free frame ${mfn} is not zero`);
        return;
      }
    }
  }
}
