/** A run that is interrupted and continued ends where it would have ended in one go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitReason } from "../../src/machine/processor.ts";
import { DATA, Random, randomProgram } from "../jit/random-program.ts";
import { type FlatMachine, flatMachine } from "./flat-machine.ts";

/** Each program has a page of its own: the machines are made once. */
const CODE = 0x10000;

function load({ cpu, bytes }: FlatMachine, seed: number): void {
  const at = CODE + seed * 0x1000;
  bytes.set(randomProgram(new Random(seed), 3000, false), at);
  bytes.fill(0, DATA, DATA + 0x4000);
  for (let i = 0; i < 16; i++) cpu.gpr[i] = BigInt(i * 0x1234567);
  cpu.gpr[3] = BigInt(DATA);
  cpu.gpr[4] = BigInt(DATA + 0x4000);
  cpu.state.rip = BigInt(at);
}

const snapshot = ({ cpu }: FlatMachine): unknown => [cpu.state.rip, [...cpu.gpr], cpu.rflags, cpu.retired];

/** Runs `budget` instructions in pieces. */
function runInPieces({ cpu }: FlatMachine, budget: number, piece: () => number): ExitReason {
  let left = budget;
  for (let continued = false; ; continued = true) {
    const before = cpu.retired;
    const reason = cpu.run(Math.min(left, piece()), continued);
    left -= cpu.retired - before;
    if (reason !== ExitReason.Budget || left <= 0) return reason;
  }
}

for (const options of [{ jit: false }, { jitThreshold: 1 }]) {
  test(`interrupted runs leave no trace: ${JSON.stringify(options)}`, () => {
    const whole = flatMachine(options);
    const pieces = flatMachine(options);
    for (let seed = 1; seed < 12; seed++) {
      for (const machine of [whole, pieces]) load(machine, seed);
      const random = new Random(seed);
      for (;;) {
        // Small budgets, so that often one instruction is left.
        const budget = 2 + random.next(100);
        const reason = whole.cpu.run(budget);
        assert.equal(
          runInPieces(pieces, budget, () => 2 + random.next(30)),
          reason,
        );
        assert.deepEqual(snapshot(pieces), snapshot(whole), `seed ${seed}, budget ${budget}`);
        if (reason !== ExitReason.Budget || whole.cpu.retired > seed * 4000) break;
      }
    }
  });
}

test("the processor says which tier executed the last instruction", () => {
  const machine = flatMachine({ jitThreshold: 1 });
  // L: add eax, 1; dec ecx; jnz L; 20 times nop; int3
  machine.bytes.set([0x83, 0xc0, 1, 0xff, 0xc9, 0x75, 0xf9, ...Array(20).fill(0x90), 0xcc], CODE);
  const { cpu } = machine;
  cpu.state.rip = BigInt(CODE);
  cpu.gpr[1] = 100_000n;
  cpu.run(100);
  assert.equal(cpu.tier, "interpreter");
  cpu.run(100_000);
  cpu.run(50_000);
  assert.equal(cpu.tier, "jit");
  assert.equal(cpu.run(1_000_000), ExitReason.Exception);
  assert.equal(cpu.tier, "interpreter");
});

test("an interrupted run was in the function that its time went to", () => {
  const { cpu, bytes } = flatMachine({ jit: false });
  // Each page calls the next: 60 nops, call, 3 nops, ret. The last one only has nops.
  const page = (n: number): number => CODE + n * 0x1000;
  const call = (from: number, to: number): number[] => [0xe8, ...new Uint8Array(Int32Array.of(to - from - 5).buffer)];
  const nops = (n: number): number[] => Array<number>(n).fill(0x90);
  for (const n of [1, 2]) bytes.set([...nops(60), ...call(page(n) + 60, page(n + 1)), ...nops(3), 0xc3], page(n));
  bytes.set([...nops(200), 0xc3], page(3));
  bytes.set([...call(CODE, page(1)), 0xeb, 0xf9], CODE);
  cpu.state.rip = BigInt(CODE);
  cpu.gpr[4] = BigInt(DATA);
  const instructions = [2, 65, 65, 201];
  const period = 333;
  const random = new Random(1);
  const samples = [0, 0, 0, 0];
  for (let i = 0; i < 2000; i++) {
    cpu.run(period + random.next(3 * period));
    samples[Number((cpu.interruptedAt - BigInt(CODE)) >> 12n)]!++;
  }
  instructions.forEach((count, i) => {
    const expected = (count * 2000) / period;
    assert.ok(Math.abs(samples[i]! - expected) < 70, `function ${i}: ${samples[i]} of 2000 samples, not ${expected}`);
  });
});
