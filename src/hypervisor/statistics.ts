/** What the hypervisor counts: exits, hypercalls with their operations, exceptions, emulations. */
import { ExitReason } from "../machine/processor.ts";
import type { Hypercall } from "./hypercall.ts";
import { exceptionName } from "./traps/inject.ts";

/** Numbers of operations are below this: what a guest makes up beyond counts as one. */
const OPERATION_COUNT = 64;
/** Different MSRs that are counted apart. */
const MSR_COUNT = 256;
const OTHER_MSR = -1;

/** Numbers of hypercalls are below this. */
export const HYPERCALL_COUNT = 64;

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
  readonly exits = new Float64Array(EXIT_NAMES.length);
  /** Exceptions that the processor reported, by vector. */
  readonly exceptions = new Float64Array(32);
  /** Exceptions that were given to guests. */
  readonly injected = new Float64Array(256);
  /** By number, those within multicalls included. */
  readonly hypercalls = new Float64Array(HYPERCALL_COUNT);
  /** Of those, how many were entries of multicalls. */
  readonly inMulticall = new Float64Array(HYPERCALL_COUNT);
  /** By hypercall, then by operation; the last one for numbers that cannot be any. */
  readonly #operations: (Float64Array | undefined)[] = [];
  readonly #emulated = new Map<string, number>();
  readonly #msrs = { rdmsr: new Map<number, number>(), wrmsr: new Map<number, number>() };
  readonly #ports = { in: new Map<number, number>(), out: new Map<number, number>() };
  readonly #crashes: string[] = [];
  unknownHypercalls = 0;
  continuations = 0;
  eventUpcalls = 0;
  guestSyscalls = 0;
  /** Writes to page tables that were emulated. */
  ptwr = 0;
  contextSwitches = 0;

  constructor(table: readonly (Hypercall | undefined)[]) {
    this.#table = table;
  }

  countHypercall(call: Hypercall, args: readonly bigint[]): void {
    this.hypercalls[call.number]!++;
    if (call.operationOf !== undefined) this.countOperation(call.number, call.operationOf(args));
  }

  /** An operation of a hypercall: one of those that a batch has in each element. */
  countOperation(hypercall: number, operation: number): void {
    let counts = this.#operations[hypercall];
    if (counts === undefined) this.#operations[hypercall] = counts = new Float64Array(OPERATION_COUNT + 1);
    counts[operation < OPERATION_COUNT ? operation : OPERATION_COUNT]!++;
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
    this.#crashes.push(message);
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
      if (operations !== undefined) {
        const made = [...operations.entries()].filter(([, n]) => n > 0);
        entry["operations"] = ranked(new Map(made), (n) => call.operations?.[n]?.name ?? `operation ${n}`);
      }
      hypercalls[call.name] = entry;
    });
    const byVector = (counts: Float64Array): Record<string, number> =>
      Object.fromEntries([...counts].flatMap((n, vector) => (n === 0 ? [] : [[exceptionName(vector), n]])));
    return {
      exits: Object.fromEntries(EXIT_NAMES.map((name) => [name, this.exits[ExitReason[name]] ?? 0])),
      hypercalls,
      unknown_hypercalls: this.unknownHypercalls,
      continuations: this.continuations,
      exceptions: byVector(this.exceptions),
      injected: byVector(this.injected),
      emulated: {
        ...ranked(this.#emulated, (name) => name),
        rdmsr: ranked(this.#msrs.rdmsr, msrName),
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
