/**
 * A hash array mapped trie, 32 ways, immutable: a change makes a new one that shares nearly all of the old one, at a cost
 * that grows with the logarithm of its size.
 */
const BITS = 5;
const WAYS = 1 << BITS;

export interface Entry<K, V> {
  readonly kind: "entry";
  readonly key: K;
  readonly value: V;
  readonly hash: number;
  /** Place in the order of insertion. */
  readonly order: number;
}

interface Branch<K, V> {
  readonly kind: "branch";
  /** Bit n: the slot for hash digit n is there. */
  readonly bitmap: number;
  readonly slots: readonly Slot<K, V>[];
}

/** Keys whose whole hashes are equal. */
interface Bucket<K, V> {
  readonly kind: "bucket";
  readonly hash: number;
  readonly entries: readonly Entry<K, V>[];
}

export type Slot<K, V> = Entry<K, V> | Branch<K, V> | Bucket<K, V>;

/** FNV-1a. */
export function hashOf(key: string | number): number {
  const text = String(key);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return hash;
}

function bitCount(word: number): number {
  let n = word - ((word >>> 1) & 0x5555_5555);
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** The bit of `hash`'s digit at `shift`. */
const bitAt = (hash: number, shift: number): number => 1 << ((hash >>> shift) & (WAYS - 1));
const indexOf = (bitmap: number, bit: number): number => bitCount(bitmap & (bit - 1));

/** The entry of a key, if it is there. */
export function find<K, V>(root: Slot<K, V> | undefined, key: K, hash: number): Entry<K, V> | undefined {
  let slot = root;
  for (let shift = 0; slot?.kind === "branch"; shift += BITS) {
    const bit = bitAt(hash, shift);
    slot = (slot.bitmap & bit) === 0 ? undefined : slot.slots[indexOf(slot.bitmap, bit)];
  }
  if (slot?.kind === "bucket") return slot.entries.find((entry) => entry.key === key);
  return slot?.key === key ? slot : undefined;
}

/** With an entry, in place of one with the same key. `shift` is 0 for a whole trie. */
export function insert<K, V>(slot: Slot<K, V> | undefined, entry: Entry<K, V>, shift: number): Slot<K, V> {
  if (slot === undefined) return entry;
  if (slot.kind === "entry") return slot.key === entry.key ? entry : join(slot, entry, shift);
  if (slot.kind === "bucket") {
    if (slot.hash !== entry.hash) return join(slot, entry, shift);
    return { ...slot, entries: [...slot.entries.filter(({ key }) => key !== entry.key), entry] };
  }
  const bit = bitAt(entry.hash, shift);
  const index = indexOf(slot.bitmap, bit);
  const there = (slot.bitmap & bit) !== 0;
  const below = insert(there ? slot.slots[index] : undefined, entry, shift + BITS);
  const slots = slot.slots.slice();
  if (there) slots[index] = below;
  else slots.splice(index, 0, below);
  return { kind: "branch", bitmap: slot.bitmap | bit, slots };
}

/** Parts two from where their hashes differ. An entry with the hash of the other is another key. */
function join<K, V>(a: Entry<K, V> | Bucket<K, V>, b: Entry<K, V>, shift: number): Slot<K, V> {
  if (a.hash === b.hash && a.kind === "entry") return { kind: "bucket", hash: a.hash, entries: [a, b] };
  const [bitA, bitB] = [bitAt(a.hash, shift), bitAt(b.hash, shift)];
  if (bitA === bitB) return { kind: "branch", bitmap: bitA, slots: [join(a, b, shift + BITS)] };
  return { kind: "branch", bitmap: bitA | bitB, slots: bitA >>> 0 < bitB >>> 0 ? [a, b] : [b, a] };
}

/** Without a key that is there. */
export function take<K, V>(slot: Slot<K, V>, key: K, hash: number, shift: number): Slot<K, V> | undefined {
  if (slot.kind === "entry") return undefined;
  if (slot.kind === "bucket") {
    const entries = slot.entries.filter((entry) => entry.key !== key);
    return entries.length === 1 ? entries[0] : { ...slot, entries };
  }
  const bit = bitAt(hash, shift);
  const index = indexOf(slot.bitmap, bit);
  const child = slot.slots[index];
  const below = child && take(child, key, hash, shift + BITS);
  const slots = slot.slots.slice();
  slots.splice(index, 1, ...(below === undefined ? [] : [below]));
  const [only] = slots;
  // What one branch alone led to moves up; below a branch that would be at the wrong digit.
  if (only === undefined || (slots.length === 1 && only.kind !== "branch")) return only;
  return { kind: "branch", bitmap: below === undefined ? slot.bitmap & ~bit : slot.bitmap, slots };
}

/** All entries, in no order. */
export function* entriesOf<K, V>(slot: Slot<K, V> | undefined): Generator<Entry<K, V>> {
  if (slot === undefined) return;
  if (slot.kind === "entry") yield slot;
  else if (slot.kind === "bucket") yield* slot.entries;
  else for (const below of slot.slots) yield* entriesOf(below);
}
