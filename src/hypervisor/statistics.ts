/** What the hypervisor counts: exits, hypercalls with their operations, exceptions, emulations. */

import { HYPERVISOR } from "../abi/hypercall.ts";
import { ExitReason } from "../machine/processor.ts";
import { EXCEPTION_COUNT, fastPathRecord, HYPERCALL_COUNT, OPERATION_COUNT } from "./fast-paths/record.ts";
import type { Hypercall, HypercallArguments } from "./hypercall.ts";
import { exceptionName } from "./traps/inject.ts";

/** Different MSRs that are counted apart. */
const MSR_COUNT = 256;
const OTHER_MSR = -1;
/** The newest crashes are kept. */
const CRASH_COUNT = 100;

const KERNEL_GS_BASE = 0xc000_0102;
const AT = fastPathRecord.offset;

const EXIT_NAMES = Object.keys(ExitReason) as (keyof typeof ExitReason)[];

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Largest first. */
function ranked<K>(counts: Map<K, number>, name: (key: K) => string): Record<string, number> {
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]).map(([key, n]) => [name(key), n]));
}

const hex = (n: number): string => `0x${n.toString(16)}`;

const msrName = (index: number): string => (index === OTHER_MSR ? "others" : hex(index));

export class Statistics {
  readonly #table: readonly (Hypercall | undefined)[];
  // What fast paths count, too, is in machine memory.
  readonly exits: Float64Array;
  /** Exceptions that the processor reported, by vector. */
  readonly exceptions: Float64Array;
  /** Exceptions that were given to guests. */
  readonly injected: Float64Array;
  /** By number, those within multicalls included. */
  readonly hypercalls: Float64Array;
  readonly #guestSyscalls: Float64Array;
  readonly #fastGsReads: Float64Array;
  readonly #served: Float64Array;
  /** Of those, how many were entries of multicalls. */
  readonly inMulticall = new Float64Array(HYPERCALL_COUNT);
  /** By hypercall, then by operation; the last one for numbers that cannot be any. */
  readonly #operations: (Float64Array | undefined)[] = [];
  readonly #emulated = new Map<string, number>();
  readonly #msrs = { rdmsr: new Map<number, number>(), wrmsr: new Map<number, number>() };
  readonly #ports = { in: new Map<number, number>(), out: new Map<number, number>() };
  readonly #crashes: string[] = [];
  /** Operation that was counted last, for whoever asks what a hypercall has just done. */
  lastOperation = 0;
  unknownHypercalls = 0;
  continuations = 0;
  eventUpcalls = 0;
  /** Writes to page tables that were emulated. */
  ptwr = 0;
  contextSwitches = 0;

  /** @param address of a `fastPathRecord` in `buffer` */
  constructor(table: readonly (Hypercall | undefined)[], buffer: ArrayBuffer, address: number) {
    this.#table = table;
    const counters = (offset: number, count: number): Float64Array => new Float64Array(buffer, address + offset, count);
    this.exits = counters(AT.exits, EXIT_NAMES.length);
    this.exceptions = counters(AT.exceptions, EXCEPTION_COUNT);
    this.injected = counters(AT.injected, 256);
    this.hypercalls = counters(AT.hypercalls, HYPERCALL_COUNT);
    this.#guestSyscalls = counters(AT.guest_syscalls, 1);
    this.#fastGsReads = counters(AT.rdmsr_kernel_gs_base, 1);
    this.#served = counters(AT.served, 1);
    this.#operations[HYPERVISOR.xen_version] = counters(AT.xen_version_operations, OPERATION_COUNT + 1);
    this.#operations[HYPERVISOR.set_segment_base] = counters(AT.segment_base_operations, OPERATION_COUNT + 1);
  }

  get guestSyscalls(): number {
    return this.#guestSyscalls[0]!;
  }

  countGuestSyscall(): void {
    this.#guestSyscalls[0]!++;
  }

  countHypercall(call: Hypercall, args: HypercallArguments): void {
    this.hypercalls[call.number]!++;
    if (call.operationOf !== undefined) this.countOperation(call.number, call.operationOf(args));
  }

  /** An operation of a hypercall: one of those that a batch has in each element. */
  countOperation(hypercall: number, operation: number): void {
    let counts = this.#operations[hypercall];
    if (counts === undefined) this.#operations[hypercall] = counts = new Float64Array(OPERATION_COUNT + 1);
    counts[operation < OPERATION_COUNT ? operation : OPERATION_COUNT]!++;
    this.lastOperation = operation;
  }

  countMsr(what: "rdmsr" | "wrmsr", index: number): void {
    const counts = this.#msrs[what];
    increment(counts, counts.size < MSR_COUNT || counts.has(index) ? index : OTHER_MSR);
  }

  countPort(what: "in" | "out", port: number): void {
    increment(this.#ports[what], port);
  }

  /** Counts an emulated instruction by its name. */
  countEmulated(what: string): void {
    increment(this.#emulated, what);
  }

  countCrash(message: string): void {
    if (this.#crashes.push(message) > CRASH_COUNT) this.#crashes.shift();
  }

  toJSON(): Record<string, unknown> {
    const hypercalls: Record<string, unknown> = {};
    this.hypercalls.forEach((count, number) => {
      const call = this.#table[number];
      if (count === 0 || call === undefined) return;
      const entry: Record<string, unknown> = { count };
      const batched = this.inMulticall[number] ?? 0;
      if (batched > 0) entry["in_multicall"] = batched;
      const operations = this.#operations[number];
      if (operations?.some((n) => n > 0)) {
        const made = [...operations.entries()].filter(([, n]) => n > 0);
        entry["operations"] = ranked(new Map(made), (n) => call.operations?.[n]?.name ?? `operation ${n}`);
      }
      hypercalls[call.name] = entry;
    });
    const reads = new Map(this.#msrs.rdmsr);
    const fast = this.#fastGsReads[0]!;
    if (fast > 0) reads.set(KERNEL_GS_BASE, (reads.get(KERNEL_GS_BASE) ?? 0) + fast);
    const byVector = (counts: Float64Array): Record<string, number> =>
      Object.fromEntries([...counts].flatMap((n, vector) => (n === 0 ? [] : [[exceptionName(vector), n]])));
    return {
      exits: Object.fromEntries(EXIT_NAMES.map((name) => [name, this.exits[ExitReason[name]] ?? 0])),
      /** Of the exits, those that never left WebAssembly. */
      fast_exits: this.#served[0]!,
      hypercalls,
      unknown_hypercalls: this.unknownHypercalls,
      continuations: this.continuations,
      exceptions: byVector(this.exceptions),
      injected: byVector(this.injected),
      emulated: {
        ...ranked(this.#emulated, (name) => name),
        rdmsr: ranked(reads, msrName),
        wrmsr: ranked(this.#msrs.wrmsr, msrName),
        in: ranked(this.#ports.in, hex),
        out: ranked(this.#ports.out, hex),
      },
      ptwr: this.ptwr,
      event_upcalls: this.eventUpcalls,
      guest_syscalls: this.guestSyscalls,
      context_switches: this.contextSwitches,
      crashes: this.#crashes,
    };
  }
}
