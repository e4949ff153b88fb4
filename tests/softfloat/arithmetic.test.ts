/** Softfloat against JavaScript's own arithmetic (round to nearest), and its corner cases by hand. Runs on any host. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  add,
  bitLength,
  convert,
  DE,
  divide,
  F32,
  F64,
  F80,
  type FpContext,
  firstNan,
  IE,
  largerNan,
  multiply,
  OE,
  PE,
  pack32,
  pack64,
  pack80,
  Rounding,
  remainder,
  sqrt,
  subtract,
  toInteger,
  UE,
  unpack32,
  unpack64,
  unpack80Bits,
  ZE,
} from "../../src/machine/x86/softfloat/index.ts";
import { nearF64, Random, randomF32, randomF64 } from "./operands.ts";

function context(rounding: Rounding = Rounding.Nearest, masks = 0x3f): FpContext {
  return {
    rounding,
    masks,
    flushToZero: false,
    chooseNan: firstNan,
    exponentWrap: 0,
    flags: 0,
    inexact: false,
    roundedUp: false,
  };
}

const view = new DataView(new ArrayBuffer(8));
const toNumber = (bits: bigint): number => {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
};
const toBits = (n: number): bigint => {
  view.setFloat64(0, n);
  return view.getBigUint64(0);
};
const f32ToNumber = (bits: number): number => {
  view.setUint32(0, bits);
  return view.getFloat32(0);
};

const operations = [
  { name: "add", soft: add, js: (a: number, b: number) => a + b },
  { name: "subtract", soft: subtract, js: (a: number, b: number) => a - b },
  { name: "multiply", soft: multiply, js: (a: number, b: number) => a * b },
  { name: "divide", soft: divide, js: (a: number, b: number) => a / b },
  {
    name: "sqrt",
    soft: (c: FpContext, f: typeof F64, a: ReturnType<typeof unpack64>) => sqrt(c, f, a),
    js: (a: number) => Math.sqrt(a),
  },
];

describe("softfloat", () => {
  for (const { name, soft, js } of operations) {
    test(`${name} in double precision`, () => {
      const random = new Random(name.length);
      for (let i = 0; i < 8000; i++) {
        const a = randomF64(random);
        const b = random.below(4) ? randomF64(random) : nearF64(random, a);
        const bits = pack64(soft(context(), F64, unpack64(a), unpack64(b)));
        const expected = js(toNumber(a), toNumber(b));
        assert.ok(
          Object.is(toNumber(bits), expected),
          `${toNumber(a)}, ${toNumber(b)}: ${toNumber(bits)} not ${expected}`,
        );
      }
    });

    test(`${name} in single precision`, () => {
      // A double has so many bits more that rounding its result to a single is rounding once.
      const random = new Random(name.length + 1);
      for (let i = 0; i < 8000; i++) {
        const a = randomF32(random);
        const b = randomF32(random);
        const bits = pack32(soft(context(), F32, unpack32(a), unpack32(b)));
        const expected = Math.fround(js(f32ToNumber(a), f32ToNumber(b)));
        assert.ok(Object.is(f32ToNumber(bits), expected), `${a.toString(16)}, ${b.toString(16)}`);
      }
    });

    test(`${name}: directed rounding brackets the exact result`, () => {
      const random = new Random(name.length + 2);
      for (let i = 0; i < 1000; i++) {
        const a = unpack64(randomF64(random));
        const b = unpack64(randomF64(random));
        const c = context();
        const nearest = toNumber(pack64(soft(c, F64, a, b)));
        const down = toNumber(pack64(soft(context(Rounding.Down), F64, a, b)));
        const up = toNumber(pack64(soft(context(Rounding.Up), F64, a, b)));
        const zero = toNumber(pack64(soft(context(Rounding.Zero), F64, a, b)));
        if (Number.isNaN(nearest)) continue;
        assert.ok(down <= nearest && nearest <= up);
        assert.ok(zero === (nearest > 0 ? down : up) || (zero === 0 && down <= 0 && up >= 0));
        assert.equal(down !== up, (c.flags & PE) !== 0, "inexact results differ, and only they");
      }
    });
  }

  test("all widths of bigints", () => {
    for (let n = 1; n < 300; n++) {
      assert.equal(bitLength(1n << BigInt(n - 1)), n);
      assert.equal(bitLength((1n << BigInt(n)) - 1n), n);
    }
  });

  test("tininess is found after rounding", () => {
    // (1 - 2^-24) * 2^-126 has 24 bits: rounded to 24 bits it stays below the least normal and is tiny.
    const below = convert(context(), F32, unpack64(toBits((1 - 2 ** -24) * 2 ** -126)));
    assert.equal(pack32(below), 0x00800000);
    const tiny = context();
    convert(tiny, F32, unpack64(toBits((1 - 2 ** -24) * 2 ** -126)));
    assert.equal(tiny.flags, UE | PE);
    // One bit more, and rounding to 24 bits carries: same result, not tiny.
    const carries = context();
    assert.equal(pack32(convert(carries, F32, unpack64(toBits((1 - 2 ** -25) * 2 ** -126)))), 0x00800000);
    assert.equal(carries.flags, PE);
    // Exact denormals are tiny, but underflow only if it is unmasked.
    const exact = context();
    convert(exact, F32, unpack64(toBits(2 ** -149)));
    assert.equal(exact.flags, 0);
    const unmasked = context(Rounding.Nearest, 0x3f & ~UE);
    convert(unmasked, F32, unpack64(toBits(2 ** -149)));
    assert.equal(unmasked.flags, UE);
  });

  test("overflow goes to infinity or to the largest number, by rounding mode", () => {
    const largest = unpack64(toBits(Number.MAX_VALUE));
    const results = [Rounding.Nearest, Rounding.Down, Rounding.Up, Rounding.Zero].map((rounding) => {
      const c = context(rounding);
      const sum = toNumber(pack64(add(c, F64, largest, largest)));
      assert.equal(c.flags, OE | PE);
      return sum;
    });
    assert.deepEqual(results, [Infinity, Number.MAX_VALUE, Infinity, Number.MAX_VALUE]);
  });

  test("flags of special operands", () => {
    const one = unpack64(toBits(1));
    const zero = unpack64(0n);
    const infinity = unpack64(toBits(Infinity));
    const signaling = unpack64(0x7ff0000000000001n);
    const denormal = unpack64(1n);
    const flagsOf = (run: (c: FpContext) => unknown): number => {
      const c = context();
      run(c);
      return c.flags;
    };
    assert.equal(
      flagsOf((c) => divide(c, F64, one, zero)),
      ZE,
    );
    assert.equal(
      flagsOf((c) => divide(c, F64, zero, zero)),
      IE,
    );
    assert.equal(
      flagsOf((c) => subtract(c, F64, infinity, infinity)),
      IE,
    );
    assert.equal(
      flagsOf((c) => multiply(c, F64, infinity, zero)),
      IE,
    );
    assert.equal(
      flagsOf((c) => add(c, F64, one, signaling)),
      IE,
    );
    assert.equal(
      flagsOf((c) => add(c, F64, denormal, denormal)),
      DE,
    );
    assert.equal(
      flagsOf((c) => sqrt(c, F64, unpack64(toBits(-1)))),
      IE,
    );
    assert.equal(
      flagsOf((c) => toInteger(c, unpack64(toBits(2 ** 31)), 32)),
      IE,
    );
    assert.equal(toInteger(context(), unpack64(toBits(2 ** 31)), 32), -(2n ** 31n));
    assert.equal(toInteger(context(), unpack64(toBits(-(2 ** 31))), 32), -(2n ** 31n));
    assert.equal(
      flagsOf((c) => toInteger(c, unpack64(toBits(2.5)), 32)),
      PE,
    );
    assert.equal(toInteger(context(), unpack64(toBits(2.5)), 32), 2n);
  });

  test("which NaN wins", () => {
    const a = unpack64(0x7ff8000000000001n);
    const b = unpack64(0xfff8000000000002n);
    const c = unpack64(0x7ff0000000000007n);
    assert.equal(pack64(add(context(), F64, a, b)), 0x7ff8000000000001n);
    assert.equal(pack64(add(context(), F64, c, a)), 0x7ff8000000000007n);
    const x87 = { ...context(), chooseNan: largerNan };
    assert.equal(pack64(add(x87, F64, a, b)), 0xfff8000000000002n);
    assert.equal(pack64(add(x87, F64, c, a)), 0x7ff8000000000001n);
  });

  test("extended precision: bits go in and out unchanged", () => {
    const samples = [
      0n,
      1n,
      0x3fff_8000000000000000n,
      0x7ffe_ffffffffffffffffn,
      0x0000_7fffffffffffffffn,
      0xffff_c000000000000000n,
    ];
    for (const bits of samples) assert.equal(pack80(unpack80Bits(bits)), bits);
    // A pseudo-denormal has the value of the least normal.
    assert.equal(pack80(unpack80Bits(0x0000_8000000000000000n)), 0x0001_8000000000000000n);
    const third = divide(context(), F80, unpack64(toBits(1)), unpack64(toBits(3)));
    assert.equal(pack80(third), 0x3ffd_aaaaaaaaaaaaaaabn);
  });

  test("remainders", () => {
    const rem = (a: number, b: number, nearest: boolean): [number, number | undefined] => {
      const { value, quotient } = remainder(context(), unpack64(toBits(a)), unpack64(toBits(b)), nearest);
      return [toNumber(pack64(value)), quotient];
    };
    assert.deepEqual(rem(17, 5, false), [2, 3]);
    assert.deepEqual(rem(-17, 5, false), [-2, 3]);
    assert.deepEqual(rem(18, 5, true), [-2, 4]);
    assert.deepEqual(rem(2.5, 5, true), [2.5, 0]);
    assert.deepEqual(rem(7.5, 5, true), [-2.5, 2]);
    assert.deepEqual(rem(3, Infinity, true), [3, 0]);
  });
});
