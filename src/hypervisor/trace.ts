/** The last hypercalls, for crash reports. The ring is in machine memory, since fast paths write it, too. */
import type { MachineMemory } from "../machine/memory.ts";
import { RDI, RDX, RSI } from "../machine/x86/state.ts";
import { fastPathRecord, TRACE_ARGUMENTS, TRACE_LENGTH, traceEntry } from "./fast-paths/record.ts";

/** Registers that are kept. */
const ARGUMENTS = [RDI, RSI, RDX] as const;
const TRACED = fastPathRecord.offset.traced;
const RING = fastPathRecord.offset.trace;
const WORDS = traceEntry.sizeof >>> 2;
/** The length is a power of two. */
const LAST = TRACE_LENGTH - 1;
const ARGS = traceEntry.offset.args >>> 2;

export interface TracedHypercall {
  readonly vcpu: number;
  readonly number: number;
  readonly args: readonly bigint[];
  /** undefined: it did not return, or goes on later. */
  readonly result: number | undefined;
}

export class HypercallTrace {
  readonly #memory: MachineMemory;
  /** Indexes in `u32` of the count and of the ring. */
  readonly #count: number;
  readonly #ring: number;

  /** @param address of a `fastPathRecord` */
  constructor(memory: MachineMemory, address: number) {
    this.#memory = memory;
    this.#count = (address + TRACED) >>> 2;
    this.#ring = (address + RING) >>> 2;
  }

  /** @param registers index in `u32` of the general registers */
  enter(domain: number, vcpu: number, number: number, u32: Uint32Array, registers: number): void {
    const at = this.#ring + (u32[this.#count]!++ & LAST) * WORDS;
    u32[at] = domain;
    u32[at + 1] = vcpu;
    u32[at + 2] = number;
    u32[at + 3] = 0;
    for (let i = 0; i < TRACE_ARGUMENTS; i++) {
      const register = registers + ARGUMENTS[i]! * 2;
      u32[at + ARGS + i * 2] = u32[register]!;
      u32[at + ARGS + i * 2 + 1] = u32[register + 1]!;
    }
  }

  leave(result: number): void {
    const { u32 } = this.#memory;
    const at = this.#ring + ((u32[this.#count]! - 1) & LAST) * WORDS;
    u32[at + 3] = 1;
    u32[at + 4] = result;
    u32[at + 5] = Math.floor(result / 2 ** 32);
  }

  /** The entries of one domain, oldest first. */
  of(domain: number): TracedHypercall[] {
    const { u32 } = this.#memory;
    const count = u32[this.#count]!;
    const found: TracedHypercall[] = [];
    for (let i = Math.max(0, count - TRACE_LENGTH); i < count; i++) {
      const at = this.#ring + (i % TRACE_LENGTH) * WORDS;
      if (u32[at] !== domain) continue;
      const args = ARGUMENTS.map((_, j) => {
        const half = at + ARGS + j * 2;
        return (BigInt(u32[half + 1]!) << 32n) | BigInt(u32[half]!);
      });
      const result = (u32[at + 5]! | 0) * 2 ** 32 + u32[at + 4]!;
      found.push({ vcpu: u32[at + 1]!, number: u32[at + 2]!, args, result: u32[at + 3] === 1 ? result : undefined });
    }
    return found;
  }
}
