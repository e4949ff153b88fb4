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

export interface Node {
  readonly value: Uint8Array;
  readonly permissions: Permissions;
  readonly children: ReadonlyMap<string, Node>;
  /** Changes whenever value, permissions or the set of children do; unique among all versions of a store. */
  readonly generation: number;
}

/** A version of the store. */
export interface Tree {
  readonly root: Node;
  /** Generation of the newest change. */
  readonly generation: number;
  /** Number of nodes that each domain owns. */
  readonly owned: ReadonlyMap<number, number>;
}

const NOTHING = new Uint8Array(0);
const NO_CHILDREN: ReadonlyMap<string, Node> = new Map();

export function emptyTree(): Tree {
  const root: Node = { value: NOTHING, permissions: ownerOnly(0), children: NO_CHILDREN, generation: 1 };
  return { root, generation: 1, owned: new Map([[0, 1]]) };
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

function count(owned: ReadonlyMap<number, number>, changes: Iterable<readonly [number, number]>): Map<number, number> {
  const result = new Map(owned);
  for (const [domid, change] of changes) {
    const total = (result.get(domid) ?? 0) + change;
    if (total === 0) result.delete(domid);
    else result.set(domid, total);
  }
  return result;
}

/** What a change of one node gives it. */
export interface NodeContent {
  readonly value?: Uint8Array;
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
  const owners: [number, number][] = [];
  const names = components(path);

  const replace = (node: Node, depth: number): Node => {
    const name = names[depth];
    if (name === undefined) {
      const permissions = content.permissions ?? node.permissions;
      owners.push([node.permissions.owner, -1], [permissions.owner, 1]);
      return { ...node, value: content.value ?? node.value, permissions, generation };
    }
    const existing = node.children.get(name);
    const child = existing ?? make(inherited(node.permissions));
    const children = new Map(node.children).set(name, replace(child, depth + 1));
    return { ...node, children, generation: existing === undefined ? generation : node.generation };
  };
  const make = (permissions: Permissions): Node => {
    owners.push([permissions.owner, 1]);
    return { value: NOTHING, permissions, children: NO_CHILDREN, generation };
  };

  const root = replace(tree.root, 0);
  return { root, generation, owned: count(tree.owned, owners) };
}

/** Removes `path`, which must exist and not be the root, with all beneath it. */
export function remove(tree: Tree, path: string): Tree {
  const generation = tree.generation + 1;
  const owners: [number, number][] = [];
  const names = components(path);

  const replace = (node: Node, depth: number): Node => {
    const name = names[depth] ?? "";
    const child = node.children.get(name);
    if (child === undefined) throw new RangeError(`no node ${path}`);
    const children = new Map(node.children);
    if (depth === names.length - 1) {
      for (const [, gone] of descendants(child, path)) owners.push([gone.permissions.owner, -1]);
      children.delete(name);
      return { ...node, children, generation };
    }
    children.set(name, replace(child, depth + 1));
    return { ...node, children };
  };

  const root = replace(tree.root, 0);
  return { root, generation, owned: count(tree.owned, owners) };
}

/** A node and all beneath it, parents first, with their paths. */
export function* descendants(node: Node, path: string): Generator<readonly [string, Node]> {
  yield [path, node];
  for (const [name, child] of node.children) {
    yield* descendants(child, path === "/" ? `/${name}` : `${path}/${name}`);
  }
}
