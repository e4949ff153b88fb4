/**
 * The console backend: one guest console as a pair of byte streams.
 *
 * Output flows from the ring into a buffer here and on to whoever reads. Until
 * somebody reads, the buffer keeps the newest bytes and the guest is never held
 * up; from then on nothing is lost, and a reader that falls behind by the whole
 * buffer stops the guest's output (the ring fills, the guest's driver waits).
 * Input waits here until the guest has taken the bytes before it.
 */
import { type ConsoleOutput, OutputBuffer } from "./output.ts";
import { ConsoleRing } from "./ring.ts";

/** Bytes of output that are kept for a reader: libxl's default for `limit`. */
export const DEFAULT_CONSOLE_LIMIT = 1 << 20;

/** Where a connected console's ring is. */
export interface ConsoleConnection {
  readonly page: Uint8Array;
  notify(): void;
}

export class Console {
  readonly #output: OutputBuffer;
  readonly #input: { bytes: Uint8Array; done: () => void }[] = [];
  readonly #onInput: () => void;
  #ring: ConsoleRing | undefined;
  #connection: ConsoleConnection | undefined;
  #ended = false;

  /**
   * @param limit bytes of output to buffer
   * @param onInput called when there is input for the guest, so that a sleeping machine looks at it
   */
  constructor(limit: number = DEFAULT_CONSOLE_LIMIT, onInput: () => void = () => {}) {
    this.#output = new OutputBuffer(limit, () => this.onEvent());
    this.#onInput = onInput;
  }

  /** What the guest writes. It can be taken once; before that, the newest output is kept. */
  get output(): ConsoleOutput {
    return this.#output;
  }

  /** Bytes the guest has written so far. */
  get bytesWritten(): number {
    return this.#output.total;
  }

  /** Input for the guest. Resolves when the guest's driver has it all, or the console has ended. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#ended || bytes.length === 0) return Promise.resolve();
    return new Promise((done) => {
      this.#input.push({ bytes: bytes.slice(), done });
      this.onEvent();
      this.#onInput();
    });
  }

  /** The guest's ring is there. */
  connect(connection: ConsoleConnection): void {
    this.#ring = new ConsoleRing(connection.page);
    this.#connection = connection;
    this.onEvent();
  }

  /** Takes what is left in the ring and forgets it; the guest may connect anew. */
  disconnect(): void {
    this.#drain(Number.POSITIVE_INFINITY);
    this.#ring = undefined;
  }

  /** Nothing will come any more. */
  end(): void {
    if (this.#ended) return;
    this.disconnect();
    this.#ended = true;
    for (const { done } of this.#input.splice(0)) done();
    this.#output.end();
  }

  /** The guest has raised its event channel, or there is room for more. */
  onEvent(): void {
    if (this.#ring === undefined) return;
    const received = this.#drain(this.#output.room);
    const sent = this.#sendInput();
    if (received || sent) this.#connection?.notify();
  }

  #drain(limit: number): boolean {
    const bytes = this.#ring?.receive(limit) ?? new Uint8Array(0);
    if (bytes.length > 0) this.#output.push(bytes);
    return bytes.length > 0;
  }

  #sendInput(): boolean {
    let moved = false;
    for (let next = this.#input[0]; next !== undefined; next = this.#input[0]) {
      const sent = this.#ring?.send(next.bytes) ?? 0;
      if (sent > 0) moved = true;
      if (sent < next.bytes.length) {
        next.bytes = next.bytes.subarray(sent);
        break;
      }
      this.#input.shift();
      next.done();
    }
    return moved;
  }
}
