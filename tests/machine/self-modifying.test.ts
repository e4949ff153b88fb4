/** Code that writes over the instructions behind the one that writes, which the interpreter executes in one go (fused forms). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { flatMachine } from "./flat-machine.ts";

const CODE = 0x8000;
const RAX = 0;
const RCX = 1;
const RBX = 3;
const RDI = 7;

/** Executes the code until RIP is at its end. */
function run(code: readonly number[], set: (gpr: BigUint64Array) => void): BigUint64Array {
  const { cpu, bytes } = flatMachine({ jit: false });
  bytes.set([...code, 0xf4], CODE);
  cpu.state.rip = BigInt(CODE);
  set(cpu.gpr);
  cpu.run(100);
  assert.equal(cpu.state.rip, BigInt(CODE + code.length), "up to the HLT");
  return cpu.gpr;
}

// mov [rbx], rax, which makes `mov rcx, rdi` of what is behind it.
const STORE = [0x48, 0x89, 0x03];
const MOV_RCX_RDI = 0x90_90_90_90_90f9_8948n;

for (const [name, behind] of [
  ["a store", [0x48, 0x89, 0x0d, 0, 1, 0, 0]],
  ["a load", [0x48, 0x8b, 0x0d, 0, 1, 0, 0]],
  ["a register move and others", [0x48, 0x89, 0xc1, 0x48, 0x89, 0xc1, 0x90]],
] as const) {
  test(`a store over ${name} behind it`, () => {
    // Twice: the second time the code has been decoded, and is written over again with what is there.
    const gpr = run([...STORE, ...behind, 0x90], (gpr) => {
      gpr[RAX] = MOV_RCX_RDI | (0x90n << 56n);
      gpr[RBX] = BigInt(CODE + STORE.length);
      gpr[RDI] = 42n;
    });
    assert.equal(gpr[RCX], 42n);
  });
}

test("a push over the second instruction behind it", () => {
  const RSP = 4;
  // push rax; mov rdi, rdi; then what the push makes `mov rcx, rdi`.
  const code = [0x50, 0x48, 0x89, 0xff, 0x48, 0x8b, 0x0d, 0, 1, 0, 0, 0x90];
  const gpr = run(code, (gpr) => {
    gpr[RAX] = MOV_RCX_RDI | (0x90n << 56n);
    gpr[RSP] = BigInt(CODE + 4 + 8);
    gpr[RDI] = 42n;
  });
  assert.equal(gpr[RCX], 42n);
});
