/**
 * Regions: the pieces of hot guest code that become one WebAssembly function each.
 *
 * A region is what can be reached from its entry by direct branches, calls and falling through, cut
 * into basic blocks; a RET goes back to the calls of the region. It ends where control goes elsewhere
 * through a register, where the interpreter has not been yet, or at an instruction that is better
 * executed by the interpreter.
 *
 * Offsets are relative to the page of the entry, so a region can spread over pages, which need not be
 * neighbours. That the other pages are where they were is checked when control gets there.
 */

import { cloneInsn } from "../interpreter/forms.ts";
import type { MachineMemory } from "../memory.ts";
import { decode, newInsn } from "../x86/decode/index.ts";
import { resolveFeature } from "../x86/fallback.ts";
import { type Insn, OperandKind, RegClass } from "../x86/insn.ts";
import { semantics } from "../x86/semantics/index.ts";
import { strings } from "../x86/semantics/strings.ts";
import { system } from "../x86/semantics/system.ts";
import { x87 } from "../x86/semantics/x87.ts";

export interface RegionInsn {
  readonly insn: Insn;
  readonly offset: number;
  /** Its record in the code cache. */
  readonly record: number;
  /** Bytes of it are on the next page. */
  readonly crossing: boolean;
}

/** A basic block: straight-line code from `start`. */
export interface Block {
  readonly start: number;
  readonly code: readonly RegionInsn[];
  /** Offset that the direct branch or call at the end goes to. */
  readonly taken: number | undefined;
  /** Offset behind the last instruction, unless control never falls through. */
  readonly next: number | undefined;
  /** Where a RET at the end may go back to. */
  readonly returns: readonly number[];
}

export interface Region {
  readonly entry: number;
  /** By start offset. */
  readonly blocks: ReadonlyMap<number, Block>;
  readonly instructions: number;
  /** The entry can be reached again. */
  readonly isLoop: boolean;
  /** Frames by page, counted from the entry's. */
  readonly frames: ReadonlyMap<number, number>;
}

/** What a region is made from. */
export interface RegionSource {
  readonly memory: MachineMemory;
  readonly features: ReadonlySet<string>;
  /** Frame of a page, counted from the entry's; undefined if it cannot be executed. */
  frameOf(page: number): number | undefined;
  /** The record at an offset of a frame, 0 if the interpreter has not been there. */
  recordAt(mfn: number, offset: number): number;
}

/** Instructions that are looked at to find the loop that an entry is in. */
const MAX_LOOP = 128;
/** Instructions of a region without a loop. */
const MAX_STRAIGHT = 40;
const MAX_PAGES = 6;
/** Places that a RET is tried against. */
const MAX_RETURNS = 4;

/** Left to the interpreter: what ends run(), is executed in TypeScript, or repeats itself. */
const INTERPRETED = new Set([
  ...Object.keys(strings),
  ...Object.keys(system),
  ...Object.keys(x87),
  "syscall",
  "sysenter",
  "int",
  "int1",
  "int3",
  "ud0",
  "ud1",
  "ud2",
  "cpuid",
  "maskmovq",
  "maskmovdqu",
]);

/** Branches that may be taken or not. */
const CONDITIONAL = new Set(["jcc", "loop", "loope", "loopne", "jcxz"]);
/** Behind these control does not go on. */
const UNCONDITIONAL = new Set(["jmp", "call", "ret"]);

export const pageOf = (offset: number): number => Math.floor(offset / 4096);

function isCompilable(insn: Insn, features: ReadonlySet<string>): boolean {
  const { mnemonic, feature } = insn.def;
  if (INTERPRETED.has(mnemonic) || !semantics.has(mnemonic)) return false;
  if (!features.has(feature)) return false;
  // Near branches of 16-bit operand size cut RIP: too rare to care.
  if (insn.operandSize === 2 && (CONDITIONAL.has(mnemonic) || UNCONDITIONAL.has(mnemonic))) return false;
  for (let i = 0; i < insn.operandCount; i++) {
    const o = insn.operands[i];
    if (o?.kind !== OperandKind.Reg) continue;
    if (o.regClass === RegClass.Control || o.regClass === RegClass.Debug) return false;
    if (o.regClass === RegClass.Segment && i === 0 && mnemonic !== "push") return false;
  }
  return true;
}

/** Offset of a direct branch's target; undefined for an indirect one. */
export function branchTarget(insn: Insn, offset: number): number | undefined {
  if (insn.operands[0].kind !== OperandKind.Rel) return undefined;
  return Number(insn.imm) + offset + insn.length;
}

/**
 * Finds the region that begins at an offset of the entry's page: the loop that the entry is in, with
 * the subroutines it calls, and nothing beside it; or if there is none, some straight-line code.
 */
export function discoverRegion(source: RegionSource, entry: number): Region {
  const wide = new Discovery(source, MAX_LOOP, true);
  wide.explore(entry);
  const blocks = wide.cutIntoBlocks();
  const loop = blocksOfLoop(blocks, entry);
  if (loop.size > 0) return { ...wide.region(entry, loop), isLoop: true };
  const narrow = new Discovery(source, MAX_STRAIGHT, false);
  narrow.explore(entry);
  return { ...narrow.region(entry, narrow.cutIntoBlocks()), isLoop: false };
}

const successorsOf = (block: Block): number[] =>
  [block.taken, block.next, ...block.returns].filter((to) => to !== undefined);

/** The blocks that are reached from the entry, and from which it can be reached again. */
function blocksOfLoop(blocks: ReadonlyMap<number, Block>, entry: number): Map<number, Block> {
  const predecessors = new Map<number, number[]>();
  const reached = new Set([entry]);
  for (const at of reached) {
    const block = blocks.get(at);
    if (!block) continue;
    for (const to of successorsOf(block)) {
      reached.add(to);
      const list = predecessors.get(to);
      if (list) list.push(at);
      else predecessors.set(to, [at]);
    }
  }
  const loop = new Map<number, Block>();
  const work = [entry];
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    for (const from of predecessors.get(at) ?? []) {
      const block = blocks.get(from);
      if (!block || loop.has(from)) continue;
      loop.set(from, block);
      work.push(from);
    }
  }
  return loop;
}

class Discovery {
  readonly insns = new Map<number, RegionInsn>();
  readonly frames = new Map<number, number>();
  readonly #source: RegionSource;
  readonly #leaders = new Set<number>();
  readonly #returnSites: number[] = [];
  readonly #scratch = newInsn();
  readonly #bytes = new Uint8Array(64);
  readonly #limit: number;
  readonly #calls: boolean;

  /**
   * @param limit instructions at most
   * @param calls go into subroutines
   */
  constructor(source: RegionSource, limit: number, calls: boolean) {
    this.#source = source;
    this.#limit = limit;
    this.#calls = calls;
  }

  region(entry: number, blocks: ReadonlyMap<number, Block>): Omit<Region, "isLoop"> {
    let instructions = 0;
    for (const block of blocks.values()) instructions += block.code.length;
    return { entry, blocks, instructions, frames: this.frames };
  }

  explore(entry: number): void {
    const work = [entry];
    const lead = (to: number): void => {
      this.#leaders.add(to);
      work.push(to);
    };
    this.#leaders.add(entry);
    for (let offset = work.shift(); offset !== undefined; offset = work.shift()) {
      while (!this.insns.has(offset) && this.insns.size < this.#limit) {
        const at = this.#decode(offset);
        if (!at) break;
        this.insns.set(offset, at);
        const { mnemonic } = at.insn.def;
        const next: number = offset + at.insn.length;
        if (CONDITIONAL.has(mnemonic) || UNCONDITIONAL.has(mnemonic)) {
          const target = branchTarget(at.insn, offset);
          if (CONDITIONAL.has(mnemonic)) lead(next);
          const isCall = mnemonic === "call";
          if (target !== undefined && (this.#calls || !isCall)) lead(target);
          if (isCall && target !== undefined && this.#calls) {
            this.#returnSites.push(next);
            lead(next);
          }
          break;
        }
        offset = next;
      }
    }
  }

  #frame(page: number): number | undefined {
    const known = this.frames.get(page);
    if (known !== undefined) return known;
    if (this.frames.size >= MAX_PAGES) return undefined;
    const mfn = this.#source.frameOf(page);
    if (mfn !== undefined) this.frames.set(page, mfn);
    return mfn;
  }

  #decode(offset: number): RegionInsn | undefined {
    const { memory, features, recordAt } = this.#source;
    const page = pageOf(offset);
    const mfn = this.#frame(page);
    if (mfn === undefined) return undefined;
    const inPage = offset - page * 4096;
    const record = recordAt.call(this.#source, mfn, inPage);
    if (record === 0) return undefined;
    let length = decode(memory.frame(mfn), inPage, 64, this.#scratch);
    const crossing = length === 0;
    if (crossing) {
      const following = this.#frame(page + 1);
      if (following === undefined) return undefined;
      const first = memory.frame(mfn).subarray(inPage);
      this.#bytes.fill(0);
      this.#bytes.set(first);
      this.#bytes.set(memory.frame(following).subarray(0, 16), first.length);
      length = decode(this.#bytes, 0, 64, this.#scratch);
    }
    if (length <= 0) return undefined;
    resolveFeature(this.#scratch, features);
    if (!isCompilable(this.#scratch, features)) return undefined;
    return { insn: cloneInsn(this.#scratch), offset, record, crossing };
  }

  cutIntoBlocks(): Map<number, Block> {
    const blocks = new Map<number, Block>();
    for (const start of this.#leaders) {
      const block = this.#blockAt(start);
      if (block.code.length > 0) blocks.set(start, block);
    }
    return blocks;
  }

  #blockAt(start: number): Block {
    const code: RegionInsn[] = [];
    let offset = start;
    for (;;) {
      const at = this.insns.get(offset);
      if (!at || (offset !== start && this.#leaders.has(offset))) {
        return { start, code, taken: undefined, next: offset, returns: [] };
      }
      code.push(at);
      offset += at.insn.length;
      const { mnemonic } = at.insn.def;
      const taken = branchTarget(at.insn, at.offset);
      if (CONDITIONAL.has(mnemonic)) return { start, code, taken, next: offset, returns: [] };
      if (UNCONDITIONAL.has(mnemonic)) {
        const returns = mnemonic === "ret" ? this.#returnSites.slice(0, MAX_RETURNS) : [];
        return { start, code, taken, next: undefined, returns };
      }
    }
  }
}
