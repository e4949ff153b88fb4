/** The disassembler's text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import { disassemble } from "../../src/machine/x86/disassemble.ts";
import type { CodeSize } from "../../src/machine/x86/insn.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import { randomNumbers, SLOT, writeEncoding } from "./generate.ts";

const RIP = 0xffffffff81000000n;

const CASES: [hex: string, text: string, codeSize?: CodeSize][] = [
  ["4889e5", "mov rbp, rsp"],
  ["8b4510", "mov eax, dword ptr [rbp+0x10]"],
  ["48c744c8f8ffffffff", "mov qword ptr [rax+rcx*8-0x8], -0x1"],
  ["65488b042528000000", "mov rax, qword ptr gs:[0x28]"],
  ["488b0510000000", "mov rax, qword ptr [rip+0x10] # 0xffffffff81000017"],
  ["e8fbffffff", "call 0xffffffff81000000"],
  ["74fe", "je 0xffffffff81000000"],
  ["0f9fc0", "setg al"],
  ["480f44c1", "cmove rax, rcx"],
  ["f0480fb10e", "lock cmpxchg qword ptr [rsi], rcx"],
  ["f348ab", "rep stosq"],
  ["f3a6", "repe cmpsb"],
  ["f2ae", "repne scasb"],
  ["64a4", "fs movsb"],
  ["4898", "cdqe"],
  ["99", "cdq"],
  ["9c", "pushfq"],
  ["48cf", "iretq"],
  ["480f07", "sysretq"],
  ["e300", "jrcxz 0xffffffff81000002"],
  ["40b6ff", "mov sil, -0x1"],
  ["b6ff", "mov dh, -0x1"],
  ["664589c1", "mov r9w, r8w"],
  ["0f22d8", "mov cr3, rax"],
  ["8ed8", "mov ds, ax"],
  ["f20f1000", "movsd xmm0, qword ptr [rax]"],
  ["660f6f4c2410", "movdqa xmm1, xmmword ptr [rsp+0x10]"],
  ["0f6fc1", "movq mm0, mm1"],
  ["db28", "fld tbyte ptr [rax]"],
  ["d8c1", "fadd st(0), st(1)"],
  ["0f011d00000000", "lidt [rip] # 0xffffffff81000007"],
  ["c8100001", "enter 0x10, 0x1"],
  ["f30f1efa", "endbr64"],
  ["f390", "pause"],
  ["ea785634121000", "jmp far 0x10:0x12345678", 32],
  ["8b4702", "mov ax, word ptr ds:[bx+0x2]", 16],
  ["8b02", "mov ax, word ptr ss:[bp+si]", 16],
];

for (const [hex, text, codeSize] of CASES) {
  test(text, () => {
    const insn = newInsn();
    const bytes = Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16));
    assert.equal(decode(bytes, 0, codeSize ?? 64, insn), bytes.length);
    assert.equal(disassemble(insn, RIP), text);
  });
}

test("every line of the table has a text", () => {
  const random = randomNumbers(1);
  const bytes = new Uint8Array(SLOT);
  const insn = newInsn();
  for (const codeSize of [64, 32, 16] as CodeSize[]) {
    for (const def of instructionTable) {
      writeEncoding(def, random, bytes, 0, codeSize === 64);
      if (decode(bytes, 0, codeSize, insn) <= 0) continue;
      const text = disassemble(insn, RIP);
      assert.match(text, /^[a-z0-9 ,:()[\]*+#-]+$/, def.encoding);
      assert.doesNotMatch(text, /undefined|nan/, def.encoding);
    }
  }
});
