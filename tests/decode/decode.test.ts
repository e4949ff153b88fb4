/** Rules of decoding that are not an instruction's own: prefixes, lengths, ends, defaults. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, NEED_MORE, newInsn, TOO_LONG, UNDEFINED } from "../../src/machine/x86/decode/index.ts";
import type { CodeSize, Insn } from "../../src/machine/x86/insn.ts";
import { BASE_RIP, OperandKind, RegClass, SEG_NONE } from "../../src/machine/x86/insn.ts";
import { DS, FS, GS, R8, RAX, RBP, SS } from "../../src/machine/x86/state.ts";

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.replaceAll(" ", "").match(/../g)!, (byte) => Number.parseInt(byte, 16));
}

function decoded(hex: string, codeSize: CodeSize = 64): Insn {
  const insn = newInsn();
  const bytes = bytesOf(hex);
  assert.equal(decode(bytes, 0, codeSize, insn), bytes.length, hex);
  return insn;
}

function result(hex: string, codeSize: CodeSize = 64): number {
  return decode(bytesOf(hex), 0, codeSize, newInsn());
}

test("90 is NOP, PAUSE or XCHG", () => {
  assert.equal(decoded("90").def.mnemonic, "nop");
  assert.equal(decoded("66 90").def.mnemonic, "nop");
  assert.equal(decoded("48 90").def.mnemonic, "nop");
  assert.equal(decoded("f3 90").def.mnemonic, "pause");
  const xchg = decoded("49 90");
  assert.equal(xchg.def.mnemonic, "xchg");
  assert.deepEqual([xchg.operands[0].reg, xchg.operands[1].reg, xchg.operandSize], [R8, RAX, 8]);
});

test("REX counts only as the last prefix", () => {
  assert.equal(decoded("48 89 c8").operandSize, 8);
  assert.equal(decoded("48 66 89 c8").operandSize, 2);
  assert.equal(decoded("66 48 89 c8").operandSize, 8);
  assert.equal(decoded("48 40 89 c8").operandSize, 4);
});

test("an instruction ends within 15 bytes", () => {
  assert.equal(result(`${"66".repeat(14)} 90`), 15);
  assert.equal(result(`${"66".repeat(15)} 90`), TOO_LONG);
  assert.equal(result(`${"2e".repeat(9)} 48 81 c0 00 00 00 00`), TOO_LONG);
  assert.equal(result("f0".repeat(40)), TOO_LONG);
});

test("every cut of an instruction asks for more bytes", () => {
  const whole = [
    "66 2e 0f 1f 84 00 00 00 00 00",
    "48 b8 11 22 33 44 55 66 77 88",
    "64 48 8b 04 25 28 00 00 00",
    "f0 48 0f c7 4c 24 10",
    "c8 10 00 01",
    "66 0f 3a 0f c1 08",
    "0f ba 6d f8 05",
  ];
  for (const hex of whole) {
    const bytes = bytesOf(hex);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decode(bytes.subarray(0, length), 0, 64, newInsn()), NEED_MORE, `${length} bytes of ${hex}`);
    }
    assert.equal(decode(bytes, 0, 64, newInsn()), bytes.length);
  }
  assert.equal(decode(bytesOf("66".repeat(14)), 0, 64, newInsn()), NEED_MORE);
});

test("decodes at an offset, near the end of the bytes and far from it", () => {
  const bytes = new Uint8Array(100).fill(0xcc);
  bytes.set(bytesOf("48 8b 05 10 00 00 00"), 93);
  bytes.set(bytesOf("48 8b 05 10 00 00 00"), 10);
  for (const offset of [10, 93]) {
    const insn = newInsn();
    assert.equal(decode(bytes, offset, 64, insn), 7);
    assert.equal(insn.base, BASE_RIP);
    assert.equal(insn.disp, 16n);
  }
});

test("LOCK needs a lockable instruction and memory", () => {
  assert.equal(decoded("f0 48 01 08").lock, true);
  assert.equal(decoded("f0 87 08").lock, true);
  assert.equal(result("f0 48 01 c8"), UNDEFINED);
  assert.equal(result("f0 48 03 08"), UNDEFINED);
  assert.equal(result("f0 48 89 08"), UNDEFINED);
  assert.equal(result("f0 39 08"), UNDEFINED);
  assert.equal(result("f0 90"), UNDEFINED);
});

test("LOCK MOV CR0 is MOV CR8, as AMD has it", () => {
  const insn = decoded("f0 0f 20 c0");
  assert.equal(insn.operands[1].regClass, RegClass.Control);
  assert.equal(insn.operands[1].reg, 8);
  assert.equal(insn.lock, false);
});

test("control and segment registers that do not exist", () => {
  assert.equal(result("0f 20 c8"), UNDEFINED, "cr1");
  assert.equal(result("44 0f 20 c8"), UNDEFINED, "cr9");
  assert.equal(result("8e c8"), UNDEFINED, "load of cs");
  assert.equal(result("8c f0"), UNDEFINED, "segment register 6");
  assert.equal(decoded("8c c8").operands[1].reg, 1);
});

test("VEX and EVEX are undefined in 64-bit code, LDS and BOUND elsewhere", () => {
  assert.equal(result("c5 f8 77"), UNDEFINED);
  assert.equal(result("c4 e2 7d 18 00"), UNDEFINED);
  assert.equal(result("62 f1 7c 48 10 00"), UNDEFINED);
  assert.equal(decoded("c5 00", 32).def.mnemonic, "lds");
  assert.equal(decoded("62 00", 32).def.mnemonic, "bound");
  assert.equal(result("c5 f8 77", 32), UNDEFINED);
});

test("repeat prefixes mean something on string instructions only", () => {
  assert.equal(decoded("f3 48 a5").rep, 0xf3);
  assert.equal(decoded("f2 48 a5").rep, 0xf3, "REPNE MOVS repeats like REP");
  assert.equal(decoded("f2 ae").rep, 0xf2);
  assert.equal(decoded("f3 a6").rep, 0xf3);
  assert.equal(decoded("f3 c3").rep, 0);
  assert.equal(decoded("f2 f3 ae").rep, 0xf3, "the last one counts");
  assert.equal(decoded("f3 0f 10 00").rep, 0);
});

test("mandatory prefixes: F2 and F3 go before 66", () => {
  assert.equal(decoded("66 f3 0f 6f 00").def.mnemonic, "movdqu");
  assert.equal(decoded("66 f2 0f 10 00").def.mnemonic, "movsd_x");
  assert.equal(decoded("66 0f 6f 00").operandSize, 4, "66 is part of the opcode");
  assert.equal(decoded("66 f3 0f b8 c1").operandSize, 2, "66 is the operand size of POPCNT");
  assert.equal(result("f3 0f 28 00"), UNDEFINED);
});

test("segments", () => {
  assert.equal(decoded("8b 00").segment, SEG_NONE);
  assert.equal(decoded("3e 8b 00").segment, SEG_NONE, "only FS and GS count in 64-bit code");
  assert.equal(decoded("65 3e 8b 00").segment, GS);
  assert.equal(decoded("64 8b 04 25 28 00 00 00").segment, FS);
  assert.equal(decoded("8b 00", 32).segment, DS);
  assert.equal(decoded("8b 45 00", 32).segment, SS);
  assert.equal(decoded("8b 04 24", 32).segment, SS);
  assert.equal(decoded("8b 04 6d 00 00 00 00", 32).segment, DS, "EBP as index");
  assert.equal(decoded("65 8b 45 00", 32).segment, GS);
  assert.equal(decoded("8b 46 00", 16).segment, SS);
  assert.equal(decoded("8b 46 00", 16).base, RBP);
  assert.equal(decoded("64 a4").segment, FS, "source of MOVS");
  assert.equal(decoded("a4", 32).segment, DS);
  assert.equal(decoded("64 aa").segment, SEG_NONE, "STOS has no source");
});

test("sizes of stack and branch instructions", () => {
  assert.equal(decoded("50").operandSize, 8);
  assert.equal(decoded("66 50").operandSize, 2);
  assert.equal(decoded("66 48 50").operandSize, 8);
  assert.equal(decoded("50", 32).operandSize, 4);
  assert.equal(decoded("50", 16).operandSize, 2);
  assert.equal(decoded("e8 00 00 00 00").operands[0].size, 8);
  assert.equal(decoded("66 e8 00 00").operands[0].size, 2, "as AMD");
  assert.equal(decoded("cf").operandSize, 4);
  assert.equal(decoded("48 cf").operandSize, 8);
  assert.equal(decoded("48 cb").operandSize, 8);
});

test("operand sizes of mixed forms", () => {
  const sizes = (hex: string, codeSize: CodeSize = 64): number[] => {
    const insn = decoded(hex, codeSize);
    return insn.operands.slice(0, insn.operandCount).map((operand) => operand.size);
  };
  assert.deepEqual(sizes("0f b6 00"), [4, 1]);
  assert.deepEqual(sizes("48 0f b7 00"), [8, 2]);
  assert.deepEqual(sizes("48 63 00"), [8, 4]);
  assert.deepEqual(sizes("8c 00"), [2, 2]);
  assert.deepEqual(sizes("48 8c c0"), [8, 2]);
  assert.deepEqual(sizes("6a ff"), [8]);
  assert.deepEqual(sizes("48 83 c0 ff"), [8, 8]);
  assert.deepEqual(sizes("f3 0f 2a c0"), [4, 4]);
  assert.deepEqual(sizes("f2 48 0f 2d 00"), [8, 8]);
  assert.deepEqual(sizes("0f 01 10"), [10]);
  assert.deepEqual(sizes("0f 01 10", 32), [6]);
  assert.deepEqual(sizes("db 28"), [10]);
});

test("immediates are extended", () => {
  assert.equal(decoded("48 83 c0 ff").imm, -1n);
  assert.equal(decoded("48 05 00 00 00 80").imm, -0x80000000n);
  assert.equal(decoded("04 80").imm, -128n);
  assert.equal(decoded("48 b8 ff ff ff ff ff ff ff ff").imm, -1n);
  assert.equal(decoded("48 b8 00 00 00 00 00 00 00 80").imm, -(1n << 63n));
  assert.equal(decoded("c1 e0 ff").imm, 255n);
  assert.equal(decoded("cd 80").imm, 0x80n);
  assert.equal(decoded("c2 ff ff").imm, 0xffffn);
  assert.equal(decoded("d1 e0").imm, 1n);
  assert.equal(decoded("d1 e0").operands[1].kind, OperandKind.Imm);
  const enter = decoded("c8 34 12 56");
  assert.deepEqual([enter.imm, enter.imm2], [0x1234n, 0x56]);
  const far = decoded("ea 78 56 34 f2 10 00", 32);
  assert.deepEqual([far.imm, far.imm2], [0xf2345678n, 0x10]);
});

test("displacements are signed, memory offsets whole", () => {
  assert.equal(decoded("8b 40 80").disp, -128n);
  assert.equal(decoded("8b 80 00 00 00 80").disp, -0x80000000n);
  assert.equal(decoded("48 a1 88 77 66 55 44 33 22 11").disp, 0x1122334455667788n);
  assert.equal(decoded("67 a1 00 00 00 80").disp, 0x80000000n);
});

test("conditional families", () => {
  for (const hex of ["7f 00", "0f 8f 00 00 00 00", "0f 9f c0", "0f 4f c0"]) assert.equal(decoded(hex).condition, 15);
  assert.equal(decoded("74 00").def.mnemonic, "jcc");
  assert.equal(decoded("90").condition, 0);
});

test("an instruction object leaves nothing behind for the next", () => {
  const insn = newInsn();
  decode(bytesOf("f0 64 48 81 84 88 11 11 11 11 22 22 22 22"), 0, 64, insn);
  decode(bytesOf("90"), 0, 64, insn);
  const fresh = newInsn();
  decode(bytesOf("90"), 0, 64, fresh);
  assert.deepEqual({ ...insn, operands: [] }, { ...fresh, operands: [] });
});

test("operands that an instruction does not have are none", () => {
  const insn = newInsn();
  decode(bytesOf("80 c4 01"), 0, 64, insn); // add ah, 1
  decode(bytesOf("c3"), 0, 64, insn);
  assert.deepEqual(
    insn.operands.map(({ kind, highByte }) => ({ kind, highByte })),
    Array.from({ length: 4 }, () => ({ kind: OperandKind.None, highByte: false })),
  );
});
