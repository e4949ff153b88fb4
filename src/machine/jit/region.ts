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

import { REC_DISP, REC_IMM, REC_LINK, REC_OFFSET } from "../interpreter/record.ts";
import type { MachineMemory } from "../memory.ts";
import { type Insn, OperandKind } from "../x86/insn.ts";
import { type DecodedInsn, decodeForRegion, type RegionInsn } from "./region-insn.ts";

/** A basic block: straight-line code from `start`. */
export interface Block {
  readonly start: number;
  readonly code: readonly RegionInsn[];
  /** Offset that the direct branch or call at the end goes to. */
  readonly taken: number | undefined;
  /** Offset behind the last instruction, unless control never falls through. */
  readonly next: number | undefined;
  /** Where an indirect jump or call, or a RET, at the end is expected to go. */
  readonly targets: number[];
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
  /** Accesses may be translated together (windows.ts). */
  readonly windows: boolean;
  /** The record at an offset of a page in `frames`, 0 if the interpreter has not been there. */
  recordAt(offset: number): number;
}

/** What a region is made from. */
export interface RegionSource {
  readonly windows: boolean;
  readonly memory: MachineMemory;
  readonly features: ReadonlySet<string>;
  /** By record, what has been decoded for regions before; false: not to be compiled. */
  readonly instructions: Map<number, DecodedInsn | false>;
  /** Frame of a page, counted from the entry's; undefined if it cannot be executed. */
  frameOf(page: number): number | undefined;
  /** The record at an offset of a frame, 0 if the interpreter has not been there. */
  recordAt(mfn: number, offset: number): number;
}

/** Instructions that are looked at to find the loop that an entry is in. */
const MAX_INSTRUCTIONS = 127;
/** Instructions of a region without a loop, or a few more. */
const MAX_STRAIGHT = 80;
const MAX_PAGES = 6;
/** A block is no longer than this, whatever comes (see compile.ts). */
const MAX_BLOCK = 100;
/** Places that the target of an indirect transfer is compared with. */
const MAX_TARGETS = 8;
/** A branch within its page taken less often than this while it was interpreted is not followed. */
const MIN_TAKEN = 8;
/** A branch taken at least this often while it was interpreted is followed before what is behind it. */
const LIKELY_TAKEN = 512;
/** How far from its entry a region may reach: offsets and pages are 32-bit constants in its code. */
const MAX_DISTANCE = 2 ** 31;

/** Where an instruction that crosses into the next page is put together. */
const bytes = new Uint8Array(64);

export const pageOf = (offset: number): number => Math.floor(offset / 4096);

/** Offset of a direct branch's target; undefined for an indirect one. */
export function branchTarget(insn: Insn, offset: number): number | undefined {
  if (insn.operands[0].kind !== OperandKind.Rel) return undefined;
  return Number(insn.imm) + offset + insn.length;
}

/**
 * Finds the region that begins at an offset of the entry's page: the loop that the entry is in, with
 * the subroutines it calls, and nothing beside it; or if there is none, the likely way from there.
 */
export function discoverRegion(source: RegionSource, entry: number): Region {
  const discovery = new Discovery(source);
  discovery.explore(entry);
  const blocks = discovery.cutIntoBlocks();
  const loop = blocksOfLoop(blocks, entry);
  const found = loop.size > 0 ? loop : likelyWay(blocks, entry, source.memory);
  findReturns(found);
  return discovery.region(entry, found, loop.size > 0);
}

/**
 * The blocks of the likely way from the entry, through calls and back, and then those of less likely ones. It goes on where other
 * regions begin: a copy of a subroutine costs less than the way to another region and back.
 */
function likelyWay(blocks: ReadonlyMap<number, Block>, entry: number, memory: MachineMemory): Map<number, Block> {
  const found = new Map<number, Block>();
  const ahead = [entry];
  let instructions = 0;
  for (let at = ahead.pop(); at !== undefined && instructions < MAX_STRAIGHT; at = ahead.pop()) {
    const block = blocks.get(at);
    if (!block || found.has(at)) continue;
    found.set(at, block);
    instructions += block.code.length;
    const ways = successorsInCall(block, blocks);
    const likely = block.taken !== undefined && isLikelyTaken(memory, endOf(block)) ? block.taken : block.next;
    ahead.push(...ways.filter((to) => to !== likely));
    if (likely !== undefined && ways.includes(likely)) ahead.push(likely);
    ahead.push(...calleesOf(block));
  }
  return found;
}

function isLikelyTaken(memory: MachineMemory, { record, crossing }: RegionInsn): boolean {
  return !crossing && (memory.u32[(record + REC_DISP) >>> 2] as number) >= LIKELY_TAKEN;
}

/** Where control may go from a block. */
export const successorsOf = ({ taken, next, targets }: Block): number[] =>
  [taken, next, ...targets].filter((to) => to !== undefined);

export const endOf = (block: Block): RegionInsn => block.code.at(-1) as RegionInsn;

/** Behind the call at the end of a block. */
const returnSite = (block: Block): number => endOf(block).offset + endOf(block).insn.length;

const NOWHERE: readonly number[] = [];

const calleesOf = (block: Block): readonly number[] => (endOf(block).flow === "call" ? successorsOf(block) : NOWHERE);

/** Where control goes from a block in the same call of its subroutine: calls of what is among the blocks are stepped over. */
function successorsInCall(block: Block, blocks: ReadonlyMap<number, Block>): readonly number[] {
  const { flow } = endOf(block);
  if (flow === "ret") return NOWHERE;
  if (flow !== "call") return successorsOf(block);
  return calleesOf(block).some((to) => blocks.has(to)) ? [returnSite(block)] : NOWHERE;
}

/** The blocks that are reached from the entry, and from which it can be reached again, with the subroutines called in them. */
function blocksOfLoop(blocks: ReadonlyMap<number, Block>, entry: number): Map<number, Block> {
  const predecessors = new Map<number, number[]>();
  const reached = new Set([entry]);
  for (const at of reached) {
    const block = blocks.get(at);
    if (!block) continue;
    for (const to of successorsInCall(block, blocks)) {
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
  const called = new Set([...loop.values()].flatMap(calleesOf));
  for (const at of called) {
    const block = blocks.get(at);
    if (!block) continue;
    loop.set(at, block);
    for (const to of calleesOf(block)) called.add(to);
    for (const to of successorsInCall(block, blocks)) called.add(to);
  }
  return loop;
}

class Discovery {
  readonly insns = new Map<number, RegionInsn>();
  readonly frames = new Map<number, number>();
  readonly #source: RegionSource;
  readonly #leaders = new Set<number>();

  constructor(source: RegionSource) {
    this.#source = source;
  }

  region(entry: number, blocks: ReadonlyMap<number, Block>, isLoop: boolean): Region {
    let instructions = 0;
    for (const block of blocks.values()) instructions += block.code.length;
    const { frames } = this;
    const { windows } = this.#source;
    return { entry, blocks, instructions, isLoop, frames, windows, recordAt: (offset) => this.#recordAt(offset) };
  }

  explore(entry: number): void {
    const ahead = [entry];
    const lead = (to: number | undefined): void => {
      if (to === undefined) return;
      this.#leaders.add(to);
      ahead.push(to);
    };
    this.#leaders.add(entry);
    // What was found last, which is the likely way, is gone on with first.
    for (let offset = ahead.pop(); offset !== undefined; offset = ahead.pop()) {
      for (let length = 1; !this.insns.has(offset) && this.insns.size < MAX_INSTRUCTIONS; length++) {
        if (length % MAX_BLOCK === 0) this.#leaders.add(offset);
        const at = this.#instructionAt(offset);
        if (!at) break;
        this.insns.set(offset, at);
        const { flow } = at;
        const next: number = offset + at.insn.length;
        if (flow === "conditional") {
          const target = this.#warmTarget(at);
          const ways = isLikelyTaken(this.#source.memory, at) ? [next, target] : [target, next];
          ways.forEach(lead);
          break;
        }
        if (flow !== "next") {
          const target = this.#target(at);
          if (flow === "call" && target !== undefined && this.#instructionAt(target)) lead(next);
          lead(target);
          break;
        }
        offset = next;
      }
    }
  }

  /** Where a branch, jump or call goes, as far as it is known. */
  #target(at: RegionInsn): number | undefined {
    return branchTarget(at.insn, at.offset) ?? at.predicted;
  }

  /** Where a conditional branch goes, unless the interpreter has (almost) never taken it. */
  #warmTarget(at: RegionInsn): number | undefined {
    const target = this.#target(at);
    if (target === undefined || at.crossing || pageOf(target) !== pageOf(at.offset)) return target;
    const { u32 } = this.#source.memory;
    const taken = u32[(at.record + REC_DISP) >>> 2] as number;
    return u32[(at.record + REC_LINK) >>> 2] === 0 || taken < MIN_TAKEN ? undefined : target;
  }

  #frame(page: number): number | undefined {
    const known = this.frames.get(page);
    if (known !== undefined) return known;
    if (this.frames.size >= MAX_PAGES) return undefined;
    const mfn = this.#source.frameOf(page);
    if (mfn !== undefined) this.frames.set(page, mfn);
    return mfn;
  }

  #recordAt(offset: number): number {
    const page = pageOf(offset);
    const mfn = this.frames.get(page);
    return mfn === undefined ? 0 : this.#source.recordAt(mfn, offset - page * 4096);
  }

  #instructionAt(offset: number): RegionInsn | undefined {
    const { memory, features, instructions } = this.#source;
    const page = pageOf(offset);
    const mfn = this.#frame(page);
    if (mfn === undefined) return undefined;
    const inPage = offset - page * 4096;
    const record = this.#source.recordAt(mfn, inPage);
    if (record === 0) return undefined;
    const known = instructions.get(record);
    const decoded = known ?? decodeForRegion(memory.frame(mfn), inPage, features);
    if (decoded === null) return this.#crossing(mfn, page, record);
    if (known === undefined) instructions.set(record, decoded);
    if (!decoded) return undefined;
    const { insn, form, flow, isPredicted } = decoded;
    const predicted = isPredicted ? this.#predicted(record, page) : undefined;
    return { insn, form, flow, offset, record, crossing: false, predicted };
  }

  #crossing(mfn: number, page: number, record: number): RegionInsn | undefined {
    const { memory, features } = this.#source;
    const following = this.#frame(page + 1);
    if (following === undefined) return undefined;
    const inPage = memory.u16[(record + REC_OFFSET) >>> 1] as number;
    const first = memory.frame(mfn).subarray(inPage);
    bytes.fill(0);
    bytes.set(first);
    bytes.set(memory.frame(following).subarray(0, 16), first.length);
    const decoded = decodeForRegion(bytes, 0, features);
    return decoded
      ? { ...decoded, offset: page * 4096 + inPage, record, crossing: true, predicted: undefined }
      : undefined;
  }

  /** The last target of an indirect jump or call, as the interpreter has noted it. */
  #predicted(record: number, page: number): number | undefined {
    const last = Number(this.#source.memory.dv.getBigInt64(record + REC_IMM, true));
    return last !== 0 && Math.abs(last) < MAX_DISTANCE ? last + page * 4096 : undefined;
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
        return { start, code, taken: undefined, next: offset, targets: [] };
      }
      code.push(at);
      offset += at.insn.length;
      const isConditional = at.flow === "conditional";
      if (at.flow === "next") continue;
      const taken = branchTarget(at.insn, at.offset);
      const targets = taken === undefined && at.predicted !== undefined ? [at.predicted] : [];
      return { start, code, taken, next: isConditional ? offset : undefined, targets };
    }
  }
}

/** Control may go to an offset from the indirect transfer at the end of a block. */
function addTarget({ targets }: Block, to: number): void {
  if (targets.length < MAX_TARGETS && !targets.includes(to)) targets.push(to);
}

/** Gives each RET the places behind the calls of the subroutines that it is the end of. */
function findReturns(blocks: ReadonlyMap<number, Block>): void {
  const sites = new Map<number, number[]>();
  for (const block of blocks.values()) {
    for (const callee of calleesOf(block)) {
      const ofCallee = sites.get(callee);
      if (ofCallee) ofCallee.push(returnSite(block));
      else sites.set(callee, [returnSite(block)]);
    }
  }
  for (const [callee, ofCallee] of sites) {
    const subroutine = new Set([callee]);
    for (const at of subroutine) {
      const block = blocks.get(at);
      if (!block) continue;
      if (endOf(block).flow === "ret") for (const site of ofCallee) addTarget(block, site);
      for (const to of successorsInCall(block, blocks)) subroutine.add(to);
    }
  }
}
