/** Lines out of a stream of bytes, none longer than agreed. */

/** A line is longer than the protocol allows. */
export class LineTooLong extends Error {}

export class LineReader {
  readonly #limit: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  /** @param limit bytes of a line, without its end */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that `bytes` completes. @throws LineTooLong; nothing can be read any more then */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      this.#keep(bytes.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(bytes.slice(start));
    return lines;
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length;
    if (this.#length > this.#limit) throw new LineTooLong(`a line of more than ${this.#limit} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }

  #take(): string {
    const decoder = new TextDecoder();
    const text = this.#parts.map((part) => decoder.decode(part, { stream: true })).join("") + decoder.decode();
    this.#parts = [];
    this.#length = 0;
    return text;
  }
}
