/** What compiled code works on: a number for each piece of state that a region can keep in a local. */

import { engineState } from "../interpreter/engine-state.ts";
import { CPU_SCRATCH, CPU_STATE } from "../layout.ts";
import { type Expr, i32, i64, type Local, NodeKind, node, StoreOp, ValType, v128 } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { cpuState } from "../x86/state.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);

/** Symbols. Those up to `operand` are pieces of state; the others are bound to locals instruction by instruction. */
export const Sym = {
  gpr: 0,
  xmm: 16,
  flagsResult: 32,
  flagsAux: 33,
  pageVa: 34,
  tlb: 35,
  fetchTlb: 36,
  mxcsr: 37,
  cr0: 38,
  cr4: 39,
  budget: 40,
  /** The registers of operands 0 to 3. */
  operand: 48,
  base: 52,
  index: 53,
  /** Operands and result of the instruction that has set the flags. */
  knownA: 54,
  knownB: 55,
  knownR: 56,
  /** Host address of the window that the instruction's access is in. */
  window: 57,
  temporary: 64,
} as const;

const STATE_SYMBOLS = Sym.budget + 1;
const SYMBOLS = 256;
const UNASSIGNED = 0xffff;

interface Home {
  readonly type: ValType;
  readonly address: number;
}

const { i32: I32, i64: I64, v128: V128 } = ValType;
const eachOf = (type: ValType, address: number, size: number): Home[] =>
  Array.from({ length: 16 }, (_, i) => ({ type, address: address + i * size }));

/** Where the state lives outside of a region, in the order of its symbols. */
const HOMES: readonly Home[] = [
  ...eachOf(I64, CPU_STATE + ST.gpr, 8),
  ...eachOf(V128, CPU_STATE + ST.xmm, 16),
  { type: I64, address: CPU_STATE + ST.flags_result },
  { type: I32, address: CPU_STATE + ST.flags_aux },
  { type: I64, address: CPU_STATE + ST.page_va },
  { type: I32, address: CPU_SCRATCH + EN.tlb },
  { type: I32, address: CPU_SCRATCH + EN.fetch_tlb },
  { type: I32, address: CPU_STATE + ST.mxcsr },
  { type: I32, address: CPU_STATE + ST.cr0 },
  { type: I32, address: CPU_STATE + ST.cr4 },
  { type: I32, address: CPU_STATE + ST.budget },
];

const STORES: Partial<Record<ValType, StoreOp>> = {
  [ValType.i32]: StoreOp.i32,
  [ValType.i64]: StoreOp.i64,
  [ValType.v128]: StoreOp.v128,
};
const LOADS: Partial<Record<ValType, (address: Expr, offset?: number) => Expr>> = {
  [ValType.i32]: i32.load,
  [ValType.i64]: i64.load,
  [ValType.v128]: v128.load,
};

/** A piece of state in stencils. */
export const stateSymbol = (symbol: number): Local =>
  node(NodeKind.Local, (HOMES[symbol] as Home).type, symbol) as Local;

/** General registers come first among the symbols. */
export const GPRS = 16;

/**
 * The state that a region keeps in locals: what it uses is loaded at its entry, what it has written is stored where control leaves.
 *
 * Or else general registers are loaded where they are first used, and stored before control may leave: there is less code where control
 * comes in and goes out, and more in between. So loops keep them in locals, and other regions write them through.
 */
export class RegionLocals {
  /** Index of the local by symbol. */
  readonly indexes = new Uint16Array(SYMBOLS).fill(UNASSIGNED);
  readonly #fn: Fn;
  readonly #used: Local[] = [];
  readonly #written = new Uint8Array(STATE_SYMBOLS);
  /** General registers are written through. */
  readonly #through: boolean;

  constructor(fn: Fn, through: boolean) {
    this.#fn = fn;
    this.#through = through;
  }

  /** Whether a piece of state is loaded by `fetch` and stored by `store`, not by `load` and `save`. */
  isThrough(symbol: number): boolean {
    return this.#through && symbol < GPRS;
  }

  /** Writes the load of a piece of state. */
  fetch(symbol: number): void {
    this.#load(this.get(symbol), symbol);
  }

  /** Writes the store of a piece of state. */
  store(symbol: number): void {
    const { type, address } = HOMES[symbol] as Home;
    this.#fn.store(STORES[type] as StoreOp, ZERO, this.get(symbol), address);
  }

  #load(local: Local, symbol: number): void {
    const { type, address } = HOMES[symbol] as Home;
    this.#fn.set(local, LOADS[type]?.(ZERO, address) as Expr);
  }

  /** Index of the local of a piece of state. */
  indexOf(symbol: number): number {
    const index = this.indexes[symbol] as number;
    return index === UNASSIGNED ? this.#assign(symbol) : index;
  }

  #assign(symbol: number): number {
    const { code } = this.#fn.ownLocal((HOMES[symbol] as Home).type);
    this.#used[symbol] = node(NodeKind.Local, (HOMES[symbol] as Home).type, code) as Local;
    this.indexes[symbol] = code;
    return code;
  }

  /** The local of a piece of state. */
  get(symbol: number): Local {
    this.indexOf(symbol);
    return this.#used[symbol] as Local;
  }

  /** Code that comes sets the local. */
  write(symbol: number): void {
    this.indexOf(symbol);
    this.#written[symbol] = 1;
  }

  /** Writes the stores of what has been written. */
  save(): void {
    for (let symbol = 0; symbol < STATE_SYMBOLS; symbol++) {
      if (this.#written[symbol] && !this.isThrough(symbol)) this.store(symbol);
    }
  }

  /** Writes the loads of what is used, at the function's start. */
  load(): void {
    this.#fn.prologue(() => {
      this.#used.forEach((local, symbol) => {
        if (!this.isThrough(symbol)) this.#load(local, symbol);
      });
    });
  }
}
