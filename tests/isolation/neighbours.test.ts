/**
 * A domain that does its worst takes no more from its neighbour than its share: processor time, wake-ups and
 * xenstore's answers are measured beside each kind of it, in virtual time, and compared with a neighbour that
 * only loops. Holds for any scheduler that gives two busy domains half of the processor each.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildGuest } from "../../guests/build.ts";
import { createMachine } from "../../src/index.ts";

/** By its number in guests/tests/neighbour/main.c. */
const ROLES = [
  "measures",
  "loops",
  "floods event channels",
  "floods xenstore",
  "floods its watches",
  "ruins its rings",
  "dies",
  "makes the longest hypercalls",
  "floods timers",
  "churns page tables",
  "churns memory",
];
/** Microseconds of virtual time: a few turns of every other vCPU. */
const LATEST = 40_000;

interface Measured {
  readonly work: number;
  readonly wakeUp: number;
  readonly answer: number;
}

async function measure(kernel: Uint8Array, neighbours: readonly number[]): Promise<Measured> {
  const machine = await createMachine({ memory: 24 << 20, virtualTime: true });
  try {
    const memory = 6 << 20;
    for (const role of neighbours) await machine.createDomain({ kernel, memory, commandLine: `role=${role}` });
    const domain = await machine.createDomain({ kernel, memory });
    let output = "";
    const decoder = new TextDecoder();
    const reading = (async () => {
      for await (const chunk of domain.console.readable) output += decoder.decode(chunk, { stream: true });
    })();
    const end = await domain.wait();
    await reading;
    assert.equal(end.reason, "poweroff", output);
    const found = /work (\d+), latest wake-up (\d+) us, slowest answer (\d+) us/.exec(output);
    assert.ok(found, output);
    return { work: Number(found[1]), wakeUp: Number(found[2]), answer: Number(found[3]) };
  } finally {
    machine.destroy();
  }
}

test("neighbours", async (t) => {
  const image = buildGuest("neighbour");
  if (!image) return t.skip("test guests are built with gcc for x86-64, which is not here");
  const kernel = readFileSync(image);
  const alone = await measure(kernel, []);
  for (const [role, what] of ROLES.entries()) {
    if (role === 0) continue;
    await t.test(`beside one that ${what}`, async (t) => {
      const beside = await measure(kernel, [role]);
      t.diagnostic(`${JSON.stringify(beside)}, alone ${JSON.stringify(alone)}`);
      assert.ok(beside.work >= alone.work * 0.5 * 0.85, `${beside.work} of ${alone.work} done: less than half`);
      assert.ok(beside.wakeUp <= LATEST, `woken ${beside.wakeUp} us late`);
      assert.ok(beside.answer <= 2 * LATEST, `xenstore answers after ${beside.answer} us`);
    });
  }
});
