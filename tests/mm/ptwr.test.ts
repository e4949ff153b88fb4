import assert from "node:assert/strict";
import { test } from "node:test";
import { VMASST_TYPE_writable_pagetables } from "../../src/abi/xen.ts";
import { ptwrEmulate } from "../../src/hypervisor/mm/ptwr.ts";
import { vmAssistOp } from "../../src/hypervisor/mm/vm-assist.ts";
import {
  CS,
  FLAG_CF,
  FLAG_SF,
  FLAG_ZF,
  PF_FETCH,
  PF_PRESENT,
  PF_WRITE,
  R8,
  RAX,
  RBX,
  RCX,
  RDX,
  RSI,
} from "../../src/machine/x86/state.ts";
import {
  A,
  assertSound,
  D,
  entry,
  GLOBAL,
  Guest,
  KERNEL_MARK,
  newMachine,
  P,
  RW,
  type TestMachine,
  U,
} from "./machine.ts";

const CODE_PFN = 2;
const WRITE_FAULT = PF_PRESENT | PF_WRITE;
/** The entry that maps PFN 5, as stored. */
const stored = (guest: Guest, flags: bigint): bigint => entry(guest.mfn[5]!, flags | U | KERNEL_MARK);

interface Setup {
  readonly machine: TestMachine;
  readonly guest: Guest;
  /** Linear address of the entry that maps PFN 5. */
  readonly pte: bigint;
}

function setup(): Setup {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  assert.equal(guest.call(vmAssistOp, 0n, BigInt(VMASST_TYPE_writable_pagetables)), 0);
  guest.vcpu.state.segment.get(CS).attributes = 0xafb;
  // The L1 is the last frame.
  return { machine, guest, pte: guest.va(63) + 40n };
}

/** Runs one instruction that has faulted on RSI (= the entry's address, plus `offset`). */
function run({ machine, guest, pte }: Setup, code: string, { error = WRITE_FAULT, offset = 0n } = {}): boolean {
  const bytes = code.split(" ").map((byte) => Number.parseInt(byte, 16));
  machine.hv.memory.u8.set(bytes, guest.mfn[CODE_PFN]! * 4096 + 0xff0);
  machine.cpu.state.rip = guest.va(CODE_PFN) + 0xff0n;
  machine.cpu.gpr[RSI] = pte + offset;
  const done = ptwrEmulate(guest.vcpu, pte + offset, error);
  const expected = done ? BigInt(bytes.length) : 0n;
  assert.equal(machine.cpu.state.rip - guest.va(CODE_PFN) - 0xff0n, expected, "RIP");
  assertSound(machine.hv);
  return done;
}

test("mov of a whole entry is a checked update", () => {
  const s = setup();
  const { gpr } = s.machine.cpu;
  gpr[RAX] = entry(s.guest.mfn[6]!, P | RW);
  assert.ok(run(s, "48 89 06")); // mov [rsi], rax
  assert.equal(s.guest.pte(5), entry(s.guest.mfn[6]!, P | RW | U | KERNEL_MARK));
  gpr[RAX] = entry(s.guest.l1[0]!, P | RW);
  assert.ok(!run(s, "48 89 06"), "a writable mapping of a table");
  gpr[RAX] = entry(s.guest.mfn[6]!, P | RW | U);
  assert.ok(run(s, "48 89 06"));
  assert.equal(s.guest.pte(5), entry(s.guest.mfn[6]!, P | RW | U | GLOBAL));
  assert.ok(run(s, "48 c7 06 00 00 00 00")); // mov qword [rsi], 0
  assert.equal(s.guest.pte(5), 0n);
  assert.equal(s.machine.hv.frames.typeCount(s.guest.mfn[5]!), 0);
});

test("xchg returns the old entry with its accessed and dirty bits", () => {
  const s = setup();
  s.machine.cpu.gpr[RAX] = 0n;
  assert.ok(run(s, "48 87 06")); // xchg [rsi], rax
  assert.equal(s.machine.cpu.gpr[RAX], stored(s.guest, P | RW | A | D));
  assert.equal(s.guest.pte(5), 0n);
});

test("lock and, lock btr, or, bts change single bits and set flags", () => {
  const s = setup();
  assert.ok(run(s, "f0 48 81 26 fd ff ff ff")); // lock and qword [rsi], ~2
  assert.equal(s.guest.pte(5), stored(s.guest, P | A | D));
  assert.ok(run(s, "f0 48 0f ba 36 06")); // lock btr qword [rsi], 6
  assert.equal(s.guest.pte(5), stored(s.guest, P | A));
  assert.equal(s.machine.cpu.rflags & BigInt(FLAG_CF), BigInt(FLAG_CF));
  assert.ok(run(s, "f0 48 0f ba 36 06"));
  assert.equal(s.machine.cpu.rflags & BigInt(FLAG_CF), 0n);
  s.machine.cpu.gpr[RAX] = RW | D;
  assert.ok(run(s, "48 09 06")); // or [rsi], rax
  assert.equal(s.guest.pte(5), stored(s.guest, P | RW | A | D));
  assert.equal(s.machine.cpu.rflags & BigInt(FLAG_SF | FLAG_ZF), 0n);
});

test("a bit instruction with a register reaches another entry", () => {
  const s = setup();
  // Bit 64 * 3 + 1 from the entry of PFN 5 is RW of PFN 8's; the fault is on that one.
  s.machine.cpu.gpr[RCX] = 64n * 3n + 1n;
  const code = "f0 48 0f b3 0e"; // lock btr [rsi], rcx
  const bytes = code.split(" ").map((byte) => Number.parseInt(byte, 16));
  s.machine.hv.memory.u8.set(bytes, s.guest.mfn[CODE_PFN]! * 4096);
  s.machine.cpu.state.rip = s.guest.va(CODE_PFN);
  s.machine.cpu.gpr[RSI] = s.pte;
  assert.ok(ptwrEmulate(s.guest.vcpu, s.pte + 24n, WRITE_FAULT));
  assert.equal(s.guest.pte(8) & RW, 0n);
  assert.equal(s.guest.pte(5) & RW, RW);
});

test("lock cmpxchg: success writes, failure loads the accumulator and writes nothing", () => {
  const s = setup();
  const { cpu } = s.machine;
  const old = s.guest.pte(5);
  cpu.gpr[RAX] = old;
  cpu.gpr[RCX] = entry(s.guest.mfn[7]!, P);
  assert.ok(run(s, "f0 48 0f b1 0e")); // lock cmpxchg [rsi], rcx
  assert.equal(s.guest.pte(5), entry(s.guest.mfn[7]!, P | U | KERNEL_MARK));
  assert.notEqual(cpu.rflags & BigInt(FLAG_ZF), 0n);
  assert.ok(run(s, "f0 48 0f b1 0e"), "the accumulator is out of date");
  assert.equal(cpu.rflags & BigInt(FLAG_ZF), 0n);
  assert.equal(cpu.gpr[RAX], s.guest.pte(5));
});

test("lock cmpxchg8b works on EDX:EAX and ECX:EBX", () => {
  const s = setup();
  const { gpr } = s.machine.cpu;
  const old = s.guest.pte(5);
  const next = entry(s.guest.mfn[7]!, P);
  [gpr[RAX], gpr[RDX]] = [0xdead_0000_0000_0000n | (old & 0xffff_ffffn), old >> 32n];
  [gpr[RBX], gpr[RCX]] = [next & 0xffff_ffffn, next >> 32n];
  assert.ok(run(s, "f0 0f c7 0e"));
  assert.equal(s.guest.pte(5), next | U | KERNEL_MARK);
  assert.ok(run(s, "f0 0f c7 0e"));
  assert.equal(gpr[RAX]! | (gpr[RDX]! << 32n), s.guest.pte(5));
});

test("smaller sizes change their part of the entry", () => {
  const s = setup();
  assert.ok(run(s, "80 26 fd")); // and byte [rsi], ~2
  assert.equal(s.guest.pte(5), stored(s.guest, P | A | D));
  s.machine.cpu.gpr[R8] = 0n;
  assert.ok(run(s, "44 89 06")); // mov dword [rsi], r8d
  assert.equal(s.guest.pte(5), stored(s.guest, 0n) & ~0xffff_ffffn);
  assert.ok(run(s, "c7 46 04 00 00 00 00")); // mov dword [rsi+4], 0
  assert.equal(s.guest.pte(5), 0n);
});

test("an instruction on two pages is fetched from both; dec leaves CF alone", () => {
  const { machine, guest, pte } = setup();
  const { memory } = machine.hv;
  const bytes = [0x48, 0xc7, 0x46, 0x08, 0, 0, 0, 0, 0xfe, 0x4e, 1]; // mov qword [rsi+8], 0; dec byte [rsi+1]
  for (const [i, byte] of bytes.entries()) {
    const at = 0xffb + i;
    memory.u8[guest.mfn[CODE_PFN + (at >> 12)]! * 4096 + (at & 0xfff)] = byte;
  }
  machine.cpu.state.rip = guest.va(CODE_PFN) + 0xffbn;
  machine.cpu.gpr[RSI] = pte - 8n;
  assert.ok(ptwrEmulate(guest.vcpu, pte, WRITE_FAULT));
  assert.equal(guest.pte(5), 0n);
  machine.cpu.gpr[RSI] = pte;
  machine.cpu.rflags = 0x202n;
  assert.ok(ptwrEmulate(guest.vcpu, pte + 1n, WRITE_FAULT));
  assert.equal(guest.pte(5), 0xff00n);
  assert.equal(machine.cpu.rflags & BigInt(FLAG_CF | FLAG_SF), BigInt(FLAG_SF));
  assert.equal(machine.cpu.state.rip, guest.va(CODE_PFN) + 0x1006n);
});

test("addresses: base, index, displacement", () => {
  const s = setup();
  s.machine.cpu.gpr[RBX] = 5n;
  const code = "48 c7 44 de 08 00 00 00 00"; // mov qword [rsi+rbx*8+8], 0
  const bytes = code.split(" ").map((byte) => Number.parseInt(byte, 16));
  s.machine.hv.memory.u8.set(bytes, s.guest.mfn[CODE_PFN]! * 4096);
  s.machine.cpu.state.rip = s.guest.va(CODE_PFN);
  s.machine.cpu.gpr[RSI] = s.guest.va(63);
  assert.ok(ptwrEmulate(s.guest.vcpu, s.guest.va(63) + 48n, WRITE_FAULT));
  assert.equal(s.guest.pte(6), 0n);
});

test("everything else stays a page fault", () => {
  const s = setup();
  const { guest, machine } = s;
  const write = "48 89 06";
  machine.cpu.gpr[RAX] = 0n;
  assert.ok(!run(s, write, { error: PF_WRITE }), "not present");
  assert.ok(!run(s, write, { error: PF_PRESENT }), "a read");
  assert.ok(!run(s, write, { error: PF_PRESENT | PF_FETCH }), "a fetch");
  assert.ok(!run(s, write, { offset: 4n }), "across two entries");
  assert.ok(!run(s, "0f 11 06"), "movups");
  assert.ok(!run(s, "48 8b 06"), "a load");
  assert.ok(!run(s, "48 a5"), "movs");
  guest.vcpu.kernelMode = false;
  assert.ok(!run(s, write), "user mode");
  guest.vcpu.kernelMode = true;
  const upper = { ...s, pte: guest.va(62) + 16n };
  assert.ok(!run(upper, write), "an L2");
  assert.ok(!run({ ...s, pte: guest.va(5) }, write), "ordinary memory");
  assert.equal(guest.call(vmAssistOp, 1n, BigInt(VMASST_TYPE_writable_pagetables)), 0);
  assert.ok(!run(s, write), "assist off");
});
