import assert from "node:assert/strict";
import { test } from "node:test";
import { PersistentMap } from "../../src/toolstack/xenstore/persistent-map.ts";
import { Random } from "../fuzz/random.ts";

/** Keys with the same FNV-1a hash. */
const COLLIDING = ["costarring", "liquid", "declinate", "macallums", "altarage", "zinke", "altarages", "zinkes"];

/** Compares a map with a Map, over many changes of some keys. */
function checkMap(keys: readonly string[], deletions: number): void {
  const random = new Random(1);
  let map = PersistentMap.empty<string, number>();
  const expected = new Map<string, number>();
  const versions: { map: typeof map; entries: [string, number][] }[] = [];
  for (let step = 0; step < 5000; step++) {
    const key = keys[random.below(random.below(10) === 0 ? keys.length : 40) % keys.length]!;
    // By turns it grows and shrinks.
    if (random.below(3) < (step % 200 < 100 ? deletions : 1)) {
      assert.equal(map.has(key), expected.has(key));
      map = map.delete(key);
      expected.delete(key);
    } else {
      map = map.set(key, step);
      expected.set(key, step);
    }
    assert.equal(map.size, expected.size);
    assert.equal(map.get(key), expected.get(key));
    if (step % 500 === 0) versions.push({ map, entries: [...expected] });
  }
  assert.deepEqual([...map], [...expected]);
  assert.deepEqual([...map.keys()], [...expected.keys()]);
  for (const { map, entries } of versions) assert.deepEqual([...map], entries);
  for (const key of keys) map = map.delete(key);
  assert.equal(map.size, 0);
  assert.deepEqual([...map], []);
}

test("it is what a Map is, and old versions stay as they were", () => {
  checkMap([...COLLIDING, ...Array.from({ length: 300 }, (_, i) => `key${i}`)], 1);
});

test("also where it is now a list, now a trie", () => {
  checkMap([...COLLIDING, ...Array.from({ length: 16 }, (_, i) => `key${i}`)], 2);
});

test("keys with equal hashes live together, and apart from others", () => {
  let map = PersistentMap.empty<string, string>();
  for (const key of COLLIDING) map = map.set(key, key.toUpperCase());
  for (const key of COLLIDING) assert.equal(map.get(key), key.toUpperCase());
  assert.equal(map.get("other"), undefined);
  map = map.delete("liquid").delete("costarring").set("liquid", "again");
  assert.equal(map.get("liquid"), "again");
  assert.equal(map.has("costarring"), false);
  assert.deepEqual([...map.keys()].at(-1), "liquid");
});

test("numbers are keys, too", () => {
  let map = PersistentMap.empty<number, string>();
  for (let i = 0; i < 2000; i++) map = map.set(i, `${i}`);
  for (let i = 0; i < 2000; i += 2) map = map.delete(i);
  assert.equal(map.size, 1000);
  assert.equal(map.get(999), "999");
  assert.equal(map.get(1000), undefined);
});
