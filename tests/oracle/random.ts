/** Random numbers for test cases: reproducible from a seed, and leaning to the values where errors live. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** A u32 (the "mulberry32" generator). */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  /** An integer in [0, n). */
  below(n: number): number {
    return Math.floor((this.u32() / 0x100000000) * n);
  }
  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
  fill(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.u32();
  }
  /** A 64-bit value: 0, 1, -1, smallest and largest of each width, powers of two and their neighbours, small, random. */
  value(): bigint {
    switch (this.below(8)) {
      case 0:
        return this.pick(CORNERS);
      case 1:
        return BigInt.asUintN(64, (1n << BigInt(this.below(64))) + BigInt(this.below(3) - 1));
      case 2:
        return BigInt(this.below(256));
      case 3:
        return BigInt.asUintN(64, -BigInt(this.below(256)));
      case 4:
        return BigInt(this.u32());
      default:
        return this.u64();
    }
  }
}

const CORNERS: readonly bigint[] = [
  0n,
  1n,
  0xffffffffffffffffn,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffff80000000n,
  0x5555555555555555n,
  0xaaaaaaaaaaaaaaaan,
  0x0123456789abcdefn,
];
