/** Random states of the x87 in a processor's state block. */
import { cpuState } from "../../src/machine/x86/state.ts";
import type { Random } from "../softfloat/operands.ts";
import { randomState } from "./harness.ts";

const at = cpuState.offset;
/** From the data registers to the pointers. */
export const UNIT_START = at.fpr;
export const UNIT_END = at.fdp + 8;

export type Register = { high: number; low: bigint };
export const INTEGER_BIT = 1n << 63n;

/** Powers of two and their neighbours, ties and carries of all precisions, any. */
function significand(random: Random): bigint {
  const any = random.u64();
  const one = 1n << BigInt(random.below(64));
  const tie = random.pick([1n << 10n, 1n << 39n, 1n << 63n]);
  const below = one - 1n;
  const ones = (1n << 64n) - 1n;
  const small = BigInt(random.below(3) - 1);
  const pattern = random.pick([
    any,
    any & ~below,
    any | below,
    any & 0xffffffffn,
    one + small,
    below + small,
    tie + small,
    (any & ~(tie - 1n)) + tie / 2n + small,
    ones,
    ones - 1n,
    0n,
    1n,
  ]);
  return BigInt.asUintN(63, pattern) | INTEGER_BIT;
}

const BIAS = 16383;
/** Where shifts by whole words begin and end. */
const DISTANCES = [0, 0, 0, 1, 2, 14, 15, 30, 31, 62, 63, 64, 65, 66, 67];

function distance(random: Random): number {
  const n = random.below(3) === 0 ? random.below(70) : random.pick(DISTANCES);
  return random.below(2) ? n : -n;
}

/** Normal numbers and zeros: what the generated code is for, up to its limits. */
function usualRegisters(random: Random): Register[] {
  const limit = random.pick([1, 32766, random.below(32768)]);
  const first = random.below(2) ? BIAS + distance(random) : limit + distance(random);
  // Products and quotients next to one, and to the least and the largest number.
  const others = [first, first, 2 * BIAS - first, first + BIAS, first - BIAS, BIAS - first, BIAS];
  const number = (exponent: number): Register => {
    if (random.below(12) === 0) return { high: random.below(2) << 15, low: 0n };
    const valid = Math.min(Math.max(exponent, 1), 32766);
    return { high: valid | (random.below(2) << 15), low: significand(random) };
  };
  const registers = [number(first)];
  while (registers.length < 8) registers.push(number(random.pick(others) + distance(random)));
  const same = registers[random.below(8)] as Register;
  if (random.below(8) === 0) registers[random.below(8)] = { ...same, high: same.high ^ (random.below(2) << 15) };
  return registers;
}

/** The x87's part of a state block, UNIT_START to UNIT_END: usual and special numbers, all rounding modes, some exceptions unmasked. */
export function randomUnit(random: Random): Uint8Array {
  const usual = random.below(3) !== 0;
  const image = randomState(random, { unmasked: true, ...(usual && { registers: usualRegisters }) });
  const from = new DataView(image.buffer);
  const to = new DataView(new ArrayBuffer(UNIT_END - UNIT_START));
  const status = from.getUint16(4, true);
  // ES and B say whether an unmasked exception is flagged.
  const pending = status & ~from.getUint16(0, true) & 0x3f ? 0x8080 : 0;
  let tags = 0;
  for (let i = 0; i < 8; i++) {
    const physical = ((status >> 11) + i) & 7;
    to.setBigUint64(16 * physical, from.getBigUint64(28 + 10 * i, true), true);
    to.setUint16(16 * physical + 8, from.getUint16(36 + 10 * i, true), true);
    if (((from.getUint16(8, true) >> (2 * physical)) & 3) !== 3) tags |= 1 << physical;
  }
  to.setUint16(at.fcw - UNIT_START, from.getUint16(0, true), true);
  to.setUint16(at.fsw - UNIT_START, (status & 0x7f7f) | pending, true);
  to.setUint8(at.ftw - UNIT_START, tags);
  to.setUint16(at.fop - UNIT_START, random.below(0x800), true);
  to.setBigUint64(at.fip - UNIT_START, random.u64(), true);
  to.setBigUint64(at.fdp - UNIT_START, random.u64(), true);
  return new Uint8Array(to.buffer);
}
