import assert from "node:assert/strict";
import { test } from "node:test";
import { isGuestAddress, isGuestRange } from "../../src/hypervisor/mm/guest-access.ts";
import {
  highHalf,
  isCanonicalLinear,
  isGuestArray,
  isGuestLinear,
  linearAddress,
  linearOf,
  lowHalf,
} from "../../src/hypervisor/mm/linear.ts";
import { tableIndex } from "../../src/hypervisor/mm/pte.ts";

/** Addresses around each border, and such as a number cannot hold exactly. */
const BORDERS = [
  0n,
  1n << 32n,
  1n << 47n,
  1n << 48n,
  1n << 53n,
  1n << 62n,
  1n << 63n,
  0xffff_0000_0000_0000n,
  0xffff_7fff_ffff_f000n,
  0xffff_8000_0000_0000n,
  0xffff_8800_0000_0000n,
  0xffff_ffff_0000_0000n,
];
const OFFSETS = [-4097n, -513n, -2n, -1n, 0n, 1n, 2n, 255n, 513n, 4095n, 4096n];
const ADDRESSES = BORDERS.flatMap((border) => OFFSETS.map((offset) => BigInt.asUintN(64, border + offset)));

const halves = (va: bigint): [number, number] => [Number(va & 0xffff_ffffn), Number(va >> 32n)];

test("checks of linear addresses as numbers are those of 64-bit ones", () => {
  for (const va of ADDRESSES) {
    const la = linearAddress(...halves(va));
    const name = va.toString(16);
    assert.equal(la, linearOf(va), name);
    assert.equal(isGuestLinear(la), isGuestAddress(va), name);
    assert.equal(isCanonicalLinear(la), BigInt.asUintN(64, BigInt.asIntN(48, va)) === va, name);
    for (const count of [0, 1, 2, 513, 2 ** 31 - 1, 2 ** 32 - 1]) {
      for (const size of [8, 16, 24, 64]) {
        assert.equal(isGuestArray(la, count, size), isGuestRange(va, count * size), `${name} ${count} ${size}`);
      }
    }
  }
});

test("a canonical address is exact as a number", () => {
  for (const va of ADDRESSES) {
    const la = linearAddress(...halves(va));
    if (!isCanonicalLinear(la)) continue;
    assert.deepEqual([lowHalf(la), highHalf(la)], halves(va));
    for (const level of [1, 2, 3, 4]) {
      assert.equal(tableIndex(la, level), Number((va >> BigInt(3 + 9 * level)) & 511n), `${va.toString(16)} L${level}`);
    }
  }
});
