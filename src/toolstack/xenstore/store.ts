/**
 * The store: its current tree, and who is told when it changes.
 *
 * Events are delivered after the operation that causes them has finished and
 * its reply is on the way, so a listener may use the store at once.
 */
import { applyChange, type Change, getNode, type StoreEvent } from "./changes.ts";
import { XenstoreError } from "./error.ts";
import { parentPath } from "./path.ts";
import { type Caller, DOMAIN_0, isPrivileged, may, ownerOnly, type Permissions, withoutDomain } from "./permissions.ts";
import type { Quota } from "./quota.ts";
import type { Transaction } from "./transaction.ts";
import { descendants, emptyTree, lookup, type Node, put, type Tree } from "./tree.ts";

export interface Watch {
  readonly caller: Caller;
  /** Absolute path, or a special event such as @releaseDomain. */
  readonly path: string;
  onEvent(path: string): void;
}

/** Names of the special events, which can be watched and have permissions as nodes do. */
export const SPECIAL_EVENTS = ["@introduceDomain", "@releaseDomain"] as const;
export type SpecialEvent = (typeof SPECIAL_EVENTS)[number];

export class Store {
  readonly quota: Quota;
  /** By the path that they are for. */
  readonly #watches = new Map<string, Set<Watch>>();
  readonly #special = new Map<string, Permissions>(SPECIAL_EVENTS.map((name) => [name, ownerOnly(0)]));
  readonly #pending: (() => void)[] = [];
  #depth = 0;
  #tree = emptyTree();

  constructor(quota: Quota) {
    this.quota = quota;
  }

  get tree(): Tree {
    return this.#tree;
  }

  /** The node that `caller` wants to read, in the store or as `transaction` sees it. */
  read(caller: Caller, path: string, transaction?: Transaction): Node {
    transaction?.touch(path);
    return getNode(transaction?.tree ?? this.#tree, caller, path, "read");
  }

  /** Makes a change, in the store or within `transaction`. */
  change(caller: Caller, change: Change, transaction?: Transaction): void {
    if (transaction !== undefined) {
      transaction.apply(change);
      return;
    }
    const { tree, events } = applyChange(this.#tree, caller, change, this.quota);
    this.#advance(tree, events);
  }

  commit(transaction: Transaction): void {
    const { tree, events } = transaction.commit(this.#tree);
    this.#advance(tree, events);
  }

  /** Runs `operation`; events that it causes are delivered when the outermost operation is over. */
  operation<T>(operation: () => T): T {
    this.#depth++;
    try {
      return operation();
    } finally {
      if (--this.#depth === 0) this.#deliver();
    }
  }

  /** Has `delivery` run after the current operation. */
  post(delivery: () => void): void {
    this.#pending.push(delivery);
    if (this.#depth === 0) this.#deliver();
  }

  /** Number of watches of all clients. */
  get watchCount(): number {
    let count = 0;
    for (const same of this.#watches.values()) count += same.size;
    return count;
  }

  addWatch(watch: Watch): void {
    const same = this.#watches.get(watch.path);
    if (same === undefined) this.#watches.set(watch.path, new Set([watch]));
    else same.add(watch);
    // A new watch fires once, so that its owner looks at what is there already.
    this.post(() => {
      if (this.#isWatching(watch)) watch.onEvent(watch.path);
    });
  }

  removeWatch(watch: Watch): void {
    const same = this.#watches.get(watch.path);
    same?.delete(watch);
    if (same?.size === 0) this.#watches.delete(watch.path);
  }

  #isWatching(watch: Watch): boolean {
    return this.#watches.get(watch.path)?.has(watch) === true;
  }

  fireSpecial(name: SpecialEvent): void {
    this.#fire({ path: name, exact: true, visibility: [this.specialPermissions(name)] });
  }

  specialPermissions(name: string): Permissions {
    const permissions = this.#special.get(name);
    if (permissions === undefined) throw new XenstoreError("ENOENT", name);
    return permissions;
  }

  setSpecialPermissions(caller: Caller, name: string, permissions: Permissions): void {
    this.specialPermissions(name);
    if (!isPrivileged(caller)) throw new XenstoreError("EACCES", name);
    this.#special.set(name, permissions);
  }

  /** Removes what a domain that is no more owned, and its rights elsewhere: its number may be used again. */
  forgetDomain(domid: number): void {
    for (const [name, permissions] of this.#special) this.#special.set(name, withoutDomain(permissions, domid));
    const { owned, granted } = this.#tree;
    if (!owned.has(domid) && !granted.has(domid)) return;
    for (const [path, { permissions }] of [...descendants(this.#tree.root, "/")]) {
      // Its parent may have been removed before it.
      if (lookup(this.#tree, path) === undefined) continue;
      if (permissions.owner === domid) {
        if (path !== "/") this.change(DOMAIN_0, { kind: "remove", path });
      } else {
        const reduced = withoutDomain(permissions, domid);
        if (reduced !== permissions) this.#tree = put(this.#tree, path, { permissions: reduced }, () => reduced);
      }
    }
  }

  #advance(tree: Tree, events: readonly StoreEvent[]): void {
    this.#tree = tree;
    for (const event of events) this.#fire(event);
  }

  /** Tells those who watch the path itself, or one above it. */
  #fire(event: StoreEvent): void {
    for (let path = event.path; ; path = parentPath(path)) {
      for (const watch of this.#watches.get(path) ?? []) {
        if (!event.visibility.some((permissions) => may(watch.caller, "read", permissions))) continue;
        this.post(() => {
          if (this.#isWatching(watch)) watch.onEvent(event.path);
        });
      }
      if (event.exact || path === "/") return;
    }
  }

  #deliver(): void {
    this.#depth++;
    try {
      for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) next();
    } finally {
      this.#depth--;
    }
  }
}
