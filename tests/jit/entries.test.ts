/** Regions get entries more, where that does not break their loops. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withEntries, withEntry } from "../../src/machine/jit/entries.ts";
import { analyse, ROOT } from "../../src/machine/jit/flow-graph.ts";
import type { Block, Region } from "../../src/machine/jit/region.ts";
import type { RegionInsn } from "../../src/machine/jit/region-insn.ts";

/** Blocks by start: instructions of four bytes, and where control goes from there. */
function regionOf(shape: Record<number, { count: number; to: readonly number[] }>): Region {
  const blocks = new Map<number, Block>();
  for (const [key, { count, to }] of Object.entries(shape)) {
    const start = Number(key);
    const code = Array.from(
      { length: count },
      (_, i) => ({ offset: start + 4 * i, record: start + 4 * i }) as RegionInsn,
    );
    blocks.set(start, { start, code, taken: to[0], next: to[1], targets: [] });
  }
  const frames = new Map([[0, 7]]);
  return { entries: [0], blocks, instructions: 0, isLoop: false, frames, windows: true, recordAt: (offset) => offset };
}

test("an entry in the midst of a block cuts it", () => {
  const region = regionOf({ 0: { count: 3, to: [100] }, 100: { count: 2, to: [] } });
  const more = withEntry(region, 4);
  assert.deepEqual(more?.entries, [0, 4]);
  assert.equal(more?.blocks.get(0)?.code.length, 1);
  assert.equal(more?.blocks.get(0)?.next, 4);
  assert.equal(more?.blocks.get(4)?.code.length, 2);
  assert.equal(more?.blocks.get(4)?.taken, 100);
  assert.equal(region.blocks.get(0)?.code.length, 3, "the region itself is as it was");
});

test("what is entered from outside and from the region is a merge point, dominated by all entries' root", () => {
  const region = regionOf({ 0: { count: 1, to: [100, 200] }, 100: { count: 1, to: [200] }, 200: { count: 1, to: [] } });
  const more = withEntry(region, 100) as Region;
  const graph = analyse(more);
  assert.deepEqual([...graph.mergePoints].sort(), [100, 200]);
  for (const at of [0, 100, 200]) assert.equal(graph.dominator(at), ROOT);
  assert.equal(graph.cut, 0);
});

test("a loop is entered at its beginning only", () => {
  const region = regionOf({
    0: { count: 1, to: [100] },
    100: { count: 2, to: [200] },
    200: { count: 1, to: [100, 300] },
    300: { count: 1, to: [] },
  });
  assert.ok(withEntry(region, 100));
  assert.ok(withEntry(region, 300));
  for (const inside of [104, 200]) assert.equal(withEntry(region, inside), undefined);
  assert.equal(withEntries(region, [300, 200]), undefined);
  assert.deepEqual(withEntries(region, [300, 100, 300])?.entries, [0, 300, 100]);
});

test("there is no entry where the region has no instruction", () => {
  assert.equal(withEntry(regionOf({ 0: { count: 2, to: [] } }), 6), undefined);
});
