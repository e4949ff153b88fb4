/** When a machine's first guest got how far: for `--stats` and benchmarks. */
import type { Hypervisor } from "../hypervisor/hypervisor.ts";

interface Milestone {
  readonly wall_seconds: number;
  readonly machine_seconds: number;
  readonly instructions: number;
}

export class Milestones {
  readonly #hv: Hypervisor;
  readonly #elapsed: () => number;
  #firstConsoleByte: Milestone | undefined;
  #userSpace: Milestone | undefined;

  /** @param elapsed nanoseconds of the host's clock since the machine was made */
  constructor(hv: Hypervisor, elapsed: () => number) {
    this.#hv = hv;
    this.#elapsed = elapsed;
  }

  consoleOutput(): void {
    this.#firstConsoleByte ??= this.#now();
  }

  /** To be called after each slice: a guest's system call is the first that is known of its user space. */
  observe(): void {
    if (this.#userSpace === undefined && this.#hv.statistics.guestSyscalls > 0) this.#userSpace = this.#now();
  }

  toJSON(): Record<string, Milestone | undefined> {
    return { now: this.#now(), first_console_byte: this.#firstConsoleByte, user_space: this.#userSpace };
  }

  #now(): Milestone {
    const { clock, cpu } = this.#hv;
    return {
      wall_seconds: this.#elapsed() / 1e9,
      machine_seconds: clock.now() / 1e9,
      instructions: Number(cpu.state.retired),
    };
  }
}
