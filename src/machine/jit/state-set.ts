/** Sets of pieces of state (symbols, see locals.ts), and what of it a region may have written. */
import type { FlowGraph } from "./flow-graph.ts";
import { type Block, type Region, successorsOf } from "./region.ts";
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
}

/** What may have been written when control leaves each block, by its start. */
export function writtenBehind(region: Region, graph: FlowGraph): ReadonlyMap<number, StateSet> {
  const behind = new Map<number, StateSet>();
  for (const at of graph.order) {
    const set = new StateSet();
    for (const { insn, form } of blockAt(region, at).code) {
      for (const symbol of form.sets) set.add(stateOf(symbol, insn));
    }
    behind.set(at, set);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const at of graph.order) {
      const set = behind.get(at) as StateSet;
      for (const to of successorsOf(blockAt(region, at))) {
        if (graph.has(at, to) && behind.get(to)?.addAll(set)) changed = true;
      }
    }
  }
  return behind;
}

const blockAt = ({ blocks }: Region, at: number): Block => blocks.get(at) as Block;
