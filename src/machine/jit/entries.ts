/** More entries for regions that are there: code that is entered at several places is compiled once. */
import { analyse } from "./flow-graph.ts";
import type { Block, Region } from "./region.ts";

const MAX_ENTRIES = 24;

/**
 * The region with an entry more, at the instruction at an offset. Undefined if it cannot have one there: in the midst of a loop,
 * which would not be one any more.
 */
export function withEntry(region: Region, offset: number): Region | undefined {
  if (region.entries.length >= MAX_ENTRIES) return undefined;
  const blocks = region.blocks.has(offset) ? region.blocks : splitAt(region.blocks, offset);
  if (!blocks) return undefined;
  const more: Region = { ...region, blocks, entries: [...region.entries, offset] };
  return cutOf(more) > cutOf(region) ? undefined : more;
}

/** The region with entries at offsets; undefined if it cannot have all of them. */
export function withEntries(region: Region, offsets: readonly (number | undefined)[]): Region | undefined {
  let more: Region | undefined = region;
  for (const offset of offsets) {
    if (offset === undefined || !more) return undefined;
    if (!more.entries.includes(offset)) more = withEntry(more, offset);
  }
  return more;
}

const cuts = new WeakMap<Region, number>();

function cutOf(region: Region): number {
  const known = cuts.get(region);
  if (known !== undefined) return known;
  const { cut } = analyse(region);
  cuts.set(region, cut);
  return cut;
}

/** The blocks, with one that begins at an offset. */
function splitAt(blocks: ReadonlyMap<number, Block>, offset: number): ReadonlyMap<number, Block> | undefined {
  for (const block of blocks.values()) {
    const i = block.code.findIndex((at) => at.offset === offset);
    if (i < 0) continue;
    const before: Block = {
      start: block.start,
      code: block.code.slice(0, i),
      taken: undefined,
      next: offset,
      targets: [],
    };
    const behind: Block = { ...block, start: offset, code: block.code.slice(i) };
    return new Map(blocks).set(block.start, before).set(offset, behind);
  }
  return undefined;
}
