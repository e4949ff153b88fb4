import assert from "node:assert/strict";
import { test } from "node:test";
import { FreeMap } from "../../src/hypervisor/mm/free-map.ts";
import { Random } from "../fuzz/random.ts";

function newMap(count: number): FreeMap {
  return new FreeMap(new ArrayBuffer(FreeMap.bytes(count)), 0, count);
}

test("it is a set of numbers with an order", () => {
  const random = new Random(3);
  for (const count of [1, 31, 32, 33, 1000, 1024, 1025, 40_000]) {
    const map = newMap(count);
    const members = new Set<number>();
    for (let step = 0; step < 600; step++) {
      const n = random.below(count);
      if (random.oneIn(3)) {
        map.remove(n);
        members.delete(n);
      } else {
        map.add(n);
        members.add(n);
      }
      const at = random.below(count + 1);
      const sorted = [...members].sort((a, b) => a - b);
      assert.equal(map.has(n), members.has(n));
      assert.equal(map.above(at), sorted.find((m) => m >= at) ?? -1);
      assert.equal(map.below(at), sorted.findLast((m) => m < at) ?? -1);
    }
  }
});

test("runs end at the first gap, and at the last frame", () => {
  const map = newMap(100);
  for (let n = 10; n < 100; n++) map.add(n);
  map.remove(70);
  assert.equal(map.run(9, 50), 0);
  assert.equal(map.run(10, 50), 50);
  assert.equal(map.run(10, 100), 60);
  assert.equal(map.run(71, 100), 29);
  assert.equal(map.run(99, 5), 1);
});

test("as many frames as a machine can have", () => {
  const map = newMap(1 << 20);
  map.add(0);
  map.add((1 << 20) - 1);
  assert.equal(map.above(1), (1 << 20) - 1);
  assert.equal(map.below((1 << 20) - 1), 0);
  map.remove(0);
  assert.equal(map.below((1 << 20) - 1), -1);
  map.remove((1 << 20) - 1);
  assert.equal(map.above(0), -1);
});
