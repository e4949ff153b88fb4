/** Bounce frames, word by word (public/arch-x86/xen-x86_64.h), and the way back by iret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CALLBACKTYPE } from "../../src/abi/callback.ts";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { setUpcallMask, upcallMask, vcpuInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { DomainCrash } from "../../src/hypervisor/hypercall.ts";
import { registerCallback } from "../../src/hypervisor/traps/callbacks.ts";
import { deliverPending, sendNmi } from "../../src/hypervisor/traps/deliver.ts";
import { toggleGuestMode } from "../../src/hypervisor/traps/mode.ts";
import { setTrap } from "../../src/hypervisor/traps/trap-table.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { CR0_TS, CS, GS, R11, RAX, RCX, RSP, SS } from "../../src/machine/x86/state.ts";
import { CODE, KERNEL_STACK, READ_ONLY, STACK, TestGuest } from "./guest.ts";

const HANDLER = 0x40_0100n;
const RCX_VALUE = 0x1111n;
const R11_VALUE = 0x2222n;

function guest(): TestGuest {
  const g = new TestGuest();
  for (let vector = 0; vector < 32; vector++)
    setTrap(g.vcpu, { vector, flags: 0, cs: 0xe033, handler: HANDLER + BigInt(vector) });
  g.vcpu.gpr[RCX] = RCX_VALUE;
  g.vcpu.gpr[R11] = R11_VALUE;
  g.cpu.rflags = 0x202n;
  return g;
}

const sp = (g: TestGuest): bigint => g.vcpu.gpr[RSP]!;

test("an exception in the guest kernel stays on its stack, aligned, and shows CS with RPL 0", () => {
  const g = guest();
  g.vcpu.gpr[RSP] = g.va(STACK, 0x80c);
  g.cpu.rflags = 0x1_0646n | 0x400n; // RF, DF, ZF, PF, IF
  g.exception(0);
  assert.equal(sp(g), g.va(STACK, 0x800) - 56n);
  assert.deepEqual(g.words(sp(g), 7), [
    RCX_VALUE,
    R11_VALUE,
    g.va(CODE),
    0xe030n | (1n << 32n), // events are masked at first
    0x1_0446n, // IF is the inverse of the mask
    g.va(STACK, 0x80c),
    0xe02bn,
  ]);
  assert.equal(g.vcpu.state.rip, HANDLER);
  // RF is cleared, DF and the hardware's IF are not.
  assert.equal(g.cpu.rflags, 0x646n);
  assert.equal(g.vcpu.state.segment.get(CS).selector, 0xe033);
  assert.equal(g.vcpu.state.segment.get(SS).selector, 0xe02b);
  assert.equal(upcallMask(g.vcpu), 1);
});

test("an error code stands between r11 and rip", () => {
  const g = guest();
  setUpcallMask(g.vcpu, 0);
  g.exception(11, 0x58);
  assert.equal(sp(g), g.va(STACK, 0x800) - 64n);
  assert.deepEqual(g.words(sp(g), 5), [RCX_VALUE, R11_VALUE, 0x58n, g.va(CODE), 0xe030n]);
  assert.equal(g.word(sp(g) + 40n), 0x202n);
});

test("from user mode: kernel stack, CS as it is, other root, other GS base", () => {
  const g = guest();
  g.vcpu.state.segment.get(GS).base = 0xaaaan;
  g.vcpu.state.kernel_gs_base = 0xbbbbn;
  toggleGuestMode(g.vcpu);
  assert.equal(g.vcpu.kernelMode, false);
  assert.equal(g.vcpu.state.segment.get(GS).base, 0xbbbbn);
  assert.equal(g.vcpu.state.pcid, 1);
  g.exception(14, 6, 0x1234n);
  assert.equal(g.vcpu.kernelMode, true);
  assert.equal(g.vcpu.state.pcid, 0);
  assert.equal(g.vcpu.state.segment.get(GS).base, 0xaaaan);
  assert.equal(sp(g), g.va(KERNEL_STACK, 0x1000) - 64n);
  assert.deepEqual(g.words(sp(g), 5), [RCX_VALUE, R11_VALUE, 6n, g.va(CODE), 0xe033n | (1n << 32n)]);
  assert.equal(vcpuInfo(g.vcpu).arch.cr2, 0x1234n);
});

test("page faults of the kernel have U clear, those of the user have it set", () => {
  const g = guest();
  g.exception(14, 7, 0xdead000n);
  assert.equal(g.word(sp(g) + 16n), 3n);
  assert.equal(vcpuInfo(g.vcpu).arch.cr2, 0xdead000n);
  assert.equal(g.vcpu.traps.cr2, 0xdead000n);
});

test("trap flag 4 masks events, others leave the mask", () => {
  const g = guest();
  setTrap(g.vcpu, { vector: 3, flags: 4, cs: 0, handler: HANDLER });
  setUpcallMask(g.vcpu, 0);
  g.exception(6);
  assert.equal(upcallMask(g.vcpu), 0);
  g.exception(3);
  assert.equal(upcallMask(g.vcpu), 1);
});

test("an event masks events, and comes on top of an exception's frame", () => {
  const g = guest();
  registerCallback(g.vcpu, { type: CALLBACKTYPE.event, flags: 0, handler: HANDLER + 64n, cs: 0xe033 });
  const info = vcpuInfo(g.vcpu);
  info.evtchn_upcall_pending = 1;
  deliverPending(g.vcpu);
  assert.equal(g.vcpu.state.rip, g.va(CODE), "masked: not delivered");
  info.evtchn_upcall_mask = 0;
  g.exception(6);
  deliverPending(g.vcpu);
  assert.equal(g.vcpu.state.rip, HANDLER + 64n);
  assert.equal(info.evtchn_upcall_mask, 1);
  assert.equal(info.evtchn_upcall_pending, 1, "the guest clears it");
  // The event's frame returns to the exception's handler, with events on.
  assert.deepEqual(g.words(sp(g) + 16n, 3), [HANDLER + 6n, 0xe030n, 0x202n]);
});

test("a pending event without a callback crashes the domain", () => {
  const g = guest();
  const info = vcpuInfo(g.vcpu);
  info.evtchn_upcall_pending = 1;
  info.evtchn_upcall_mask = 0;
  assert.throws(() => deliverPending(g.vcpu), DomainCrash);
});

test("a frame that cannot be written, or a missing handler, crashes the domain", () => {
  for (const stack of [(g: TestGuest) => g.va(READ_ONLY, 0x800), () => 0x10_0000n, () => 0xffff_8100_0000_0000n]) {
    const g = guest();
    g.vcpu.gpr[RSP] = stack(g);
    assert.throws(() => g.exception(13, 8), DomainCrash);
  }
  const g = guest();
  setTrap(g.vcpu, { vector: 6, flags: 0, cs: 0, handler: 0n });
  assert.throws(() => g.exception(6), /unhandled exception #UD/);
});

test("a frame across a page boundary", () => {
  const g = guest();
  g.vcpu.gpr[RSP] = g.va(STACK + 1, 0x10);
  g.exception(0);
  assert.equal(g.word(sp(g)), RCX_VALUE);
  assert.equal(g.word(g.va(STACK + 1, 0)), g.va(STACK + 1, 0x10));
  assert.equal(g.word(g.va(STACK + 1, 8)), 0xe02bn);
});

test("#NM comes with TS clear already", () => {
  const g = guest();
  assert.equal(g.hypercall(HYPERVISOR.fpu_taskswitch, 1), 0n);
  assert.notEqual(g.vcpu.state.cr0 & CR0_TS, 0n);
  g.exception(7);
  assert.equal(g.vcpu.state.cr0 & CR0_TS, 0n);
  assert.equal(g.vcpu.state.rip, HANDLER + 7n);
});

test("SYSCALL of the user: flat selectors, DF clear, rcx and r11 as hardware left them", () => {
  const g = guest();
  registerCallback(g.vcpu, { type: CALLBACKTYPE.syscall, flags: 1, handler: HANDLER + 80n, cs: 0xe033 });
  setUpcallMask(g.vcpu, 0);
  toggleGuestMode(g.vcpu);
  g.vcpu.state.segment.get(CS).selector = 0x33;
  g.vcpu.state.rip = g.va(CODE, 2);
  g.vcpu.gpr[RCX] = g.va(CODE, 2);
  g.vcpu.gpr[R11] = 0x602n;
  g.vcpu.gpr[RAX] = 39n;
  g.cpu.rflags = 0x602n;
  g.exit(ExitReason.Syscall);
  assert.deepEqual(g.words(sp(g), 5), [g.va(CODE, 2), 0x602n, g.va(CODE, 2), 0xe033n, 0x602n]);
  assert.equal(g.word(sp(g) + 48n), 0xe02bn);
  assert.equal(g.cpu.rflags, 0x202n);
  assert.equal(g.vcpu.gpr[RAX], 39n);
  assert.equal(upcallMask(g.vcpu), 1);
  assert.equal(g.hv.statistics.guestSyscalls, 1);
});

test("SYSCALL without a callback is #UD at the instruction", () => {
  const g = guest();
  toggleGuestMode(g.vcpu);
  g.vcpu.state.rip = g.va(CODE, 2);
  g.exit(ExitReason.Syscall);
  assert.equal(g.vcpu.state.rip, HANDLER + 6n);
  assert.equal(g.word(sp(g) + 16n), g.va(CODE));
});

test("SYSENTER is #UD in long mode, as on AMD's", () => {
  const g = guest();
  toggleGuestMode(g.vcpu);
  g.vcpu.state.rip = g.va(CODE, 2);
  g.exit(ExitReason.Sysenter);
  assert.equal(g.vcpu.state.rip, HANDLER + 6n);
  assert.equal(g.word(sp(g) + 16n), g.va(CODE));
});

test("INT n: the guest's DPL decides; the kernel is ring 1; RIP is behind it and there is no error code", () => {
  const g = guest();
  const interrupt = (vector: number): void => {
    g.vcpu.state.rip = g.va(CODE);
    g.vcpu.state.exit_vector = vector;
    g.vcpu.state.exit_instruction_length = 2;
    g.exit(ExitReason.SoftwareInterrupt);
  };
  setTrap(g.vcpu, { vector: 0x80, flags: 3, cs: 0, handler: HANDLER + 0x80n });
  setTrap(g.vcpu, { vector: 0x81, flags: 1, cs: 0, handler: HANDLER + 0x81n });
  setTrap(g.vcpu, { vector: 0x83, flags: 0, cs: 0, handler: HANDLER + 0x83n });
  interrupt(0x81);
  assert.equal(g.vcpu.state.rip, HANDLER + 0x81n);
  assert.equal(g.word(sp(g) + 16n), g.va(CODE, 2));
  interrupt(0x83);
  assert.equal(g.vcpu.state.rip, HANDLER + 13n, "DPL 0 is for nobody");
  assert.deepEqual(g.words(sp(g) + 16n, 2), [0x83n * 8n + 2n, g.va(CODE)]);
  interrupt(0x90);
  assert.equal(g.word(sp(g) + 16n), 0x90n * 8n + 2n, "no handler");
  toggleGuestMode(g.vcpu);
  interrupt(0x81);
  assert.equal(g.vcpu.state.rip, HANDLER + 13n, "the user needs DPL 3");
  toggleGuestMode(g.vcpu);
  interrupt(0x80);
  assert.equal(g.vcpu.state.rip, HANDLER + 0x80n);
});

test("NMIs nest only after iret", () => {
  const g = guest();
  sendNmi(g.vcpu);
  deliverPending(g.vcpu);
  assert.equal(g.vcpu.state.rip, HANDLER + 2n);
  g.vcpu.state.rip = g.va(CODE);
  sendNmi(g.vcpu);
  deliverPending(g.vcpu);
  assert.equal(g.vcpu.state.rip, g.va(CODE));
  iretTo(g, { rip: g.va(CODE, 0x10) });
  deliverPending(g.vcpu);
  assert.equal(g.vcpu.state.rip, HANDLER + 2n);
});

interface Frame {
  rax?: bigint;
  r11?: bigint;
  rcx?: bigint;
  flags?: bigint;
  rip?: bigint;
  cs?: bigint;
  rflags?: bigint;
  rsp?: bigint;
  ss?: bigint;
}

/** Makes the iret hypercall with a frame. */
function iretTo(g: TestGuest, f: Frame): void {
  const at = g.va(STACK, 0x400);
  const words = [
    f.rax ?? 7n,
    f.r11 ?? 8n,
    f.rcx ?? 9n,
    f.flags ?? 0n,
    f.rip ?? g.va(CODE, 0x20),
    f.cs ?? 0xe030n,
    f.rflags ?? 0x202n,
  ];
  [...words, f.rsp ?? g.va(STACK, 0x600), f.ss ?? 0xe02bn].forEach((word, i) => {
    g.setWord(at + BigInt(i * 8), word);
  });
  g.vcpu.gpr[RSP] = at;
  g.hypercallAt(HYPERVISOR.iret);
}

test("iret within the kernel", () => {
  const g = guest();
  iretTo(g, { rflags: 0x23_3247n });
  assert.equal(g.vcpu.kernelMode, true);
  assert.equal(g.vcpu.state.rip, g.va(CODE, 0x20));
  assert.deepEqual(
    [g.vcpu.gpr[RAX], g.vcpu.gpr[R11], g.vcpu.gpr[RCX], g.vcpu.gpr[RSP]],
    [7n, 8n, 9n, g.va(STACK, 0x600)],
  );
  // VM and IOPL are dropped, as is what does not exist; IF is on in hardware and stands for the mask.
  assert.equal(g.cpu.rflags, 0x21_0247n);
  assert.equal(upcallMask(g.vcpu), 0);
  assert.equal(g.vcpu.state.segment.get(CS).selector, 0xe033);
  iretTo(g, { rflags: 0x46n });
  assert.equal(upcallMask(g.vcpu), 1);
  assert.equal(g.cpu.rflags, 0x246n);
});

test("iret to user mode", () => {
  const g = guest();
  iretTo(g, { cs: 0xe033n });
  assert.equal(g.vcpu.kernelMode, false);
  assert.equal(g.vcpu.state.pcid, 1);
  assert.equal(g.vcpu.gpr[RCX], 9n);
});

test("iret with VGCF_in_syscall returns as SYSRET", () => {
  const g = guest();
  iretTo(g, { cs: 0x33n, ss: 0x2bn, flags: 0x100n });
  assert.equal(g.vcpu.kernelMode, false);
  assert.equal(g.vcpu.gpr[RCX], g.va(CODE, 0x20));
  assert.equal(g.vcpu.gpr[R11], 0x202n);
  assert.equal(g.vcpu.state.segment.get(CS).selector, 0xe033);
  assert.equal(g.vcpu.state.segment.get(SS).selector, 0xe02b);
});

test("iret to 32-bit code truncates RIP and RSP", () => {
  const g = guest();
  iretTo(g, { cs: 0xe023n, rip: 0x1_0040_0020n, rsp: 0x7_0000_1000n });
  assert.equal(g.vcpu.state.rip, 0x40_0020n);
  assert.equal(g.vcpu.gpr[RSP], 0x1000n);
  assert.equal(g.vcpu.state.segment.get(CS).attributes, 0xcfb);
});

test("iret to a non-canonical address is #GP there", () => {
  const g = guest();
  iretTo(g, { cs: 0xe033n, rip: 0x8000_0000_0000n });
  assert.equal(g.vcpu.state.rip, HANDLER + 13n);
  assert.equal(g.vcpu.kernelMode, true);
  assert.deepEqual(g.words(sp(g) + 16n, 3), [0n, 0x8000_0000_0000n, 0xe033n]);
});

test("iret with a selector that names nothing is #GP there", () => {
  const g = guest();
  iretTo(g, { cs: 0x33n, ss: 0x2bn });
  assert.equal(g.vcpu.state.rip, HANDLER + 13n);
  assert.deepEqual(g.words(sp(g) + 16n, 3), [0x30n, g.va(CODE, 0x20), 0x33n]);
});

test("iret without a user root, or without a frame, crashes the domain", () => {
  const g = guest();
  g.vcpu.mm.user_root = 0;
  assert.throws(() => iretTo(g, { cs: 0xe033n }), /without a page-table root/);
  const h = guest();
  h.vcpu.gpr[RSP] = 0n;
  assert.throws(() => h.hypercallAt(HYPERVISOR.iret), /iret frame/);
});
