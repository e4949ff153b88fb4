/**
 * Transactions: a version of the store of one's own, merged back at the end.
 *
 * A transaction starts from the store's current tree and works on it alone. To
 * commit, every path that it has touched must still have the generation it had
 * at the start; then its changes are applied again, in order, to what the store
 * has become (if it has changed at all). Otherwise the client gets EAGAIN and starts anew.
 */
import { applyChange, type Change, type StoreEvent } from "./changes.ts";
import { XenstoreError } from "./error.ts";
import { type Caller, isPrivileged } from "./permissions.ts";
import type { Quota } from "./quota.ts";
import { lookup, type Tree } from "./tree.ts";

export class Transaction {
  readonly #caller: Caller;
  readonly #quota: Quota;
  readonly #start: Tree;
  readonly #touched = new Set<string>();
  readonly #changes: Change[] = [];
  /** What the changes would tell, if they were made now. */
  readonly #events: StoreEvent[] = [];
  #tree: Tree;

  constructor(start: Tree, caller: Caller, quota: Quota) {
    this.#start = start;
    this.#tree = start;
    this.#caller = caller;
    this.#quota = quota;
  }

  /** The store as the transaction sees it. */
  get tree(): Tree {
    return this.#tree;
  }

  /** Notes that the client has learnt something about `path`. */
  touch(path: string): void {
    this.#touched.add(path);
    this.#checkSize();
  }

  apply(change: Change): void {
    this.touch(change.path);
    const { tree, events } = applyChange(this.#tree, this.#caller, change, this.#quota);
    this.#tree = tree;
    this.#changes.push(change);
    this.#events.push(...events);
    this.#checkSize();
  }

  /** The store's next version, from its current one. @throws XenstoreError EAGAIN on a conflict */
  commit(current: Tree): { tree: Tree; events: StoreEvent[] } {
    // Nobody has changed anything meanwhile.
    if (current === this.#start) return { tree: this.#tree, events: this.#events };
    const events: StoreEvent[] = [];
    let tree = current;
    try {
      for (const path of this.#touched) {
        if (lookup(current, path)?.generation !== lookup(this.#start, path)?.generation) throw conflict(path);
      }
      for (const change of this.#changes) {
        const changed = applyChange(tree, this.#caller, change, this.#quota);
        tree = changed.tree;
        events.push(...changed.events);
      }
    } catch (error) {
      // A change that was good in the transaction and is not now is a conflict, too.
      throw error instanceof XenstoreError && error.code !== "ENOSPC" ? conflict(error.message) : error;
    }
    return { tree, events };
  }

  #checkSize(): void {
    if (isPrivileged(this.#caller)) return;
    if (Math.max(this.#touched.size, this.#changes.length) > this.#quota.transactionChanges) {
      throw new XenstoreError("ENOSPC", "transaction is too large");
    }
  }
}

function conflict(what: string): XenstoreError {
  return new XenstoreError("EAGAIN", `conflict: ${what}`);
}
