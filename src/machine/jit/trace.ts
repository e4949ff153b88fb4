/**
 * Long regions: the way that control took from region to region becomes one. Each transfer between regions stores and loads the
 * registers and costs as much as some ten instructions; a system call's way through a kernel leads through dozens of them.
 */
import {
  addTarget,
  type Block,
  endOf,
  isIndirect,
  MAX_DISTANCE,
  pageOf,
  type Region,
  type RegionInsn,
  successorsOf,
} from "./region.ts";

/** A region that control went through, and the linear address of the page of its entry. */
export interface TraceStep {
  readonly region: Region;
  readonly pageVa: bigint;
}

/** Instructions of a long region, or a little more: the time that V8's optimizer takes grows faster than the length. */
const MAX_INSTRUCTIONS = 200;
/** Each has a bit in the compiler's set of those that have been looked at. */
const MAX_PAGES = 28;

/** Offset of the entry of a step's region, from the page of another. */
const entryFrom = ({ pageVa }: TraceStep, to: TraceStep): number => Number(to.pageVa - pageVa) + to.region.entry;

/**
 * One region of what of each region led to the next one, all of the last one, and what joins them.
 * @param recordAt the record at an offset of a frame, 0 if there is none
 */
export function joinRegions(
  steps: readonly TraceStep[],
  recordAt: (mfn: number, offset: number) => number,
): Region & { readonly instructions: number } {
  const head = steps[0] as TraceStep;
  const joined = new Join(recordAt);
  for (const [i, step] of steps.entries()) {
    const next = steps[i + 1];
    const delta = Number(step.pageVa - head.pageVa);
    // From a program to its libraries it is too far.
    if (Math.abs(delta) >= MAX_DISTANCE) break;
    const to = next && entryFrom(step, next);
    if (!joined.add(step.region, delta, to) || joined.instructions >= MAX_INSTRUCTIONS) break;
    // The head again: the loop is complete.
    if (to !== undefined && to + delta === head.region.entry) break;
  }
  return joined.region(head.region.entry);
}

class Join {
  readonly #blocks = new Map<number, Block>();
  readonly #frames = new Map<number, number>();
  readonly #recordAt: (mfn: number, offset: number) => number;
  instructions = 0;

  constructor(recordAt: (mfn: number, offset: number) => number) {
    this.#recordAt = recordAt;
  }

  region(entry: number): Region {
    const blocks = this.#blocks;
    const isLoop = [...blocks.values()].some((block) => successorsOf(block).includes(entry));
    return {
      entry,
      blocks,
      instructions: this.instructions,
      isLoop,
      frames: this.#frames,
      recordAt: (offset) => {
        const page = pageOf(offset);
        const mfn = this.#frames.get(page);
        return mfn === undefined ? 0 : this.#recordAt(mfn, offset - page * 4096);
      },
    };
  }

  /**
   * Adds a region, moved by `delta`: what of it leads to the offset `to`, or all of it.
   * Returns false if that does not fit, or if nothing leads there.
   */
  add(region: Region, delta: number, to: number | undefined): boolean {
    const exits = to === undefined ? undefined : exitsTo(region, to);
    const blocks = exits ? leadingTo(region, exits) : [...region.blocks.values()];
    if (!blocks.some(({ start }) => start === region.entry) || !this.#addFrames(region, blocks, delta)) return false;
    for (const block of blocks) this.#addBlock(block, delta);
    for (const exit of exits ?? []) {
      const block = this.#blocks.get(exit.start + delta);
      if (block && isIndirect(endOf(block).insn)) addTarget(block, (to as number) + delta);
    }
    return true;
  }

  #addFrames(region: Region, blocks: readonly Block[], delta: number): boolean {
    const frames = new Map<number, number>();
    for (const { code } of blocks) {
      for (const at of code) {
        for (const page of at.crossing ? [pageOf(at.offset), pageOf(at.offset) + 1] : [pageOf(at.offset)]) {
          frames.set(page + delta / 4096, region.frames.get(page) as number);
        }
      }
    }
    let added = 0;
    for (const [page, mfn] of frames) {
      const known = this.#frames.get(page);
      if (known === undefined) added++;
      else if (known !== mfn) return false;
    }
    if (this.#frames.size + added > MAX_PAGES) return false;
    for (const [page, mfn] of frames) this.#frames.set(page, mfn);
    return true;
  }

  #addBlock({ start, code, taken, next, targets }: Block, delta: number): void {
    const known = this.#blocks.get(start + delta);
    const moved = (to: number): number => to + delta;
    if (known && known.code.length >= code.length) {
      for (const to of targets) addTarget(known, moved(to));
      return;
    }
    this.instructions += code.length - (known?.code.length ?? 0);
    this.#blocks.set(start + delta, {
      start: start + delta,
      code: delta === 0 ? code : code.map((at): RegionInsn => ({ ...at, offset: moved(at.offset) })),
      taken: taken === undefined ? undefined : moved(taken),
      next: next === undefined ? undefined : moved(next),
      targets: [...new Set([...targets.map(moved), ...(known?.targets ?? [])])],
    });
  }
}

/** The blocks from which control may have left a region to an offset: by a direct branch, or if there is none, by an indirect one. */
function exitsTo(region: Region, to: number): Block[] {
  const direct: Block[] = [];
  const indirect: Block[] = [];
  for (const block of region.blocks.values()) {
    if (block.next === to || block.taken === to) direct.push(block);
    else if (isIndirect(endOf(block).insn)) indirect.push(block);
  }
  return direct.length > 0 ? direct : indirect;
}

/** The blocks from which control can get to one of some blocks. A region has few, so they are gone through until nothing changes. */
function leadingTo({ blocks }: Region, ends: readonly Block[]): Block[] {
  const found = new Set(ends);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const block of blocks.values()) {
      if (!found.has(block) && leadsInto(block, blocks, found)) found.add(block);
    }
  }
  return [...found];
}

function leadsInto(block: Block, blocks: ReadonlyMap<number, Block>, found: ReadonlySet<Block>): boolean {
  const isFound = (to: number | undefined): boolean => {
    const next = to === undefined ? undefined : blocks.get(to);
    return next !== undefined && found.has(next);
  };
  return isFound(block.taken) || isFound(block.next) || block.targets.some(isFound);
}
