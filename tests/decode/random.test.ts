/** Random bytes, seeded, against iced-x86: all that decodes decodes the same, and nothing else decodes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CodeSize } from "../../src/machine/x86/insn.ts";
import { randomNumbers } from "./generate.ts";
import { Sweep } from "./sweep.ts";

const COUNT = 100_000;
const SLOT = 24;
const PREFIXES = [0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x48, 0x41, 0x4f, 0x44, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Random bytes, in half of the slots behind prefixes, in half of them in the two- and three-byte maps. */
function randomCode(seed: number): Uint8Array {
  const random = randomNumbers(seed);
  const bytes = new Uint8Array(COUNT * SLOT + 16);
  for (let slot = 0; slot < COUNT; slot++) {
    let at = slot * SLOT;
    const end = at + SLOT;
    for (let i = random() % 3; i > 0; i--) bytes[at++] = PREFIXES[random() % PREFIXES.length]!;
    if (random() % 2 === 0) {
      bytes[at++] = 0x0f;
      if (random() % 4 === 0) bytes[at++] = random() % 2 === 0 ? 0x38 : 0x3a;
    }
    while (at < end) bytes[at++] = random() >>> 8;
  }
  return bytes;
}

for (const codeSize of [64, 32, 16] as CodeSize[]) {
  test(`random bytes as ${codeSize}-bit code`, () => {
    const sweep = new Sweep(randomCode(codeSize), codeSize);
    for (let slot = 0; slot < COUNT; slot++) sweep.compare(slot * SLOT);
    sweep.free();
    assert.deepEqual(sweep.account.differences, []);
  });
}
