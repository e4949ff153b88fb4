import assert from "node:assert/strict";
import { test } from "node:test";
import { frequentSequences } from "../../bench/frequent-sequences.ts";

const run = (forms: string, weight: number) => ({ forms: forms.split(""), weight });

test("neighbours that occur most are joined first, and then with others", () => {
  const runs = [run("abcd", 10), run("abx", 3), run("cd", 1)];
  const { sequences, dispatches } = frequentSequences(runs, new Set("abcd"), 4, 2);
  assert.deepEqual(
    sequences.map(({ forms }) => forms.join("")),
    ["ab", "cd"],
  );
  // Parts: ab cd (10 times), ab x (3), cd (1); forms: 40 + 9 + 2.
  assert.equal(dispatches, (2 * 10 + 2 * 3 + 1) / 51);
  const longer = frequentSequences(runs, new Set("abcd"), 4, 3);
  assert.deepEqual(longer.sequences[0]?.forms, ["a", "b", "c", "d"]);
  assert.equal(longer.dispatches, (10 + 2 * 3 + 1) / 51);
});

test("no sequence is longer than asked for, or has a form that may not be joined", () => {
  const { sequences } = frequentSequences([run("aaaaaaxaa", 1)], new Set("a"), 3, 10);
  assert.ok(sequences.every(({ forms }) => forms.length <= 3 && !forms.includes("x")));
});
