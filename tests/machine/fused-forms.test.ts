/** Instructions that the interpreter executes in one go: they must do what they do one by one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Handler } from "../../src/machine/interpreter/form-registry.ts";
import { Fusions, MAX_FUSED } from "../../src/machine/interpreter/fusions.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import type { SoftwareProcessor } from "../../src/machine/software-processor.ts";
import { flatMachine } from "./flat-machine.ts";

const CODE = 0x8000;
const DATA = 0x6000;
const [RAX, RCX, RDX, RBX, RSP, RDI] = [0, 1, 2, 3, 4, 7];
const HLT = 0xf4;
const EXC_PF = 14;

/** A processor at code, with a HLT behind it. */
function load(code: readonly number[]): { cpu: SoftwareProcessor; bytes: Uint8Array } {
  const { cpu, bytes } = flatMachine({ jit: false });
  bytes.set([...code, HLT], CODE);
  cpu.state.rip = BigInt(CODE);
  return { cpu, bytes };
}

/** Executes the code until RIP is at its end. */
function run(code: readonly number[], set: (gpr: BigUint64Array) => void): BigUint64Array {
  const { cpu } = load(code);
  set(cpu.gpr);
  cpu.run(100);
  assert.equal(cpu.state.rip, BigInt(CODE + code.length), "up to the HLT");
  return cpu.gpr;
}

describe("what is written over is not executed as it was", () => {
  // mov [rbx], rax, which makes `mov rcx, rdi` of what is behind it.
  const STORE = [0x48, 0x89, 0x03];
  const MOV_RCX_RDI = 0x9090_9090_90f9_8948n;

  for (const [name, behind] of [
    ["a store", [0x48, 0x89, 0x0d, 0, 1, 0, 0]],
    ["a load", [0x48, 0x8b, 0x0d, 0, 1, 0, 0]],
    ["a register move and others", [0x48, 0x89, 0xc1, 0x48, 0x89, 0xc1, 0x90]],
  ] as const) {
    test(`a store over ${name} behind it`, () => {
      const gpr = run([...STORE, ...behind, 0x90], (gpr) => {
        gpr[RAX] = MOV_RCX_RDI;
        gpr[RBX] = BigInt(CODE + STORE.length);
        gpr[RDI] = 42n;
      });
      assert.equal(gpr[RCX], 42n);
    });
  }

  test("a push over the second instruction behind it", () => {
    // push rax; mov rdi, rdi; then what the push makes `mov rcx, rdi`.
    const gpr = run([0x50, 0x48, 0x89, 0xff, 0x48, 0x8b, 0x0d, 0, 1, 0, 0, 0x90], (gpr) => {
      gpr[RAX] = MOV_RCX_RDI;
      gpr[RSP] = BigInt(CODE + 4 + 8);
      gpr[RDI] = 42n;
    });
    assert.equal(gpr[RCX], 42n);
  });

  for (let written = 1; written < MAX_FUSED; written++) {
    test(`of four pushes, number ${written} is written over after they have been executed`, () => {
      // push rax, four times; jmp to the store; ...; store: mov byte [rbx], 0x51 (push rcx); jmp back
      const pushes = [0x50, 0x50, 0x50, 0x50];
      const code = [...pushes, 0xff, 0xca, 0x78, 5, 0xc6, 0x03, 0x51, 0xeb, 0xf3];
      const { cpu, bytes } = load(code);
      cpu.gpr[RAX] = 1n;
      cpu.gpr[RCX] = 2n;
      cpu.gpr[RDX] = 1n;
      cpu.gpr[RBX] = BigInt(CODE + written);
      cpu.gpr[RSP] = BigInt(DATA + 64);
      cpu.run(100);
      assert.equal(cpu.state.rip, BigInt(CODE + code.length), "up to the HLT");
      const pushed = Array.from({ length: 8 }, (_, i) => bytes[DATA + 56 - 8 * i]);
      const second = [1, 1, 1, 1].map((value, i) => (i === written ? 2 : value));
      assert.deepEqual(pushed, [1, 1, 1, 1, ...second]);
    });
  }
});

describe("what is rare, in the midst", () => {
  test("the third of four pushes has no page", () => {
    const { cpu, bytes } = load([0x50, 0x50, 0x50, 0x50]);
    cpu.gpr[RAX] = 7n;
    cpu.gpr[RSP] = 16n;
    const before = cpu.retired;
    assert.equal(cpu.run(100), ExitReason.Exception);
    assert.equal(cpu.state.exit_vector, EXC_PF);
    assert.equal(cpu.state.rip, BigInt(CODE + 2));
    assert.equal(cpu.gpr[RSP], 0n);
    assert.equal(cpu.retired - before, 2);
    assert.deepEqual([bytes[0], bytes[8]], [7, 7]);
  });

  test("the second of two loads, and the store behind it, are in two pages", () => {
    const { cpu, bytes } = load([0x48, 0x8b, 0x03, 0x48, 0x8b, 0x4b, 0x08, 0x48, 0x89, 0x4b, 0x10]);
    const at = DATA + 0x1000 - 12;
    bytes.set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], at);
    cpu.gpr[RBX] = BigInt(at);
    cpu.run(100);
    assert.equal(cpu.gpr[RAX], 0x0807060504030201n);
    assert.equal(cpu.gpr[RCX], 0x100f0e0d0c0b0a09n);
    assert.deepEqual([...bytes.subarray(at + 16, at + 24)], [9, 10, 11, 12, 13, 14, 15, 16]);
  });

  test("a jump to the third of four", () => {
    const { cpu } = load([0x50, 0x50, 0x50, 0x50]);
    cpu.gpr[RSP] = BigInt(DATA);
    cpu.run(100);
    assert.equal(cpu.gpr[RSP], BigInt(DATA - 32));
    cpu.state.rip = BigInt(CODE + 2);
    cpu.run(100);
    assert.equal(cpu.gpr[RSP], BigInt(DATA - 48));
  });
});

test("fused forms are found where they end, from each of their beginnings", () => {
  const handler = (name: string): Handler => ({ name, case: 1, handler: 0, usesSystem: false });
  const [push, mov, call] = [handler("push"), handler("mov"), handler("call")];
  const fusions = new Fusions();
  fusions.add([push, push], 100);
  fusions.add([push, push, push, push], 101);
  fusions.add([push, mov, call], 102);
  const follow = (...run: Handler[]): number[][] => {
    const found: number[][] = [];
    fusions.begin();
    run.forEach((next, i) => {
      fusions.follow(next, (back, caseNumber) => void found.push([i - back, caseNumber]));
    });
    return found;
  };
  assert.deepEqual(follow(push, push, push, push, mov, call), [
    [0, 100],
    [1, 100],
    [0, 101],
    [2, 100],
    [3, 102],
  ]);
  assert.deepEqual(follow(mov, call, push), []);
});
