/** One test a bug of instruction semantics that random instances against the real processor rarely hit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_FEATURES } from "../../src/machine/x86/features.ts";
import {
  EXC_AC,
  EXC_GP,
  EXC_MF,
  EXC_PF,
  EXC_SS,
  FLAG_AC,
  FLAG_CF,
  FLAG_ZF,
  RAX,
  RBP,
  RBX,
  RCX,
  RDI,
  RSI,
  RSP,
} from "../../src/machine/x86/state.ts";
import { CODE, DATA, UserMachine } from "./machine.ts";

const machine = new UserMachine();
const { cpu } = machine;

test("an access that crosses the end of the canonical addresses is #GP, whatever its first page", () => {
  const end = 0x7ffffffffffcn;
  assert.equal(machine.execute("488b03", { [RBX]: end }), EXC_GP);
  assert.equal(cpu.state.exit_error_code, 0);
  machine.map(0x7ffffffff000n, machine.data);
  assert.equal(machine.execute("488b03", { [RBX]: end }), EXC_GP);
  assert.equal(machine.execute("488903", { [RBX]: end }), EXC_GP);
  assert.equal(machine.execute("8b03", { [RBX]: end }), undefined);
  assert.equal(machine.execute("50", { [RSP]: end + 8n }), EXC_SS);
});

test("a memory operand away from the stack is #GP although RBP happens to point there", () => {
  const far = 0x8000000000000000n;
  assert.equal(machine.execute("ff11", { [RCX]: far, [RBP]: far, [RSP]: DATA + 64n }), EXC_GP);
  assert.equal(machine.execute("ff11", { [RCX]: DATA, [RSP]: far }), EXC_SS);
  assert.equal(machine.execute("ff5500", { [RBP]: far, [RSP]: DATA + 64n }), EXC_SS);
});

test("CALL reports the stack's fault before that of its target", () => {
  assert.equal(machine.execute("ffd4", { [RSP]: 0xfffcd4dddb2b4084n }), EXC_SS);
});

test("TZCNT and LZCNT are BSF and BSR where their features are not offered", () => {
  const without = new UserMachine({ features: new Set([...DEFAULT_FEATURES].filter((f) => !/bmi1|lzcnt/.test(f))) });
  const with_ = new UserMachine({ features: new Set([...DEFAULT_FEATURES, "bmi1", "lzcnt"]) });
  for (const [code, counted, scanned] of [
    ["f3480fbcc3", 4n, 4n],
    ["f3480fbdc3", 59n, 4n],
  ] as const) {
    assert.equal(without.execute(code, { [RAX]: 77n, [RBX]: 16n }), undefined);
    assert.equal(without.cpu.gpr[RAX], scanned);
    assert.equal(without.execute(code, { [RAX]: 77n, [RBX]: 0n }), undefined);
    assert.equal(without.cpu.gpr[RAX], 77n);
    assert.equal(Number(without.cpu.rflags) & FLAG_ZF, FLAG_ZF);
    assert.equal(with_.execute(code, { [RAX]: 77n, [RBX]: 16n }), undefined);
    assert.equal(with_.cpu.gpr[RAX], counted);
    assert.equal(with_.execute(code, { [RAX]: 77n, [RBX]: 0n }), undefined);
    assert.equal(with_.cpu.gpr[RAX], 64n);
    assert.equal(Number(with_.cpu.rflags) & (FLAG_ZF | FLAG_CF), FLAG_CF);
  }
});

test("CMPXCHG that fails leaves the upper half of a 32-bit register", () => {
  const value = 0x1234567800000001n;
  assert.equal(machine.execute("0fb1cb", { [RAX]: 2n, [RBX]: value, [RCX]: 3n }), undefined);
  assert.equal(cpu.gpr[RBX], value);
  assert.equal(cpu.gpr[RAX], 1n);
  assert.equal(machine.execute("0fb1cb", { [RAX]: 1n, [RBX]: value, [RCX]: 3n }), undefined);
  assert.equal(cpu.gpr[RBX], 3n);
});

test("a bit offset wraps with 32-bit addresses", () => {
  machine.memory.u8[machine.data] = 1;
  // The bit lies 2^32 bytes above DATA.
  assert.equal(machine.execute("67480fa30b", { [RBX]: DATA, [RCX]: 1n << 35n }), undefined);
  assert.equal(Number(cpu.rflags) & FLAG_CF, FLAG_CF);
});

test("ENTER reads the outer frame's words after it pushed those before", () => {
  const dv = machine.memory.dv;
  for (let i = 0; i < 256; i += 2) dv.setUint16(machine.data + i, 0xee00 + i, true);
  // The frame being read is the one being written: RBP is just above RSP.
  assert.equal(machine.execute("66c8000003", { [RSP]: DATA + 64n, [RBP]: DATA + 64n }), undefined);
  const pushed = Number(DATA + 64n) & 0xffff;
  assert.equal(dv.getUint16(machine.data + 62, true), pushed);
  assert.equal(dv.getUint16(machine.data + 60, true), pushed);
  assert.equal(dv.getUint16(machine.data + 56, true), pushed - 2);
});

test("a pending x87 exception comes before the memory fault of the instruction that waits", () => {
  cpu.state.fsw = 0x80;
  assert.equal(machine.execute("dd03", { [RBX]: 0x8000000000000000n }), EXC_MF);
  assert.equal(machine.execute("dd3b", { [RBX]: 0x8000000000000000n }), EXC_GP); // FNSTSW does not wait
  cpu.state.fsw = 0;
});

test("alignment is checked for extended floats, state images and each element of REP MOVS", () => {
  cpu.rflags = BigInt(FLAG_AC | 2);
  assert.equal(machine.execute("db2b", { [RBX]: DATA + 4n }), EXC_AC);
  assert.equal(machine.execute("db2b", { [RBX]: DATA + 8n }), undefined);
  assert.equal(machine.execute("dd33", { [RBX]: DATA + 2n }), EXC_AC);
  assert.equal(machine.execute("0fae03", { [RBX]: DATA + 8n }), EXC_AC);
  assert.equal(machine.execute("f348a5", { [RSI]: DATA + 2n, [RDI]: DATA + 64n, [RCX]: 4n }), EXC_AC);
  assert.equal(machine.execute("488b03", { [RBX]: 0x8000000000000001n }), EXC_GP);
  cpu.rflags = 2n;
});

test("MOVSXD with 16-bit operand size reads 32 bits, as AMD's processors do", () => {
  assert.equal(machine.execute("666303", { [RAX]: 0n, [RBX]: DATA + 0x1ffen }), EXC_PF);
  machine.memory.dv.setUint32(machine.data, 0x8765_4321, true);
  assert.equal(machine.execute("666303", { [RAX]: -1n, [RBX]: DATA }), undefined);
  assert.equal(cpu.gpr[RAX], 0xffffffffffff4321n);
});

test("a RIP-relative displacement close to 2 GiB does not wrap", () => {
  const target = CODE + 0xff0n + 7n + 0x7fffffffn;
  const frame = machine.allocate(1);
  machine.map(target & ~0xfffn, frame);
  machine.memory.dv.setUint16(frame + Number(target & 0xfffn), 0xbeef, true);
  assert.equal(machine.execute("0fb705ffffff7f", {}, 0xff0), undefined);
  assert.equal(cpu.gpr[RAX], 0xbeefn);
});
