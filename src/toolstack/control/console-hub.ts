/**
 * A console with many readers: all see its output, and the last of it when they come.
 *
 * The hub reads always, so that no guest waits for a reader. A reader who is too slow misses
 * what is older than the history, and is told how much.
 */
import type { Console } from "../../backends/console/console.ts";
import { ControlError } from "./protocol.ts";

/** Bytes that are kept. */
const HISTORY = 64 << 10;
/** Bytes of it that a new reader is shown. */
const SHOWN = 16 << 10;
/** Bytes in one piece. */
const PIECE = 16 << 10;
/** Bytes of input that wait for the guest. */
const MOST_INPUT = 64 << 10;

export interface ConsoleReader {
  /** The next bytes; `lost` bytes before them are gone. Resolves when there is room for more. */
  show(bytes: Uint8Array, lost: number): Promise<void>;
  readonly cancelled: boolean;
  onCancel(listener: () => void): () => void;
}

export class ConsoleHub {
  readonly #console: Console;
  /** As large as what came so far, up to HISTORY: many a guest writes no more than some lines. */
  #history = new Uint8Array(0);
  readonly #waiting = new Set<() => void>();
  /** Bytes that came so far: the newest HISTORY of them are kept. */
  #total = 0;
  #ended = false;
  #input = 0;

  /** @param log gets all output */
  constructor(console: Console, log: (bytes: Uint8Array) => void) {
    this.#console = console;
    void this.#read(log);
  }

  /** Shows the console to a reader until it ends, or the reader goes. */
  async follow(reader: ConsoleReader): Promise<void> {
    let at = Math.max(0, this.#total - SHOWN);
    while (!reader.cancelled) {
      const first = Math.max(at, this.#total - HISTORY);
      const end = Math.min(this.#total, first + PIECE);
      if (first < end) {
        await reader.show(this.#slice(first, end), first - at);
        at = end;
      } else if (this.#ended) return;
      else await this.#change(reader);
    }
  }

  /** Input for the guest. Resolves when its driver has it. @throws ControlError if it takes none */
  async type(bytes: Uint8Array): Promise<void> {
    if (this.#ended) throw new ControlError("unavailable", "the console has ended");
    if (this.#input + bytes.length > MOST_INPUT) {
      throw new ControlError("unavailable", "the guest does not read its console: what was typed is lost");
    }
    this.#input += bytes.length;
    await this.#console.write(bytes);
    this.#input -= bytes.length;
  }

  async #read(log: (bytes: Uint8Array) => void): Promise<void> {
    for await (const bytes of this.#console.output) {
      log(bytes);
      this.#keep(bytes);
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }

  #keep(bytes: Uint8Array): void {
    this.#makeRoom(this.#total + bytes.length);
    const skipped = Math.max(0, bytes.length - HISTORY);
    const start = (this.#total + skipped) % HISTORY;
    const newest = bytes.subarray(skipped);
    const first = Math.min(newest.length, HISTORY - start);
    this.#history.set(newest.subarray(0, first), start);
    this.#history.set(newest.subarray(first), 0);
    this.#total += bytes.length;
  }

  /** Room for the newest of `total` bytes. What is smaller than HISTORY has not come round yet. */
  #makeRoom(total: number): void {
    const old = this.#history;
    if (old.length >= Math.min(total, HISTORY)) return;
    this.#history = new Uint8Array(Math.min(HISTORY, Math.max(total, 2 * old.length)));
    this.#history.set(old);
  }

  #slice(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(to - from);
    const start = from % HISTORY;
    const first = Math.min(bytes.length, HISTORY - start);
    bytes.set(this.#history.subarray(start, start + first));
    bytes.set(this.#history.subarray(0, bytes.length - first), first);
    return bytes;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Waits for more, or for the reader to go. */
  async #change(reader: ConsoleReader): Promise<void> {
    let forget = (): unknown => undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      forget = reader.onCancel(() => {
        this.#waiting.delete(resolve);
        resolve();
      });
    });
    forget();
  }
}
