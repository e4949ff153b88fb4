/**
 * An immutable map, whose iteration is in the order of insertion. A change makes a new one.
 *
 * Most directories of a store have few children, and are many: up to some size the map is a list that is copied, and
 * takes a third of the memory. Beyond that it is a trie, of which a change copies little.
 */
import { entriesOf, find, hashOf, insert, type Slot, take } from "./hash-trie.ts";

/** Keys and values, by turns. */
type List<K, V> = readonly (K | V)[];

/** Keys of a list at most; a trie that gets smaller than half of it becomes a list again. */
const LONGEST_LIST = 16;

export class PersistentMap<K extends string | number, V> {
  readonly size: number;
  readonly #content: List<K, V> | Slot<K, V>;
  /** For a trie: the place of the next key in the order of insertion. */
  readonly #nextOrder: number;

  private constructor(content: List<K, V> | Slot<K, V>, size: number, nextOrder = 0) {
    this.#content = content;
    this.size = size;
    this.#nextOrder = nextOrder;
  }

  static empty<K extends string | number, V>(): PersistentMap<K, V> {
    return new PersistentMap<K, V>([], 0);
  }

  get(key: K): V | undefined {
    const content = this.#content;
    if (!isList(content)) return find(content, key, hashOf(key))?.value;
    const at = indexIn(content, key);
    return at < 0 ? undefined : (content[at + 1] as V);
  }

  has(key: K): boolean {
    const content = this.#content;
    return isList(content) ? indexIn(content, key) >= 0 : find(content, key, hashOf(key)) !== undefined;
  }

  /** With `key` set to `value`; a key that is there already keeps its place in the order. */
  set(key: K, value: V): PersistentMap<K, V> {
    const content = this.#content;
    if (!isList(content)) return this.#setInTrie(content, key, value);
    const at = indexIn(content, key);
    if (at < 0 && this.size === LONGEST_LIST) return this.#asTrie().set(key, value);
    const list = content.slice();
    if (at < 0) list.push(key, value);
    else list[at + 1] = value;
    return new PersistentMap<K, V>(list, list.length / 2);
  }

  /** Without `key`. */
  delete(key: K): PersistentMap<K, V> {
    const content = this.#content;
    if (isList(content)) {
      const at = indexIn(content, key);
      return at < 0
        ? this
        : new PersistentMap<K, V>([...content.slice(0, at), ...content.slice(at + 2)], this.size - 1);
    }
    const hash = hashOf(key);
    if (find(content, key, hash) === undefined) return this;
    const rest = take(content, key, hash, 0);
    if (rest === undefined) return PersistentMap.empty();
    const smaller = new PersistentMap<K, V>(rest, this.size - 1, this.#nextOrder);
    return smaller.size > LONGEST_LIST / 2
      ? smaller
      : new PersistentMap<K, V>([...smaller].flat() as List<K, V>, smaller.size);
  }

  *[Symbol.iterator](): Generator<readonly [K, V]> {
    const content = this.#content;
    if (isList(content)) {
      for (let at = 0; at < content.length; at += 2) yield [content[at] as K, content[at + 1] as V];
      return;
    }
    const entries = [...entriesOf(content)].sort((a, b) => a.order - b.order);
    for (const { key, value } of entries) yield [key, value];
  }

  *keys(): Generator<K> {
    for (const [key] of this) yield key;
  }

  #setInTrie(trie: Slot<K, V>, key: K, value: V): PersistentMap<K, V> {
    const hash = hashOf(key);
    const old = find(trie, key, hash);
    const order = old?.order ?? this.#nextOrder;
    const root = insert(trie, { kind: "entry", key, value, hash, order }, 0);
    return new PersistentMap(root, this.size + (old === undefined ? 1 : 0), Math.max(this.#nextOrder, order + 1));
  }

  #asTrie(): PersistentMap<K, V> {
    let trie: Slot<K, V> | undefined;
    let order = 0;
    for (const [key, value] of this)
      trie = insert(trie, { kind: "entry", key, value, hash: hashOf(key), order: order++ }, 0);
    return trie === undefined ? this : new PersistentMap(trie, this.size, order);
  }
}

function isList<K, V>(content: List<K, V> | Slot<K, V>): content is List<K, V> {
  return Array.isArray(content);
}

/** Where a key is in a list; negative if it is not. */
function indexIn<K, V>(list: List<K, V>, key: K): number {
  for (let at = 0; at < list.length; at += 2) if (list[at] === key) return at;
  return -1;
}
