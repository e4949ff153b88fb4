/**
 * The control flow of a region, made ready for structured code: reverse postorder, dominators, loop
 * headers, merge points (N. Ramsey, "Beyond Relooper", ICFP 2022). Edges that would make the graph
 * irreducible are cut: the code leaves the region there.
 */
import { type Region, successorsOf } from "./region.ts";

/** Stands for what is in front of all entries. No offset is as small. */
export const ROOT = Number.MIN_SAFE_INTEGER;

export interface FlowGraph {
  /** Start offsets of the blocks in reverse postorder. */
  readonly order: readonly number[];
  /** Edges that have been cut. */
  readonly cut: number;
  readonly loopHeaders: ReadonlySet<number>;
  /** Blocks with more than one forward edge to them. */
  readonly mergePoints: ReadonlySet<number>;
  /** Children in the dominator tree, in reverse postorder. */
  readonly dominated: ReadonlyMap<number, readonly number[]>;
  /** The immediate dominator: another block, or ROOT. */
  dominator(at: number): number | undefined;
  /** Whether the edge stays in the region. */
  has(from: number, to: number): boolean;
  isBackEdge(from: number, to: number): boolean;
}

const NOWHERE: readonly number[] = [];

export function analyse(region: Region): FlowGraph {
  const edges = new Map<number, number[]>();
  edges.set(ROOT, [...region.entries]);
  let cut = 0;
  for (const block of region.blocks.values()) {
    const out: number[] = [];
    for (const to of successorsOf(block)) if (region.blocks.has(to) && !out.includes(to)) out.push(to);
    edges.set(block.start, out);
  }
  const successors = (at: number): readonly number[] => edges.get(at) ?? NOWHERE;
  for (;;) {
    const order = reversePostorder(ROOT, successors);
    const number = new Map(order.map((at, i) => [at, i]));
    const position = (at: number): number => number.get(at) as number;
    const parents = dominators(order, successors, position);
    const dominates = (a: number, b: number): boolean => {
      for (let at: number | undefined = b; at !== undefined; at = parents.get(at)) if (at === a) return true;
      return false;
    };
    const loopHeaders = new Set<number>();
    const forward = new Map<number, number>();
    let irreducible = false;
    for (const from of order) {
      for (const to of successors(from)) {
        if (position(to) > position(from)) forward.set(to, (forward.get(to) ?? 0) + 1);
        else if (dominates(to, from)) loopHeaders.add(to);
        else {
          edges.set(
            from,
            successors(from).filter((other) => other !== to),
          );
          irreducible = true;
          cut++;
        }
      }
    }
    if (irreducible) continue;
    const dominated = new Map<number, number[]>();
    for (const at of order) {
      const parent = parents.get(at);
      if (parent === undefined) continue;
      const children = dominated.get(parent);
      if (children) children.push(at);
      else dominated.set(parent, [at]);
    }
    return {
      order: order.slice(1),
      cut,
      loopHeaders,
      mergePoints: new Set([...forward].filter(([, n]) => n > 1).map(([at]) => at)),
      dominated,
      dominator: (at) => parents.get(at),
      has: (from, to) => number.has(to) && successors(from).includes(to),
      isBackEdge: (from, to) => position(to) <= position(from),
    };
  }
}

function reversePostorder(entry: number, successors: (at: number) => readonly number[]): number[] {
  const post: number[] = [];
  const seen = new Set([entry]);
  const stack = [{ at: entry, rest: successors(entry), next: 0 }];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const to = top.rest[top.next++];
    if (to === undefined) {
      post.push(top.at);
      stack.pop();
    } else if (!seen.has(to)) {
      seen.add(to);
      stack.push({ at: to, rest: successors(to), next: 0 });
    }
  }
  return post.reverse();
}

/** Immediate dominators (Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm"). */
function dominators(
  order: readonly number[],
  successors: (at: number) => readonly number[],
  position: (at: number) => number,
): Map<number, number | undefined> {
  const predecessors = new Map<number, number[]>();
  for (const from of order) {
    for (const to of successors(from)) {
      const list = predecessors.get(to);
      if (list) list.push(from);
      else predecessors.set(to, [from]);
    }
  }
  const entry = order[0] as number;
  const parent = new Map<number, number | undefined>([[entry, undefined]]);
  const intersect = (x: number, y: number): number => {
    let a = x;
    let b = y;
    while (a !== b) {
      if (position(a) > position(b)) a = parent.get(a) as number;
      else b = parent.get(b) as number;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const at of order.slice(1)) {
      const known = (predecessors.get(at) ?? []).filter((p) => parent.has(p));
      const idom = known.reduce((a, b) => intersect(a, b));
      if (parent.get(at) !== idom) {
        parent.set(at, idom);
        changed = true;
      }
    }
  }
  return parent;
}
