/** The last hypercalls, for crash reports. */
const LENGTH = 32;

interface Entry {
  domain: number;
  vcpu: number;
  number: number;
  args: [bigint, bigint, bigint];
  result: bigint | undefined;
}

export class HypercallTrace {
  readonly #entries: Entry[] = Array.from({ length: LENGTH }, () => ({
    domain: 0,
    vcpu: 0,
    number: -1,
    args: [0n, 0n, 0n],
    result: undefined,
  }));
  #next = 0;
  #last: Entry | undefined;

  enter(domain: number, vcpu: number, number: number, args: readonly bigint[]): void {
    const entry = this.#entries[this.#next]!;
    this.#next = (this.#next + 1) % LENGTH;
    entry.domain = domain;
    entry.vcpu = vcpu;
    entry.number = number;
    entry.args[0] = args[0] ?? 0n;
    entry.args[1] = args[1] ?? 0n;
    entry.args[2] = args[2] ?? 0n;
    entry.result = undefined;
    this.#last = entry;
  }

  leave(result: bigint): void {
    if (this.#last !== undefined) this.#last.result = result;
  }

  /** The entries of one domain, oldest first. A missing result: it did not return, or goes on later. */
  of(domain: number): Readonly<Entry>[] {
    const ordered = [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)];
    return ordered.filter((entry) => entry.number >= 0 && entry.domain === domain);
  }
}
