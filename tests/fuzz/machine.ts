/**
 * A machine for fuzzers: guests with a few pages that collide all the time, the host domain, and the
 * checks that must hold after each step.
 */
import assert from "node:assert/strict";
import { VGCF_in_kernel, VGCF_online } from "../../src/abi/xen.ts";
import { switchTo } from "../../src/hypervisor/context-switch.ts";
import type { Domain } from "../../src/hypervisor/domain.ts";
import { CR0_FIXED, CR4_FIXED } from "../../src/hypervisor/emulate/control-registers.ts";
import { checkGrants, heldByGrantsAndEvents } from "../../src/hypervisor/grant-table/invariants.ts";
import { HostDomain } from "../../src/hypervisor/host-domain.ts";
import { DomainCrash, HypercallError } from "../../src/hypervisor/hypercall.ts";
import { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { initialiseVcpu, newGuestContext } from "../../src/hypervisor/initialise-vcpu.ts";
import { allocDomainFrames } from "../../src/hypervisor/mm/domain-frames.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { OutOfHeap } from "../../src/hypervisor/mm/heap.ts";
import { checkInvariants } from "../../src/hypervisor/mm/invariants.ts";
import { setM2p } from "../../src/hypervisor/mm/m2p.ts";
import { checkScheduler } from "../../src/hypervisor/sched/invariants.ts";
import type { Vcpu } from "../../src/hypervisor/vcpu.ts";
import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory, PAGE_SIZE } from "../../src/machine/memory.ts";
import { Access } from "../../src/machine/processor.ts";
import { CR0_TS, CR4_DE, CR4_FSGSBASE, CR4_TSD, CS, FLAG_IF, FLAG_VM, SS } from "../../src/machine/x86/state.ts";
import { FakeProcessor } from "../mm/fake-processor.ts";
import type { Random } from "./random.ts";

/** Page n of a guest is at GUEST_BASE + n * 4096: DATA_PAGES ones that it may write to, then its tables. */
export const GUEST_BASE = 0x40_0000n;
export const DATA_PAGES = 24;
export const TABLE_PAGES = 8;
export const PAGES = DATA_PAGES + TABLE_PAGES;
/** Code is here, arguments of hypercalls there. */
export const CODE = 0,
  STACK = 1,
  KERNEL_STACK = 2,
  ARGUMENTS = 3;

export class FuzzGuest {
  readonly domain: Domain;
  /** By page. */
  readonly mfns: readonly number[];

  constructor(hv: Hypervisor, id: number) {
    this.domain = hv.createDomain({ memoryFrames: PAGES + 16, maxVcpus: 2, id, maxEventChannelPort: 400 });
    this.mfns = allocDomainFrames(this.domain, PAGES);
    for (const [pfn, mfn] of this.mfns.entries()) setM2p(hv, mfn, pfn);
    const { u64 } = hv.memory;
    const entry = (mfn: number, flags: bigint): bigint => BigInt(mfn * PAGE_SIZE) | flags;
    const [root, l3, l2, l1, userRoot] = this.mfns.slice(DATA_PAGES) as [number, number, number, number, number];
    for (const top of [root, userRoot]) u64[top * 512] = entry(l3, 0x67n);
    u64[l3 * 512] = entry(l2, 0x67n);
    u64[l2 * 512 + 2] = entry(l1, 0x67n);
    for (const [i, mfn] of this.mfns.entries()) u64[l1 * 512 + i] = entry(mfn, i < DATA_PAGES ? 0x67n : 0x65n);
    const context = newGuestContext();
    context.flags = BigInt(VGCF_in_kernel | VGCF_online);
    context.user_regs.rip = this.va(CODE);
    context.user_regs.rsp = this.va(STACK, 0x800);
    context.user_regs.cs = 0xe033;
    context.user_regs.ss = 0xe02b;
    context.kernel_ss = 0xe02bn;
    context.kernel_sp = this.va(KERNEL_STACK, 0x1000);
    for (let vector = 0; vector < 256; vector++) {
      const trap = context.trap_ctxt.get(vector);
      trap.vector = vector;
      trap.flags = vector % 8;
      trap.handler = this.va(CODE, 0x100);
    }
    context.event_callback_eip = context.failsafe_callback_eip = context.syscall_callback_eip = this.va(CODE, 0x200);
    context.ctrlreg.set(3, BigInt(root * PAGE_SIZE));
    context.ctrlreg.set(1, BigInt(userRoot * PAGE_SIZE));
    initialiseVcpu(this.domain.vcpus[0]!, context);
    this.domain.unpause();
  }

  va(page: number, offset = 0): bigint {
    return GUEST_BASE + BigInt(page * PAGE_SIZE + offset);
  }
}

export class FuzzMachine {
  readonly random: Random;
  readonly hv: Hypervisor;
  readonly cpu: FakeProcessor;
  readonly host: HostDomain;
  readonly guests: FuzzGuest[] = [];
  now = 1_000_000;
  /** Percent of the questions whether to stop that are answered with yes. */
  pressure = 0;
  crashes = 0;
  /** Steps from one check to the next. A fault is found then; to know whose it is, the round is run again with 1. */
  readonly checkEvery: number;
  #unchecked = 0;

  constructor(random: Random, options: { guests?: number; checkEvery?: number } = {}) {
    this.random = random;
    this.checkEvery = options.checkEvery ?? 1;
    const guests = options.guests ?? 2;
    const layout = layOutMemory((2 + guests / 2) << 20, 1 << 16);
    const memory = new MachineMemory(layout.size);
    this.cpu = new FakeProcessor(memory, random.oneIn(2));
    const features = new Set(["rdtscp", "fsgsbase"]);
    this.hv = new Hypervisor({
      memory,
      layout,
      cpu: this.cpu,
      clock: { now: () => this.now },
      features,
      onConsole() {},
    });
    this.hv.preempted = () => random.below(100) < this.pressure;
    this.host = new HostDomain(this.hv);
    for (let id = 1; id <= guests; id++) this.guests.push(new FuzzGuest(this.hv, id));
    switchTo(this.hv, this.guests[0]!.domain.vcpus[0]);
  }

  /** The guest whose vCPU is on the processor. */
  get guest(): FuzzGuest {
    return this.guests.find(({ domain }) => domain === this.hv.current?.domain)!;
  }
  get vcpu(): Vcpu {
    return this.hv.current!;
  }

  /** Does what a guest may cause; a domain that crashes, or has shut itself down, is replaced. Anything else that is thrown is a bug. */
  step(action: () => void): void {
    this.now += this.random.below(100_000);
    try {
      action();
    } catch (error) {
      if (!(error instanceof DomainCrash)) throw error;
      this.crashes++;
      this.replace(this.guest);
    }
    this.host.deliverEvents();
    this.hv.runNotices();
    for (const guest of this.guests) if (!guest.domain.schedulable) this.replace(guest);
    if (++this.#unchecked < this.checkEvery) return;
    this.#unchecked = 0;
    this.check();
  }

  /**
   * The guest writes to its memory, from a page's offset on, as far as it may: the frames may have become page
   * tables, or another domain's.
   */
  write(page: number, offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const va = this.guest.va(page, offset + done);
      const part = Math.min(bytes.length - done, PAGE_SIZE - Number(va & 0xfffn));
      const at = this.cpu.translate(va, Access.Write, true);
      if (at < 0) return;
      this.hv.memory.u8.set(bytes.subarray(done, done + part), at);
      done += part;
    }
  }

  /** The same with 64-bit words. */
  writeWords(page: number, offset: number, words: readonly bigint[]): void {
    this.write(page, offset, new Uint8Array(BigUint64Array.from(words).buffer));
  }

  switchTo(guest: FuzzGuest, vcpu = guest.domain.vcpus[0]!): void {
    if (vcpu.initialised && guest.domain.schedulable) switchTo(this.hv, vcpu);
  }

  /** Ends a guest's domain, whatever state it is in, and starts another in its place. */
  replace(guest: FuzzGuest): void {
    const { hv, guests } = this;
    const { id } = guest.domain;
    hv.destroyDomain(guest.domain);
    // Frames that the other one has mapped remain, and keep the number in use.
    const next = [id, ...Array.from({ length: 50 }, (_, i) => i + 5)].find(
      (n) => !hv.domains.has(n) && !hv.zombies.has(n),
    );
    const at = guests.indexOf(guest);
    try {
      guests[at] = new FuzzGuest(hv, next!);
    } catch (error) {
      // What others still have mapped may be too much to begin again. Without them it must not be.
      if (!(error instanceof HypercallError || error instanceof OutOfHeap)) throw error;
      for (const domain of [...hv.domains.values()]) hv.destroyDomain(domain);
      for (let i = 0; i < guests.length; i++) guests[i] = new FuzzGuest(hv, i + 1);
    }
    if (hv.current === undefined) switchTo(hv, guests[at]!.domain.vcpus[0]);
  }

  check(): void {
    const { hv } = this;
    const problems = checkInvariants(hv, { ...heldByGrantsAndEvents(hv), skipFreeFrames: true });
    // What a guest does to its own status bits is its own affair.
    problems.push(...checkScheduler(hv));
    problems.push(...checkGrants(hv).filter((problem) => !problem.endsWith("in secret")));
    problems.push(...this.#tlbProblems());
    if (hv.current !== undefined) problems.push(...stateProblems(hv, hv.current));
    if (problems.length > 0) assert.fail(problems.join("\n"));
  }

  #tlbProblems(): string[] {
    const { hv, cpu } = this;
    const { frames } = hv;
    const problems: string[] = [];
    if (cpu.trackedTlb !== undefined) for (const va of cpu.staleTranslations()) problems.push(`TLB: ${va} is stale`);
    const granted = heldByGrantsAndEvents(hv).isGranted!;
    for (const [set, entries] of cpu.tlb.entries()) {
      // Entries of a root that is none any more go before the set is used again.
      const root = Math.floor(cpu.roots[set]! / PAGE_SIZE);
      const domain = frames.valid(root) ? hv.domains.get(frames.owner(root)) : undefined;
      if (domain === undefined || !frames.isValidated(root, PageType.L4)) continue;
      for (const [va, { address, writable, user }] of entries) {
        if (!user || (va >= 0xffff_8000_0000_0000n && va < 0xffff_8040_0000_0000n)) continue;
        const mfn = Math.floor(address / PAGE_SIZE);
        const where = `TLB: ${va.toString(16)} leads to frame ${mfn}`;
        const type = frames.type(mfn);
        const foreign = frames.owner(mfn) !== domain.id;
        if (frames.refCount(mfn) === 0) problems.push(`${where}, which is free`);
        else if (foreign && !granted(domain, mfn, writable)) problems.push(`${where} of ${frames.owner(mfn)}`);
        if (writable && frames.typeCount(mfn) > 0 && type >= PageType.L1 && type <= PageType.SegDesc)
          problems.push(`${where}, a table, for writing`);
      }
    }
    return problems;
  }
}

/** What no guest may bring about in the state that it runs with. */
function stateProblems(hv: Hypervisor, vcpu: Vcpu): string[] {
  const { state } = vcpu;
  const problems: string[] = [];
  const expect = (what: string, holds: boolean): void => {
    if (!holds) problems.push(`vCPU ${vcpu.id} of domain ${vcpu.domain.id}: ${what}`);
  };
  expect("privilege level", state.cpl === 3);
  for (const segment of [CS, SS]) {
    const { attributes, selector } = state.segment.get(segment);
    const wide = (attributes & 0x10) !== 0;
    expect(`segment ${segment} is 0x${selector.toString(16)} ${attributes.toString(16)}`, wide && (selector & 3) === 3);
    expect(`segment ${segment} has another ring`, ((attributes >>> 5) & 3) === 3 || (attributes & 0x1c) === 0x1c);
  }
  expect("interrupts are off", (hv.cpu.rflags & BigInt(FLAG_IF)) !== 0n);
  expect("IOPL or VM", (hv.cpu.rflags & BigInt((3 << 12) | FLAG_VM)) === 0n);
  expect("CR0", (state.cr0 & ~CR0_TS) === CR0_FIXED);
  expect("CR4", (state.cr4 & ~(CR4_TSD | CR4_DE | CR4_FSGSBASE)) === CR4_FIXED);
  expect("DR7 has general detect", (state.dr.get(7) & 0x2000n) === 0n);
  for (let i = 0; i < 4; i++) expect(`DR${i}`, state.dr.get(i) >> 43n !== 0x1ffff0n);
  const root = vcpu.kernelMode ? vcpu.mm.kernel_root : vcpu.mm.user_root;
  if (hv.domains.has(vcpu.domain.id)) expect("CR3", state.cr3 === BigInt(root * PAGE_SIZE));
  expect("GDTR", state.gdtr.limit === 0xffff && state.gdtr.base >> 40n === 0xffff82n);
  const canonical = (va: bigint): boolean => va >> 47n === 0n || va >> 47n === 0x1ffffn;
  expect("GS base", canonical(state.kernel_gs_base) && canonical(state.segment.get(5).base));
  return problems;
}
