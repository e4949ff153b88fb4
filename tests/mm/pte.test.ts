import assert from "node:assert/strict";
import { test } from "node:test";
import { ENTRIES, nextPresent, PTE_PRESENT, previousPresent } from "../../src/hypervisor/mm/pte.ts";
import { Random } from "../fuzz/random.ts";

test("present entries are found from both ends, whatever lies between", () => {
  const random = new Random(3);
  const u32 = new Uint32Array(3 * ENTRIES * 2);
  const table = ENTRIES * 2;
  for (let round = 0; round < 60; round++) {
    // All but the bit itself says nothing; the tables beside this one are full.
    for (let i = 0; i < u32.length; i++)
      u32[i] = i >= table && i < 2 * table ? random.below(2 ** 32) & ~1 : 0xffff_ffff;
    const present: number[] = [];
    for (let n = random.pick([0, 1, 2, 8, 64, 511]); n > 0; n--) present.push(random.below(ENTRIES));
    for (const i of present) u32[table + i * 2]! |= PTE_PRESENT;
    const is = (i: number): boolean => (u32[table + i * 2]! & PTE_PRESENT) !== 0;
    const all = Array.from({ length: ENTRIES }, (_, i) => i).filter(is);
    for (const edge of [0, 1, 7, 8, 9, 255, 504, 511, 512, random.below(ENTRIES)]) {
      const up: number[] = [];
      for (let i = -1; (i = nextPresent(u32, table, i + 1, edge)) < edge; ) up.push(i);
      const down: number[] = [];
      for (let i = edge; (i = previousPresent(u32, table, i)) >= 0; ) down.push(i);
      const below = all.filter((i) => i < edge);
      assert.deepEqual(up, below);
      assert.deepEqual(down.reverse(), below);
      assert.equal(nextPresent(u32, table, edge, ENTRIES), all.find((i) => i >= edge) ?? ENTRIES);
    }
  }
});
