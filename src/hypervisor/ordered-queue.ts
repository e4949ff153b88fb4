/**
 * A queue ordered by number: a binary heap that knows where each item is, so that items can be moved
 * and taken out. Items with the same number come in the order in which they got it.
 */
export class OrderedQueue<T> {
  readonly #items: T[] = [];
  readonly #keys: number[] = [];
  readonly #order: number[] = [];
  readonly #index = new Map<T, number>();
  #sequence = 0;

  get size(): number {
    return this.#items.length;
  }

  /** The item with the least number. */
  get first(): T | undefined {
    return this.#items[0];
  }

  /** Its number; Infinity for an empty queue. */
  get firstKey(): number {
    return this.#keys[0] ?? Number.POSITIVE_INFINITY;
  }

  has(item: T): boolean {
    return this.#index.has(item);
  }

  /** The number of an item; Infinity if it is not in the queue. */
  key(item: T): number {
    const at = this.#index.get(item);
    return at === undefined ? Number.POSITIVE_INFINITY : this.#keys[at]!;
  }

  /** Puts an item in, or moves it, behind those that have the same number. */
  set(item: T, key: number): void {
    let at = this.#index.get(item);
    if (at === undefined) {
      at = this.#items.length;
      this.#index.set(item, at);
    }
    this.#place(at, item, key, this.#sequence++);
    this.#settle(at);
  }

  /** Takes an item out. Returns whether it was in. */
  delete(item: T): boolean {
    const at = this.#index.get(item);
    if (at === undefined) return false;
    this.#index.delete(item);
    const last = this.#items.length - 1;
    const [moved, key, order] = [this.#items[last]!, this.#keys[last]!, this.#order[last]!];
    this.#items.length = this.#keys.length = this.#order.length = last;
    if (at < last) {
      this.#place(at, moved, key, order);
      this.#settle(at);
    }
    return true;
  }

  clear(): void {
    this.#items.length = this.#keys.length = this.#order.length = 0;
    this.#index.clear();
  }

  /** All items, in no order. */
  items(): readonly T[] {
    return this.#items;
  }

  #place(at: number, item: T, key: number, order: number): void {
    this.#items[at] = item;
    this.#keys[at] = key;
    this.#order[at] = order;
    this.#index.set(item, at);
  }

  #before(a: number, b: number): boolean {
    const difference = this.#keys[a]! - this.#keys[b]!;
    return difference < 0 || (difference === 0 && this.#order[a]! < this.#order[b]!);
  }

  #swap(a: number, b: number): void {
    const [item, key, order] = [this.#items[a]!, this.#keys[a]!, this.#order[a]!];
    this.#place(a, this.#items[b]!, this.#keys[b]!, this.#order[b]!);
    this.#place(b, item, key, order);
  }

  /** Moves the item at `at` up or down to where it belongs. */
  #settle(at: number): void {
    let here = at;
    while (here > 0) {
      const parent = (here - 1) >>> 1;
      if (!this.#before(here, parent)) break;
      this.#swap(here, parent);
      here = parent;
    }
    const { length } = this.#items;
    for (;;) {
      let least = here;
      for (let child = 2 * here + 1; child <= 2 * here + 2 && child < length; child++) {
        if (this.#before(child, least)) least = child;
      }
      if (least === here) return;
      this.#swap(here, least);
      here = least;
    }
  }
}
