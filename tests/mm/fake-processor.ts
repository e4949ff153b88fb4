/**
 * A processor that does not run: state, a page walker in TypeScript, and a TLB that forgets nothing
 * until it is told to. For tests of hypervisor code; the TLB lets them see what the hypervisor
 * forgot to flush.
 */
import { CPU_STATE } from "../../src/machine/layout.ts";
import type { MachineMemory } from "../../src/machine/memory.ts";
import {
  Access,
  type ExitReason,
  type Processor,
  type ProcessorStatistics,
  type TrackedTlb,
} from "../../src/machine/processor.ts";
import {
  type CpuState,
  cpuState,
  EXC_GP,
  EXC_NP,
  EXC_PF,
  FLAG_FIXED,
  FLAGS_ARITHMETIC,
} from "../../src/machine/x86/state.ts";

interface TlbEntry {
  /** Machine address of the page. */
  address: number;
  writable: boolean;
  user: boolean;
  executable: boolean;
}

export class FakeProcessor implements Processor {
  readonly memory: MachineMemory;
  readonly state: CpuState;
  readonly gpr: BigUint64Array;
  #arithmeticFlags = 0;
  readonly statistics: ProcessorStatistics = {
    instructions: {},
    tlb: { readMisses: 0, writeMisses: 0, fetchMisses: 0, flushes: 0 },
    code: { decodedInstructions: 0, lookups: 0, invalidatedFrames: 0, flushes: 0, bytesUsed: 0 },
  };
  /** Translations in use, by set and page. */
  readonly tlb: [Map<bigint, TlbEntry>, Map<bigint, TlbEntry>] = [new Map(), new Map()];
  /** CR3 that each set was last used with. */
  readonly roots: [number, number] = [-1, -1];
  /** Frames reported by `frameWritten`. */
  readonly written = new Set<number>();
  flushes = 0;

  /** Present if the TLB is told what changes: no flush is then asked of it. */
  readonly trackedTlb?: TrackedTlb;

  /** @param tracked with a TrackedTlb, which forgets no more than it must */
  constructor(memory: MachineMemory, tracked = false) {
    this.memory = memory;
    if (tracked) {
      this.trackedTlb = {
        entryChanged: (index, mfn) => this.#entryChanged(index, mfn),
        rootGone: (mfn) => this.#rootGone(mfn * 4096),
        switchRoot: (maddr, pcid) => this.#switchRoot(maddr, pcid),
      };
    }
    this.state = cpuState.at(memory, CPU_STATE);
    this.gpr = new BigUint64Array(memory.u8.buffer, CPU_STATE + cpuState.offset.gpr, 17);
    this.rflags = 0x202n;
  }

  get rflags(): bigint {
    return BigInt(((this.state.rflags_system & ~FLAGS_ARITHMETIC) | this.#arithmeticFlags | FLAG_FIXED) >>> 0);
  }
  set rflags(value: bigint) {
    const bits = Number(value & 0xffff_ffffn);
    this.state.rflags_system = (bits & ~FLAGS_ARITHMETIC) >>> 0;
    this.#arithmeticFlags = bits & FLAGS_ARITHMETIC;
  }

  readonly tier = "none";

  get interruptedAt(): bigint {
    return this.state.rip;
  }

  run(): ExitReason {
    throw new Error("the fake processor does not run");
  }

  loadCr3(maddr: number, pcid: number, keep: boolean): void {
    const set = pcid === 1 ? 1 : 0;
    if (!keep || this.roots[set] !== maddr) this.tlb[set].clear();
    this.roots[set] = maddr;
    this.state.cr3 = BigInt(maddr);
    this.state.pcid = pcid;
  }

  flushTlb(): void {
    this.flushes++;
    for (const set of this.tlb) set.clear();
  }

  #entryChanged(index: number, mfn: number): void {
    for (const set of this.tlb) {
      for (const [page, { address }] of set) {
        if (Math.floor(address / 4096) === mfn && Number((page >> 12n) & 511n) === index) set.delete(page);
      }
    }
  }

  #rootGone(maddr: number): void {
    for (const set of [0, 1] as const) if (this.roots[set] === maddr) this.roots[set] = -1;
  }

  #switchRoot(maddr: number, pcid: number): void {
    const set = pcid === 1 ? 1 : 0;
    const last = this.roots[set];
    const upper = (root: number): bigint[] =>
      Array.from({ length: 256 }, (_, i) => this.memory.u64[root / 8 + 256 + i]! & ~0x60n);
    if (last >= 0 && last !== maddr && upper(last).join() === upper(maddr).join()) {
      for (const page of this.tlb[set].keys()) if (page < 1n << 63n) this.tlb[set].delete(page);
      this.roots[set] = maddr;
    }
    this.loadCr3(maddr, pcid, true);
  }

  /** Translations that page tables do not give any more, by linear address. */
  staleTranslations(): string[] {
    const stale: string[] = [];
    for (const set of [0, 1] as const) {
      const root = this.roots[set];
      if (root < 0) continue;
      for (const [page, { address, writable, user, executable }] of this.tlb[set]) {
        const now = this.walk(page, false, root);
        const same =
          now?.address === address && writable <= now.writable && user <= now.user && executable <= now.executable;
        if (!same) stale.push(page.toString(16));
      }
    }
    return stale;
  }

  invlpg(linear: bigint): void {
    for (const set of this.tlb) set.delete(linear & ~0xfffn);
  }

  frameWritten(mfn: number): void {
    this.written.add(mfn);
  }

  translate(linear: bigint, access: Access, user: boolean): number {
    const set = this.tlb[this.state.pcid === 1 ? 1 : 0];
    const page = linear & ~0xfffn;
    const want = (e: TlbEntry): boolean =>
      (!user || e.user) && (access !== Access.Write || e.writable) && (access !== Access.Execute || e.executable);
    const code = (access === Access.Write ? 2 : 0) | (user ? 4 : 0) | (access === Access.Execute ? 16 : 0);
    let entry = set.get(page);
    if (entry === undefined || !want(entry)) {
      entry = this.walk(linear, access === Access.Write);
      if (entry === undefined) return -1 - code;
      if (!want(entry)) return -1 - (code | 1);
      set.set(page, entry);
    }
    return entry.address + Number(linear & 0xfffn);
  }

  /** Walks CR3, sets accessed and (for a permitted write) dirty bits; or another root, and sets none. */
  private walk(linear: bigint, write: boolean, root?: number): TlbEntry | undefined {
    if (linear >= 0x0000_8000_0000_0000n && linear < 0xffff_8000_0000_0000n) return undefined;
    const { u64 } = this.memory;
    let table = root === undefined ? Number(this.state.cr3 >> 12n) : root / 4096;
    let writable = true;
    let user = true;
    let executable = true;
    for (let level = 4; level >= 1; level--) {
      const at = table * 512 + Number((linear >> BigInt(3 + 9 * level)) & 511n);
      const entry = u64[at] ?? 0n;
      if ((entry & 1n) === 0n) return undefined;
      writable &&= (entry & 2n) !== 0n;
      user &&= (entry & 4n) !== 0n;
      executable &&= entry >> 63n === 0n;
      const large = level > 1 && (entry & 0x80n) !== 0n;
      const leaf = level === 1 || large;
      if (root === undefined) u64[at] = entry | 0x20n | (leaf && write && writable ? 0x40n : 0n);
      const frame = (entry & 0x000f_ffff_ffff_f000n) >> 12n;
      if (leaf) {
        const offset = large ? linear & ((1n << BigInt(3 + 9 * level)) - 1n) & ~0xfffn : 0n;
        return { address: Number((frame << 12n) + offset), writable, user, executable };
      }
      table = Number(frame);
    }
    return undefined;
  }

  /** The descriptor fetch of MOV Sreg, without most of its checks: null, limit, presence, type. */
  loadSegment(segment: number, selector: number): number {
    const register = this.state.segment.get(segment);
    if ((selector & 0xfffc) === 0) {
      register.selector = selector;
      register.attributes = 0;
      register.base = 0n;
      return 0;
    }
    const local = (selector & 4) !== 0;
    const base = local ? this.state.ldtr.base : this.state.gdtr.base;
    const limit = local
      ? (this.state.ldtr.attributes & 0x80) !== 0
        ? this.state.ldtr.limit
        : 0
      : this.state.gdtr.limit;
    if ((selector | 7) > limit) return (EXC_GP << 16) | (selector & 0xfffc);
    const linear = base + BigInt(selector & 0xfff8);
    const address = this.translate(linear, Access.Read, false);
    if (address < 0) {
      this.state.cr2 = linear;
      return (EXC_PF << 16) | (-1 - address);
    }
    const descriptor = this.memory.dv.getBigUint64(address, true);
    const attributes = Number((descriptor >> 40n) & 0xffn) | Number((descriptor >> 44n) & 0xf00n);
    if ((attributes & 0x10) === 0) return (EXC_GP << 16) | (selector & 0xfffc);
    if ((attributes & 0x80) === 0) return (EXC_NP << 16) | (selector & 0xfffc);
    this.memory.u8[address + 5]! |= 1;
    register.selector = selector;
    register.attributes = attributes | 1;
    register.base = ((descriptor >> 16n) & 0xff_ffffn) | ((descriptor >> 32n) & 0xff00_0000n);
    const units = Number((descriptor & 0xffffn) | ((descriptor >> 32n) & 0xf0000n));
    register.limit = (attributes & 0x800) !== 0 ? units * 4096 + 4095 : units;
    return 0;
  }

  readonly retired = 0;

  readTsc(): bigint {
    return 0n;
  }
}
