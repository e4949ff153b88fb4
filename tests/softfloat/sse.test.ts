/**
 * Every SSE floating-point operation against the host's processor: result bits, MXCSR flags and
 * whether it faults, under random MXCSR values (all rounding modes, masks, FTZ, DAZ).
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { executeSse, mxcsrUpdate, SSE_IMMEDIATE_SHIFT, SseOp } from "../../src/machine/x86/softfloat/index.ts";
import { nearF64, Random, randomF32, randomF64, tinyProductF32, tinyProductF64 } from "./operands.ts";
import { Oracle, oracleUnavailable } from "./oracle.ts";

const REQUEST = 40;
const REPLY = 24;
const CASES = 1500;
/** Operations with an immediate, and how many values of it are tested. */
const IMMEDIATES: Record<string, number> = { cmp: 8, round: 16 };

function randomMxcsr(random: Random): number {
  const masked = random.below(4) !== 0 ? 0x1f80 : random.u32() & 0x1f80;
  const modes = random.u32() & 0xe000;
  // FTZ and DAZ each in a quarter of the cases.
  return masked | (modes & (random.below(2) ? 0xffff : 0x7fff)) | (random.below(4) === 0 ? 0x40 : 0);
}

/** Sixteen bytes of what the operation takes. */
function fillOperand(random: Random, dv: DataView, at: number, name: string, near: number): void {
  const integers = /^cvt(si|dq|pi)2/.test(name);
  const doubles = /(pd|sd)$|^cvtt?(pd|sd)2/.test(name) && !/2[ps]d$/.test(name);
  for (let i = 0; i < 16; i += 8) {
    if (integers) {
      dv.setBigInt64(at + i, BigInt.asIntN(64, random.u64()) >> BigInt(random.below(64)), true);
    } else if (doubles) {
      const value = random.below(4) === 0 ? nearF64(random, dv.getBigUint64(near + i, true)) : randomF64(random);
      dv.setBigUint64(at + i, value, true);
    } else {
      for (let j = 0; j < 8; j += 4) {
        const value =
          random.below(4) === 0 ? dv.getUint32(near + i + j, true) ^ (random.u32() & 0x80000003) : randomF32(random);
        dv.setUint32(at + i + j, value, true);
      }
    }
  }
}

/** Both operands such that products are next to the least normal number. */
function fillTiny(random: Random, dv: DataView, at: number, name: string): void {
  for (let i = 0; i < 16; i += 4) {
    const [a, b] = tinyProductF32(random);
    dv.setUint32(at + i, a, true);
    dv.setUint32(at + 16 + i, b, true);
  }
  if (!name.endsWith("d")) return;
  for (let i = 0; i < 16; i += 8) {
    const [a, b] = tinyProductF64(random);
    dv.setBigUint64(at + i, a, true);
    dv.setBigUint64(at + 16 + i, b, true);
  }
}

/** Approximations (RCPPS) that are within the promised error of each other count as the same: relative, or around underflow. */
function reconcile(expected: DataView, actual: DataView, at: number): void {
  for (let i = 0; i < 16; i += 4) {
    const x = expected.getFloat32(i, true);
    const y = actual.getFloat32(at + i, true);
    const tolerance = Math.max(Math.abs(x) * 3 * 2 ** -12, 2 ** -126);
    const sameSign = (expected.getUint8(i + 3) ^ actual.getUint8(at + i + 3)) < 128;
    if (sameSign && Math.abs(x - y) <= tolerance) expected.setUint32(i, actual.getUint32(at + i, true), true);
  }
}

const hex = (dv: DataView, at: number): string =>
  `${dv
    .getBigUint64(at + 8, true)
    .toString(16)
    .padStart(16, "0")}_${dv.getBigUint64(at, true).toString(16).padStart(16, "0")}`;

describe("SSE arithmetic against the processor", { skip: oracleUnavailable() ?? false }, () => {
  let oracle: Oracle;
  before(() => {
    const names = Object.entries(SseOp).map(([name, id]) => `#define OP_${name} ${id}`);
    oracle = new Oracle(new URL("./sse-oracle.c", import.meta.url), `${names.join("\n")}\n`);
  });
  after(() => oracle?.close());

  test("all operations", () => {
    const random = new Random(20241);
    const names = Object.keys(SseOp) as SseOp[];
    const buffer = new DataView(new ArrayBuffer(names.length * CASES * REQUEST));
    const owners: SseOp[] = [];
    let at = 0;
    for (const name of names) {
      const immediates = IMMEDIATES[name.slice(0, -2)] ?? 1;
      for (let i = 0; i < CASES; i++, at += REQUEST) {
        owners.push(name);
        buffer.setUint32(at, SseOp[name] | (random.below(immediates) << SSE_IMMEDIATE_SHIFT), true);
        buffer.setUint32(at + 4, randomMxcsr(random), true);
        fillOperand(random, buffer, at + 8, name, at + 8);
        fillOperand(random, buffer, at + 24, name, at + 8);
        if (name.startsWith("mul") && i % 4 === 0) fillTiny(random, buffer, at + 8, name);
      }
    }
    const replies = oracle.run(new Uint8Array(buffer.buffer));
    const out = new DataView(new ArrayBuffer(16));
    const memory = new DataView(new ArrayBuffer(48));
    const failures: string[] = [];
    owners.forEach((name, i) => {
      const request = i * REQUEST;
      const op = buffer.getUint32(request, true);
      const mxcsr = buffer.getUint32(request + 4, true);
      for (let j = 0; j < 32; j += 4) memory.setUint32(j, buffer.getUint32(request + 8 + j, true), true);
      for (let j = 0; j < 16; j += 4) memory.setUint32(32 + j, memory.getUint32(j, true), true);
      const flags = executeSse(memory, op, 0, 16, 32, mxcsr);
      const updated = mxcsrUpdate(mxcsr, flags);
      for (let j = 0; j < 16; j++) out.setUint8(j, replies.getUint8(i * REPLY + 8 + j));
      if (name.startsWith("r") && !name.startsWith("round")) reconcile(out, memory, 32);
      const expected = `${hex(out, 0)} mxcsr=${replies.getUint32(i * REPLY, true).toString(16)} fault=${replies.getUint32(i * REPLY + 4, true)}`;
      const actual = `${hex(memory, 32)} mxcsr=${updated.mxcsr.toString(16)} fault=${Number(updated.fault)}`;
      if (actual !== expected) {
        failures.push(
          `${name}/${op >> 8} mxcsr=${mxcsr.toString(16)} ${hex(memory, 0)}, ${hex(memory, 16)}\n  is     ${actual}\n  not    ${expected}`,
        );
      }
    });
    assert.equal(
      failures.length,
      0,
      `${failures.length} of ${owners.length} differ:\n${failures.slice(0, 20).join("\n")}`,
    );
  });
});
