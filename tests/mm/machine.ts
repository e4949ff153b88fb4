/** A small machine with domains whose page tables are built by hand, and a way to make hypercalls as they would. */
import assert from "node:assert/strict";
import { Domain, domainRecord } from "../../src/hypervisor/domain.ts";
import { CONTINUATION, type Hypercall, HypercallArguments, HypercallError } from "../../src/hypervisor/hypercall.ts";
import { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { allocDomainFrames } from "../../src/hypervisor/mm/domain-frames.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { checkInvariants, type InvariantOptions } from "../../src/hypervisor/mm/invariants.ts";
import { initDomainMemory, initVcpuMemory } from "../../src/hypervisor/mm/lifecycle.ts";
import { setM2p } from "../../src/hypervisor/mm/m2p.ts";
import { builderPin } from "../../src/hypervisor/mm/pin.ts";
import { newBasePtr } from "../../src/hypervisor/mm/roots.ts";
import { initXenMappings } from "../../src/hypervisor/mm/xen-area.ts";
import { Vcpu, vcpuRecord } from "../../src/hypervisor/vcpu.ts";
import type { MemoryLayout } from "../../src/machine/layout.ts";
import { MachineMemory } from "../../src/machine/memory.ts";
import { FakeProcessor } from "./fake-processor.ts";

/** PFN n of a guest is at BASE + n * 4096. */
export const BASE = 0xffff_8800_0000_0000n;
export const P = 1n,
  RW = 2n,
  U = 4n,
  A = 0x20n,
  D = 0x40n;
export const KERNEL_MARK = 1n << 52n;
export const GLOBAL = 0x100n;

export const entry = (mfn: number, flags: bigint): bigint => (BigInt(mfn) << 12n) | flags;

export interface TestMachine {
  readonly hv: Hypervisor;
  readonly cpu: FakeProcessor;
}

/** @param tracked the processor has a TrackedTlb */
export function newMachine(bytes = 8 << 20, tracked = false): TestMachine {
  const memory = new MachineMemory(bytes);
  const heapBase = 0x10000;
  const layout: MemoryLayout = {
    codeFlags: 0,
    codeDirectory: 0,
    records: 0,
    recordsEnd: 0,
    heapBase,
    size: bytes,
  };
  const cpu = new FakeProcessor(memory, tracked);
  const hv = new Hypervisor({ memory, layout, cpu, clock: { now: () => 0 } });
  initXenMappings(hv);
  return { hv, cpu };
}

/** A domain with linearly mapped memory: one L1 for each 512 frames, page tables in its last frames. */
export class Guest {
  readonly hv: Hypervisor;
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  /** MFN by PFN. */
  readonly mfn: number[];
  readonly l4: number;
  readonly l3: number;
  readonly l2: number;
  readonly l1: number[] = [];
  /** PFN of the page that arguments of hypercalls are put into. */
  readonly argumentPfn = 0;

  constructor({ hv }: TestMachine, id: number, pages: number, { spare = 64, vcpus = 1 } = {}) {
    this.hv = hv;
    this.domain = new Domain(hv, id, hv.heap.allocBytes(domainRecord.sizeof, 16), 64);
    hv.domains.set(id, this.domain);
    initDomainMemory(this.domain, pages + spare, vcpus);
    for (let i = 0; i < vcpus; i++) {
      const vcpu = new Vcpu(this.domain, i, hv.heap.allocBytes(vcpuRecord.sizeof, 16));
      this.domain.vcpus.push(vcpu);
      initVcpuMemory(vcpu);
    }
    this.vcpu = this.domain.vcpus[0]!;
    this.vcpu.kernelMode = true;
    this.mfn = allocDomainFrames(this.domain, pages);
    for (const [pfn, mfn] of this.mfn.entries()) setM2p(hv, mfn, pfn);

    const l1Count = Math.ceil(pages / 512);
    const tables = 3 + l1Count;
    const firstTable = pages - tables;
    [this.l4, this.l3, this.l2] = [this.mfn[firstTable]!, this.mfn[firstTable + 1]!, this.mfn[firstTable + 2]!];
    for (let i = 0; i < l1Count; i++) this.l1.push(this.mfn[firstTable + 3 + i]!);
    this.poke(this.l4, 272, entry(this.l3, P | RW | U | A | D));
    this.poke(this.l3, 0, entry(this.l2, P | RW | U | A | D));
    for (const [i, l1] of this.l1.entries()) this.poke(this.l2, i, entry(l1, P | RW | U | A | D));
    this.mfn.forEach((mfn, pfn) => {
      this.poke(this.l1[pfn >> 9]!, pfn & 511, entry(mfn, P | A | D | (pfn < firstTable ? RW : 0n)));
    });
    builderPin(this.domain, this.l4, PageType.L4);
    newBasePtr(this.vcpu, this.l4);
    this.run();
  }

  /** Makes it the current domain. */
  run(): void {
    this.hv.current = this.vcpu;
    this.hv.cpu.loadCr3(this.vcpu.mm.kernel_root * 4096, 0, false);
  }

  /** Entry `index` of a frame, behind everybody's back. */
  peek(mfn: number, index: number): bigint {
    return this.hv.memory.u64[mfn * 512 + index]!;
  }
  poke(mfn: number, index: number, value: bigint): void {
    this.hv.memory.u64[mfn * 512 + index] = value;
  }

  va(pfn: number): bigint {
    return BASE + BigInt(pfn) * 4096n;
  }
  /** Machine address of the L1 entry that maps a PFN in the linear region. */
  ptePointer(pfn: number): bigint {
    return BigInt(this.l1[pfn >> 9]! * 4096 + (pfn & 511) * 8);
  }
  pte(pfn: number): bigint {
    return this.peek(this.l1[pfn >> 9]!, pfn & 511);
  }

  /** Puts 64-bit words into the argument page at byte `offset` and returns their address. */
  words(values: readonly bigint[], offset = 0): bigint {
    for (const [i, value] of values.entries()) this.poke(this.mfn[this.argumentPfn]!, offset / 8 + i, value);
    return this.va(this.argumentPfn) + BigInt(offset);
  }

  /** Makes a hypercall, and again as long as it is a continuation. @returns its result */
  call(hypercall: Hypercall, ...args: bigint[]): number {
    return Number(this.callBig(hypercall, ...args));
  }
  callBig(hypercall: Hypercall, ...list: bigint[]): bigint {
    const args = new HypercallArguments(list);
    this.hv.current = this.vcpu;
    for (let times = 0; times < 100_000; times++) {
      try {
        const result = hypercall.handler(this.hv, this.vcpu, args);
        if (result !== CONTINUATION) return BigInt(result as number | bigint);
      } catch (error) {
        if (error instanceof HypercallError) return BigInt(-error.errno);
        throw error;
      }
    }
    throw new Error("a continuation without end");
  }
}

/** Fails with all that is wrong. */
export function assertSound(hv: Hypervisor, options?: InvariantOptions): void {
  assert.deepEqual(checkInvariants(hv, options), []);
}

/** No translation in the TLB allows to write to a table, or leads to a frame of nobody or of another domain. */
export function assertTlbSound({ hv, cpu }: TestMachine): void {
  const { frames } = hv;
  for (const set of cpu.tlb) {
    for (const [va, { address, writable, user }] of set) {
      const mfn = Math.floor(address / 4096);
      if (!user) continue;
      const owner = frames.owner(mfn);
      const m2p = va >= 0xffff_8000_0000_0000n && va < 0xffff_8040_0000_0000n;
      assert.ok(m2p || owner === hv.current?.domain.id, `TLB maps ${va.toString(16)} to frame ${mfn} of ${owner}`);
      assert.ok(frames.refCount(mfn) > 0, `TLB maps ${va.toString(16)} to a free frame`);
      const type = frames.type(mfn);
      const table = frames.typeCount(mfn) > 0 && type >= PageType.L1 && type <= PageType.SegDesc;
      assert.ok(!(writable && table), `TLB allows to write to table ${mfn} at ${va.toString(16)}`);
    }
  }
}
