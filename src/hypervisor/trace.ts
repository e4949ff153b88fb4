/** The last hypercalls, for crash reports. */
import { RDI, RDX, RSI } from "../machine/x86/state.ts";

const LENGTH = 32;
/** Registers that are kept. */
const ARGUMENTS = [RDI, RSI, RDX] as const;
/** Numbers of an entry: domain, vCPU, hypercall, whether it has returned, result, then the arguments in halves. */
const ARGUMENT_HALVES = 5;
const ENTRY = ARGUMENT_HALVES + ARGUMENTS.length * 2;

export interface TracedHypercall {
  readonly vcpu: number;
  readonly number: number;
  readonly args: readonly bigint[];
  /** undefined: it did not return, or goes on later. */
  readonly result: number | undefined;
}

export class HypercallTrace {
  readonly #ring = new Float64Array(LENGTH * ENTRY);
  /** Hypercalls so far. */
  #count = 0;

  /** @param registers index in `u32` of the general registers */
  enter(domain: number, vcpu: number, number: number, u32: Uint32Array, registers: number): void {
    const ring = this.#ring;
    const at = (this.#count++ % LENGTH) * ENTRY;
    ring[at] = domain;
    ring[at + 1] = vcpu;
    ring[at + 2] = number;
    ring[at + 3] = 0;
    for (let i = 0; i < ARGUMENTS.length; i++) {
      const register = registers + ARGUMENTS[i]! * 2;
      ring[at + ARGUMENT_HALVES + i * 2] = u32[register]!;
      ring[at + ARGUMENT_HALVES + i * 2 + 1] = u32[register + 1]!;
    }
  }

  leave(result: number): void {
    const at = ((this.#count - 1) % LENGTH) * ENTRY;
    this.#ring[at + 3] = 1;
    this.#ring[at + 4] = result;
  }

  /** The entries of one domain, oldest first. */
  of(domain: number): TracedHypercall[] {
    const found: TracedHypercall[] = [];
    for (let i = Math.max(0, this.#count - LENGTH); i < this.#count; i++) {
      const entry = this.#ring.subarray((i % LENGTH) * ENTRY, ((i % LENGTH) + 1) * ENTRY);
      const [owner, vcpu = 0, number = 0, returned, result] = entry;
      if (owner !== domain) continue;
      const args = ARGUMENTS.map((_, j) => {
        const half = ARGUMENT_HALVES + j * 2;
        return (BigInt(entry[half + 1]!) << 32n) | BigInt(entry[half]!);
      });
      found.push({ vcpu, number, args, result: returned === 1 ? result : undefined });
    }
    return found;
  }
}
