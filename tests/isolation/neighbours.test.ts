/**
 * A domain that does its worst takes no more from its neighbour than its share: processor time, wake-ups and
 * xenstore's answers are measured beside each kind of it. Holds for any scheduler that gives two busy
 * domains half of the processor each. Time is the processor time of this process, so that the host's other
 * work does not count.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildGuest } from "../../guests/build.ts";
import { createMachine } from "../../src/index.ts";
import { processorTimePlatform } from "./processor-time.ts";

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
/** Percent. Half of the processor, less what domain 0 does for the other one. */
const LEAST_SHARE = 35;
/** The host's noise (compilation, the garbage collector) only takes away: the best of some tries counts. */
const TRIES = 4;
/** Microseconds: a few turns of every other vCPU, the longest hypercall, and the host's garbage collector. */
const LATEST = 100_000;

interface Measured {
  readonly share: number;
  readonly wakeUp: number;
  readonly answer: number;
}

async function measure(kernel: Uint8Array, neighbours: readonly number[]): Promise<Measured> {
  const machine = await createMachine({ memory: 24 << 20, platform: processorTimePlatform() });
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
    const found = /share (\d+) %, latest wake-up (\d+) us, slowest answer (\d+) us/.exec(output);
    assert.ok(found, output);
    return { share: Number(found[1]), wakeUp: Number(found[2]), answer: Number(found[3]) };
  } finally {
    machine.destroy();
  }
}

function disturbance({ share, wakeUp, answer }: Measured): string | undefined {
  if (share < LEAST_SHARE) return `${share} % of the processor: less than its share`;
  if (wakeUp > LATEST) return `woken ${wakeUp} us late`;
  return answer > 2 * LATEST ? `xenstore answers after ${answer} us` : undefined;
}

test("neighbours", async (t) => {
  const image = buildGuest("neighbour");
  if (!image) return t.skip("test guests are built with gcc for x86-64, which is not here");
  const kernel = readFileSync(image);
  for (const [role, what] of ROLES.entries()) {
    if (role === 0) continue;
    await t.test(`beside one that ${what}`, async (t) => {
      let complaint: string | undefined;
      for (let i = 0; i < TRIES; i++) {
        const beside = await measure(kernel, [role]);
        t.diagnostic(JSON.stringify(beside));
        complaint = disturbance(beside);
        if (complaint === undefined) return;
      }
      assert.fail(complaint);
    });
  }
});
