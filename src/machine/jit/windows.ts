/**
 * Windows: instructions often use memory at small distances from the same register, the pushes at the beginning of a subroutine for
 * example, or the fields of a structure. One look in the TLB is enough for them: where the first of them is executed, the window that
 * they all are in is translated. If it is not in one page, or not in the TLB, the interpreter executes the rest of the block.
 *
 * A window serves its block and what control gets to from there only, a subroutine called for example.
 */
import { holeI64, i64, ValType } from "../wasm/expression.ts";
import type { Stencil } from "../wasm/stencil.ts";
import { StencilFn } from "../wasm/stencil-function.ts";
import { Constant, local, lookInTlb, type MemoryAccess, Way } from "./emit.ts";
import type { FlowGraph } from "./flow-graph.ts";
import { GPRS, Sym } from "./locals.ts";
import { type Block, type Region, successorsOf } from "./region.ts";
import type { RegionInsn } from "./region-insn.ts";
import type { Place } from "./register-effect.ts";

export interface Window {
  /** The instruction that has the first access. */
  readonly first: RegionInsn;
  /** The window begins at this distance from what the register holds then. */
  readonly register: number;
  readonly start: number;
  readonly span: number;
  /** Something in it is written. */
  readonly write: boolean;
}

/** Where in a window an instruction's access is. */
export interface Placement {
  readonly window: Window;
  readonly offset: number;
}

/** An access of an instruction: relative to a value that some registers hold, or differ from by a constant. */
interface Access {
  readonly at: RegionInsn;
  readonly register: number;
  /** Distance of the register from the value, and of the access. */
  readonly held: number;
  readonly from: number;
  readonly to: number;
  readonly write: boolean;
}

/** Accesses at small distances from the same value. */
interface Group {
  readonly accesses: Access[];
  from: number;
  to: number;
  write: boolean;
}

/** Bytes of a window at most: the longer it is, the more often it is in two pages. */
const MAX_SPAN = 256;

let values = 0;
const newValue = (): number => values++;

/** What is known of the general registers: each holds a value, of which nothing but its number is known, plus a constant. */
class Registers {
  readonly value: number[];
  readonly distance: number[];

  constructor(other?: Registers) {
    this.value = other ? [...other.value] : Array.from({ length: GPRS }, newValue);
    this.distance = other ? [...other.distance] : new Array<number>(GPRS).fill(0);
  }

  forget(register: number): void {
    this.value[register] = newValue();
    this.distance[register] = 0;
  }

  move(to: number, from: number, distance: number): void {
    this.value[to] = this.value[from] as number;
    this.distance[to] = (this.distance[from] as number) + distance;
  }

  /** An instruction is executed. */
  execute(placed: RegionInsn): void {
    const { forgotten, movement } = placed.decoded.effect;
    for (const register of forgotten) this.forget(register);
    if (movement) this.move(movement.to, movement.from, movement.distance);
  }
}

/** Where the accesses of a region's instructions are, of those that are in windows. */
export function findWindows(region: Region, graph: FlowGraph): ReadonlyMap<RegionInsn, Placement> {
  const finder = new Finder(region, graph);
  for (const at of graph.order) finder.begin(at);
  return finder.placements();
}

class Finder {
  readonly #region: Region;
  readonly #graph: FlowGraph;
  readonly #groups: Group[] = [];
  readonly #seen = new Set<number>();

  constructor(region: Region, graph: FlowGraph) {
    this.#region = region;
    this.#graph = graph;
  }

  /** A block, unless it has been looked at behind another one: nothing is known where control gets to it. */
  begin(at: number): void {
    if (!this.#seen.has(at)) this.#block(at, new Registers(), new Map());
  }

  #block(at: number, registers: Registers, open: Map<number, Group>): void {
    this.#seen.add(at);
    const block = this.#region.blocks.get(at) as Block;
    const own = new Set<Group>();
    for (const placed of block.code) {
      const { place } = placed.decoded.effect;
      if (place) this.#add(placed, place, registers, open, own);
      registers.execute(placed);
    }
    for (const to of successorsOf(block)) {
      if (this.#isOnlyWayTo(at, to)) this.#block(to, new Registers(registers), new Map(open));
    }
  }

  #isOnlyWayTo(from: number, to: number): boolean {
    const graph = this.#graph;
    if (!graph.has(from, to) || this.#seen.has(to)) return false;
    return !graph.mergePoints.has(to) && !graph.loopHeaders.has(to);
  }

  #add(
    at: RegionInsn,
    { register, distance }: Place,
    registers: Registers,
    open: Map<number, Group>,
    own: Set<Group>,
  ): void {
    const held = registers.distance[register] as number;
    const from = held + distance;
    const { size, write } = at.form.access as MemoryAccess;
    const access: Access = { at, register, held, from, to: from + size, write };
    const value = registers.value[register] as number;
    const group = open.get(value);
    if (group && join(group, access, own.has(group))) return;
    const begun: Group = { accesses: [access], from, to: access.to, write };
    this.#groups.push(begun);
    own.add(begun);
    open.set(value, begun);
  }

  placements(): ReadonlyMap<RegionInsn, Placement> {
    const placements = new Map<RegionInsn, Placement>();
    for (const { accesses, from, to, write } of this.#groups) {
      const [first] = accesses;
      if (!first || accesses.length < 2) continue;
      const { at, register, held } = first;
      const window: Window = { first: at, register, start: from - held, span: to - from, write };
      for (const access of accesses) placements.set(access.at, { window, offset: access.from - from });
    }
    return placements;
  }
}

/**
 * Adds an access to a group, if it is near enough. What is written elsewhere than in the group's own block, which may be left before,
 * is only added if something in the group is written anyway: else the page might not be writable, and need not be.
 */
function join(group: Group, access: Access, isOwn: boolean): boolean {
  const from = Math.min(group.from, access.from);
  const to = Math.max(group.to, access.to);
  if (to - from > MAX_SPAN || (access.write && !group.write && !isOwn)) return false;
  group.accesses.push(access);
  group.from = from;
  group.to = to;
  group.write ||= access.write;
  return true;
}

/** Code that translates a window, and what its place must give it. */
export interface WindowStencil extends Stencil {
  readonly temporaries: readonly ValType[];
}

function makeStencil(write: boolean): WindowStencil {
  const fn = new StencilFn(Sym.temporary);
  const linear = fn.let(i64.add(local(ValType.i64, Sym.base), holeI64(Constant.windowStart)));
  const last = holeI64(Constant.windowLast);
  const host = lookInTlb(fn, linear, last, write, () => {
    fn.flow(Way.missWindow, linear.code);
  });
  fn.set(local(ValType.i32, Sym.window), host);
  return { ...fn.stencil(), temporaries: fn.temporaries };
}

const stencils: (WindowStencil | undefined)[] = [];

/** The code that translates a window: `Sym.base` is its register, `Sym.window` gets its host address. */
export const windowStencil = ({ write }: Window): WindowStencil => (stencils[write ? 1 : 0] ??= makeStencil(write));
