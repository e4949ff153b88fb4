/** The interpreter and compiled code must agree on everything, wherever a run ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RegionStatistics } from "../../src/machine/jit/region-cache.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { type FlatMachine, flatMachine } from "../machine/flat-machine.ts";
import { CODE_PAGE, DATA, Random, randomProgram } from "./random-program.ts";

const PROGRAMS = Number(process.env.TYPERVISOR_JIT_PROGRAMS ?? 40);
const CODE = CODE_PAGE;
/** Enough for a loop to be compiled at the lowest threshold. */
const ITERATIONS = 12_000;

function load(machine: FlatMachine, program: Uint8Array, seed: number, at: number): void {
  const { cpu, bytes } = machine;
  const random = new Random(seed);
  for (let i = 0; i < 0x3000; i++) bytes[DATA + i] = random.next(256);
  bytes.set(program, at);
  for (let i = 0; i < 16; i++) cpu.gpr[i] = (BigInt(random.next(2 ** 32)) << 32n) | BigInt(random.next(2 ** 32));
  cpu.gpr[3] = BigInt(DATA);
  cpu.gpr[4] = BigInt(DATA + 0x4000);
  cpu.state.rip = BigInt(at);
  // All exceptions masked, any rounding and precision.
  cpu.state.fcw = 0x7f | (random.next(16) << 8);
  cpu.state.fsw = cpu.state.ftw = 0;
}

function snapshot({ cpu, bytes }: FlatMachine): unknown {
  const { state } = cpu;
  return {
    rip: state.rip,
    gpr: [...cpu.gpr],
    rflags: cpu.rflags,
    retired: cpu.retired,
    xmm: Buffer.from(state.xmm).toString("hex"),
    x87: [state.fcw, state.fsw, state.ftw, state.fip, state.fdp],
    fpr: Buffer.from(state.fpr).toString("hex"),
    vector: state.exit_vector,
    errorCode: state.exit_error_code,
    cr2: state.cr2,
    data: Buffer.from(bytes.subarray(DATA, DATA + 0x4000)).toString("base64"),
  };
}

function compareTiers(seed: number, faults: boolean, broken = false): RegionStatistics {
  const program = randomProgram(new Random(seed), ITERATIONS, faults, broken);
  const plain = flatMachine({ jit: false });
  const compiled = flatMachine({ jitThreshold: 1 });
  // Many programs spread over two pages.
  const at = CODE_PAGE + 0x1000 - new Random(seed + 2).next(2 * program.length);
  for (const machine of [plain, compiled]) load(machine, program, seed, at);
  const budgets = new Random(seed + 1);
  for (;;) {
    const budget = 2 + budgets.next(60_000);
    const reason = plain.cpu.run(budget);
    assert.equal(compiled.cpu.run(budget), reason, `seed ${seed}: exit reason`);
    assert.deepEqual(snapshot(compiled), snapshot(plain), `seed ${seed}`);
    if (reason === ExitReason.Budget) continue;
    return compiled.cpu.statistics.regions as RegionStatistics;
  }
}

test("random loops give the same state at every exit", () => {
  let compiled = 0;
  for (let i = 0; i < PROGRAMS; i++) compiled += compareTiers(0x1234 + i * 7919, false).compiled;
  assert.ok(compiled >= PROGRAMS / 2, `only ${compiled} regions were compiled`);
});

test("random loops with page crossings and faults give the same state at every exit", () => {
  let compiled = 0;
  for (let i = 0; i < PROGRAMS; i++) compiled += compareTiers(0x4321 + i * 104729, true).compiled;
  assert.ok(compiled > 0, "nothing was compiled");
});

test("random code in many regions with several entries gives the same state at every exit", () => {
  let compiled = 0;
  for (let i = 0; i < PROGRAMS; i++) compiled += compareTiers(0x5678 + i * 15485863, i % 2 === 1, true).compiled;
  assert.ok(compiled >= 2 * PROGRAMS, `only ${compiled} regions were compiled`);
});

test("a long way of branches within branches is compiled", () => {
  // 40 times: cmp [rbx], eax; je over the next; jmp to the end. Each block is in the one before, and all of their locals
  // together are more than a byte counts.
  const STEPS = 40;
  const LENGTH = 9;
  const top = 7;
  const end = top + STEPS * LENGTH;
  const rel32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255];
  const steps = Array.from({ length: STEPS }, (_, i) => [
    0x39,
    0x03,
    0x74,
    5,
    0xe9,
    ...rel32((STEPS - i - 1) * LENGTH),
  ]);
  // mov ecx, ITERATIONS; mov [rbx], eax; the steps; dec ecx; jnz top; int3
  const again = [0xff, 0xc9, 0x0f, 0x85, ...rel32(top - (end + 8))];
  const program = [0xb9, ...rel32(ITERATIONS), 0x89, 0x03, ...steps.flat(), ...again, 0xcc];
  const results = [{ jit: false }, { jitThreshold: 1 }].map((options) => {
    const machine = flatMachine(options);
    load(machine, Uint8Array.from(program), 7, CODE);
    while (machine.cpu.run(50_000) === ExitReason.Budget);
    return { state: snapshot(machine), regions: machine.cpu.statistics.regions };
  });
  assert.deepEqual(results[1]?.state, results[0]?.state);
  assert.ok((results[1]?.regions?.instructions ?? 0) >= 3 * STEPS, "the loop was not compiled as a whole");
});

test("code that is written over runs as written", () => {
  for (const options of [{ jit: false }, { jitThreshold: 1 }]) {
    const machine = flatMachine(options);
    // mov ecx, 40000; L: add eax, 1; dec ecx; jnz L; then patch the 1 to 2 and go again, once; int3
    const program = Uint8Array.of(
      0x31,
      0xc0,
      0xb9,
      0x40,
      0x9c,
      0,
      0,
      0x83,
      0xc0,
      1,
      0xff,
      0xc9,
      0x75,
      0xf9,
      0x80,
      0x3c,
      0x25,
      CODE + 9,
      (CODE + 9) >> 8,
      0,
      0,
      2,
      0x74,
      0x0f,
      0xc6,
      0x04,
      0x25,
      CODE + 9,
      (CODE + 9) >> 8,
      0,
      0,
      2,
      0xb9,
      0x40,
      0x9c,
      0,
      0,
      0xeb,
      0xe0,
      0xcc,
    );
    load(machine, program, 5, CODE);
    machine.cpu.gpr[0] = 0n;
    while (machine.cpu.run(10_000) === ExitReason.Budget);
    assert.equal(machine.cpu.gpr[0], 120_000n);
  }
});

test("a full code cache is flushed, and execution goes on", () => {
  for (const options of [{ jit: false }, { jitThreshold: 1 }]) {
    const machine = flatMachine(options);
    const { cpu, bytes } = machine;
    // 100 pages of "inc eax", three times round: more records than the cache of this machine holds.
    const first = 0x10000;
    const last = first + 100 * 4096;
    for (let at = first; at < last; at += 2) bytes.set([0xff, 0xc0], at);
    // dec ecx; jnz first; int3
    const back = first - (last + 8);
    bytes.set(
      [0xff, 0xc9, 0x0f, 0x85, back & 255, (back >> 8) & 255, (back >> 16) & 255, (back >> 24) & 255, 0xcc],
      last,
    );
    cpu.gpr[0] = 0n;
    cpu.gpr[1] = 3n;
    cpu.state.rip = BigInt(first);
    while (cpu.run(100_000) === ExitReason.Budget);
    assert.equal(cpu.gpr[0], BigInt((3 * (last - first)) / 2));
    assert.ok(cpu.statistics.code.flushes > 0, "the cache was never full");
  }
});
