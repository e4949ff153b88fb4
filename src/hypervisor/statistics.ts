/** What the hypervisor counts: exits, hypercalls with their operations, exceptions, emulations. */
import { ExitReason } from "../machine/processor.ts";
import type { Hypercall } from "./hypercall.ts";
import { exceptionName } from "./traps/inject.ts";

/** Numbers of hypercalls are below this. */
export const HYPERCALL_COUNT = 64;

const EXIT_NAMES = Object.keys(ExitReason) as (keyof typeof ExitReason)[];

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
  readonly #operations: (Map<number, number> | undefined)[] = [];
  readonly #emulated = new Map<string, number>();
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
    if (call.operationOf === undefined) return;
    let counts = this.#operations[call.number];
    if (counts === undefined) this.#operations[call.number] = counts = new Map();
    const operation = call.operationOf(args);
    counts.set(operation, (counts.get(operation) ?? 0) + 1);
  }

  /** Counts an emulated instruction: "cpuid", "rdmsr 0xc0000102", "in 0x42". */
  countEmulated(what: string): void {
    this.#emulated.set(what, (this.#emulated.get(what) ?? 0) + 1);
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
        entry["operations"] = Object.fromEntries(
          [...operations]
            .sort((a, b) => b[1] - a[1])
            .map(([operation, n]) => [call.operations?.[operation]?.name ?? String(operation), n]),
        );
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
      emulated: Object.fromEntries([...this.#emulated].sort((a, b) => b[1] - a[1])),
      ptwr: this.ptwr,
      event_upcalls: this.eventUpcalls,
      guest_syscalls: this.guestSyscalls,
      context_switches: this.contextSwitches,
      crashes: this.#crashes,
    };
  }
}
