/** Environment and state images (FNSTENV, FRSTOR, FXSAVE...) against the host's processor. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Random } from "../softfloat/operands.ts";
import { Oracle, oracleUnavailable } from "../softfloat/oracle.ts";
import {
  type Case,
  describeState,
  type Form,
  hexBytes,
  Machine,
  type Outcome,
  prefixed,
  randomState,
  runOracle,
  tableForms,
} from "./harness.ts";

const CASES = 200;
const MEMORY = 512;

/**
 * Bytes that can be compared: not instruction and data pointers with their selectors and opcode
 * (processors differ, and addresses do), nor what SSE has in the FXSAVE image.
 */
const COMPARED: Record<string, [number, number][]> = {
  fnstenv: [
    [0, 12],
    [28, 512],
  ],
  fnsave: [
    [0, 12],
    [28, 512],
  ],
  fxsave: [
    [0, 6],
    [32, 160],
    [416, 512],
  ],
  fxsave64: [
    [0, 6],
    [32, 160],
    [416, 512],
  ],
};

const COMPARED_16: Record<string, [number, number][]> = {
  fnstenv: [
    [0, 6],
    [14, 512],
  ],
  fnsave: [
    [0, 6],
    [14, 512],
  ],
};

/** An image to load: random, but for pointers that could be told apart and MXCSR bits that fault. */
function image(random: Random, mnemonic: string): Uint8Array {
  const memory = new Uint8Array(MEMORY);
  for (let i = 0; i < MEMORY; i++) memory[i] = random.below(256);
  const dv = new DataView(memory.buffer);
  if (mnemonic.startsWith("fx")) {
    dv.setUint32(24, random.u32() & 0xffff, true);
  } else {
    memory.set(randomState(random, { unmasked: true }));
    // Reserved control bits, and flags in all combinations with masks. (The 16-bit image is denser, and as random.)
    dv.setUint16(0, random.u32(), true);
    dv.setUint16(4, random.u32(), true);
    dv.setUint16(8, random.u32(), true);
  }
  return memory;
}

/** The instructions, and those with an image of two sizes again with 16-bit operand size. */
function forms(): Form[] {
  const all = [
    ...tableForms((name) => /^(fldcw|fnstenv|fldenv|fnsave|frstor|fxsave.*|fxrstor.*)$/.test(name)).values(),
  ].flat();
  return [...all, ...all.filter((form) => /env|fnsave|frstor/.test(form.mnemonic)).map((form) => prefixed(form, 0x66))];
}

describe("x87 state images against the processor", { skip: oracleUnavailable() ?? false }, () => {
  let oracle: Oracle;
  before(() => {
    oracle = new Oracle(new URL("./x87-oracle.c", import.meta.url), "");
  });
  after(() => oracle?.close());

  for (const form of forms()) {
    test(form.name, () => {
      const { mnemonic } = form;
      const random = new Random(form.name.length * 77 + mnemonic.charCodeAt(3));
      const cases: Case[] = Array.from({ length: CASES }, () => ({
        form,
        flags: 0,
        state: randomState(random, { unmasked: true }),
        memory: image(random, mnemonic),
      }));
      const expected = runOracle(oracle, cases, MEMORY);
      const machine = new Machine();
      const ranges = (form.insn.operandSize === 2 ? COMPARED_16 : COMPARED)[mnemonic] ?? [[0, MEMORY]];
      const describeOutcome = (o: Outcome): string =>
        o.fault
          ? "#MF"
          : `${describeState(o.state)} ${ranges.map(([from, to]) => hexBytes(o.memory.subarray(from, to))).join(" ")}`;
      const failures: string[] = [];
      cases.forEach((c, i) => {
        const is = describeOutcome(machine.run(c));
        const not = describeOutcome(expected[i] as Outcome);
        if (is !== not)
          failures.push(
            `with ${describeState(c.state)} [${hexBytes(c.memory.subarray(0, 108))}]\n  is   ${is}\n  not  ${not}`,
          );
      });
      assert.equal(
        failures.length,
        0,
        `${failures.length} of ${cases.length} differ\n${failures.slice(0, 3).join("\n")}`,
      );
    });
  }
});
