/**
 * Every x87 instruction with an exact result against the host's processor: all registers, control,
 * status and tag words, memory operands, flags; under all rounding and precision modes, with empty
 * registers, and with unmasked exceptions.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Random } from "../softfloat/operands.ts";
import { Oracle, oracleUnavailable } from "../softfloat/oracle.ts";
import {
  type Case,
  describeState,
  hexBytes,
  Machine,
  type Outcome,
  randomMemory,
  randomState,
  runOracle,
  tableForms,
} from "./harness.ts";

const TRANSCENDENTAL = new Set(["f2xm1", "fyl2x", "fyl2xp1", "fptan", "fpatan", "fsin", "fcos", "fsincos"]);
/** Tested in state.test.ts: they move whole images. */
const IMAGES = new Set(["fldenv", "fnstenv", "frstor", "fnsave"]);
const CASES = 600;
const MEMORY = 16;

/** Leave C1 as it was, or clear it: the manual does not say, or processors do not heed it. */
const C1_UNDEFINED = /^(fcmov|fu?comi|ffree)/;
const C1 = 2;

function describeOutcome(mnemonic: string, outcome: Outcome): string {
  if (outcome.fault) return "#MF";
  // The second byte of the status word is at 5.
  if (C1_UNDEFINED.test(mnemonic)) outcome.state[5] = (outcome.state[5] as number) & ~C1;
  return `${describeState(outcome.state)} flags=${outcome.flags.toString(16)} ax=${outcome.ax.toString(16)} [${hexBytes(outcome.memory)}]`;
}

describe("x87 against the processor", { skip: oracleUnavailable() ?? false }, () => {
  let oracle: Oracle;
  before(() => {
    oracle = new Oracle(new URL("./x87-oracle.c", import.meta.url), "");
  });
  after(() => oracle?.close());

  test("instructions with exact results", () => {
    const random = new Random(87);
    const forms = tableForms(
      (mnemonic, feature) =>
        (feature === "x87" || mnemonic === "fisttp") && !TRANSCENDENTAL.has(mnemonic) && !IMAGES.has(mnemonic),
    );
    const cases: Case[] = [];
    for (const list of forms.values()) {
      for (let i = 0; i < CASES; i++) {
        const form = random.pick(list);
        const state = randomState(random, { unmasked: true });
        cases.push({ form, flags: random.u32() & 0x8d5, state, memory: randomMemory(random, form, MEMORY) });
      }
    }
    const expected = runOracle(oracle, cases, MEMORY);
    const machine = new Machine();
    const failures: string[] = [];
    const counts = new Map<string, number>();
    cases.forEach((c, i) => {
      const is = describeOutcome(c.form.mnemonic, machine.run(c));
      const not = describeOutcome(c.form.mnemonic, expected[i] as Outcome);
      if (is === not) return;
      const count = (counts.get(c.form.mnemonic) ?? 0) + 1;
      counts.set(c.form.mnemonic, count);
      if (count <= 3)
        failures.push(
          `${c.form.name} flags=${c.flags.toString(16)} [${hexBytes(c.memory)}]\n  with ${describeState(c.state)}\n  is   ${is}\n  not  ${not}`,
        );
    });
    const total = [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
    assert.equal(failures.length, 0, `of ${cases.length} differ: ${total}\n${failures.join("\n")}`);
  });
});
