/** Privileged instructions of guests: each is executed from its encoding at RIP, after a #GP(0) exit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PHYSDEVOP } from "../../src/abi/physdev.ts";
import { HYPERVISOR, VMASST_TYPE_architectural_iopl } from "../../src/abi/xen.ts";
import { toggleGuestMode } from "../../src/hypervisor/traps/mode.ts";
import { setTrap } from "../../src/hypervisor/traps/trap-table.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { CR0_TS, CR4_TSD, FS, GS, RAX, RBX, RCX, RDI, RDX, RSI, RSP } from "../../src/machine/x86/state.ts";
import { CODE, DATA, READ_ONLY, TestGuest } from "./guest.ts";

const HANDLER = 0x40_0100n;

function guest(iopl = 1): TestGuest {
  const g = new TestGuest();
  for (const vector of [1, 6, 13, 14]) setTrap(g.vcpu, { vector, flags: 0, cs: 0, handler: HANDLER + BigInt(vector) });
  g.vcpu.traps.iopl = iopl;
  return g;
}

/** Executes one instruction. @returns "done", or the vector of the fault that the guest got */
function run(g: TestGuest, ...code: number[]): "done" | number {
  g.code(...code);
  const sp = g.vcpu.gpr[RSP]!;
  g.exception(13);
  const { rip } = g.vcpu.state;
  if (rip === g.va(CODE, code.length)) return "done";
  assert.ok(rip > HANDLER && rip < HANDLER + 32n, `RIP is 0x${rip.toString(16)}`);
  g.vcpu.gpr[RSP] = sp;
  return Number(rip - HANDLER);
}

function set(g: TestGuest, values: Readonly<Record<number, bigint>>): void {
  for (const [register, value] of Object.entries(values)) g.vcpu.gpr[Number(register)] = value;
}

const rdmsr = (g: TestGuest, index: bigint): bigint | number => {
  set(g, { [RCX]: index });
  const result = run(g, 0x0f, 0x32);
  return result === "done" ? (g.vcpu.gpr[RDX]! << 32n) | g.vcpu.gpr[RAX]! : result;
};

const wrmsr = (g: TestGuest, index: bigint, value: bigint): "done" | number => {
  set(g, { [RCX]: index, [RAX]: value & 0xffff_ffffn, [RDX]: value >> 32n });
  return run(g, 0x0f, 0x30);
};

test("MSRs of bases", () => {
  const g = guest();
  assert.equal(wrmsr(g, 0xc000_0101n, 0xffff_8880_1234_0000n), "done");
  assert.equal(g.vcpu.state.segment.get(GS).base, 0xffff_8880_1234_0000n);
  assert.equal(wrmsr(g, 0xc000_0100n, 0x7fff_0000n), "done");
  assert.equal(g.vcpu.state.segment.get(FS).base, 0x7fff_0000n);
  assert.equal(wrmsr(g, 0xc000_0102n, 0x5555n), "done");
  assert.equal(g.vcpu.state.kernel_gs_base, 0x5555n);
  assert.equal(rdmsr(g, 0xc000_0102n), 0x5555n);
  assert.equal(rdmsr(g, 0xc000_0101n), 0xffff_8880_1234_0000n);
  assert.equal(wrmsr(g, 0xc000_0101n, 0x8000_0000_0000n), 13, "not canonical");
  // It works before there is any handler.
  const early = new TestGuest();
  assert.equal(wrmsr(early, 0xc000_0101n, 0x1000n), "done");
});

test("other MSRs", () => {
  const g = guest();
  const values: [bigint, bigint | number][] = [
    [0x1bn, 0xfee0_0900n],
    [0x8bn, 0n],
    [0x179n, 2n],
    [0x277n, 0x0501_0007_0406n],
    [0x400n, 0xffff_ffff_ffff_ffffn],
    [0x408n, 13],
    [0xc000_0080n, 0xd01n],
    [0xc000_0081n, 13],
    [0xc001_0007n, 0n],
    [0xc001_0015n, 1n << 24n],
    [0xc001_1029n, 2n],
    [0x1a0n, 13],
    [0x6e0n, 13],
  ];
  for (const [index, value] of values) assert.equal(rdmsr(g, index), value, `0x${index.toString(16)}`);
  assert.equal(wrmsr(g, 0xc000_0080n, 0xd01n), "done");
  assert.equal(wrmsr(g, 0xc000_0080n, 0x501n), 13);
  assert.equal(wrmsr(g, 0xc000_0103n, 3n), "done");
  assert.equal(rdmsr(g, 0xc000_0103n), 3n);
  assert.equal(wrmsr(g, 0xc000_0103n, 1n << 32n), 13);
  assert.equal(wrmsr(g, 0x10n, 0n), 13);
});

test("privileged instructions are not for user mode", () => {
  const g = guest(3);
  for (const code of [
    [0x0f, 0x32],
    [0x0f, 0x30],
    [0x0f, 0x06],
    [0x0f, 0x20, 0xc0],
    [0x0f, 0x09],
  ]) {
    g.vcpu.kernelMode || toggleGuestMode(g.vcpu);
    toggleGuestMode(g.vcpu);
    assert.equal(run(g, ...code), 13);
  }
});

test("what is not emulated is the guest's own #GP", () => {
  const g = guest(3);
  for (const code of [
    [0xf4], // hlt
    [0x0f, 0x08], // invd
    [0x0f, 0x01, 0x38], // invlpg [rax]
    [0x0f, 0x01, 0xf8], // swapgs
    [0x0f, 0x01, 0x10], // lgdt [rax]
    [0x0f, 0x00, 0xd8], // ltr ax
  ]) {
    assert.equal(run(g, ...code), 13);
  }
});

test("control registers", () => {
  const g = guest();
  assert.equal(run(g, 0x0f, 0x20, 0xc0), "done");
  assert.equal(g.vcpu.gpr[RAX], 0x8005_0033n);
  set(g, { [RAX]: 0x8005_003bn });
  assert.equal(run(g, 0x0f, 0x22, 0xc0), "done");
  assert.notEqual(g.vcpu.state.cr0 & CR0_TS, 0n);
  assert.equal(run(g, 0x0f, 0x06), "done", "clts");
  assert.equal(g.vcpu.state.cr0 & CR0_TS, 0n);
  set(g, { [RAX]: 0x8004_0033n });
  assert.equal(run(g, 0x0f, 0x22, 0xc0), 13, "only TS may change");
  assert.equal(run(g, 0x0f, 0x20, 0xdb), "done", "mov rbx, cr3");
  assert.equal(g.vcpu.gpr[RBX], BigInt(g.vcpu.mm.kernel_root) << 12n);
  set(g, { [RAX]: BigInt(g.vcpu.mm.user_root) << 12n });
  assert.equal(run(g, 0x0f, 0x22, 0xd8), "done", "mov cr3, rax");
  assert.equal(g.vcpu.mm.kernel_root, g.vcpu.mm.user_root);
  set(g, { [RAX]: BigInt(g.mfns[DATA]!) << 12n });
  assert.equal(run(g, 0x0f, 0x22, 0xd8), 13, "not a page table");
  set(g, { [RAX]: 0xffff_ffffn });
  assert.equal(run(g, 0x0f, 0x22, 0xe0), "done", "mov cr4, rax never faults");
  assert.equal(run(g, 0x0f, 0x20, 0xe0), "done");
  // TSD, DE, PAE, OSFXSR, OSXMMEXCPT, FSGSBASE
  assert.equal(g.vcpu.gpr[RAX], 0x1_062cn);
  assert.notEqual(g.vcpu.state.cr4 & CR4_TSD, 0n);
  assert.equal(run(g, 0x0f, 0x20, 0xd0), "done", "mov rax, cr2");
  assert.equal(run(g, 0x44, 0x0f, 0x20, 0xc0), 13, "cr8");
});

test("debug registers", () => {
  const g = guest();
  set(g, { [RAX]: 0x40_1000n });
  assert.equal(run(g, 0x0f, 0x23, 0xc0), "done");
  assert.equal(run(g, 0x0f, 0x21, 0xc3), "done");
  assert.equal(g.vcpu.gpr[RBX], 0x40_1000n);
  assert.equal(run(g, 0x0f, 0x21, 0xf3), "done");
  assert.equal(g.vcpu.gpr[RBX], 0xffff_0ff0n);
  set(g, { [RAX]: 0xffff_8000_0000_0000n });
  assert.equal(run(g, 0x0f, 0x23, 0xc0), 13, "inside the hypervisor");
  assert.equal(run(g, 0x0f, 0x21, 0xe3), "done", "dr4 is dr6");
  g.vcpu.traps.cr4 |= 8n;
  assert.equal(run(g, 0x0f, 0x21, 0xe3), 6, "but not with CR4.DE");
});

test("cli and sti follow the virtual IOPL and change nothing", () => {
  const g = guest(0);
  assert.equal(run(g, 0xfa), 13);
  g.vcpu.traps.iopl = 1;
  assert.equal(run(g, 0xfa), "done");
  assert.equal(run(g, 0xfb), "done");
  assert.equal(g.cpu.rflags, 0x202n);
  toggleGuestMode(g.vcpu);
  assert.equal(run(g, 0xfa), 13);
  toggleGuestMode(g.vcpu);
  g.vcpu.kernelMode || toggleGuestMode(g.vcpu);
  g.vcpu.traps.iopl = 0;
  g.domain.record.vm_assist |= 1n << BigInt(VMASST_TYPE_architectural_iopl);
  assert.equal(run(g, 0xfa), "done", "the kernel is ring 0 then");
});

test("ports: nothing there", () => {
  const g = guest();
  set(g, { [RAX]: 0x1122_3344_5566_7788n, [RDX]: 0x300n });
  assert.equal(run(g, 0xec), "done");
  assert.equal(g.vcpu.gpr[RAX], 0x1122_3344_5566_77ffn);
  assert.equal(run(g, 0x66, 0xed), "done");
  assert.equal(g.vcpu.gpr[RAX], 0x1122_3344_5566_ffffn);
  assert.equal(run(g, 0xed), "done");
  assert.equal(g.vcpu.gpr[RAX], 0xffff_ffffn);
  assert.equal(run(g, 0xe4, 0x64), "done", "in al, 0x64");
  assert.equal(run(g, 0xe6, 0x80), "done", "out 0x80, al");
});

test("ports: the PCI address is latched, its data absent", () => {
  const g = guest();
  set(g, { [RAX]: 0x8000_0000n, [RDX]: 0xcf8n });
  assert.equal(run(g, 0xef), "done");
  set(g, { [RAX]: 0n });
  assert.equal(run(g, 0xed), "done");
  assert.equal(g.vcpu.gpr[RAX], 0x8000_0000n);
  set(g, { [RDX]: 0xcfcn });
  run(g, 0xed);
  assert.equal(g.vcpu.gpr[RAX], 0xffff_ffffn);
});

test("ports: channel 2 of the timer counts down, and port 0x61 shows its output", () => {
  const g = guest();
  const out = (port: number, value: number): void => {
    set(g, { [RAX]: BigInt(value) });
    assert.equal(run(g, 0xe6, port), "done");
  };
  const input = (port: number): number => {
    assert.equal(run(g, 0xe4, port), "done");
    return Number(g.vcpu.gpr[RAX]! & 0xffn);
  };
  out(0x61, 1);
  out(0x43, 0xb0); // channel 2, both bytes, mode 0
  out(0x42, 0x00);
  out(0x42, 0x10); // 4096 ticks: 3.43 ms
  assert.equal(input(0x61) & 0x20, 0);
  g.now += 1_000_000; // 1193 ticks
  out(0x43, 0x80); // latch
  assert.equal(input(0x42) | (input(0x42) << 8), 4096 - 1193);
  g.now += 3_000_000;
  assert.equal(input(0x61) & 0x20, 0x20);
});

test("ports: the I/O bitmap gives what IOPL does not", () => {
  const g = guest(0);
  set(g, { [RDX]: 0x3f8n });
  assert.equal(run(g, 0xec), 13);
  g.hv.memory.frame(g.mfns[DATA]!).fill(0xff);
  g.bytes(g.va(DATA, 0x3f8 / 8), [0xfe]);
  g.setWord(g.va(DATA + 1), g.va(DATA));
  g.setWord(g.va(DATA + 1, 8), 1024n);
  assert.equal(g.hypercall(HYPERVISOR.physdev_op, PHYSDEVOP.set_iobitmap, g.va(DATA + 1)), 0n);
  set(g, { [RDX]: 0x3f8n });
  assert.equal(run(g, 0xec), "done");
  assert.equal(run(g, 0x66, 0xed), 13, "the second port is not allowed");
  set(g, { [RDX]: 0x3f9n });
  assert.equal(run(g, 0xec), 13);
  set(g, { [RDX]: 0x400n });
  assert.equal(run(g, 0xec), 13, "beyond the bitmap");
});

test("string input and output", () => {
  const g = guest();
  set(g, { [RDX]: 0x300n, [RDI]: g.va(DATA, 0x10), [RCX]: 3n });
  assert.equal(run(g, 0xf3, 0x66, 0x6d), "done", "rep insw");
  assert.equal(g.word(g.va(DATA, 0x10)), 0xffff_ffff_ffffn);
  assert.deepEqual([g.vcpu.gpr[RDI], g.vcpu.gpr[RCX]], [g.va(DATA, 0x16), 0n]);
  set(g, { [RSI]: g.va(DATA), [RCX]: 5n });
  assert.equal(run(g, 0xf3, 0x6e), "done", "rep outsb");
  assert.equal(g.vcpu.gpr[RSI], g.va(DATA, 5));
  set(g, { [RDI]: g.va(READ_ONLY) });
  assert.equal(run(g, 0x6c), 14, "insb to a read-only page");
  assert.equal(g.vcpu.traps.cr2, g.va(READ_ONLY));
  set(g, { [RCX]: 5000n, [RSI]: g.va(DATA) });
  g.code(0xf3, 0x6e);
  g.exception(13);
  assert.equal(g.vcpu.state.rip, g.va(CODE), "a long one is done in parts");
  assert.equal(g.vcpu.gpr[RCX], 5000n - 1024n);
});

test("rdtsc with CR4.TSD: for the kernel only", () => {
  const g = guest();
  g.cpu.readTsc = () => 0x1_2345_6789n;
  assert.equal(run(g, 0x0f, 0x31), "done");
  assert.deepEqual([g.vcpu.gpr[RAX], g.vcpu.gpr[RDX]], [0x2345_6789n, 1n]);
  set(g, { [RAX]: 4n });
  run(g, 0x0f, 0x22, 0xe0);
  toggleGuestMode(g.vcpu);
  assert.equal(run(g, 0x0f, 0x31), 13);
});

test("a single-stepping guest gets #DB behind the emulated instruction", () => {
  const g = guest();
  g.cpu.rflags = 0x302n;
  assert.equal(run(g, 0xfa), 1);
  assert.notEqual(g.vcpu.state.dr.get(6) & (1n << 14n), 0n);
});

test("an instruction that ends on an unmapped page", () => {
  const g = guest();
  g.vcpu.state.rip = g.va(31, 0xfff);
  g.bytes(g.va(31, 0xfff), [0x0f]);
  g.exception(13);
  assert.equal(g.vcpu.state.rip, HANDLER + 14n);
  assert.equal(g.vcpu.traps.cr2, g.va(32));
});

function cpuid(g: TestGuest, leaf: number, subleaf = 0): number[] {
  set(g, { [RAX]: BigInt(leaf), [RCX]: BigInt(subleaf) });
  g.code(0x0f, 0xa2);
  g.vcpu.state.exit_instruction_length = 2;
  g.exit(ExitReason.Cpuid);
  assert.equal(g.vcpu.state.rip, g.va(CODE, 2));
  return [RAX, RBX, RCX, RDX].map((register) => Number(g.vcpu.gpr[register]));
}

const text = (words: number[]): string =>
  String.fromCharCode(...words.flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff)));

test("CPUID: hypervisor leaves", () => {
  const g = guest();
  const [max = 0, ...signature] = cpuid(g, 0x4000_0000);
  assert.equal(max, 0x4000_0005);
  assert.equal(text(signature), "XenVMMXenVMM");
  assert.deepEqual(cpuid(g, 0x4000_0001), [0x0004_0011, 0, 0, 0]);
  assert.deepEqual(cpuid(g, 0x4000_0002), [1, 0x4000_0000, 1, 0]);
  assert.equal(cpuid(g, 0x4000_0003)[2], 1_000_000);
  assert.deepEqual(cpuid(g, 0x4000_0100), [0, 0, 0, 0], "nobody else");
});

test("CPUID: a processor that 64-bit PV kernels accept, without what they must not use", () => {
  const g = guest();
  const [max = 0, b = 0, c = 0, d = 0] = cpuid(g, 0);
  assert.equal(max, 0xd);
  assert.equal(text([b, d, c]), "AuthenticAMD");
  const [, , ecx = 0, edx = 0] = cpuid(g, 1);
  const [, , ecx8 = 0, edx8 = 0] = cpuid(g, 0x8000_0001);
  const has = (word: number, bit: number): boolean => ((word >>> bit) & 1) === 1;
  // fpu tsc msr pae cx8 cmov clflush mmx fxsr sse sse2
  for (const bit of [0, 4, 5, 6, 8, 15, 19, 23, 24, 25, 26]) assert.ok(has(edx, bit), `1.edx.${bit}`);
  // vme pse sep mtrr pge pse36
  for (const bit of [1, 3, 11, 12, 13, 17]) assert.ok(!has(edx, bit), `1.edx.${bit}`);
  assert.ok(has(ecx, 31), "hypervisor");
  // monitor pcid x2apic xsave
  for (const bit of [3, 17, 21, 26]) assert.ok(!has(ecx, bit), `1.ecx.${bit}`);
  // syscall nx rdtscp lm
  for (const bit of [11, 20, 27, 29]) assert.ok(has(edx8, bit), `e1.edx.${bit}`);
  assert.ok(!has(edx8, 26), "no pages of 1 GiB");
  assert.ok(!has(ecx8, 2), "no SVM");
  assert.equal(cpuid(g, 0x8000_0007)[3], 0x100);
  assert.deepEqual(cpuid(g, 0xb), [0, 0, 0, 0]);
  assert.deepEqual(cpuid(g, 0xd), [0, 0, 0, 0]);
  const brand = [2, 3, 4].map((n) => text(cpuid(g, 0x8000_0000 + n))).join("");
  assert.match(brand, /^Typervisor Virtual Processor\0+$/);
});

test("CPUID behind the forced-emulation prefix, from kernel and user; other UD2 are the guest's", () => {
  const g = guest();
  for (const kernel of [true, false]) {
    if (!kernel) toggleGuestMode(g.vcpu);
    set(g, { [RAX]: 0x4000_0000n, [RCX]: 0n });
    g.code(0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2);
    g.exception(6);
    assert.equal(g.vcpu.state.rip, g.va(CODE, 7));
    assert.equal(g.vcpu.gpr[RBX], 0x566e_6558n);
  }
  g.code(0x0f, 0x0b, 0x78, 0x65, 0x6d, 0x0f, 0xa2);
  g.exception(6);
  assert.equal(g.vcpu.state.rip, HANDLER + 6n);
});
