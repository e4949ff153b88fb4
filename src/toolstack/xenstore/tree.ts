/**
 * The store's content: an immutable tree.
 *
 * A change makes new nodes along the path from the root and shares the rest, so
 * that whoever holds an old root sees the old store: a transaction is no more
 * than that. Each node carries the generation of its last change, for finding
 * conflicts and for DIRECTORY_PART.
 */
import { components } from "./path.ts";
import { ownerOnly, type Permissions } from "./permissions.ts";
import { PersistentMap } from "./persistent-map.ts";

export interface Node {
  /** Bytes, one character each: see value.ts. */
  readonly value: string;
  readonly permissions: Permissions;
  /** In the order of their creation. */
  readonly children: PersistentMap<string, Node>;
  /** Changes whenever value, permissions or the set of children do; unique among all versions of a store. */
  readonly generation: number;
}

/** A version of the store. */
export interface Tree {
  readonly root: Node;
  /** Generation of the newest change. */
  readonly generation: number;
  /** Number of nodes that each domain owns. */
  readonly owned: PersistentMap<number, number>;
  /** Number of entries in nodes' permissions that give a right to each domain that does not own the node. */
  readonly granted: PersistentMap<number, number>;
}

const NO_CHILDREN = PersistentMap.empty<string, Node>();
const NO_COUNTS = PersistentMap.empty<number, number>();

export function emptyTree(): Tree {
  const root: Node = { value: "", permissions: ownerOnly(0), children: NO_CHILDREN, generation: 1 };
  return { root, generation: 1, owned: NO_COUNTS.set(0, 1), granted: NO_COUNTS };
}

export function lookup(tree: Tree, path: string): Node | undefined {
  let node: Node | undefined = tree.root;
  for (const name of components(path)) {
    node = node.children.get(name);
    if (node === undefined) return undefined;
  }
  return node;
}

/** The deepest node on the way to `path` that exists: `path` itself, or an ancestor. */
export function nearest(tree: Tree, path: string): Node {
  let node = tree.root;
  for (const name of components(path)) {
    const next = node.children.get(name);
    if (next === undefined) break;
    node = next;
  }
  return node;
}

/** The counts of a tree, while nodes come and go. */
class Counts {
  owned: PersistentMap<number, number>;
  granted: PersistentMap<number, number>;

  constructor({ owned, granted }: Tree) {
    this.owned = owned;
    this.granted = granted;
  }

  /** A node with these permissions comes (1) or goes (-1). */
  add({ owner, others }: Permissions, change: 1 | -1): void {
    this.owned = changed(this.owned, owner, change);
    for (const { domid } of others) this.granted = changed(this.granted, domid, change);
  }
}

function changed(counts: PersistentMap<number, number>, domid: number, change: number): PersistentMap<number, number> {
  const total = (counts.get(domid) ?? 0) + change;
  return total === 0 ? counts.delete(domid) : counts.set(domid, total);
}

function withChildren({ value, permissions }: Node, children: Node["children"], generation: number): Node {
  return { value, permissions, children, generation };
}

/** What a change of one node gives it. */
export interface NodeContent {
  readonly value?: string;
  readonly permissions?: Permissions;
}

/**
 * Sets the content of `path`. Missing nodes along the way are made, empty, with the permissions
 * that `inherited` derives from each parent's.
 */
export function put(
  tree: Tree,
  path: string,
  content: NodeContent,
  inherited: (parent: Permissions) => Permissions,
): Tree {
  const generation = tree.generation + 1;
  const counts = new Counts(tree);
  const names = components(path);

  const replace = (node: Node, depth: number): Node => {
    const name = names[depth];
    if (name === undefined) {
      const permissions = content.permissions ?? node.permissions;
      if (permissions !== node.permissions) {
        counts.add(node.permissions, -1);
        counts.add(permissions, 1);
      }
      return { value: content.value ?? node.value, permissions, children: node.children, generation };
    }
    const existing = node.children.get(name);
    const child = existing ?? make(inherited(node.permissions));
    const children = node.children.set(name, replace(child, depth + 1));
    return withChildren(node, children, existing === undefined ? generation : node.generation);
  };
  const make = (permissions: Permissions): Node => {
    counts.add(permissions, 1);
    return { value: "", permissions, children: NO_CHILDREN, generation };
  };

  const root = replace(tree.root, 0);
  return { root, generation, owned: counts.owned, granted: counts.granted };
}

/** Removes `path`, which must exist and not be the root, with all beneath it. */
export function remove(tree: Tree, path: string): Tree {
  const generation = tree.generation + 1;
  const counts = new Counts(tree);
  const names = components(path);

  const replace = (node: Node, depth: number): Node => {
    const name = names[depth] ?? "";
    const child = node.children.get(name);
    if (child === undefined) throw new RangeError(`no node ${path}`);
    if (depth === names.length - 1) {
      for (const [, gone] of descendants(child, path)) counts.add(gone.permissions, -1);
      return withChildren(node, node.children.delete(name), generation);
    }
    return withChildren(node, node.children.set(name, replace(child, depth + 1)), node.generation);
  };

  const root = replace(tree.root, 0);
  return { root, generation, owned: counts.owned, granted: counts.granted };
}

/** A node and all beneath it, parents first, with their paths. */
export function* descendants(node: Node, path: string): Generator<readonly [string, Node]> {
  yield [path, node];
  for (const [name, child] of node.children) {
    yield* descendants(child, path === "/" ? `/${name}` : `${path}/${name}`);
  }
}
