/**
 * The transcendental instructions against the host's processor, which promises one unit in the
 * last place (SDM vol. 1 §8.3.10): results may differ by one, and C1 (rounded up) with them.
 * Operands outside the defined range of F2XM1 and FYL2XP1 are left out, and powers of two of
 * FYL2X, whose exact results some processors call inexact.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Random, randomF80 } from "../softfloat/operands.ts";
import { Oracle, oracleUnavailable } from "../softfloat/oracle.ts";
import { type Case, describeState, Machine, type Outcome, randomState, runOracle, tableForms } from "./harness.ts";

const CASES = 1000;
const MEMORY = 4;
const C1 = 2;

type Register = { high: number; low: bigint };

/** A finite number with an exponent in a range. */
function within(random: Random, least: number, most: number): Register {
  const exponent = 16383 + least + random.below(most - least + 1);
  const low = random.below(3) === 0 ? randomF80(random).low : random.u64();
  return { high: exponent | (random.below(2) << 15), low: low | (1n << 63n) };
}

/** Next to one. */
function nearOne(random: Random): Register {
  const distance = 1n << BigInt(random.below(62));
  return random.below(2) ? { high: 16383, low: (1n << 63n) + distance } : { high: 16382, low: (1n << 64n) - distance };
}

/** ST(0) and ST(1) where each instruction is defined and interesting. */
const operands: Record<string, (random: Random) => [Register, Register]> = {
  f2xm1: (r) => [within(r, -70, -1), randomF80(r)],
  fyl2x: (r) => {
    const x = r.below(2) ? nearOne(r) : within(r, -60, 60);
    return [{ high: x.high & 0x7fff, low: x.low }, within(r, -40, 40)];
  },
  fyl2xp1: (r) => [within(r, -70, -3), within(r, -40, 40)],
  fpatan: (r) => [within(r, -40, 40), r.below(2) ? within(r, -3, 3) : within(r, -100, 100)],
};
const angle = (r: Random): [Register, Register] => [r.below(2) ? within(r, -40, 3) : within(r, -5, 64), randomF80(r)];

/** Registers as integers in the order of their magnitudes: neighbours differ by one. */
const ordinal = (bits: bigint): bigint => (((bits >> 64n) & 0x7fffn) << 63n) | (bits & ((1n << 63n) - 1n));

/** Distance of two registers in units of the last place; they must have the same sign. */
function distance(a: bigint, b: bigint): bigint {
  if (a >> 79n !== b >> 79n) return 1n << 64n;
  const difference = ordinal(a) - ordinal(b);
  return difference < 0n ? -difference : difference;
}

const register = (dv: DataView, i: number): bigint =>
  (BigInt(dv.getUint16(36 + 10 * i, true)) << 64n) | dv.getBigUint64(28 + 10 * i, true);

/** Largest distance of ST(0) and ST(1), having made them and C1 equal. */
function reconcile(is: Outcome, not: Outcome): bigint {
  const a = new DataView(is.state.buffer, is.state.byteOffset);
  const b = new DataView(not.state.buffer, not.state.byteOffset);
  let worst = 0n;
  for (let i = 0; i < 2; i++) {
    const d = distance(register(a, i), register(b, i));
    if (d > worst) worst = d;
    if (d <= 1n) for (let j = 28 + 10 * i; j < 38 + 10 * i; j++) b.setUint8(j, a.getUint8(j));
  }
  a.setUint8(5, a.getUint8(5) & ~C1);
  b.setUint8(5, b.getUint8(5) & ~C1);
  return worst;
}

function isPowerOfTwo(state: Uint8Array): boolean {
  const dv = new DataView(state.buffer);
  const low = dv.getBigUint64(28, true);
  return (low & (low - 1n)) === 0n && (dv.getUint16(36, true) & 0x7fff) !== 0x7fff && low !== 0n;
}

function randomCase(random: Random, form: Case["form"]): Case {
  const special = random.below(4) === 0;
  const [st0, st1] = (operands[form.mnemonic] ?? angle)(random);
  const registers = (r: Random): Register[] => (special ? [] : [st0, st1, randomF80(r)]);
  const state = randomState(random, { registers, unmasked: special });
  if (special && /^f(2xm1|yl2xp1)$/.test(form.mnemonic)) {
    // Zero, NaN or denormal: nothing else is defined.
    const dv = new DataView(state.buffer);
    dv.setUint16(36, random.pick([0, 0x8000, 0x7fff]), true);
    dv.setBigUint64(28, dv.getUint16(36, true) === 0x7fff ? random.u64() | (1n << 63n) : 0n, true);
  }
  if (form.mnemonic === "fyl2x" && isPowerOfTwo(state)) return randomCase(random, form);
  return { form, flags: 0, state, memory: new Uint8Array(MEMORY) };
}

describe("x87 transcendental instructions against the processor", { skip: oracleUnavailable() ?? false }, () => {
  let oracle: Oracle;
  before(() => {
    oracle = new Oracle(new URL("./x87-oracle.c", import.meta.url), "");
  });
  after(() => oracle?.close());

  for (const mnemonic of ["f2xm1", "fyl2x", "fyl2xp1", "fpatan", "fsin", "fcos", "fsincos", "fptan"]) {
    test(mnemonic, () => {
      const random = new Random(mnemonic.length * 31 + mnemonic.charCodeAt(2));
      const [form] = [...tableForms((name) => name === mnemonic).values()].flat();
      assert.ok(form);
      const cases = Array.from({ length: CASES }, () => randomCase(random, form));
      const expected = runOracle(oracle, cases, MEMORY);
      const machine = new Machine();
      const failures: string[] = [];
      cases.forEach((c, i) => {
        const is = machine.run(c);
        const not = expected[i] as Outcome;
        const worst = reconcile(is, not);
        const a = is.fault ? "#MF" : describeState(is.state);
        const b = not.fault ? "#MF" : describeState(not.state);
        if (a !== b) failures.push(`with ${describeState(c.state)}\n  is   ${a}\n  not  ${b}  (${worst})`);
      });
      assert.equal(
        failures.length,
        0,
        `${failures.length} of ${cases.length} differ\n${failures.slice(0, 6).join("\n")}`,
      );
    });
  }
});
