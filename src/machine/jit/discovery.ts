/** Finds regions: what a region's code is, and how it is cut into blocks. */

import { REC_DISP, REC_IMM, REC_LINK, REC_OFFSET } from "../interpreter/record.ts";
import type { MachineMemory } from "../memory.ts";
import {
  type Block,
  branchTarget,
  calleesOf,
  endOf,
  pageOf,
  type Region,
  type RegionSource,
  returnSite,
  successorsInCall,
  successorsOf,
} from "./region.ts";
import { decodeForRegion, RegionInsn } from "./region-insn.ts";

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
/** Instructions of a subroutine that is copied to where it is called. */
const MAX_COPIED = 16;

/** Where an instruction that crosses into the next page is put together. */
const bytes = new Uint8Array(64);

/**
 * Finds the region that begins at an offset of the entry's page: the loop that the entry is in, with
 * the subroutines it calls, and nothing beside it; or if there is none, the likely way from there.
 */
export function discoverRegion(source: RegionSource, entry: number): Region {
  const own = new Discovery(source, entry, true);
  const { blocks } = own;
  if (blocksOfLoop(blocks, entry, true).size > 0) {
    const all = own.hasMetOthers ? new Discovery(source, entry, false) : own;
    const loop = blocksOfLoop(all.blocks, entry, false);
    if (loop.size > 0) {
      findReturns(loop);
      return all.region([entry], loop, true);
    }
  }
  const found = likelyWay(blocks, entry, source.memory);
  findReturns(found);
  return own.region([entry, ...returnsFromElsewhere(found, entry)], found, false);
}

/** Behind calls of what is not among the blocks: control comes back there from outside. */
function returnsFromElsewhere(blocks: ReadonlyMap<number, Block>, entry: number): number[] {
  const reached = new Set<number>();
  const reach = (from: number): void => {
    const block = blocks.get(from);
    if (!block || reached.has(from)) return;
    reached.add(from);
    successorsOf(block).forEach(reach);
  };
  reach(entry);
  const returns: number[] = [];
  for (const block of blocks.values()) {
    if (endOf(block).flow !== "call") continue;
    const site = returnSite(block);
    if (reached.has(site) || !blocks.has(site)) continue;
    returns.push(site);
    reach(site);
  }
  return returns;
}

/** The blocks of the likely way from the entry, through calls and back, and then those of less likely ones. */
function likelyWay(blocks: ReadonlyMap<number, Block>, entry: number, memory: MachineMemory): Map<number, Block> {
  const found = new Map<number, Block>();
  const ahead = [entry];
  let instructions = 0;
  for (let at = ahead.pop(); at !== undefined && instructions < MAX_STRAIGHT; at = ahead.pop()) {
    const block = blocks.get(at);
    if (!block || found.has(at)) continue;
    found.set(at, block);
    instructions += block.code.length;
    const ways = endOf(block).flow === "call" ? [returnSite(block)] : successorsInCall(block, blocks);
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

/**
 * The blocks that are reached from the entry, and from which it can be reached again, with the subroutines called in them.
 * @param overCalls calls of what is not among the blocks are stepped over, too
 */
function blocksOfLoop(blocks: ReadonlyMap<number, Block>, entry: number, overCalls: boolean): Map<number, Block> {
  const predecessors = new Map<number, number[]>();
  const reached = new Set([entry]);
  for (const at of reached) {
    const block = blocks.get(at);
    if (!block) continue;
    const isCall = endOf(block).flow === "call";
    for (const to of overCalls && isCall ? [returnSite(block)] : successorsInCall(block, blocks)) {
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

function recordIn(source: RegionSource, frames: ReadonlyMap<number, number>, offset: number): number {
  const page = pageOf(offset);
  const mfn = frames.get(page);
  return mfn === undefined ? 0 : source.recordAt(mfn, offset - page * 4096);
}

class Discovery {
  /** What has been explored, by start offset. */
  readonly blocks: ReadonlyMap<number, Block>;
  /** There is code that other regions have. */
  hasMetOthers = false;
  readonly #insns = new Map<number, RegionInsn>();
  readonly #frames = new Map<number, number>();
  readonly #source: RegionSource;
  readonly #leaders = new Set<number>();
  /** Stop at code that other regions have. */
  readonly #ownOnly: boolean;
  /** Where there is a copy of a small subroutine, that another region has, too. */
  readonly #copied = new Set<number>();

  constructor(source: RegionSource, entry: number, ownOnly: boolean) {
    this.#source = source;
    this.#ownOnly = ownOnly;
    this.#explore(entry);
    this.blocks = this.#cutIntoBlocks();
  }

  region(entries: readonly number[], blocks: ReadonlyMap<number, Block>, isLoop: boolean): Region {
    let instructions = 0;
    for (const block of blocks.values()) instructions += block.code.length;
    const frames = this.#frames;
    const source = this.#source;
    const { windows } = source;
    // Regions live long, and what has been explored need not.
    const recordAt = (offset: number): number => recordIn(source, frames, offset);
    return { entries, blocks, instructions, isLoop, frames, windows, recordAt };
  }

  #explore(entry: number): void {
    const ahead = [entry];
    const lead = (to: number | undefined): void => {
      if (to === undefined) return;
      this.#leaders.add(to);
      ahead.push(to);
    };
    this.#leaders.add(entry);
    // What was found last, which is the likely way, is gone on with first.
    for (let offset = ahead.pop(); offset !== undefined; offset = ahead.pop()) {
      for (let length = 1; !this.#insns.has(offset) && this.#insns.size < MAX_INSTRUCTIONS; length++) {
        if (length % MAX_BLOCK === 0) this.#leaders.add(offset);
        const at = this.#instructionAt(offset);
        if (!at || (offset !== entry && this.#isElsewhere(at))) break;
        this.#insns.set(offset, at);
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
          if (flow === "call") {
            lead(next);
            if (this.#ownOnly && target !== undefined) this.#copySmall(target);
          }
          lead(target);
          break;
        }
        offset = next;
      }
    }
  }

  #isElsewhere({ offset, record }: RegionInsn): boolean {
    if (this.#copied.has(offset) || !this.#source.isElsewhere(record)) return false;
    this.hasMetOthers = true;
    return this.#ownOnly;
  }

  /** A small subroutine, with those that it calls, costs less than the way to another region and back. */
  #copySmall(callee: number): void {
    const offsets = this.#smallSubroutine(callee, MAX_COPIED);
    for (const offset of offsets ?? []) this.#copied.add(offset);
  }

  /** The offsets of a subroutine's instructions, if it is no longer than `limit`: along the way that does not branch. */
  #smallSubroutine(callee: number, limit: number): number[] | undefined {
    const offsets: number[] = [];
    for (let offset: number | undefined = callee; offset !== undefined && offsets.length < limit; ) {
      const at = this.#instructionAt(offset);
      if (!at) return undefined;
      offsets.push(offset);
      if (at.flow === "ret") return offsets;
      const target: number | undefined = this.#target(at);
      if (at.flow === "call") {
        const called = target === undefined ? undefined : this.#smallSubroutine(target, limit - offsets.length);
        if (!called) return undefined;
        offsets.push(...called);
      }
      offset = at.flow === "jmp" ? target : offset + at.insn.length;
    }
    return undefined;
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
    const known = this.#frames.get(page);
    if (known !== undefined) return known;
    if (this.#frames.size >= MAX_PAGES) return undefined;
    const mfn = this.#source.frameOf(page);
    if (mfn !== undefined) this.#frames.set(page, mfn);
    return mfn;
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
    const predicted = decoded.isPredicted ? this.#predicted(record, page) : undefined;
    return new RegionInsn(decoded, offset, record, false, predicted);
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
    return decoded ? new RegionInsn(decoded, page * 4096 + inPage, record, true, undefined) : undefined;
  }

  /** The last target of an indirect jump or call, as the interpreter has noted it. */
  #predicted(record: number, page: number): number | undefined {
    const last = Number(this.#source.memory.dv.getBigInt64(record + REC_IMM, true));
    return last !== 0 && Math.abs(last) < MAX_DISTANCE ? last + page * 4096 : undefined;
  }

  #cutIntoBlocks(): Map<number, Block> {
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
      const at = this.#insns.get(offset);
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
