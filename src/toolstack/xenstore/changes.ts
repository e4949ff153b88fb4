/**
 * The changes that clients ask for, with their rules: permissions and quotas.
 *
 * `applyChange` is a pure function from one version of the store to the next,
 * so that a transaction can apply its changes to its own version, and again to
 * the store's when it commits.
 */
import { XenstoreError } from "./error.ts";
import { parentPath } from "./path.ts";
import { type Caller, inherit, isPrivileged, may, type Permissions } from "./permissions.ts";
import type { Quota } from "./quota.ts";
import { descendants, lookup, type Node, nearest, put, remove, type Tree } from "./tree.ts";

/** What xenstored keeps of a node besides: generation and lengths. It counts. */
const NODE_HEADER = 20;

export type Change =
  | { readonly kind: "write"; readonly path: string; readonly value: string }
  | { readonly kind: "mkdir"; readonly path: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "permissions"; readonly path: string; readonly permissions: Permissions };

/** Something that watches may want to know. */
export interface StoreEvent {
  readonly path: string;
  /** Only watches of exactly this path are concerned: it went with a removed ancestor. */
  readonly exact: boolean;
  /** Permissions of the node, or of it and its parent, before and after: any that allows reading lets an event out. */
  readonly visibility: readonly Permissions[];
}

export interface Changed {
  readonly tree: Tree;
  readonly events: readonly StoreEvent[];
}

/** The node at `path`. A missing one is only admitted to clients that may see where it would be. */
export function getNode(tree: Tree, caller: Caller, path: string, right: "read" | "write" | "own"): Node {
  const node = lookup(tree, path);
  if (node !== undefined) {
    if (!may(caller, right, node.permissions)) throw new XenstoreError("EACCES", path);
    return node;
  }
  throw missing(tree, caller, path, right === "own" ? "write" : right);
}

function missing(tree: Tree, caller: Caller, path: string, right: "read" | "write"): XenstoreError {
  const visible = may(caller, right, nearest(tree, path).permissions);
  return new XenstoreError(visible ? "ENOENT" : "EACCES", path);
}

/** Applies one change. @throws XenstoreError and changes nothing */
export function applyChange(tree: Tree, caller: Caller, change: Change, quota: Quota): Changed {
  switch (change.kind) {
    case "write":
      return write(tree, caller, change.path, change.value, quota);
    case "mkdir":
      // Making what is there already is no change, yet only a writer may ask.
      if (lookup(tree, change.path) !== undefined) {
        getNode(tree, caller, change.path, "write");
        return { tree, events: [] };
      }
      return write(tree, caller, change.path, undefined, quota);
    case "remove":
      return removeNode(tree, caller, change.path);
    case "permissions":
      return setPermissions(tree, caller, change.path, change.permissions, quota);
  }
}

function write(tree: Tree, caller: Caller, path: string, value: string | undefined, quota: Quota): Changed {
  const old = lookup(tree, path);
  if (!may(caller, "write", nearest(tree, path).permissions)) throw new XenstoreError("EACCES", path);
  const next = put(tree, path, value === undefined ? {} : { value }, (parent) => inherit(parent, caller));
  checkQuota(next, caller, path, quota);
  if (old === undefined && path !== "/") checkNodeSize(next, caller, parentPath(path), quota);
  return { tree: next, events: [event(tree, next, path)] };
}

function removeNode(tree: Tree, caller: Caller, path: string): Changed {
  const node = lookup(tree, path);
  if (node === undefined) {
    // Removing what is not there succeeds if its directory is.
    const parent = lookup(tree, parentPath(path));
    if (parent === undefined || !may(caller, "write", parent.permissions)) throw missing(tree, caller, path, "write");
    return { tree, events: [] };
  }
  getNode(tree, caller, path, "write");
  if (path === "/") throw new XenstoreError("EINVAL", "the root cannot be removed");
  const next = remove(tree, path);
  const events: StoreEvent[] = [];
  for (const [gone, { permissions }] of descendants(node, path)) {
    events.push(gone === path ? event(tree, next, path) : { path: gone, exact: true, visibility: [permissions] });
  }
  return { tree: next, events };
}

function setPermissions(tree: Tree, caller: Caller, path: string, permissions: Permissions, quota: Quota): Changed {
  const node = getNode(tree, caller, path, "own");
  if (!isPrivileged(caller)) {
    if (permissions.owner !== node.permissions.owner)
      throw new XenstoreError("EPERM", `${path} would change its owner`);
    if (permissions.others.length >= quota.permissions) throw new XenstoreError("ENOSPC", `permissions of ${path}`);
  }
  const next = put(tree, path, { permissions }, () => permissions);
  checkQuota(next, caller, path, quota);
  return { tree: next, events: [event(tree, next, path)] };
}

function event(before: Tree, after: Tree, path: string): StoreEvent {
  const visibility: Permissions[] = [];
  for (const tree of [before, after]) {
    for (const node of [lookup(tree, path), lookup(tree, parentPath(path))]) {
      if (node !== undefined) visibility.push(node.permissions);
    }
  }
  return { path, exact: false, visibility };
}

function checkQuota(tree: Tree, caller: Caller, path: string, quota: Quota): void {
  if (isPrivileged(caller)) return;
  if ((tree.owned.get(caller.domid) ?? 0) > quota.nodes) {
    throw new XenstoreError("ENOSPC", `domain ${caller.domid} has its ${quota.nodes} nodes`);
  }
  checkNodeSize(tree, caller, path, quota);
}

function checkNodeSize(tree: Tree, caller: Caller, path: string, quota: Quota): void {
  const node = lookup(tree, path);
  if (isPrivileged(caller) || node === undefined) return;
  let size = NODE_HEADER + node.value.length + 8 * (1 + node.permissions.others.length);
  for (const name of node.children.keys()) size += name.length + 1;
  if (size >= quota.nodeSize) throw new XenstoreError("ENOSPC", `${path} would have ${size} bytes`);
}
