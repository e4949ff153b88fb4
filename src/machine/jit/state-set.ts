/** Sets of pieces of state (symbols, see locals.ts), and what of it a region may have written. */
import type { FlowGraph } from "./flow-graph.ts";
import { type Region, successorsOf } from "./region.ts";
import type { RegionInsn } from "./region-insn.ts";
import { stateOf } from "./stencils.ts";

/** A set of pieces of state. */
export class StateSet {
  /** Symbols 0 to 31, and from 32 on. */
  #low = 0;
  #high = 0;

  has(symbol: number): boolean {
    return ((symbol < 32 ? this.#low >>> symbol : this.#high >>> (symbol - 32)) & 1) !== 0;
  }

  add(symbol: number): void {
    if (symbol < 32) this.#low |= 1 << symbol;
    else this.#high |= 1 << (symbol - 32);
  }

  /** Whether that has made it larger. */
  addAll(other: StateSet): boolean {
    const low = this.#low | other.#low;
    const high = this.#high | other.#high;
    const larger = low !== this.#low || high !== this.#high;
    this.#low = low;
    this.#high = high;
    return larger;
  }

  copy(): StateSet {
    const set = new StateSet();
    set.addAll(this);
    return set;
  }
}

/** Adds what an instruction sets. */
export function addWritten(set: StateSet, { insn }: RegionInsn, symbols: readonly number[]): void {
  for (const symbol of symbols) set.add(stateOf(symbol, insn));
}

/** What may have been written when control gets to each block, by its start. */
export function writtenBefore(region: Region, graph: FlowGraph): ReadonlyMap<number, StateSet> {
  const before = new Map<number, StateSet>(graph.order.map((at) => [at, new StateSet()]));
  const within = new Map<number, StateSet>();
  for (const at of graph.order) {
    const set = new StateSet();
    for (const placed of region.blocks.get(at)?.code ?? []) addWritten(set, placed, placed.form.sets);
    within.set(at, set);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const at of graph.order) {
      const block = region.blocks.get(at);
      if (!block) continue;
      const behind = (before.get(at) as StateSet).copy();
      behind.addAll(within.get(at) as StateSet);
      for (const to of successorsOf(block)) {
        if (graph.has(at, to) && before.get(to)?.addAll(behind)) changed = true;
      }
    }
  }
  return before;
}
