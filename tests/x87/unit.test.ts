/** What the processor cannot be asked, or not everywhere: pointers, faults, operand sizes, MMX aliasing. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import type { Insn } from "../../src/machine/x86/insn.ts";
import { CR4_OSFXSR, EXC_GP, EXC_MF } from "../../src/machine/x86/state.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import {
  enterMmx,
  executeX87,
  mmxAddress,
  mmxWritten,
  x87MemoryOperand,
  x87Mnemonics,
} from "../../src/machine/x86/x87/index.ts";
import { formsOf, Machine } from "./harness.ts";

const OPERAND = 0x4000;

function insn(...code: number[]): Insn {
  const out = newInsn();
  assert.equal(decode(new Uint8Array(code), 0, 64, out), code.length);
  return out;
}

describe("x87 unit", () => {
  test("knows every x87 instruction of the table", () => {
    const missing = instructionTable.filter((def) => def.feature === "x87" && !x87Mnemonics.has(def.mnemonic));
    assert.deepEqual(missing, []);
  });

  test("knows size and direction of every memory operand", () => {
    for (const { encoding, mnemonic, feature, operands } of instructionTable) {
      if (feature !== "x87" && !mnemonic.startsWith("fx")) continue;
      const [form] = formsOf(encoding, mnemonic);
      const { bytes, read, write } = x87MemoryOperand(form!.insn);
      assert.equal(bytes !== 0, operands.startsWith("M"), `${mnemonic} ${encoding}`);
      assert.equal(read !== write, bytes !== 0, `${mnemonic} ${encoding}`);
    }
    const size = (...code: number[]): number => x87MemoryOperand(insn(...code)).bytes;
    assert.equal(size(0xd9, 0x37), 28); // fnstenv
    assert.equal(size(0x66, 0xd9, 0x37), 14);
    assert.equal(size(0xdd, 0x37), 108); // fnsave
    assert.equal(size(0xdf, 0x37), 10); // fbstp
    assert.equal(size(0x0f, 0xae, 0x07), 512); // fxsave
  });

  test("an unmasked exception is raised at the next waiting instruction", () => {
    const machine = new Machine();
    const { fpu, state, dv } = machine;
    const run = (...code: number[]): number => executeX87(fpu, insn(...code), OPERAND);
    run(0xdb, 0xe3); // fninit
    state.rip = 0x1234_5678_9abcn;
    state.gpr.set(7, 0x7000n);
    dv.setUint16(OPERAND, 0x37b, true); // all masked but ZE
    run(0xd9, 0x2f); // fldcw [rdi]
    assert.equal(state.fip, 0n, "control instructions leave the pointers");
    dv.setUint32(OPERAND, 0, true);
    assert.equal(run(0xd9, 0xe8), 0); // fld1
    assert.equal(state.fip, 0x1234_5678_9abcn);
    assert.equal(state.fdp, 0n);
    state.rip = 0x2000n;
    assert.equal(run(0xd8, 0x77, 0x10), 0); // fdiv dword [rdi+16]
    assert.equal(state.fsw & 0x8084, 0x8084);
    assert.equal(state.fip, 0x2000n);
    assert.equal(state.fdp, 0x7010n);
    assert.equal(run(0x9b), EXC_MF); // fwait
    assert.equal(run(0xd9, 0xe8), EXC_MF); // fld1
    assert.equal(run(0xdf, 0xe0), 0); // fnstsw ax
    assert.equal(state.gpr.get(0) & 0xffffn, BigInt(state.fsw));
    assert.equal(run(0xdb, 0xe2), 0); // fnclex
    assert.equal(run(0x9b), 0);
  });

  test("FXSAVE and FXRSTOR carry XMM registers and MXCSR", () => {
    const machine = new Machine();
    const { fpu, state, dv, memory } = machine;
    const image = (): Uint8Array => memory.slice(OPERAND, OPERAND + 512);
    state.cr4 = CR4_OSFXSR;
    state.mxcsr = 0x1f80;
    for (let i = 0; i < 256; i++) state.xmm[i] = i;
    executeX87(fpu, insn(0x48, 0x0f, 0xae, 0x07), OPERAND);
    assert.equal(dv.getUint32(OPERAND + 24, true), 0x1f80);
    assert.equal(dv.getUint32(OPERAND + 28, true), 0xffff);
    assert.deepEqual([...image().subarray(160, 416)], [...state.xmm]);
    // Outside 64-bit mode there are eight registers.
    const legacy = newInsn();
    decode(new Uint8Array([0x0f, 0xae, 0x07]), 0, 32, legacy);
    memory.fill(0xcc, OPERAND, OPERAND + 512);
    executeX87(fpu, legacy, OPERAND);
    assert.deepEqual([...image().subarray(160, 288)], [...state.xmm.subarray(0, 128)]);
    assert.ok(
      image()
        .subarray(288)
        .every((byte) => byte === 0xcc),
    );
    // A reserved bit of MXCSR faults before anything is loaded.
    const fxrstor = insn(0x48, 0x0f, 0xae, 0x0f);
    dv.setUint32(OPERAND + 24, 0x10000, true);
    dv.setUint16(OPERAND, 0x27f, true);
    state.fcw = 0x37f;
    assert.equal(executeX87(fpu, fxrstor, OPERAND), EXC_GP);
    assert.equal(state.fcw, 0x37f);
    dv.setUint32(OPERAND + 24, 0x9fc0, true);
    assert.equal(executeX87(fpu, fxrstor, OPERAND), 0);
    assert.equal(state.mxcsr, 0x9fc0);
    assert.equal(state.fcw, 0x27f | 0x40);
    assert.equal(state.xmm[200], 0xcc);
  });

  test("MMX registers are the significands of physical registers", () => {
    const { fpu, state, dv } = new Machine();
    const base = state.address;
    executeX87(fpu, insn(0xdb, 0xe3), 0); // fninit
    executeX87(fpu, insn(0xd9, 0xe8), 0); // fld1: physical register 7
    assert.equal(dv.getBigUint64(mmxAddress(base, 7), true), 1n << 63n);
    enterMmx(dv, base);
    dv.setBigUint64(mmxAddress(base, 2), 0x1234n, true);
    mmxWritten(dv, base, 2);
    assert.equal(state.ftw, 0xff);
    assert.equal((state.fsw >> 11) & 7, 0);
    executeX87(fpu, insn(0xdb, 0x7f, 0x00), OPERAND); // fstp tbyte [rdi]
    executeX87(fpu, insn(0xd9, 0xf7), 0); // fincstp
    executeX87(fpu, insn(0xdb, 0x7f, 0x00), OPERAND); // fstp: was physical register 2
    assert.equal(dv.getBigUint64(OPERAND, true), 0x1234n);
    assert.equal(dv.getUint16(OPERAND + 8, true), 0xffff);
    executeX87(fpu, insn(0x0f, 0x77), 0); // emms
    assert.equal(state.ftw, 0);
  });

  test("logarithms of powers of two are exact, and of anything finite end", () => {
    const { fpu, state, dv } = new Machine();
    const run = (...code: number[]): number => executeX87(fpu, insn(...code), OPERAND);
    const log = (opcode: number, x: number, y: number): number => {
      run(0xdb, 0xe3); // fninit
      for (const value of [y, x]) {
        dv.setFloat64(OPERAND, value, true);
        run(0xdd, 0x07); // fld qword
      }
      run(0xd9, opcode);
      run(0xdd, 0x1f); // fstp qword
      return dv.getFloat64(OPERAND, true);
    };
    const FYL2X = 0xf1;
    const FYL2XP1 = 0xf9;
    assert.equal(log(FYL2X, 2 ** -1000, 3), -3000);
    assert.equal(state.fsw & 0x20, 0, "exact");
    assert.equal(log(FYL2X, 10, 1), Math.log2(10));
    assert.equal(log(FYL2XP1, 2 ** 70, 1), 70);
    assert.equal(log(FYL2XP1, -1 + 2 ** -53, 1), -53);
    assert.equal(log(FYL2XP1, 1e300, 2), 2 * Math.log2(1e300));
    assert.equal(log(FYL2XP1, 2 ** -200, 1), Math.LOG2E * 2 ** -200);
  });
});
