/**
 * The set of free frames: a bitmap with summaries, in machine memory.
 *
 *     level 0   a bit a frame
 *     level n   a bit for each word of level n-1 that is not zero
 *
 * Finding the next member costs a step a level, however full the machine is: four for 4 GiB.
 */
const WORD_BITS = 32;

/** Words of each level for `count` members, from level 0 up to a single word. */
function levelSizes(count: number): number[] {
  const sizes: number[] = [];
  let words = count;
  do {
    words = Math.ceil(words / WORD_BITS);
    sizes.push(words);
  } while (words > 1);
  return sizes;
}

/** Index of the lowest bit of a word that is not zero. */
const lowestBit = (word: number): number => 31 - Math.clz32(word & -word);
const highestBit = (word: number): number => 31 - Math.clz32(word);

export class FreeMap {
  readonly #levels: Uint32Array[];
  readonly #count: number;

  /** Bytes that a map of `count` frames takes. */
  static bytes(count: number): number {
    return levelSizes(count).reduce((sum, words) => sum + words * 4, 0);
  }

  /** A view of the map at `address`; zeroed memory is the empty set. */
  constructor(buffer: ArrayBufferLike, address: number, count: number) {
    this.#count = count;
    let at = address;
    this.#levels = levelSizes(count).map((words) => {
      const level = new Uint32Array(buffer, at, words);
      at += words * 4;
      return level;
    });
  }

  has(mfn: number): boolean {
    return mfn >= 0 && mfn < this.#count && (this.#levels[0]![mfn >>> 5]! & (1 << (mfn & 31))) !== 0;
  }

  add(mfn: number): void {
    let index = mfn;
    for (const level of this.#levels) {
      const before = level[index >>> 5]!;
      level[index >>> 5] = before | (1 << (index & 31));
      if (before !== 0) return;
      index >>>= 5;
    }
  }

  remove(mfn: number): void {
    let index = mfn;
    for (const level of this.#levels) {
      const after = level[index >>> 5]! & ~(1 << (index & 31));
      level[index >>> 5] = after;
      if (after !== 0) return;
      index >>>= 5;
    }
  }

  /** The lowest member that is not below `from`; -1 if there is none. */
  above(from: number): number {
    let index = Math.max(0, from);
    for (let n = 0; n < this.#levels.length; n++) {
      const level = this.#levels[n]!;
      const word = index >>> 5;
      const bits = word < level.length ? level[word]! & (-1 << (index & 31)) : 0;
      if (bits !== 0) return this.#descend(n, word * WORD_BITS + lowestBit(bits), lowestBit);
      index = word + 1;
    }
    return -1;
  }

  /** The highest member below `to`; -1 if there is none. */
  below(to: number): number {
    let index = Math.min(to, this.#count);
    for (let n = 0; n < this.#levels.length && index > 0; n++) {
      const word = (index - 1) >>> 5;
      const bits = this.#levels[n]![word]! & (-1 >>> (31 - ((index - 1) & 31)));
      if (bits !== 0) return this.#descend(n, word * WORD_BITS + highestBit(bits), highestBit);
      index = word;
    }
    return -1;
  }

  /** How many members follow each other from `mfn` on, up to `limit`. */
  run(mfn: number, limit: number): number {
    const words = this.#levels[0]!;
    let length = 0;
    while (length < limit) {
      const at = mfn + length;
      if (at >= this.#count) break;
      const absent = ~words[at >>> 5]! & (-1 << (at & 31));
      if (absent !== 0) return Math.min(limit, length + lowestBit(absent) - (at & 31));
      length += WORD_BITS - (at & 31);
    }
    return Math.min(length, limit);
  }

  /** From a bit that is set on level `n` to the member below it that `pick` leads to. */
  #descend(n: number, bit: number, pick: (word: number) => number): number {
    let index = bit;
    for (let level = n - 1; level >= 0; level--) index = index * WORD_BITS + pick(this.#levels[level]![index]!);
    return index;
  }
}
