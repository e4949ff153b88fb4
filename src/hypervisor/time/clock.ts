/**
 * Virtual time: a function of instructions retired, so that a run can be repeated to the instruction.
 * While nothing runs it is moved on by hand, to the next deadline.
 */
import type { Clock } from "../../machine/processor.ts";

export class VirtualClock implements Clock {
  readonly #retired: () => number | bigint;
  readonly #nanosecondsPerInstruction: number;
  /** Idle time so far. */
  #skipped = 0;

  /** @param retired instructions retired since reset */
  constructor(retired: () => number | bigint, nanosecondsPerInstruction = 1) {
    if (!(nanosecondsPerInstruction > 0)) throw new RangeError("an instruction takes some time");
    this.#retired = retired;
    this.#nanosecondsPerInstruction = nanosecondsPerInstruction;
  }

  now(): number {
    return Math.floor(Number(this.#retired()) * this.#nanosecondsPerInstruction) + this.#skipped;
  }

  /** Lets time pass up to `nanoseconds`; time never goes back. */
  skipTo(nanoseconds: number): void {
    const ahead = Math.ceil(nanoseconds) - this.now();
    if (ahead > 0) this.#skipped += ahead;
  }
}
