/**
 * What the interpreter executes, in samples: the records of runs of code, from which bench/forms.ts finds which forms, and which of
 * them together, are worth a case. The generated code writes the address of each record that it executes into a ring.
 */
import type { MachineMemory } from "../memory.ts";
import { i32, type Local, StoreOp } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { RECORD_SIZE } from "./record.ts";

/** The last WINDOW instructions of each INTERVAL are kept, and the last WINDOWS of those. Powers of two. */
const WINDOW = 1 << 12;
const INTERVAL = 1 << 20;
const WINDOWS = 1 << 10;
/** The instructions counted so far, modulo 2^32; the ring begins behind it. */
const HEADER = 64;
export const FORM_PROFILE_SIZE = HEADER + WINDOW * WINDOWS * 4;

/** Emits what counts a record that is executed. */
export function sampleRecord(fn: Fn, record: Local, profile: number): void {
  const count = fn.let(i32.load(i32.const(0), profile));
  fn.store(StoreOp.i32, i32.const(0), i32.add(count, i32.const(1)), profile);
  const window = i32.and(i32.shrU(count, i32.const(Math.log2(INTERVAL))), i32.const(WINDOWS - 1));
  const within = i32.and(count, i32.const(WINDOW - 1));
  const cell = i32.add(i32.shl(window, i32.const(Math.log2(WINDOW))), within);
  fn.store(StoreOp.i32, i32.shl(cell, i32.const(2)), record, profile + HEADER);
}

export class FormProfile {
  readonly #memory: MachineMemory;
  readonly #address: number;

  constructor(memory: MachineMemory, address: number) {
    this.#memory = memory;
    this.#address = address;
  }

  /** Instructions executed so far, modulo 2^32. */
  get count(): number {
    return this.#memory.u32[this.#address >>> 2] as number;
  }

  /**
   * Runs of consecutive records that have been executed one behind the other, of the samples since `count` was that: all if those are
   * less than the ring holds, else the latest. A run that is cut by the end of a sample is two.
   */
  *runs(since: number): Generator<readonly number[]> {
    const executed = (this.count - since) >>> 0;
    const last = Math.floor(this.count / INTERVAL);
    // The window in progress still holds what it held one turn of the ring before.
    for (let n = 1; n <= Math.min(WINDOWS - 1, Math.floor(executed / INTERVAL)); n++) {
      const from = (this.#address + HEADER) / 4 + ((last - n) & (WINDOWS - 1)) * WINDOW;
      let run: number[] = [];
      for (const record of this.#memory.u32.subarray(from, from + WINDOW)) {
        if (run.length > 0 && record !== (run.at(-1) as number) + RECORD_SIZE) {
          yield run;
          run = [];
        }
        run.push(record);
      }
      yield run;
    }
  }
}
