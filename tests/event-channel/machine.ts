/**
 * A machine without a running processor, and guests made by hand: page tables that map a number of
 * pages from GUEST_BASE on, events and grants set up. For tests of what guests ask of the hypervisor.
 */
import type { StructDef, View } from "../../src/abi/struct.ts";
import { Domain, domainRecord } from "../../src/hypervisor/domain.ts";
import { initEventChannels, initVcpuEvents } from "../../src/hypervisor/event-channel/lifecycle.ts";
import { type GrantLimits, initGrantTable } from "../../src/hypervisor/grant-table/table.ts";
import type { Hypercall } from "../../src/hypervisor/hypercall.ts";
import { CONTINUATION, HypercallArguments, HypercallError } from "../../src/hypervisor/hypercall.ts";
import { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { initDomainWindows } from "../../src/hypervisor/mm/descriptor-window.ts";
import { allocDomainFrames, shareWithGuest } from "../../src/hypervisor/mm/domain-frames.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { getPageAndType } from "../../src/hypervisor/mm/page-type.ts";
import { initXenMappings } from "../../src/hypervisor/mm/xen-area.ts";
import { bringUp, initVcpuSched } from "../../src/hypervisor/sched/wake.ts";
import { VirtualClock } from "../../src/hypervisor/time/clock.ts";
import { initDomainTime, initVcpuTime } from "../../src/hypervisor/time/timers.ts";
import { VCPU_INITIALISED, Vcpu, vcpuRecord } from "../../src/hypervisor/vcpu.ts";
import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory, PAGE_SIZE } from "../../src/machine/memory.ts";
import { FakeProcessor } from "../mm/fake-processor.ts";

/** The guest's data pages are mapped writable from here on. */
export const GUEST_BASE = 0x40_0000n;
export const DATA_PAGES = 32;

export class TestMachine {
  readonly hv: Hypervisor;
  readonly cpu: FakeProcessor;
  readonly clock: VirtualClock;

  constructor() {
    const layout = layOutMemory(8 << 20, 1 << 16);
    const memory = new MachineMemory(layout.size);
    this.cpu = new FakeProcessor(memory);
    this.clock = new VirtualClock(() => 0);
    this.hv = new Hypervisor({ memory, layout, cpu: this.cpu, clock: this.clock });
    initXenMappings(this.hv);
  }

  guest(id: number, options: GuestOptions = {}): TestGuest {
    return new TestGuest(this, id, options);
  }
}

export interface GuestOptions {
  readonly vcpus?: number;
  readonly maxPort?: number;
  readonly limits?: GrantLimits;
}

export class TestGuest {
  readonly machine: TestMachine;
  readonly domain: Domain;
  /** MFNs of the data pages. */
  readonly data: readonly number[];
  readonly l1: number;

  constructor(machine: TestMachine, id: number, { vcpus = 1, maxPort, limits }: GuestOptions) {
    this.machine = machine;
    const { hv } = machine;
    const domain = new Domain(hv, id, hv.heap.allocBytes(domainRecord.sizeof), 64);
    this.domain = domain;
    hv.domains.set(id, domain);
    domain.record.mm.max_pages = 256;
    const shared = hv.heap.allocFrames(1);
    shareWithGuest(domain, shared, true);
    domain.record.shared_info = BigInt(shared * PAGE_SIZE);
    initDomainWindows(domain, vcpus);
    initDomainTime(domain);
    initEventChannels(domain, maxPort);
    initGrantTable(domain, limits);
    this.data = allocDomainFrames(domain, DATA_PAGES);
    const { root, l1 } = this.#buildTables();
    this.l1 = l1;
    for (let i = 0; i < vcpus; i++) {
      const vcpu = new Vcpu(domain, i, hv.heap.allocBytes(vcpuRecord.sizeof));
      domain.vcpus.push(vcpu);
      initVcpuSched(vcpu);
      initVcpuTime(vcpu);
      initVcpuEvents(vcpu);
      vcpu.record.flags |= VCPU_INITIALISED;
      vcpu.kernelMode = true;
      if (getPageAndType(domain, root, PageType.L4) !== 0) throw new Error("the guest's page tables are not valid");
      vcpu.mm.kernel_root = root;
      if (i === 0) bringUp(vcpu);
    }
    this.load();
  }

  #buildTables(): { root: number; l1: number } {
    const { u64 } = this.machine.hv.memory;
    const [root, l3, l2, l1] = allocDomainFrames(this.domain, 4) as [number, number, number, number];
    const entry = (mfn: number): bigint => BigInt(mfn * PAGE_SIZE) | 0x67n;
    u64[root * 512] = entry(l3);
    u64[l3 * 512] = entry(l2);
    u64[l2 * 512 + 2] = entry(l1);
    for (const [i, mfn] of this.data.entries()) u64[l1 * 512 + i] = entry(mfn);
    return { root, l1 };
  }

  get vcpu(): Vcpu {
    return this.domain.vcpus[0] as Vcpu;
  }

  /** Puts a vCPU's page tables on the processor. */
  load(vcpu = this.vcpu): void {
    this.machine.hv.current = vcpu;
    this.machine.cpu.loadCr3(vcpu.mm.kernel_root * PAGE_SIZE, 0, false);
  }

  /** Guest address of a data page. */
  va(page: number, offset = 0): bigint {
    return GUEST_BASE + BigInt(page * PAGE_SIZE + offset);
  }

  /** The bytes of a data page. */
  page(page: number): Uint8Array {
    return this.machine.hv.memory.frame(this.data[page] as number);
  }

  /** Puts a structure at the start of a data page (the last one, which tests use for arguments). */
  argument<F extends Parameters<typeof import("../../src/abi/struct.ts").struct>[1]>(
    def: StructDef<F>,
    fill: (view: View<F>) => void,
    page = DATA_PAGES - 1,
    offset = 0,
  ): View<F> {
    const address = (this.data[page] as number) * PAGE_SIZE + offset;
    const { memory } = this.machine.hv;
    memory.u8.fill(0, address, address + def.sizeof);
    const view = def.at(memory, address);
    fill(view);
    return view;
  }

  /** Makes a hypercall; `undefined` stands for the address of the arguments. Negative numbers are errors. */
  call(hypercall: Hypercall, args: readonly (number | bigint | undefined)[], vcpu = this.vcpu): number {
    this.load(vcpu);
    const words = args.map((arg) => (arg === undefined ? this.va(DATA_PAGES - 1) : BigInt.asUintN(64, BigInt(arg))));
    const list = new HypercallArguments(words);
    try {
      for (let guard = 0; guard < 1000; guard++) {
        const result = hypercall.handler(this.machine.hv, vcpu, list);
        if (result !== CONTINUATION) return Number(result);
      }
      throw new Error("the hypercall does not end");
    } catch (error) {
      if (error instanceof HypercallError) return -error.errno;
      throw error;
    }
  }
}
