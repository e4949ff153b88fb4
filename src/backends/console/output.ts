/** The output of a console, between the ring and its reader. */

/** Console output as it can be read: once, as an async iterable or by `next`. */
export interface ConsoleOutput extends AsyncIterable<Uint8Array> {
  /** The next bytes, or undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
}

export class OutputBuffer implements ConsoleOutput {
  readonly #limit: number;
  readonly #onRoom: () => void;
  readonly #chunks: Uint8Array[] = [];
  readonly #waiting: ((bytes: Uint8Array | undefined) => void)[] = [];
  #size = 0;
  #read = false;
  #ended = false;
  /** All bytes that ever came. */
  total = 0;

  /** @param onRoom called when a reader has made room after there was none */
  constructor(limit: number, onRoom: () => void) {
    this.#limit = limit;
    this.#onRoom = onRoom;
  }

  /** How much may be pushed. */
  get room(): number {
    return this.#read ? Math.max(0, this.#limit - this.#size) : Number.POSITIVE_INFINITY;
  }

  push(bytes: Uint8Array): void {
    this.total += bytes.length;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting(bytes);
      return;
    }
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    // Nobody reads: the oldest go.
    while (!this.#read && this.#size > this.#limit && this.#chunks.length > 1) {
      this.#size -= this.#chunks.shift()?.length ?? 0;
    }
  }

  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
  }

  next(): Promise<Uint8Array | undefined> {
    this.#read = true;
    if (this.#chunks.length > 0) return Promise.resolve(this.#take());
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (let bytes = await this.next(); bytes !== undefined; bytes = await this.next()) yield bytes;
  }

  /** All that waits, as one piece. */
  #take(): Uint8Array {
    const [only] = this.#chunks;
    let all = only ?? new Uint8Array(0);
    if (this.#chunks.length > 1) {
      all = new Uint8Array(this.#size);
      let at = 0;
      for (const chunk of this.#chunks) {
        all.set(chunk, at);
        at += chunk.length;
      }
    }
    const full = this.#size >= this.#limit;
    this.#chunks.length = 0;
    this.#size = 0;
    if (full) this.#onRoom();
    return all;
  }
}
