/** The harness itself: does what it reports agree with what arithmetic says? */
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildHarness, runNative } from "./native.ts";
import { Random } from "./random.ts";
import {
  backgroundMemory,
  CASE_FX,
  CASE_SIZE,
  Case,
  CODE_BASE,
  CODE_SIZE,
  DATA_BASE,
  EXECUTED,
  FX_XMM,
  READ_ONLY_BASE,
  RESULT_FX,
} from "./record.ts";

const skip = buildHarness();
const M64 = (1n << 64n) - 1n;

/** Runs `code` from `count` random states. */
function run(code: number[], count: number, prepare?: (c: Case, i: number) => void) {
  const buffer = new ArrayBuffer(count * CASE_SIZE);
  const random = new Random(1);
  const cases = Array.from({ length: count }, (_, i) => {
    const c = new Case(buffer, i);
    c.rip = BigInt(CODE_BASE + 64);
    c.code = Uint8Array.from(code);
    c.rflags = 0x202n;
    for (let r = 0; r < 16; r++) c.gpr[r] = random.value();
    c.dv.setUint16(CASE_FX, 0x37f, true);
    c.mxcsr = 0x1f80;
    prepare?.(c, i);
    return c;
  });
  return runNative(buffer, count).map((result, i) => ({ case: cases[i]!, result }));
}

test("add rax, rbx and mul rbx agree with BigInt", { skip }, () => {
  for (const { case: c, result } of run([0x48, 0x01, 0xd8], 200)) {
    const sum = c.gpr[0]! + c.gpr[3]!;
    assert.equal(result.vector, EXECUTED);
    assert.equal(result.gpr(0), sum & M64);
    assert.equal(result.rflags & 1n, sum >> 64n, "CF");
    assert.equal((result.rflags >> 6n) & 1n, (sum & M64) === 0n ? 1n : 0n, "ZF");
    assert.equal(result.rip, c.rip + 3n);
  }
  for (const { case: c, result } of run([0x48, 0xf7, 0xe3], 200)) {
    const product = c.gpr[0]! * c.gpr[3]!;
    assert.equal((result.gpr(2) << 64n) | result.gpr(0), product);
  }
});

test("stores are reported and undone", { skip }, () => {
  const before = new DataView(backgroundMemory().buffer);
  // mov [rdi], rax; every case finds the background there. An unaligned store changes two words.
  for (const { case: c, result } of run([0x48, 0x89, 0x07], 20, (c, i) => (c.gpr[7] = BigInt(DATA_BASE + 4 * i)))) {
    const at = Number(c.gpr[7]!) - DATA_BASE;
    const after = new DataView(before.buffer.slice(0));
    after.setBigUint64(at, c.gpr[0]!, true);
    for (let n = 0; n < result.changeCount; n++) {
      const { address, value } = result.change(n);
      assert.equal(value, after.getBigUint64(address - DATA_BASE, true));
    }
    assert.ok(result.changeCount >= 1);
  }
});

test("patches are data before the instruction", { skip }, () => {
  for (const { case: c, result } of run([0x48, 0x8b, 0x07], 20, (c, i) => {
    const address = DATA_BASE + 100 * i;
    c.setPatch(0, address).fill(i + 1);
    c.gpr[7] = BigInt(address);
  })) {
    const byte = BigInt(c.patchData(0)[0]!);
    assert.equal(result.gpr(0), byte * 0x0101010101010101n);
    assert.equal(result.changeCount, 0);
  }
});

test("faults carry vector, error code and CR2", { skip }, () => {
  const store = [0x48, 0x89, 0x07];
  const at = (address: bigint) => run(store, 1, (c) => (c.gpr[7] = address))[0]!.result;
  const readOnly = at(BigInt(READ_ONLY_BASE));
  assert.deepEqual([readOnly.vector, readOnly.errorCode, readOnly.cr2], [14, 7, BigInt(READ_ONLY_BASE)]);
  const unmapped = at(BigInt(DATA_BASE) - 4n);
  assert.deepEqual([unmapped.vector, unmapped.errorCode, unmapped.cr2], [14, 6, BigInt(DATA_BASE) - 4n]);
  const nonCanonical = at(1n << 47n);
  assert.deepEqual([nonCanonical.vector, nonCanonical.errorCode], [13, 0]);
  assert.equal(nonCanonical.rip, BigInt(CODE_BASE + 64));
  assert.equal(run([0x0f, 0x0b], 1)[0]!.result.vector, 6);
  const int3 = run([0xcc], 1, (c) => (c.singleStep = true))[0]!.result;
  assert.deepEqual([int3.vector, int3.rip], [3, BigInt(CODE_BASE + 65)]);
  assert.equal(run([0x48, 0xf7, 0xf1], 1, (c) => (c.gpr[1] = 0n))[0]!.result.vector, 0, "div by zero");
  // mov eax, imm32 that runs into the unmapped page behind the code
  const fetch = run([0xb8, 0, 0, 0], 1, (c) => {
    c.rip = BigInt(CODE_BASE + CODE_SIZE - 4);
    c.singleStep = true;
  })[0]!.result;
  assert.deepEqual([fetch.vector, fetch.errorCode, fetch.cr2], [14, 0x14, BigInt(CODE_BASE + CODE_SIZE)]);
  // movzx from a stack address that is not canonical: #SS
  assert.equal(run([0x58], 1, (c) => (c.gpr[4] = 1n << 47n))[0]!.result.vector, 12);
});

test("survives what the tested code does to the harness's surroundings", { skip }, () => {
  const cases: [number[], (c: Case) => void][] = [
    [[0x8e, 0xd8], (c) => (c.gpr[0] = 0x2bn)], // mov ds, eax
    [[0x8e, 0xe0], (c) => (c.gpr[0] = 0n)], // mov fs, eax
    [[0xf3, 0x48, 0x0f, 0xae, 0xd0], (c) => (c.gpr[0] = 0x12345n)], // wrfsbase rax
    [[0xfd], () => undefined], // std
    [[0x0f, 0x1f, 0x00], (c) => (c.rflags |= 0x244ed5n)], // nop, with AC, NT, ID, DF and arithmetic flags set
    [[0x48, 0x31, 0xe4], () => undefined], // xor rsp, rsp
    [[0x0f, 0x77], () => undefined], // emms
  ];
  for (const [code, prepare] of cases) {
    for (const { result } of run(code, 50, (c) => prepare(c))) assert.equal(result.vector, EXECUTED);
    // and the next one is not affected
    for (const { case: c, result } of run([0x48, 0x8d, 0x04, 0x1b], 50))
      assert.equal(result.gpr(0), (c.gpr[3]! * 2n) & M64);
  }
  const flags = run([0x90], 1, (c) => (c.rflags = 0x244ed7n))[0]!.result.rflags;
  assert.equal(flags & ~0x10100n, 0x244ed7n);
});

test("rep movsb runs to its end", { skip }, () => {
  for (const { result } of run([0xf3, 0xa4], 10, (c) => {
    c.gpr[1] = 100n;
    c.gpr[6] = BigInt(DATA_BASE);
    c.gpr[7] = BigInt(DATA_BASE + 0x1000);
  })) {
    assert.equal(result.gpr(1), 0n);
    assert.equal(result.gpr(7), BigInt(DATA_BASE + 0x1000 + 100));
    assert.ok(result.changeCount >= 12);
  }
});

test("SSE state goes in and out", { skip }, () => {
  // paddq xmm1, xmm2
  for (const { case: c, result } of run([0x66, 0x0f, 0xd4, 0xca], 50, (c, i) =>
    new Random(i).fill(c.fx.subarray(FX_XMM, FX_XMM + 256)),
  )) {
    for (const half of [0, 8]) {
      const a = c.dv.getBigUint64(CASE_FX + FX_XMM + 16 + half, true);
      const b = c.dv.getBigUint64(CASE_FX + FX_XMM + 32 + half, true);
      assert.equal(result.dv.getBigUint64(RESULT_FX + FX_XMM + 16 + half, true), (a + b) & M64);
    }
  }
});

test("speed", { skip }, (t) => {
  const start = performance.now();
  const count = 20000;
  run([0x48, 0x01, 0xd8], count);
  t.diagnostic(`${Math.round(count / (performance.now() - start))} thousand cases a second, process start included`);
});
