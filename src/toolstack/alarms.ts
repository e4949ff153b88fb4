/** What the toolstack has to do later, by the machine's clock: in virtual time it repeats like everything else. */
import { OrderedQueue } from "../hypervisor/ordered-queue.ts";

export class Alarms {
  readonly #queue = new OrderedQueue<{ readonly callback: () => void }>();

  /** When the next one is due, in nanoseconds; Infinity if never. */
  get next(): number {
    return this.#queue.firstKey;
  }

  /** Calls back at a time, or soon after. Returns how to cancel it. */
  set(time: number, callback: () => void): () => void {
    const alarm = { callback };
    this.#queue.set(alarm, time);
    return () => void this.#queue.delete(alarm);
  }

  /** Calls back what is due. */
  run(now: number): void {
    while (this.#queue.firstKey <= now) {
      const { first } = this.#queue;
      if (first === undefined) return;
      this.#queue.delete(first);
      first.callback();
    }
  }
}
