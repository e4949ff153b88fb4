/** Compiles a region to a WebAssembly function: structured control flow around the stencils of its instructions. */

import { engineState } from "../interpreter/engine-state.ts";
import { fetchTlbEntry } from "../interpreter/runtime.ts";
import { Status } from "../interpreter/status.ts";
import { CPU_SCRATCH, type MemoryLayout } from "../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn, Label } from "../wasm/function.ts";
import { ModuleBuilder } from "../wasm/module.ts";
import type { Insn } from "../x86/insn.ts";
import { sumAux } from "../x86/semantics/flags.ts";
import { Constant, local, Way } from "./emit.ts";
import { analyse, type FlowGraph, ROOT } from "./flow-graph.ts";
import type { Live } from "./live-regions.ts";
import { RegionLocals, Sym } from "./locals.ts";
import { type Block, branchTarget, pageOf, type Region } from "./region.ts";
import { RegionExits } from "./region-exits.ts";
import type { RegionInsn } from "./region-insn.ts";
import { CHECK_BITS, constantOf, type FlagsOrigin, type InsnStencil, importRuntime, stateOf } from "./stencils.ts";
import { findWindows, type Placement, type Window, windowStencil } from "./windows.ts";

const EN = engineState.offset;
const ZERO = i32.const(0);
const NO_WINDOWS: ReadonlyMap<RegionInsn, Placement> = new Map();

/** What is known at the end of what has been written of a block, for what is written next. */
interface Known {
  /** Bits of the checks made: those that stencils make, then the pages that are known to be mapped as expected. */
  checked: number;
  /** Bits of the general registers that locals hold, where they are written through. */
  fetched: number;
  /** Those of them that are still to be stored: before control may go elsewhere. */
  dirty: number;
  /** What has set the flags, if its operands are still in locals. */
  flags: FlagsOrigin | undefined;
  /** The same, if the second word of the flags is still to be computed from them: most flags are never asked for. */
  staleAux: FlagsOrigin | undefined;
}

const NOTHING: Known = { checked: 0, fetched: 0, dirty: 0, flags: undefined, staleAux: undefined };

/** An addition or a subtraction, whose flags can be computed from its operands at any time. */
const isSum = (flags: InsnStencil["flags"]): boolean =>
  flags !== undefined && flags !== "kept" && (flags.kind === "add" || flags.kind === "sub");

function* insnsOf(regions: readonly Live[]): Generator<Insn> {
  for (const { region } of regions)
    for (const { code } of region.blocks.values()) for (const { insn } of code) yield insn;
}

/** Compiles regions into one module; its exports "0", "1", ... take the index of the entry and return a `Status`. */
export function compileRegions(layout: MemoryLayout, regions: readonly Live[]): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory(layout.size / 65536);
  importRuntime(module, insnsOf(regions));
  regions.forEach((region, i) => {
    const ref = module.declare([ValType.i32], [ValType.i32], String(i));
    module.define(ref, (fn) => new RegionCompiler(fn, region).compile());
  });
  return module.encode();
}

class RegionCompiler {
  readonly #fn: Fn;
  readonly #region: Region;
  /** Of the first entry, in the table. */
  readonly #index: number;
  readonly #graph: FlowGraph;
  readonly #locals: RegionLocals;
  readonly #budget: Local;
  readonly #exits: RegionExits;
  /** Number of each page of the region. */
  readonly #pages: ReadonlyMap<number, number>;
  /** Where blocks in scope are branched to: loop headers backward, merge points forward. */
  readonly #loops = new Map<number, Label>();
  readonly #merges = new Map<number, Label>();
  /** By block. */
  readonly #known = new Map<number, Known>();
  /** Of the instruction being placed, by number. */
  readonly #constants: (number | bigint)[] = [];
  /** Accesses that are in windows, and the locals with the windows' host addresses. */
  readonly #windows: ReadonlyMap<RegionInsn, Placement>;
  readonly #hosts = new Map<Window, Local>();

  constructor(fn: Fn, { region, index }: Live) {
    this.#fn = fn;
    this.#region = region;
    this.#index = index;
    this.#graph = analyse(region);
    this.#locals = new RegionLocals(fn, !region.isLoop);
    this.#locals.write(Sym.budget);
    this.#budget = this.#locals.get(Sym.budget);
    this.#exits = new RegionExits(fn, this.#locals, region);
    this.#pages = new Map([...region.frames.keys()].map((page, i) => [page, i]));
    this.#windows = region.windows ? findWindows(region, this.#graph) : NO_WINDOWS;
  }

  compile(): void {
    this.#known.set(ROOT, NOTHING);
    this.#exits.around(() => this.#within(ROOT, this.#mergesOf(ROOT)));
    this.#locals.load();
  }

  /** The block and all that it dominates. Control never falls out of it. */
  #tree(at: number): void {
    const body = (): void => this.#within(at, this.#mergesOf(at));
    if (!this.#graph.loopHeaders.has(at)) return body();
    this.#fn.loop((again) => {
      this.#loops.set(at, again);
      body();
    });
  }

  /** The merge points that a block dominates. */
  #mergesOf(at: number): readonly number[] {
    return (this.#graph.dominated.get(at) ?? []).filter((child) => this.#graph.mergePoints.has(child));
  }

  /** Control goes to the entry that the index says. */
  #root(): void {
    const { entries } = this.#region;
    if (entries.length === 1) return this.#enter(entries[0] as number);
    const [index] = this.#fn.params as [Local];
    this.#fn.switch(i32.sub(index, i32.const(this.#index)), entries.length, (i) => this.#enter(entries[i] as number));
    // The cases never end.
    this.#fn.unreachable();
  }

  #enter(entry: number): void {
    if (pageOf(entry) !== 0) this.#fn.set(this.#locals.get(Sym.pageVa), this.#linear(-pageOf(entry) * 4096));
    if (this.#graph.mergePoints.has(entry)) this.#fn.br(this.#merges.get(entry) as Label);
    else this.#tree(entry);
  }

  /** The block inside of blocks for the merge points it dominates, the last in order outermost. */
  #within(at: number, merges: readonly number[]): void {
    const last = merges.at(-1);
    if (last === undefined) return at === ROOT ? this.#root() : this.#block(this.#region.blocks.get(at) as Block);
    this.#fn.block((label) => {
      this.#merges.set(last, label);
      this.#within(at, merges.slice(0, -1));
    });
    this.#tree(last);
  }

  #spend(n: number): void {
    if (n !== 0) this.#fn.set(this.#budget, i32.sub(this.#budget, i32.const(n)));
  }

  #block(block: Block): void {
    const { code } = block;
    this.#spend(code.length);
    const known = this.#knownBefore(block.start);
    this.#known.set(block.start, known);
    // What has set the flags has left its operands in locals that the next instructions still need.
    let held: Local[] = [];
    const opened: Local[] = [];
    for (let i = 0; i < code.length; i++) {
      const at = code[i] as RegionInsn;
      const left = code.length - i;
      if (at.crossing) {
        this.#storeDirty(known);
        const second = pageOf(at.offset) + 1;
        this.#requirePage(second, known, () => this.#exits.resume(at, left, known.staleAux));
        known.checked |= this.#pageBit(second);
      }
      const placement = this.#windows.get(at);
      if (placement) {
        const { window, offset } = placement;
        if (window.first === at) {
          this.#storeDirty(known);
          this.#fetch(known, Sym.gpr + window.register);
          opened.push(this.#open(window, at, left, known.staleAux));
        }
        this.#locals.indexes[Sym.window] = (this.#hosts.get(window) as Local).code;
        this.#constants[Constant.window] = offset;
      }
      let stencil = at.form.at(known.flags, known.checked, placement !== undefined);
      if (stencil.needsAux || (stencil.flags !== "kept" && !stencil.setsAux)) {
        this.#computeAux(known);
        known.staleAux = undefined;
      }
      const isLazy = stencil.setsAux && isSum(stencil.flags);
      if (isLazy) {
        stencil = at.form.at(known.flags, known.checked, placement !== undefined, true);
        this.#locals.write(Sym.flagsAux);
      }
      const temporaries = stencil.temporaries.map((type) => this.#fn.borrow(type));
      if (stencil.leaves) this.#storeDirty(known);
      for (const symbol of stencil.needs) if (symbol < Sym.knownA) this.#fetch(known, stateOf(symbol, at.insn));
      this.#place(block, at, left, stencil, temporaries, known, () => {
        this.#setDirty(known, stencil, at.insn);
        this.#storeDirty(known);
        // Control goes elsewhere for good: what is written next, the blocks that are reached from here, may use the locals.
        this.#fn.release(temporaries.splice(0));
      });
      if (at.flow === "next" || at.flow === "conditional") this.#setDirty(known, stencil, at.insn);
      known.checked |= stencil.checks;
      if (stencil.flags === "kept") this.#fn.release(temporaries);
      else {
        this.#fn.release(held);
        held = temporaries;
        known.flags = this.#origin(stencil.flags, temporaries);
        known.staleAux = isLazy ? known.flags : undefined;
      }
    }
    this.#storeDirty(known);
    if (block.next !== undefined) this.#goTo(block, block.next, Status.JumpUnchecked);
    // The blocks that this one is the only way to have used them, too.
    this.#fn.release(held);
    this.#fn.release(opened);
  }

  /** Writes the second word of the flags, if it is stale. */
  #computeAux({ staleAux }: Known): void {
    if (!staleAux) return;
    const { kind, size, a, b } = staleAux;
    this.#fn.scope(() => {
      const r = this.#locals.get(Sym.flagsResult);
      const aux = sumAux(this.#fn, kind === "sub", size, local(ValType.i64, a), local(ValType.i64, b), r);
      this.#fn.set(this.#locals.get(Sym.flagsAux), aux);
    });
  }

  /** What is known at the start of a block: if there is only one way to it, what is known there. */
  #knownBefore(at: number): Known {
    const { mergePoints, loopHeaders, dominator } = this.#graph;
    const { checked, fetched, flags, staleAux } = this.#known.get(dominator(at) as number) as Known;
    const here = checked | this.#pageBit(pageOf(at));
    if (mergePoints.has(at) || loopHeaders.has(at)) return { ...NOTHING, checked: here };
    return { checked: here, fetched, dirty: 0, flags, staleAux };
  }

  /** Loads a general register that is written through, unless its local holds it. */
  #fetch(known: Known, symbol: number): void {
    if (!this.#locals.isThrough(symbol) || known.fetched & (1 << symbol)) return;
    this.#locals.fetch(symbol);
    known.fetched |= 1 << symbol;
  }

  /** An instruction has set general registers that are written through. */
  #setDirty(known: Known, { sets }: InsnStencil, insn: Insn): void {
    for (const set of sets) {
      const symbol = stateOf(set, insn);
      if (!this.#locals.isThrough(symbol)) continue;
      known.fetched |= 1 << symbol;
      known.dirty |= 1 << symbol;
    }
  }

  #storeDirty(known: Known): void {
    for (let symbol = 0; known.dirty >>> symbol !== 0; symbol++) {
      if (known.dirty & (1 << symbol)) this.#locals.store(symbol);
    }
    known.dirty = 0;
  }

  /** Translates a window where its first access is. Returns the local that has its host address, to be released. */
  #open(window: Window, at: RegionInsn, left: number, staleAux: FlagsOrigin | undefined): Local {
    const { register, start, span } = window;
    const { indexes } = this.#locals;
    const stencil = windowStencil(window);
    const host = this.#fn.borrow(ValType.i32);
    const temporaries = stencil.temporaries.map((type) => this.#fn.borrow(type));
    temporaries.forEach((local, i) => {
      indexes[Sym.temporary + i] = local.code;
    });
    indexes[Sym.base] = this.#locals.indexOf(Sym.gpr + register);
    indexes[Sym.tlb] = this.#locals.indexOf(Sym.tlb);
    indexes[Sym.window] = host.code;
    this.#constants[Constant.windowStart] = start;
    this.#constants[Constant.windowLast] = span - 1;
    this.#fn.place(stencil, indexes, this.#constants, (_, symbol) => {
      const linear = local(ValType.i64, indexes[symbol] as number);
      this.#exits.missWindow(at, left, staleAux, linear, span);
    });
    this.#fn.release(temporaries);
    this.#hosts.set(window, host);
    return host;
  }

  /** From symbols to locals. */
  #origin(flags: FlagsOrigin | undefined, temporaries: readonly Local[]): FlagsOrigin | undefined {
    if (!flags) return undefined;
    const indexOf = (symbol: number): number => (temporaries[symbol - Sym.temporary] as Local).code;
    return { ...flags, a: indexOf(flags.a), b: indexOf(flags.b), r: indexOf(flags.r) };
  }

  /**
   * @param left instructions of the block that are not complete, this one included
   * @param leave called where control leaves the block
   */
  #place(
    block: Block,
    at: RegionInsn,
    left: number,
    stencil: InsnStencil,
    temporaries: readonly Local[],
    { flags, staleAux }: Known,
    leave: () => void,
  ): void {
    const { insn, offset } = at;
    const { indexes } = this.#locals;
    for (const symbol of stencil.sets) this.#locals.write(stateOf(symbol, insn));
    for (const symbol of stencil.uses) {
      if (symbol < Sym.knownA) indexes[symbol] = this.#locals.indexOf(stateOf(symbol, insn));
    }
    if (flags) {
      indexes[Sym.knownA] = flags.a;
      indexes[Sym.knownB] = flags.b;
      indexes[Sym.knownR] = flags.r;
    }
    for (let i = 0; i < temporaries.length; i++) indexes[Sym.temporary + i] = (temporaries[i] as Local).code;
    for (const which of stencil.constants) {
      // That of the window is known.
      if (which !== Constant.window) this.#constants[which] = constantOf(which, insn, offset, left - 1);
    }
    this.#fn.place(stencil, indexes, this.#constants, (way, symbol) => {
      if (way === Way.resume) return this.#exits.resume(at, left, staleAux);
      const target = indexes[symbol] as number;
      leave();
      if (way === Way.branch) this.#branch(block, at);
      else this.#jump(block, local(ValType.i64, target));
    });
  }

  /** Linear address of an offset. */
  #linear(offset: number): Expr {
    return i64.add(this.#locals.get(Sym.pageVa), i64.const(offset));
  }

  /** The bit that stands for a page's being mapped as expected. */
  #pageBit(page: number): number {
    return 1 << (CHECK_BITS + (this.#pages.get(page) as number));
  }

  /**
   * Goes on only if the frame of a page is mapped where it was when the region was made. Mappings do not change while
   * compiled code runs, so what has been looked at on the way here is not looked at again.
   */
  #requirePage(page: number, { checked }: Known, otherwise: () => void): void {
    if (checked & this.#pageBit(page)) return;
    const fn = this.#fn;
    fn.scope(() => {
      const linear = fn.let(this.#linear(page * 4096));
      const slot = i32.wrap(i64.shrU(linear, i64.const(12)));
      const entry = fn.let(fetchTlbEntry(this.#locals.get(Sym.fetchTlb), slot));
      const frame = (this.#region.frames.get(page) as number) * 4096;
      const same = i32.and(i64.eq(i64.load(entry), linear), i32.eq(i32.load(entry, 8), i32.const(frame)));
      fn.if(i32.eqz(same), otherwise);
    });
  }

  /** The budget is looked at (see STEP_LIMIT): without any left, the run ends at `offset`. */
  #look(from: Block, offset: number): void {
    this.#fn.if(i32.leS(this.#budget, ZERO), () => this.#leaveTo(from, offset, Status.Jump));
  }

  /** The direct branch or call at the end of a block is taken. */
  #branch(block: Block, at: RegionInsn): void {
    const target = branchTarget(at.insn, at.offset) as number;
    const free = pageOf(target) === pageOf(at.offset) && target > at.offset;
    if (!free) this.#look(block, target);
    this.#goTo(block, target, free ? Status.JumpUnchecked : Status.Jump);
  }

  /** An indirect transfer: where it went before, or for a RET, back to a call of this region. */
  #jump(block: Block, to: Local): void {
    const fn = this.#fn;
    for (const site of block.targets) {
      if (!this.#graph.has(block.start, site)) continue;
      fn.if(i64.eq(to, this.#linear(site)), () => {
        this.#look(block, site);
        this.#goTo(block, site, Status.Jump);
      });
    }
    this.#exits.leave(Status.Jump, to, this.#knownBehind(block).staleAux);
  }

  /** Control goes to another offset; `status` is for leaving the region to it. */
  #goTo(from: Block, to: number, status: number): void {
    const graph = this.#graph;
    const last = from.code.at(-1) as RegionInsn;
    // A crossing instruction has had its second page looked at.
    const known = last.crossing ? pageOf(last.offset) + 1 : pageOf(last.offset);
    if (!graph.has(from.start, to)) {
      const record = pageOf(to) === known ? this.#region.recordAt(to) : 0;
      if (record === 0) return this.#leaveTo(from, to, status);
      this.#fn.store(StoreOp.i32, ZERO, i32.const(record), CPU_SCRATCH + EN.record);
      return this.#leaveTo(from, to, Status.Link);
    }
    this.#requirePage(pageOf(to), this.#knownBehind(from), () => this.#leaveTo(from, to, status));
    if (graph.mergePoints.has(to) || graph.loopHeaders.has(to)) this.#computeAux(this.#knownBehind(from));
    if (graph.isBackEdge(from.start, to)) this.#fn.br(this.#loops.get(to) as Label);
    else if (graph.mergePoints.has(to)) this.#fn.br(this.#merges.get(to) as Label);
    else this.#tree(to);
  }

  #knownBehind(block: Block): Known {
    return this.#known.get(block.start) as Known;
  }

  /** Leaves for an offset of the region. */
  #leaveTo(from: Block, offset: number, status: number): void {
    this.#exits.leave(status, this.#linear(offset), this.#knownBehind(from).staleAux);
  }
}
