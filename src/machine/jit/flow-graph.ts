/**
 * The control flow of a region, made ready for structured code: reverse postorder, dominators, loop
 * headers, merge points (N. Ramsey, "Beyond Relooper", ICFP 2022). Edges that would make the graph
 * irreducible are cut: the code leaves the region there.
 */
import { type Block, type Region, successorsOf } from "./region.ts";

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

/** A block, or ROOT, while the graph is made. */
interface Node {
  readonly start: number;
  successors: Node[];
  predecessors: Node[];
  /** In reverse postorder; -1: not reached. */
  position: number;
  parent: Node | undefined;
}

const newNode = (start: number): Node => ({
  start,
  successors: [],
  predecessors: [],
  position: -1,
  parent: undefined,
});

export function analyse(region: Region): FlowGraph {
  const nodes = new Map<number, Node>();
  for (const start of region.blocks.keys()) nodes.set(start, newNode(start));
  const root = newNode(ROOT);
  root.successors = region.entries.map((entry) => nodes.get(entry) as Node);
  for (const block of region.blocks.values()) connect(nodes.get(block.start) as Node, block, nodes);
  let cut = 0;
  for (;;) {
    const order = orderFrom(root);
    findDominators(order);
    const removed = cutIrreducible(order);
    if (removed === 0) return describe(order, nodes, cut);
    cut += removed;
    for (const node of nodes.values()) node.position = -1;
    root.position = -1;
  }
}

function connect(node: Node, block: Block, nodes: ReadonlyMap<number, Node>): void {
  for (const to of successorsOf(block)) {
    const next = nodes.get(to);
    if (next && !node.successors.includes(next)) node.successors.push(next);
  }
}

/** What is reached, in reverse postorder, with predecessors. */
function orderFrom(root: Node): Node[] {
  const post: Node[] = [];
  const visit = (node: Node): void => {
    node.position = 0;
    node.predecessors = [];
    for (const next of node.successors) if (next.position < 0) visit(next);
    post.push(node);
  };
  visit(root);
  const order = post.reverse();
  order.forEach((node, i) => {
    node.position = i;
    for (const next of node.successors) next.predecessors.push(node);
  });
  return order;
}

/** Immediate dominators (Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm"). */
function findDominators(order: readonly Node[]): void {
  for (const node of order) node.parent = undefined;
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 1; i < order.length; i++) {
      const node = order[i] as Node;
      let idom: Node | undefined;
      for (const from of node.predecessors) {
        if (from.position === 0 || from.parent) idom = idom ? intersect(idom, from) : from;
      }
      if (node.parent !== idom) {
        node.parent = idom;
        changed = true;
      }
    }
  }
}

function intersect(x: Node, y: Node): Node {
  let a = x;
  let b = y;
  while (a !== b) {
    if (a.position > b.position) a = a.parent as Node;
    else b = b.parent as Node;
  }
  return a;
}

function dominates(a: Node, b: Node): boolean {
  let at: Node | undefined = b;
  while (at && at.position > a.position) at = at.parent;
  return at === a;
}

/** Cuts edges that go back to what does not dominate where they come from. Returns how many there were. */
function cutIrreducible(order: readonly Node[]): number {
  let removed = 0;
  for (const from of order) {
    const kept = from.successors.filter((to) => to.position > from.position || dominates(to, from));
    removed += from.successors.length - kept.length;
    from.successors = kept;
  }
  return removed;
}

function describe(order: readonly Node[], nodes: ReadonlyMap<number, Node>, cut: number): FlowGraph {
  const loopHeaders = new Set<number>();
  const mergePoints = new Set<number>();
  const dominated = new Map<number, number[]>();
  for (const node of order) {
    let forward = 0;
    for (const from of node.predecessors) {
      if (from.position < node.position) forward++;
      else loopHeaders.add(node.start);
    }
    if (forward > 1) mergePoints.add(node.start);
    if (!node.parent) continue;
    const children = dominated.get(node.parent.start);
    if (children) children.push(node.start);
    else dominated.set(node.parent.start, [node.start]);
  }
  return {
    order: order.slice(1).map((node) => node.start),
    cut,
    loopHeaders,
    mergePoints,
    dominated,
    dominator: (at) => nodes.get(at)?.parent?.start,
    has: (from, to) => nodes.get(from)?.successors.some((next) => next.start === to) ?? false,
    isBackEdge: (from, to) => (nodes.get(to)?.position as number) <= (nodes.get(from)?.position as number),
  };
}
