/** Which regions become one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Region, RegionInsn } from "../../src/machine/jit/region.ts";
import { formStencils } from "../../src/machine/jit/stencils.ts";
import { joinRegions } from "../../src/machine/jit/trace.ts";
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";

/** A region of one RET at the beginning of a page of a frame. */
function returning(mfn: number): Region {
  const insn = newInsn();
  decode(Uint8Array.of(0xc3, ...new Array(16).fill(0)), 0, 64, insn);
  const at: RegionInsn = {
    insn,
    form: formStencils(insn),
    offset: 0,
    record: mfn * 32,
    crossing: false,
    predicted: undefined,
  };
  return {
    entry: 0,
    blocks: new Map([[0, { start: 0, code: [at], taken: undefined, next: undefined, targets: [] }]]),
    instructions: 1,
    isLoop: false,
    frames: new Map([[0, mfn]]),
    recordAt: () => mfn * 32,
  };
}

const join = (distance: bigint): Region => {
  const pageVa = 0x5555_0000_0000n;
  return joinRegions(
    [
      { region: returning(1), pageVa },
      { region: returning(2), pageVa: pageVa + distance },
    ],
    (mfn) => mfn * 32,
  );
};

test("a return to another region is followed", () => {
  const joined = join(0x3000n);
  assert.equal(joined.instructions, 2);
  assert.deepEqual(joined.blocks.get(0)?.targets, [0x3000]);
  assert.deepEqual(
    [...joined.frames],
    [
      [0, 1],
      [3, 2],
    ],
  );
  assert.equal(joined.recordAt(0x3000), 64);
});

test("what is farther away than a 32-bit offset says is not joined", () => {
  for (const distance of [0x8000_0000n, -0x8000_0000n, 0x2aaa_0000_0000n]) assert.equal(join(distance).instructions, 1);
});
