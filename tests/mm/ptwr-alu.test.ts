import assert from "node:assert/strict";
import { test } from "node:test";
import { ALU, ReadModifyWrite } from "../../src/hypervisor/mm/ptwr-alu.ts";
import { FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from "../../src/machine/x86/state.ts";
import { Random } from "../fuzz/random.ts";

/** What an instruction does, with numbers as wide as they come. */
interface Expected {
  readonly value: bigint | undefined;
  readonly mask: number;
  readonly flags: number;
}

const SZP = FLAG_SF | FLAG_ZF | FLAG_PF;
const ALL = SZP | FLAG_CF | FLAG_OF | FLAG_AF;

function szp(value: bigint, bits: number): number {
  const ones = [...(value & 0xffn).toString(2)].filter((digit) => digit === "1").length;
  const sign = BigInt.asIntN(bits, value) < 0n ? FLAG_SF : 0;
  return (value === 0n ? FLAG_ZF : 0) | sign | (ones % 2 === 0 ? FLAG_PF : 0);
}

/** a + b + carry, or with `sign` -1 a - b - carry. */
function arithmetic(a: bigint, b: bigint, carry: bigint, sign: bigint, bits: number): Expected {
  const exact = a + sign * (b + carry);
  const value = BigInt.asUintN(bits, exact);
  const signed = BigInt.asIntN(bits, a) + sign * (BigInt.asIntN(bits, b) + carry);
  const nibble = (a & 15n) + sign * ((b & 15n) + carry);
  const flags =
    (exact !== value ? FLAG_CF : 0) |
    (BigInt.asIntN(bits, signed) !== signed ? FLAG_OF : 0) |
    (nibble < 0n || nibble > 15n ? FLAG_AF : 0);
  return { value, mask: ALL, flags: flags | szp(value, bits) };
}

function logic(value: bigint, bits: number): Expected {
  return { value, mask: SZP | FLAG_CF | FLAG_OF, flags: szp(value, bits) };
}

function withoutCarry({ value, flags }: Expected): Expected {
  return { value, mask: ALL & ~FLAG_CF, flags: flags & ~FLAG_CF };
}

function expected(
  name: string,
  old: bigint,
  source: bigint,
  accumulator: bigint,
  carry: bigint,
  bits: number,
): Expected {
  const bit = 1n << (source % BigInt(bits));
  const tested = { mask: FLAG_CF, flags: (old & bit) !== 0n ? FLAG_CF : 0 };
  const equal = accumulator === old;
  switch (name) {
    case "mov":
    case "movnti":
    case "xchg":
      return { value: source, mask: 0, flags: 0 };
    case "and":
      return logic(old & source, bits);
    case "or":
      return logic(old | source, bits);
    case "xor":
      return logic(old ^ source, bits);
    case "add":
    case "xadd":
      return arithmetic(old, source, 0n, 1n, bits);
    case "adc":
      return arithmetic(old, source, carry, 1n, bits);
    case "sub":
      return arithmetic(old, source, 0n, -1n, bits);
    case "sbb":
      return arithmetic(old, source, carry, -1n, bits);
    case "inc":
      return withoutCarry(arithmetic(old, 1n, 0n, 1n, bits));
    case "dec":
      return withoutCarry(arithmetic(old, 1n, 0n, -1n, bits));
    case "neg":
      return arithmetic(0n, old, 0n, -1n, bits);
    case "not":
      return { value: BigInt.asUintN(bits, ~old), mask: 0, flags: 0 };
    case "bts":
      return { value: old | bit, ...tested };
    case "btr":
      return { value: old & ~bit, ...tested };
    case "btc":
      return { value: old ^ bit, ...tested };
    case "cmpxchg":
      return { ...arithmetic(accumulator, old, 0n, -1n, bits), value: equal ? source : undefined };
    case "cmpxchg8b":
      return { value: equal ? source : undefined, mask: FLAG_ZF, flags: equal ? FLAG_ZF : 0 };
    default:
      throw new Error(`${name} is not in this table`);
  }
}

test("instructions on halves do what they do on whole numbers", () => {
  const random = new Random(7);
  const x = new ReadModifyWrite();
  const split = (value: bigint): [number, number] => [Number(value & 0xffff_ffffn), Number(value >> 32n)];
  for (const [name, run] of Object.entries(ALU)) {
    for (const size of name === "cmpxchg8b" ? [8] : [1, 2, 4, 8]) {
      const bits = size * 8;
      const edges = [
        0n,
        1n,
        2n,
        -1n,
        -2n,
        1n << BigInt(bits - 1),
        (1n << BigInt(bits - 1)) - 1n,
        0xffff_ffffn,
        1n << 32n,
      ];
      const number = (): bigint => BigInt.asUintN(bits, random.oneIn(2) ? random.pick(edges) : random.word());
      for (let i = 0; i < 2000; i++) {
        const [old, source] = [number(), number()];
        const accumulator = random.oneIn(2) ? old : number();
        const carry = random.below(2);
        x.size = size;
        [x.oldLo, x.oldHi] = split(old);
        [x.sourceLo, x.sourceHi] = split(source);
        [x.accumulatorLo, x.accumulatorHi] = split(accumulator);
        x.carry = carry;
        x.begin();
        run(x);
        const value = x.writes ? (BigInt(x.hi) << 32n) | BigInt(x.lo) : undefined;
        const found = { value, mask: x.flagMask, flags: x.flags };
        const want = expected(name, old, source, accumulator, BigInt(carry), bits);
        assert.deepEqual(found, want, `${name}${bits} ${old} ${source} ${accumulator} ${carry}`);
        assert.equal(x.sourceTakesOld, name === "xchg" || name === "xadd");
        assert.equal(x.accumulatorTakesOld, value === undefined);
      }
    }
  }
});
