/** The hypervisor's message buffer, as `xl dmesg` shows it: the newest lines, up to so many bytes. */

/** Xen's default for conring_size. */
const DEFAULT_SIZE = 32 << 10;
/** A line of a guest's is cut here. */
const LONGEST_LINE = 1024;

export class MessageBuffer {
  readonly #size: number;
  readonly #seconds: () => number;
  readonly #sink: (line: string) => void;
  #lines: string[] = [];
  #length = 0;

  /**
   * @param seconds since the machine was made
   * @param sink gets each line, too, for a log
   */
  constructor(seconds: () => number, sink: (line: string) => void = () => {}, size = DEFAULT_SIZE) {
    this.#seconds = seconds;
    this.#sink = sink;
    this.#size = size;
  }

  /** Adds text, line by line. @param source "XEN", or "d1" for what domain 1 says */
  add(text: string, source = "XEN"): void {
    const time = this.#seconds().toFixed(6).padStart(12);
    for (const line of text.split("\n")) {
      if (line.trim() === "") continue;
      const entry = `(${source}) [${time}] ${printable(line.slice(0, LONGEST_LINE))}`;
      this.#lines.push(entry);
      this.#length += entry.length + 1;
      this.#sink(entry);
    }
    let drop = 0;
    while (this.#length > this.#size && drop < this.#lines.length - 1) {
      this.#length -= (this.#lines[drop++]?.length ?? 0) + 1;
    }
    if (drop > 0) this.#lines = this.#lines.slice(drop);
  }

  clear(): void {
    this.#lines = [];
    this.#length = 0;
  }

  toString(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }
}

/** Guests write what they want; terminals must not obey it. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "").trimEnd();
}
