/**
 * The xenstore service: one store, the domains connected to it, and the
 * toolstack's own access to it as domain 0.
 */
import { XenstoreError } from "./error.ts";
import { resolvePath } from "./path.ts";
import { DOMAIN_0, formatPermissions, type Permissions, parsePermissions } from "./permissions.ts";
import { DEFAULT_QUOTA, type Quota } from "./quota.ts";
import { XenstoreRing } from "./ring.ts";
import { type DomainRegistry, Session } from "./session.ts";
import { Store, type Watch } from "./store.ts";
import { Transaction } from "./transaction.ts";
import type { Node } from "./tree.ts";
import { toText, toValue } from "./value.ts";
import { decodeText, type Message } from "./wire.ts";

/** Where a domain's ring is, and how to raise its event channel. */
export interface RingConnection {
  readonly page: Uint8Array;
  notify(): void;
}

/** The content of the store as domain 0 may use it: directly or within a transaction. */
export interface StoreAccess {
  /** The value as text, or undefined if there is no such node. */
  read(path: string): string | undefined;
  /** Names of the children in the order of their creation; none if there is no such node. */
  directory(path: string): string[];
  write(path: string, value: string | Uint8Array): void;
  mkdir(path: string): void;
  /** Removes the node and all beneath it, if it is there. */
  remove(path: string): void;
  /** In the wire format: owner with everybody's access first, for example `["n0", "r1"]`. */
  permissions(path: string): string[];
  setPermissions(path: string, permissions: readonly string[]): void;
}

interface Connected {
  readonly caller: { readonly domid: number; target?: number };
  readonly session: Session;
}

export class Xenstore implements StoreAccess {
  readonly store: Store;
  readonly #domains = new Map<number, Connected>();
  readonly #registry: DomainRegistry;
  readonly #content: StoreAccess;

  /** @param introduce what the INTRODUCE message of a privileged guest does; without it the store answers ENOSYS */
  constructor(
    options: { quota?: Partial<Quota>; introduce?: (domid: number, mfn: number, port: number) => void } = {},
  ) {
    this.store = new Store({ ...DEFAULT_QUOTA, ...options.quota });
    this.#content = access(this.store);
    this.#registry = {
      introduce:
        options.introduce ??
        ((domid) => {
          throw new XenstoreError("ENOSYS", `domain ${domid} is introduced by the toolstack`);
        }),
      release: (domid) => this.release(domid),
      isIntroduced: (domid) => domid === 0 || this.#domains.has(domid),
      setTarget: (domid, target) => this.setTarget(domid, target),
    };
  }

  /** Connects a domain by its ring. Call `onEvent` of the result whenever the domain raises its event channel. */
  introduce(domid: number, connection: RingConnection): XenstoreRing {
    return new XenstoreRing(
      connection.page,
      () => connection.notify(),
      (send) => this.connect(domid, send),
      this.store.quota.outstanding,
    );
  }

  /** Connects a domain by messages: what `introduce` does over a ring. */
  connect(domid: number, send: (message: Message) => void): Session {
    if (this.#domains.has(domid)) throw new XenstoreError("EEXIST", `domain ${domid} is introduced already`);
    const caller: Connected["caller"] = { domid };
    const session = new Session(this.store, this.#registry, caller, send);
    this.#domains.set(domid, { caller, session });
    this.store.fireSpecial("@introduceDomain");
    return session;
  }

  /** Forgets a domain that has gone: its watches, transactions, nodes and rights. */
  release(domid: number): void {
    const connected = this.#domains.get(domid);
    if (connected === undefined) return;
    this.store.operation(() => {
      connected.session.reset();
      this.#domains.delete(domid);
      this.store.forgetDomain(domid);
      this.store.fireSpecial("@releaseDomain");
    });
  }

  /** Gives `domid` the rights of `target`, too. */
  setTarget(domid: number, target: number): void {
    const connected = this.#domains.get(domid);
    if (connected === undefined) throw new XenstoreError("ENOENT", `domain ${domid}`);
    connected.caller.target = target;
  }

  read(path: string): string | undefined {
    return this.#content.read(path);
  }
  directory(path: string): string[] {
    return this.#content.directory(path);
  }
  write(path: string, value: string | Uint8Array): void {
    this.#content.write(path, value);
  }
  mkdir(path: string): void {
    this.#content.mkdir(path);
  }
  remove(path: string): void {
    this.#content.remove(path);
  }
  permissions(path: string): string[] {
    return this.#content.permissions(path);
  }
  setPermissions(path: string, permissions: readonly string[]): void {
    this.#content.setPermissions(path, permissions);
  }

  /** Makes several changes appear as one. `body` sees them, others do not before it returns; nothing happens if it throws. */
  transaction<T>(body: (content: StoreAccess) => T): T {
    const transaction = new Transaction(this.store.tree, DOMAIN_0, this.store.quota);
    const result = body(access(this.store, transaction));
    this.store.operation(() => this.store.commit(transaction));
    return result;
  }

  /**
   * Calls `listener` once now and whenever `path` or something beneath it changes, with the path
   * that changed. Special paths are @introduceDomain and @releaseDomain. Returns how to stop.
   */
  watch(path: string, listener: (path: string) => void): () => void {
    const watch: Watch = { caller: DOMAIN_0, path, onEvent: listener };
    this.store.addWatch(watch);
    return () => this.store.removeWatch(watch);
  }
}

function access(store: Store, transaction?: Transaction): StoreAccess {
  const get = (path: string): Node | undefined => {
    try {
      return store.read(DOMAIN_0, resolvePath(0, path), transaction);
    } catch (error) {
      if (error instanceof XenstoreError && error.code === "ENOENT") return undefined;
      throw error;
    }
  };
  /** Many nodes in a row are given the same permissions, which are then kept once. */
  let last: { readonly text: string; readonly permissions: Permissions } | undefined;
  const parsed = (entries: readonly string[]): Permissions => {
    const text = entries.join();
    if (last?.text !== text) last = { text, permissions: parsePermissions(entries) };
    return last.permissions;
  };
  const change: (...args: Parameters<Transaction["apply"]>) => void = (change) =>
    store.operation(() => store.change(DOMAIN_0, change, transaction));
  return {
    read: (path) => {
      const node = get(path);
      return node && toText(node.value);
    },
    directory: (path) => [...(get(path)?.children.keys() ?? [])],
    write: (path, value) => {
      const content = typeof value === "string" ? toValue(value) : decodeText(value);
      change({ kind: "write", path: resolvePath(0, path), value: content });
    },
    mkdir: (path) => change({ kind: "mkdir", path: resolvePath(0, path) }),
    remove: (path) => {
      if (get(path) !== undefined) change({ kind: "remove", path: resolvePath(0, path) });
    },
    permissions: (path) => {
      const node = get(path);
      if (node === undefined) throw new XenstoreError("ENOENT", path);
      return formatPermissions(node.permissions);
    },
    setPermissions: (path, entries) =>
      change({ kind: "permissions", path: resolvePath(0, path), permissions: parsed(entries) }),
  };
}
