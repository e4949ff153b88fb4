/** Repeatable random numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 0 .. n-1 (mulberry32). */
  readonly below = (n: number): number => {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    const a = this.#state;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };

  /** True once in `n`. */
  readonly oneIn = (n: number): boolean => this.below(n) === 0;

  readonly pick = <T>(list: readonly T[]): T => list[this.below(list.length)]!;

  /** 64 random bits. */
  readonly word = (): bigint => (BigInt(this.below(2 ** 32)) << 32n) | BigInt(this.below(2 ** 32));
}
