/**
 * A sampling profiler at the hardware boundary: where the host's time goes while guests run.
 *
 * Runs of the processor are interrupted about once an interval of host time, counted in
 * instructions, and a sample is taken of where the guest is by then. What passes between two runs
 * is the hypervisor's, and is charged to the exit that was handled. Time in which no vCPU can run
 * is nobody's and does not appear.
 *
 * A guest cannot tell: an interrupted run goes on to where it would have ended
 * (`Processor.run`, `continued`), and guest memory is only read, past the MMU.
 */

import { PAGE_MASK, PAGE_SIZE } from "../machine/memory.ts";
import { ExitReason } from "../machine/processor.ts";
import { cpuState, RAX, RSP } from "../machine/x86/state.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { linearAddress } from "./mm/linear.ts";
import { entryFrame, PTE_PRESENT } from "./mm/pte.ts";
import { l1EntryAddress } from "./mm/walk.ts";
import { NO_DOMAIN, type Place, SampleLog } from "./profile-samples.ts";
import { highHalf, lowHalf } from "./traps/guest-words.ts";
import { exceptionName } from "./traps/inject.ts";
import type { Vcpu } from "./vcpu.ts";

/** What time is spent on. */
export interface Activity {
  readonly name: string;
  /** guest: its instructions, by tier. The others: the hypervisor's work, by what called for it. */
  readonly kind: "guest" | "hypercall" | "exception" | "emulation" | "exit" | "hypervisor";
  /** Times that it was done; for guests' instructions, samples. */
  count: number;
  /** Host time that it took, all of it measured. */
  nanoseconds: number;
}

interface Account extends Activity {
  readonly number: number;
  /** Time that no sample has stood for yet. */
  owed: number;
}

export interface ProfilerOptions {
  /** Host time in nanoseconds. */
  readonly now: () => number;
  /** Time between samples, in nanoseconds. */
  readonly interval: number;
  /** See SampleLog. */
  readonly limit?: number;
}

/** Instructions between two samples, whatever the pace. */
const LEAST_INSTRUCTIONS = 500;
const MOST_INSTRUCTIONS = 50_000_000;
/** A run of one instruction would be a single step: no piece is as short. */
const SHORTEST_PIECE = 16;
/** Intervals that one measurement stands for at most: the host may have been asleep. */
const MOST_OWED = 4096;
/** How a stub for hypercalls goes on behind its SYSCALL: pop %r11; pop %rcx; ret. */
const STUB_END = 0xc3595b41;
/** Bytes on the stack that it pops first. */
const STUB_PUSHED = 16;
const ST = cpuState.offset;

export class Profiler {
  readonly samples: SampleLog;
  readonly #hv: Hypervisor;
  readonly #now: () => number;
  readonly #accounts: Account[] = [];
  readonly #byName = new Map<string, Account>();
  /** When the hypervisor's work began that is being measured. */
  #since = 0;
  /** What the hypervisor works for: an exit, or nothing in particular. */
  #reason: ExitReason | undefined;
  #vector = 0;
  #hypercall = 0;
  #fromKernel = false;
  #injected = 0;
  #ptwr = 0;
  readonly #place: Place = { low: 0, high: 0, root: 0, user: false, domain: NO_DOMAIN, vcpu: 0 };
  /** Guest time and instructions since the last sample. */
  #guestTime = 0;
  #guestInstructions = 0;
  /** Instructions until the next sample. */
  #until = LEAST_INSTRUCTIONS;
  #pace = 10;
  #compiling = 0;
  #random = 1;

  constructor(hv: Hypervisor, { now, interval, limit }: ProfilerOptions) {
    this.#hv = hv;
    this.#now = now;
    this.samples = new SampleLog(interval, limit);
    this.#compiling = this.#compileTime();
    this.#since = now();
  }

  /** What samples are of, by their number. */
  get activities(): readonly Activity[] {
    return this.#accounts;
  }

  /** As `Processor.run`, and with the same effects on the guest. */
  run(vcpu: Vcpu, budget: number): ExitReason {
    const { cpu } = this.#hv;
    let started = this.#now();
    this.#chargeExit(started - this.#since);
    for (let left = budget, continued = false; ; continued = true) {
      const before = this.#retired();
      const reason = cpu.run(Math.min(left, Math.max(this.#until, SHORTEST_PIECE)), continued);
      const ran = (this.#retired() - before) >>> 0;
      const now = this.#now();
      this.#guestTime += now - started;
      this.#guestInstructions += ran;
      started = now;
      this.#until -= ran;
      left -= ran;
      const last = reason !== ExitReason.Budget || left <= 0;
      if (last) this.#exits(vcpu, reason);
      if (this.#until <= 0) {
        if (!last) this.#locate(vcpu, reason);
        this.#sampleGuest();
        started = this.#now();
      }
      if (last) {
        this.#since = started;
        return reason;
      }
    }
  }

  sliceBegins(): void {
    this.#since = this.#now();
    this.#reason = undefined;
    this.#place.domain = NO_DOMAIN;
  }

  sliceEnds(): void {
    this.#chargeExit(this.#now() - this.#since);
  }

  /** Low word of the count of instructions. */
  #retired(): number {
    const { cpu, memory } = this.#hv;
    return memory.u32[(cpu.state.address + ST.retired) >>> 2]!;
  }

  #compileTime(): number {
    return (this.#hv.cpu.statistics.regions?.milliseconds ?? 0) * 1e6;
  }

  /** Remembers where the guest is: at what made the exit, or in the code that was being executed. */
  #locate(vcpu: Vcpu, reason: ExitReason): void {
    const { cpu, memory } = this.#hv;
    const place = this.#place;
    if (reason === ExitReason.Budget) {
      const at = cpu.interruptedAt;
      place.low = lowHalf(at);
      place.high = highHalf(at);
    } else {
      const rip = (cpu.state.address + ST.rip) >>> 2;
      place.low = memory.u32[rip]!;
      place.high = memory.u32[rip + 1]!;
    }
    place.root = memory.u32[(cpu.state.address + ST.cr3) >>> 2]! >>> 12;
    place.user = !vcpu.kernelMode;
    place.domain = vcpu.domain.id;
    place.vcpu = vcpu.id;
  }

  /** A run has ended: remembers what tells later what the hypervisor did about it. */
  #exits(vcpu: Vcpu, reason: ExitReason): void {
    const { cpu, memory, statistics } = this.#hv;
    this.#locate(vcpu, reason);
    this.#reason = reason;
    this.#fromKernel = vcpu.kernelMode;
    if (reason === ExitReason.Syscall && this.#fromKernel) {
      this.#hypercall = memory.u32[(cpu.gpr.byteOffset >>> 2) + RAX * 2]!;
      statistics.lastOperation = -1;
      this.#locateCaller();
    } else if (reason === ExitReason.Exception) {
      this.#vector = cpu.state.exit_vector;
      this.#injected = statistics.injected[this.#vector] ?? 0;
      this.#ptwr = statistics.ptwr;
    }
  }

  /** Guest kernels make all hypercalls in one stub: what called it says more. */
  #locateCaller(): void {
    const place = this.#place;
    if (this.#peek(place.low, place.high) !== STUB_END) return;
    const stack = (this.#hv.cpu.gpr.byteOffset >>> 2) + RSP * 2;
    const { u32 } = this.#hv.memory;
    // A kernel stack does not end within a few bytes of 4 GiB: no carry.
    const at = u32[stack]! + STUB_PUSHED;
    const low = this.#peek(at, u32[stack + 1]!);
    const high = this.#peek(at + 4, u32[stack + 1]!);
    if (low === undefined || high === undefined) return;
    place.low = low;
    place.high = high;
  }

  /** Four bytes of guest memory, read past the MMU: no accessed bit is set. Undefined: not there, or on two pages. */
  #peek(low: number, high: number): number | undefined {
    const { memory } = this.#hv;
    if (low > 0xffff_ffff || (low & PAGE_MASK) > PAGE_SIZE - 4) return undefined;
    const entry = l1EntryAddress(memory, this.#place.root, linearAddress(low, high)) >>> 2;
    const lo = memory.u32[entry] ?? 0;
    const frame = entryFrame(lo, memory.u32[entry + 1] ?? 0);
    if ((lo & PTE_PRESENT) === 0 || frame >= memory.frames) return undefined;
    return memory.dv.getUint32(frame * PAGE_SIZE + (low & PAGE_MASK), true);
  }

  #sampleGuest(): void {
    const compiled = this.#compileTime();
    const compiling = Math.min(Math.max(0, compiled - this.#compiling), this.#guestTime);
    this.#compiling = compiled;
    if (compiling > 0) this.#charge(this.#account("compilation", "hypervisor"), compiling);
    const time = this.#guestTime - compiling;
    this.#charge(this.#account(this.#hv.cpu.tier, "guest"), time);

    if (time > 0 && this.#guestInstructions > 0) this.#pace += (time / this.#guestInstructions - this.#pace) / 8;
    this.#guestTime = this.#guestInstructions = 0;
    // Not always the same number: a loop of the guest may have the same period.
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    const jitter = 0.75 + this.#random / 2 ** 33;
    const instructions = Math.round((this.samples.interval / this.#pace) * jitter);
    this.#until = Math.min(Math.max(instructions, LEAST_INSTRUCTIONS), MOST_INSTRUCTIONS);
  }

  /** The hypervisor has worked for this long since the last exit. */
  #chargeExit(time: number): void {
    this.#charge(this.#exitAccount(), time);
    this.#reason = undefined;
  }

  #exitAccount(): Account {
    const { hypercalls, statistics } = this.#hv;
    switch (this.#reason) {
      case undefined:
      case ExitReason.Budget:
        return this.#account("run loop", "hypervisor");
      case ExitReason.Syscall: {
        if (!this.#fromKernel) return this.#account("system call", "exit");
        const call = hypercalls[this.#hypercall];
        if (call === undefined) return this.#account("unknown hypercall", "hypercall");
        const operation = call.operations?.[statistics.lastOperation]?.name;
        return this.#account(operation === undefined ? call.name : `${call.name} ${operation}`, "hypercall");
      }
      case ExitReason.Exception: {
        const name = exceptionName(this.#vector);
        if (statistics.ptwr !== this.#ptwr) return this.#account("page-table write", "emulation");
        if (statistics.injected[this.#vector] !== this.#injected) return this.#account(name, "exception");
        return this.#account(`${name} handled`, "emulation");
      }
      case ExitReason.Cpuid:
        return this.#account("CPUID", "emulation");
      case ExitReason.SoftwareInterrupt:
        return this.#account("INT n", "exit");
      case ExitReason.Sysenter:
        return this.#account("SYSENTER", "exit");
      default:
        return this.#account("HLT", "exit");
    }
  }

  #account(name: string, kind: Activity["kind"]): Account {
    let account = this.#byName.get(name);
    if (account === undefined) {
      account = { number: this.#accounts.length, name, kind, count: 0, nanoseconds: 0, owed: 0 };
      this.#accounts.push(account);
      this.#byName.set(name, account);
    }
    return account;
  }

  /** Adds time to an activity, and samples for what has come together. */
  #charge(account: Account, time: number): void {
    account.count++;
    account.nanoseconds += time;
    account.owed = Math.min(account.owed + time, MOST_OWED * this.samples.interval);
    while (account.owed >= this.samples.interval) {
      account.owed -= this.samples.interval;
      this.samples.push(this.#place, account.number);
    }
  }
}
