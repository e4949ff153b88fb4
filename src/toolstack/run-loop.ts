/**
 * The loop that gives the processor to the machine, in turns with the host.
 *
 * Slices of a few milliseconds alternate with turns of the host's event loop.
 * When every vCPU is blocked the loop sleeps until the next timer of a guest or
 * until `wake()`, so that an idle machine costs nothing. In virtual time there
 * is nothing to sleep for: the clock jumps to the next timer.
 */
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { SliceResult } from "../hypervisor/run-loop.ts";
import type { VirtualClock } from "../hypervisor/time/clock.ts";
import type { Platform } from "../platform/types.ts";
import { Alarms } from "./alarms.ts";

/** Timers nearer than this are waited for by turns of the event loop: timers of the host are no finer. */
const SHORT_WAIT = 300_000;
/** For a guest of the real-time class this is near, since the host's timers may be late by a millisecond. */
const REAL_TIME_WAIT = 1_500_000;
/** The host is kept alive by a timer even when no guest has one. */
const LONG_WAIT = 3_600e9;

export class RunLoop {
  /** They keep a machine from sleeping for longer, but not from ending. */
  readonly alarms = new Alarms();
  readonly #hv: Hypervisor;
  readonly #platform: Platform;
  readonly #virtual: VirtualClock | undefined;
  readonly #afterSlice: () => void;
  #running = false;
  #stopped = false;
  #inSlice = false;
  /** Something happened since the last slice began. */
  #woken = false;
  #endSleep: (() => void) | undefined;

  constructor(hv: Hypervisor, platform: Platform, virtual: VirtualClock | undefined, afterSlice: () => void) {
    this.#hv = hv;
    this.#platform = platform;
    this.#virtual = virtual;
    this.#afterSlice = afterSlice;
  }

  /** Runs until every domain has ended. Call it whenever there may be something to run. @throws what the hypervisor throws */
  async run(): Promise<void> {
    if (this.#running) {
      this.wake();
      return;
    }
    this.#running = true;
    try {
      // The caller finishes what it does first.
      await this.#platform.yield();
      while (!this.#stopped) {
        this.#woken = false;
        const slice = this.#slice();
        this.alarms.run(this.#hv.clock.now());
        this.#afterSlice();
        if (slice.state === "ended") break;
        if (slice.state === "blocked" && !this.#woken) await this.#pass(slice);
        else await this.#platform.yield();
      }
    } finally {
      this.#running = false;
    }
  }

  /** True while guests run: what they stand on must not be taken away. */
  get inSlice(): boolean {
    return this.#inSlice;
  }

  /** Ends a sleep: there is an event for a guest. */
  wake(): void {
    this.#woken = true;
    this.#endSleep?.();
  }

  /** No further slice is run. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  #slice(): SliceResult {
    this.#inSlice = true;
    try {
      return this.#hv.runSlice();
    } finally {
      this.#inSlice = false;
    }
  }

  /** Lets time pass until a guest's timer or an alarm, or for ever. */
  async #pass(slice: SliceResult): Promise<void> {
    const { wakeAt: timer = Number.POSITIVE_INFINITY } = slice;
    const wakeAt = Math.min(timer, this.alarms.next);
    const realTime = slice.realTime === true && wakeAt === timer;
    if (this.#virtual !== undefined && wakeAt < Number.POSITIVE_INFINITY) {
      // Whoever reacts to what the guest has done so far does it at this time, not after the leap.
      await this.#platform.yield();
      if (!this.#woken) this.#virtual.skipTo(wakeAt);
      return;
    }
    const wait = Math.min(wakeAt - this.#hv.clock.now(), LONG_WAIT);
    if (wait < (realTime ? REAL_TIME_WAIT : SHORT_WAIT)) return this.#platform.yield();
    await new Promise<void>((resolve) => {
      const cancel = this.#platform.after(realTime ? wait - REAL_TIME_WAIT : wait, resolve);
      this.#endSleep = () => {
        cancel();
        resolve();
      };
    });
    this.#endSleep = undefined;
  }
}
