/** Compiles a region to a WebAssembly function: structured control flow around the emitted instructions. */

import { engineState } from "../interpreter/engine-state.ts";
import { fetchTlbEntry } from "../interpreter/runtime.ts";
import { Status } from "../interpreter/status.ts";
import { importX87 } from "../interpreter/x87/index.ts";
import { CPU_SCRATCH, CPU_STATE, type MemoryLayout } from "../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType, v128 } from "../wasm/expression.ts";
import type { Fn, Label } from "../wasm/function.ts";
import { type FunctionRef, ModuleBuilder } from "../wasm/module.ts";
import type { Insn } from "../x86/insn.ts";
import { semantics } from "../x86/semantics/index.ts";
import { cpuState } from "../x86/state.ts";
import { RegionEmit, type RegionFlow, type RegionLocals } from "./emit.ts";
import { analyse, type FlowGraph } from "./flow-graph.ts";
import { type Block, branchTarget, pageOf, type Region, type RegionInsn } from "./region.ts";

const ST = cpuState.offset;
const EN = engineState.offset;
const ZERO = i32.const(0);
const GPRS = 16;
const XMMS = 16;

const HOME_STORES: Partial<Record<ValType, StoreOp>> = {
  [ValType.i32]: StoreOp.i32,
  [ValType.i64]: StoreOp.i64,
  [ValType.v128]: StoreOp.v128,
};
const HOME_LOADS: Partial<Record<ValType, (address: Expr, offset?: number) => Expr>> = {
  [ValType.i32]: i32.load,
  [ValType.i64]: i64.load,
  [ValType.v128]: v128.load,
};

/** Functions of the interpreter's module that compiled code calls, by name. */
type RuntimeFunctions = Readonly<Record<string, FunctionRef>>;

const insnsOf = (region: Region): Insn[] =>
  [...region.blocks.values()].flatMap(({ code }) => code.map(({ insn }) => insn));

/** Compiles regions into one module; its exports "0", "1", ... take nothing and return a `Status`. */
export function compileRegions(layout: MemoryLayout, regions: readonly Region[]): Uint8Array {
  const module = new ModuleBuilder();
  module.importMemory(layout.size / 65536);
  const runtime = importX87(module, regions.flatMap(insnsOf));
  regions.forEach((region, i) => {
    const ref = module.declare([], [ValType.i32], String(i));
    module.define(ref, (fn) => new RegionCompiler(fn, region, runtime).compile());
  });
  return module.encode();
}

class RegionCompiler {
  readonly #fn: Fn;
  readonly #region: Region;
  readonly #runtime: RuntimeFunctions;
  readonly #graph: FlowGraph;
  readonly #locals: RegionLocals;
  /** Where the locals live outside of the region. */
  readonly #homes: { readonly local: Local; readonly address: number }[];
  readonly #budget: Local;
  readonly #status: Local;
  /** Where an instruction is left to the interpreter: its record, and what of its block has been paid for but not executed. */
  readonly #resumeAt: Local;
  readonly #resumeLeft: Local;
  /** Where blocks in scope are branched to: loop headers backward, merge points forward. */
  readonly #loops = new Map<number, Label>();
  readonly #merges = new Map<number, Label>();
  readonly #checked = new Map<number, Set<string>>();
  #exit: Label = { depth: 0 };
  #resumeExit: Label = { depth: 0 };

  constructor(fn: Fn, region: Region, runtime: RuntimeFunctions) {
    this.#fn = fn;
    this.#region = region;
    this.#runtime = runtime;
    this.#graph = analyse(region);
    this.#homes = [];
    const home = (type: ValType, address: number): Local => {
      const local = fn.local(type);
      this.#homes.push({ local, address });
      return local;
    };
    const { i32: I32, i64: I64 } = ValType;
    this.#locals = {
      gpr: Array.from({ length: GPRS }, (_, n) => home(I64, CPU_STATE + ST.gpr + n * 8)),
      flagsResult: home(I64, CPU_STATE + ST.flags_result),
      flagsAux: home(I32, CPU_STATE + ST.flags_aux),
      pageVa: home(I64, CPU_STATE + ST.page_va),
      tlb: home(I32, CPU_SCRATCH + EN.tlb),
      fetchTlb: home(I32, CPU_SCRATCH + EN.fetch_tlb),
      xmm: Array.from({ length: XMMS }, (_, n) => home(ValType.v128, CPU_STATE + ST.xmm + n * 16)),
      mxcsr: home(I32, CPU_STATE + ST.mxcsr),
      cr0: home(I32, CPU_STATE + ST.cr0),
      cr4: home(I32, CPU_STATE + ST.cr4),
      used: new Set(),
      written: new Set(),
    };
    this.#budget = home(I32, CPU_STATE + ST.budget);
    this.#locals.used.add(this.#budget);
    this.#locals.written.add(this.#budget);
    this.#status = fn.local(I32);
    this.#resumeAt = fn.local(I32);
    this.#resumeLeft = fn.local(I32);
  }

  compile(): void {
    const fn = this.#fn;
    fn.block((exit) => {
      this.#exit = exit;
      fn.block((resume) => {
        this.#resumeExit = resume;
        this.#tree(this.#region.entry);
      });
      this.#setBudget(i32.add(this.#budget, this.#resumeLeft));
      fn.store(StoreOp.i32, ZERO, this.#resumeAt, CPU_SCRATCH + EN.record);
      fn.set(this.#status, i32.const(Status.Resume));
    });
    const { used, written } = this.#locals;
    for (const { local, address } of this.#homes) {
      if (!written.has(local)) continue;
      fn.store(HOME_STORES[local.type] as StoreOp, ZERO, local, address);
    }
    fn.prologue(() => {
      for (const { local, address } of this.#homes) {
        if (used.has(local)) fn.set(local, HOME_LOADS[local.type]?.(ZERO, address) as Expr);
      }
    });
    fn.result(this.#status);
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
    let previous: RegionEmit | undefined;
    // What an instruction has left in the flags is in locals that the next ones still need.
    const held: Local[] = [];
    code.forEach((at, i) => {
      const before = previous;
      const taken = this.#fn.collect(() => {
        previous = this.#instruction(block, at, code.length - i, before);
      });
      if (!previous?.keepsFlagsOf(before)) this.#fn.release(held.splice(0));
      held.push(...taken);
    });
    this.#fn.release(held);
    if (block.next !== undefined) this.#goTo(block, block.next, Status.JumpUnchecked);
  }

  /** The checks made in a block so far; it begins with those of the block that dominates it. */
  #checkedIn(block: Block): Set<string> {
    let checked = this.#checked.get(block.start);
    if (!checked) {
      const dominator = this.#graph.dominator(block.start);
      checked = new Set(dominator === undefined ? [] : this.#checked.get(dominator));
      this.#checked.set(block.start, checked);
    }
    return checked;
  }

  /** @param left instructions of the block that are not complete, this one included */
  #instruction(block: Block, at: RegionInsn, left: number, previous: RegionEmit | undefined): RegionEmit {
    const resume = (): void => this.#resume(at, left);
    if (at.crossing) this.#requirePage(pageOf(at.offset) + 1, resume);
    const flow: RegionFlow = {
      resume,
      branch: () => this.#branch(block, at),
      jump: (target) => this.#jump(block, target),
      checked: this.#checkedIn(block),
    };
    const e = new RegionEmit(this.#fn, at.insn, at.offset, this.#locals, flow, this.#runtime);
    if (previous) e.inheritFlags(previous);
    const semantic = semantics.get(at.insn.def.mnemonic);
    if (!semantic) throw new Error(`no semantics for ${at.insn.def.mnemonic}`);
    semantic(e);
    return e;
  }

  /** Leaves at an instruction; it and those behind it in the block, `left` in all, have not been executed. */
  #resume(at: RegionInsn, left: number): void {
    const fn = this.#fn;
    fn.set(this.#resumeAt, i32.const(at.record));
    fn.set(this.#resumeLeft, i32.const(left));
    const page = pageOf(at.offset);
    if (page !== 0) fn.store(StoreOp.i64, ZERO, this.#linear(page * 4096), CPU_STATE + ST.page_va);
    fn.br(this.#resumeExit);
  }

  /** Linear address of an offset. */
  #linear(offset: number): Expr {
    this.#locals.used.add(this.#locals.pageVa);
    return i64.add(this.#locals.pageVa, i64.const(offset));
  }

  /** Goes on only if the frame of a page is mapped where it was when the region was made. */
  #requirePage(page: number, otherwise: () => void): void {
    if (page === 0) return;
    const fn = this.#fn;
    this.#locals.used.add(this.#locals.fetchTlb);
    const linear = fn.let(this.#linear(page * 4096));
    const entry = fn.let(fetchTlbEntry(this.#locals.fetchTlb, i32.wrap(i64.shrU(linear, i64.const(12)))));
    const frame = (this.#region.frames.get(page) as number) * 4096;
    const same = i32.and(i64.eq(i64.load(entry), linear), i32.eq(i32.load(entry, 8), i32.const(frame)));
    fn.if(i32.eqz(same), otherwise);
  }

  /** The budget is looked at (see STEP_LIMIT): without any left, the run ends at `offset`. */
  #look(offset: number): void {
    this.#fn.if(i32.leS(this.#budget, ZERO), () => this.#leaveTo(offset, Status.Jump));
  }

  /** The direct branch or call at the end of a block is taken. */
  #branch(block: Block, at: RegionInsn): void {
    const target = branchTarget(at.insn, at.offset) as number;
    const free = pageOf(target) === pageOf(at.offset) && target > at.offset;
    if (!free) this.#look(target);
    this.#goTo(block, target, free ? Status.JumpUnchecked : Status.Jump);
  }

  /** An indirect transfer: where it went before, or for a RET, back to a call of this region. */
  #jump(block: Block, target: Expr): void {
    const fn = this.#fn;
    const to = fn.let(target);
    for (const site of block.taken === undefined ? block.returns : [block.taken]) {
      if (!this.#graph.has(block.start, site)) continue;
      fn.if(i64.eq(to, this.#linear(site)), () => {
        this.#look(site);
        this.#goTo(block, site, Status.Jump);
      });
    }
    fn.store(StoreOp.i64, ZERO, to, CPU_STATE + ST.rip);
    this.#leave(Status.Jump);
  }

  /** Control goes to another offset; `status` is for leaving the region to it. */
  #goTo(from: Block, to: number, status: number): void {
    const graph = this.#graph;
    const last = from.code.at(-1) as RegionInsn;
    // A crossing instruction has had its second page looked at.
    const known = last.crossing ? pageOf(last.offset) + 1 : pageOf(last.offset);
    if (!graph.has(from.start, to)) {
      const record = pageOf(to) === known ? this.#region.recordAt(to) : 0;
      if (record === 0) return this.#leaveTo(to, status);
      this.#fn.store(StoreOp.i32, ZERO, i32.const(record), CPU_SCRATCH + EN.record);
      return this.#leaveTo(to, Status.Link);
    }
    if (pageOf(to) !== known) this.#requirePage(pageOf(to), () => this.#leaveTo(to, status));
    if (graph.isBackEdge(from.start, to)) this.#fn.br(this.#loops.get(to) as Label);
    else if (graph.mergePoints.has(to)) this.#fn.br(this.#merges.get(to) as Label);
    else this.#tree(to);
  }

  /** Leaves for an offset of the region. */
  #leaveTo(offset: number, status: number): void {
    this.#fn.store(StoreOp.i64, ZERO, this.#linear(offset), CPU_STATE + ST.rip);
    this.#leave(status);
  }

  #leave(status: number): void {
    this.#fn.set(this.#status, i32.const(status));
    this.#fn.br(this.#exit);
  }
}
