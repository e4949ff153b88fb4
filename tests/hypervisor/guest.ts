/**
 * A machine without a running processor and one guest on it, made as the toolstack would: page
 * tables for some pages from GUEST_BASE on, a user root with the same pages, vCPU 0 in its kernel.
 */

import { VGCF_in_kernel, VGCF_online } from "../../src/abi/xen.ts";
import { switchTo } from "../../src/hypervisor/context-switch.ts";
import { dispatchHypercall } from "../../src/hypervisor/dispatch.ts";
import type { Domain } from "../../src/hypervisor/domain.ts";
import { handleExit } from "../../src/hypervisor/exits.ts";
import { Hypervisor, type HypervisorHooks } from "../../src/hypervisor/hypervisor.ts";
import { type GuestContext, initialiseVcpu, newGuestContext } from "../../src/hypervisor/initialise-vcpu.ts";
import { allocDomainFrames } from "../../src/hypervisor/mm/domain-frames.ts";
import { setM2p } from "../../src/hypervisor/mm/m2p.ts";
import type { Vcpu } from "../../src/hypervisor/vcpu.ts";
import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory, PAGE_SIZE } from "../../src/machine/memory.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { R8, R10, RAX, RDI, RDX, RSI } from "../../src/machine/x86/state.ts";
import { FakeProcessor } from "../mm/fake-processor.ts";

export const GUEST_BASE = 0x40_0000n;
export const PAGES = 32;
/** Pages by use. */
export const CODE = 0,
  STACK = 1,
  KERNEL_STACK = 2,
  DATA = 3,
  READ_ONLY = 31;

export class TestGuest {
  readonly hv: Hypervisor;
  readonly cpu: FakeProcessor;
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  readonly mfns: readonly number[];
  /** Nanoseconds of the machine's clock. */
  now = 0;

  constructor(hooks: HypervisorHooks = {}, prepare: (context: GuestContext) => void = () => {}) {
    const layout = layOutMemory(8 << 20, 1 << 16);
    const memory = new MachineMemory(layout.size);
    this.cpu = new FakeProcessor(memory);
    this.hv = new Hypervisor({ memory, layout, cpu: this.cpu, clock: { now: () => this.now }, ...hooks });
    this.domain = this.hv.createDomain({ memoryFrames: 128, maxVcpus: 2 });
    this.mfns = allocDomainFrames(this.domain, PAGES);
    for (const [pfn, mfn] of this.mfns.entries()) setM2p(this.hv, mfn, pfn);
    this.vcpu = this.domain.vcpus[0]!;
    const context = newGuestContext();
    context.flags = BigInt(VGCF_in_kernel | VGCF_online);
    context.user_regs.rip = this.va(CODE);
    context.user_regs.rsp = this.va(STACK, 0x800);
    context.user_regs.cs = 0xe033;
    context.user_regs.ss = 0xe02b;
    context.kernel_ss = 0xe02bn;
    context.kernel_sp = this.va(KERNEL_STACK, 0x1000);
    context.ctrlreg.set(3, BigInt(this.#tables() * PAGE_SIZE));
    context.ctrlreg.set(1, BigInt(this.#tables() * PAGE_SIZE));
    prepare(context);
    initialiseVcpu(this.vcpu, context);
    this.domain.unpause();
    switchTo(this.hv, this.vcpu);
  }

  /** Builds page tables; the last page is read-only. @returns the root */
  #tables(): number {
    const { u64 } = this.hv.memory;
    const [root, l3, l2, l1] = allocDomainFrames(this.domain, 4) as [number, number, number, number];
    const entry = (mfn: number, flags = 0x67n): bigint => BigInt(mfn * PAGE_SIZE) | flags;
    u64[root * 512] = entry(l3);
    u64[l3 * 512] = entry(l2);
    u64[l2 * 512 + 2] = entry(l1);
    for (const [i, mfn] of this.mfns.entries()) u64[l1 * 512 + i] = entry(mfn, i === READ_ONLY ? 0x65n : 0x67n);
    return root;
  }

  /** Guest address of a page. */
  va(page: number, offset = 0): bigint {
    return GUEST_BASE + BigInt(page * PAGE_SIZE + offset);
  }

  /** Machine address behind it. */
  maddr(va: bigint): number {
    const offset = Number(va - GUEST_BASE);
    return this.mfns[Math.floor(offset / PAGE_SIZE)]! * PAGE_SIZE + (offset % PAGE_SIZE);
  }

  word(va: bigint): bigint {
    return this.hv.memory.dv.getBigUint64(this.maddr(va), true);
  }
  setWord(va: bigint, value: bigint): void {
    this.hv.memory.dv.setBigUint64(this.maddr(va), value, true);
  }
  words(va: bigint, count: number): bigint[] {
    return Array.from({ length: count }, (_, i) => this.word(va + BigInt(i * 8)));
  }
  bytes(va: bigint, data: readonly number[]): void {
    data.forEach((byte, i) => {
      this.hv.memory.u8[this.maddr(va + BigInt(i))] = byte;
    });
  }

  /** Puts code at RIP. */
  code(...data: number[]): void {
    this.vcpu.state.rip = this.va(CODE);
    this.bytes(this.va(CODE), data);
  }

  /** Makes a hypercall as SYSCALL from the guest kernel would, and follows continuations. @returns RAX, signed */
  hypercall(number: number, ...args: (number | bigint)[]): bigint {
    const { gpr, state } = this.vcpu;
    const registers = [RDI, RSI, RDX, R10, R8];
    registers.forEach((register, i) => {
      gpr[register] = BigInt.asUintN(64, BigInt(args[i] ?? 0));
    });
    gpr[RAX] = BigInt(number);
    state.rip = this.va(CODE, 2);
    do {
      state.rip = this.va(CODE, 2);
      dispatchHypercall(this.hv, this.vcpu);
    } while (state.rip === this.va(CODE));
    return BigInt.asIntN(64, gpr[RAX] ?? 0n);
  }

  /** Makes a hypercall with the registers as they are, and lets it return where it will. */
  hypercallAt(number: number): void {
    this.vcpu.gpr[RAX] = BigInt(number);
    this.vcpu.state.rip = this.va(CODE, 2);
    dispatchHypercall(this.hv, this.vcpu);
  }

  /** What an exception exit leads to. */
  exception(vector: number, errorCode = 0, cr2 = 0n): void {
    const state = this.vcpu.state;
    state.exit_vector = vector;
    state.exit_error_code = errorCode;
    state.cr2 = cr2;
    handleExit(this.hv, this.vcpu, ExitReason.Exception);
  }

  exit(reason: ExitReason): void {
    handleExit(this.hv, this.vcpu, reason);
  }
}
