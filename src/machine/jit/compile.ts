/** Compiles a region to a WebAssembly function: structured control flow around the stencils of its instructions. */

import { engineState } from "../interpreter/engine-state.ts";
import { RECORD_SIZE } from "../interpreter/record.ts";
import { fetchTlbEntry } from "../interpreter/runtime.ts";
import { Status } from "../interpreter/status.ts";
import { CPU_SCRATCH, CPU_STATE, type MemoryLayout } from "../layout.ts";
import { type Expr, i32, i64, type Local, NodeKind, node, StoreOp, ValType } from "../wasm/expression.ts";
import type { Fn, Label } from "../wasm/function.ts";
import { ModuleBuilder } from "../wasm/module.ts";
import type { Insn } from "../x86/insn.ts";
import { cpuState } from "../x86/state.ts";
import { Constant, Way } from "./emit.ts";
import { analyse, type FlowGraph } from "./flow-graph.ts";
import { RegionLocals, Sym } from "./locals.ts";
import { type Block, branchTarget, pageOf, type Region } from "./region.ts";
import type { RegionInsn } from "./region-insn.ts";
import { type StateSet, writtenBehind } from "./state-set.ts";
import { CHECK_BITS, constantOf, type FlagsOrigin, type InsnStencil, importRuntime, stateOf } from "./stencils.ts";
import { findWindows, type Placement, type Window, windowStencil } from "./windows.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);
const NO_WINDOWS: ReadonlyMap<RegionInsn, Placement> = new Map();

/**
 * Where an instruction is left to the interpreter, in one constant: its record relative to the entry's, and in the low bits
 * what of its block has been paid for but not executed.
 */
const LEFT_BITS = 7;

function* insnsOf(regions: readonly Region[]): Generator<Insn> {
  for (const { blocks } of regions) for (const { code } of blocks.values()) for (const { insn } of code) yield insn;
}

/** Compiles regions into one module; its exports "0", "1", ... take nothing and return a `Status`. */
export function compileRegions(layout: MemoryLayout, regions: readonly Region[]): Uint8Array {
  const module = new ModuleBuilder();
  module.importMemory(layout.size / 65536);
  importRuntime(module, insnsOf(regions));
  regions.forEach((region, i) => {
    const ref = module.declare([], [ValType.i32], String(i));
    module.define(ref, (fn) => new RegionCompiler(fn, region).compile());
  });
  return module.encode();
}

class RegionCompiler {
  readonly #fn: Fn;
  readonly #region: Region;
  readonly #graph: FlowGraph;
  readonly #locals: RegionLocals;
  readonly #budget: Local;
  /** Where an instruction is left to the interpreter (see LEFT_BITS), and its page, counted from the entry's. */
  readonly #resumeAt: Local;
  #resumePage: Local | undefined;
  readonly #baseRecord: number;
  /** Number of each page of the region. */
  readonly #pages: ReadonlyMap<number, number>;
  /** Where blocks in scope are branched to: loop headers backward, merge points forward. */
  readonly #loops = new Map<number, Label>();
  readonly #merges = new Map<number, Label>();
  /** Bits of the checks made, by block: those that stencils make, then the pages that are known to be mapped as expected. */
  readonly #checked = new Map<number, number>();
  /** Of the instruction being placed, by number. */
  readonly #constants: (number | bigint)[] = [];
  /** What may have been written when control leaves a block. */
  readonly #written: ReadonlyMap<number, StateSet>;
  /** Accesses that are in windows, and the locals with the windows' host addresses. */
  readonly #windows: ReadonlyMap<RegionInsn, Placement>;
  readonly #hosts = new Map<Window, Local>();
  #resumeExit: Label = { depth: 0 };

  constructor(fn: Fn, region: Region) {
    this.#fn = fn;
    this.#region = region;
    this.#graph = analyse(region);
    this.#locals = new RegionLocals(fn);
    this.#locals.write(Sym.budget);
    this.#budget = this.#locals.get(Sym.budget);
    this.#resumeAt = fn.ownLocal(ValType.i32);
    this.#baseRecord = region.recordAt(region.entry);
    this.#pages = new Map([...region.frames.keys()].map((page, i) => [page, i]));
    this.#windows = region.windows ? findWindows(region, this.#graph) : NO_WINDOWS;
    this.#written = writtenBehind(region, this.#graph);
  }

  compile(): void {
    const fn = this.#fn;
    fn.block((resume) => {
      this.#resumeExit = resume;
      this.#tree(this.#region.entry);
    });
    this.#resumed();
    this.#locals.load();
  }

  /** Unpacks where an instruction is left to the interpreter. */
  #resumed(): void {
    const fn = this.#fn;
    const at = this.#resumeAt;
    this.#setBudget(i32.add(this.#budget, i32.and(at, i32.const((1 << LEFT_BITS) - 1))));
    const record = i32.mul(i32.shrS(at, i32.const(LEFT_BITS)), i32.const(RECORD_SIZE));
    fn.store(StoreOp.i32, ZERO, i32.add(record, i32.const(this.#baseRecord)), CPU_SCRATCH + EN.record);
    if (this.#resumePage) {
      const page = i64.shl(i64.extendS(this.#resumePage), i64.const(12));
      fn.store(StoreOp.i64, ZERO, i64.add(this.#locals.get(Sym.pageVa), page), CPU_STATE + ST.page_va);
    }
    this.#locals.save();
    fn.result(i32.const(Status.Resume));
  }

  /** The block and all that it dominates. Control never falls out of it. */
  #tree(at: number): void {
    const body = (): void => {
      const merges = (this.#graph.dominated.get(at) ?? []).filter((child) => this.#graph.mergePoints.has(child));
      this.#within(at, merges);
    };
    if (!this.#graph.loopHeaders.has(at)) return body();
    this.#fn.loop((again) => {
      this.#loops.set(at, again);
      body();
    });
  }

  /** The block inside of blocks for the merge points it dominates, the last in order outermost. */
  #within(at: number, merges: readonly number[]): void {
    const last = merges.at(-1);
    if (last === undefined) return this.#block(this.#region.blocks.get(at) as Block);
    this.#fn.block((label) => {
      this.#merges.set(last, label);
      this.#within(at, merges.slice(0, -1));
    });
    this.#tree(last);
  }

  #setBudget(value: Expr): void {
    this.#fn.set(this.#budget, value);
  }

  #spend(n: number): void {
    if (n !== 0) this.#setBudget(i32.sub(this.#budget, i32.const(n)));
  }

  #block(block: Block): void {
    const { code } = block;
    this.#spend(code.length);
    let flags: FlagsOrigin | undefined;
    // What an instruction has left in the flags is in locals that the next ones still need.
    let held: Local[] = [];
    const opened: Local[] = [];
    const dominator = this.#graph.dominator(block.start);
    const inherited = dominator === undefined ? 0 : this.#checkedAt(dominator);
    this.#checked.set(block.start, inherited | this.#pageBit(pageOf(block.start)));
    for (let i = 0; i < code.length; i++) {
      const at = code[i] as RegionInsn;
      const left = code.length - i;
      let checked = this.#checkedAt(block.start);
      if (at.crossing) {
        const second = pageOf(at.offset) + 1;
        this.#requirePage(second, checked, () => this.#resume(at, left));
        checked |= this.#pageBit(second);
        this.#checked.set(block.start, checked);
      }
      const placement = this.#windows.get(at);
      if (placement) {
        const { window, offset } = placement;
        if (window.first === at) opened.push(this.#open(window, at, left));
        this.#locals.indexes[Sym.window] = (this.#hosts.get(window) as Local).code;
        this.#constants[Constant.window] = offset;
      }
      const stencil = at.form.at(flags, checked, placement !== undefined);
      const temporaries = stencil.temporaries.map((type) => this.#fn.borrow(type));
      this.#place(block, at, left, stencil, temporaries, flags, () => {
        // Control goes elsewhere for good: what is written next, the blocks that are reached from here, may use the locals.
        this.#fn.release(temporaries.splice(0));
        this.#fn.release(held.splice(0));
      });
      this.#checked.set(block.start, checked | stencil.checks);
      if (stencil.flags === "kept") this.#fn.release(temporaries);
      else {
        this.#fn.release(held);
        held = temporaries;
        flags = i === code.length - 1 ? undefined : this.#origin(stencil.flags, temporaries);
      }
    }
    this.#fn.release(held);
    if (block.next !== undefined) this.#goTo(block, block.next, Status.JumpUnchecked);
    // The blocks that this one is the only way to have used them, too.
    this.#fn.release(opened);
  }

  /** Translates a window where its first access is. Returns the local that has its host address, to be released. */
  #open(window: Window, at: RegionInsn, left: number): Local {
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
    this.#constants[Constant.entryRecord] = this.#baseRecord;
    this.#fn.place(stencil, indexes, this.#constants, () => this.#resume(at, left));
    this.#fn.release(temporaries);
    this.#hosts.set(window, host);
    return host;
  }

  /** From symbols to locals. */
  #origin(flags: FlagsOrigin | undefined, temporaries: readonly Local[]): FlagsOrigin | undefined {
    if (!flags) return undefined;
    const local = (symbol: number): number => (temporaries[symbol - Sym.temporary] as Local).code;
    return { ...flags, a: local(flags.a), b: local(flags.b), r: local(flags.r) };
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
    flags: FlagsOrigin | undefined,
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
      if (way === Way.resume) return this.#resume(at, left);
      const target = indexes[symbol] as number;
      leave();
      if (way === Way.branch) this.#branch(block, at);
      else this.#jump(block, node(NodeKind.Local, ValType.i64, target) as Local);
    });
  }

  /** Leaves at an instruction; it and those behind it in the block, `left` in all, have not been executed. */
  #resume(at: RegionInsn, left: number): void {
    const record = (at.record - this.#baseRecord) / RECORD_SIZE;
    const page = pageOf(at.offset);
    if (page !== 0) {
      this.#resumePage ??= this.#fn.ownLocal(ValType.i32);
      this.#fn.set(this.#resumePage, i32.const(page));
    }
    this.#fn.set(this.#resumeAt, i32.const((record << LEFT_BITS) | left));
    this.#fn.br(this.#resumeExit);
  }

  /** Linear address of an offset. */
  #linear(offset: number): Expr {
    return i64.add(this.#locals.get(Sym.pageVa), i64.const(offset));
  }

  /** The bit that stands for a page's being mapped as expected. */
  #pageBit(page: number): number {
    return 1 << (CHECK_BITS + (this.#pages.get(page) as number));
  }

  /** The checks made on the way to the end of a block. */
  #checkedAt(block: number): number {
    return this.#checked.get(block) as number;
  }

  /**
   * Goes on only if the frame of a page is mapped where it was when the region was made. Mappings do not change while
   * compiled code runs, so what has been looked at on the way here is not looked at again.
   */
  #requirePage(page: number, checked: number, otherwise: () => void): void {
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
    fn.store(StoreOp.i64, ZERO, to, CPU_STATE + ST.rip);
    this.#leave(block, Status.Jump);
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
    this.#requirePage(pageOf(to), this.#checkedAt(from.start), () => this.#leaveTo(from, to, status));
    if (graph.isBackEdge(from.start, to)) this.#fn.br(this.#loops.get(to) as Label);
    else if (graph.mergePoints.has(to)) this.#fn.br(this.#merges.get(to) as Label);
    else this.#tree(to);
  }

  /** Leaves for an offset of the region. */
  #leaveTo(from: Block, offset: number, status: number): void {
    this.#fn.store(StoreOp.i64, ZERO, this.#linear(offset), CPU_STATE + ST.rip);
    this.#leave(from, status);
  }

  /** Leaves: what may have been written is stored here. Few ways are taken out of a region, and each writes little. */
  #leave(from: Block, status: number): void {
    this.#locals.save(this.#written.get(from.start));
    this.#fn.return(i32.const(status));
  }
}
