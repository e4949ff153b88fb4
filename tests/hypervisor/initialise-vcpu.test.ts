/** vcpu_guest_context: what a new vCPU starts with, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EEXIST, EINVAL, ENOENT } from "../../src/abi/errno.ts";
import { VCPUOP } from "../../src/abi/vcpu.ts";
import { HYPERVISOR, VGCF_in_kernel, VGCF_syscall_disables_events, vcpuGuestContext } from "../../src/abi/xen.ts";
import { switchTo } from "../../src/hypervisor/context-switch.ts";
import type { GuestContext } from "../../src/hypervisor/initialise-vcpu.ts";
import { trapHandler } from "../../src/hypervisor/traps/inject.ts";
import { CS, FS, GS, RSI, RSP } from "../../src/machine/x86/state.ts";
import { CODE, DATA, STACK, TestGuest } from "./guest.ts";

/** VCPUOP_initialise of vCPU 1 with a context in guest memory. */
function initialise(g: TestGuest, fill: (context: GuestContext) => void = () => {}): bigint {
  const u8 = new Uint8Array(vcpuGuestContext.sizeof);
  const context = vcpuGuestContext.at({ u8, dv: new DataView(u8.buffer) }, 0);
  context.flags = BigInt(VGCF_in_kernel | VGCF_syscall_disables_events);
  context.user_regs.rip = g.va(CODE, 0x30);
  context.user_regs.rsp = g.va(STACK, 0x700);
  context.user_regs.rsi = 0x1234n;
  context.user_regs.rflags = 0x247n;
  context.user_regs.cs = 0xe033;
  context.user_regs.ss = 0xe02b;
  context.ctrlreg.set(3, BigInt(g.vcpu.mm.kernel_root) << 12n);
  fill(context);
  u8.forEach((byte, i) => {
    g.hv.memory.u8[g.maddr(g.va(DATA, i))] = byte;
  });
  return g.hypercall(HYPERVISOR.vcpu_op, VCPUOP.initialise, 1, g.va(DATA));
}

test("a second vCPU", () => {
  const g = new TestGuest();
  const result = initialise(g, (context) => {
    context.trap_ctxt.get(14).vector = 14;
    context.trap_ctxt.get(14).handler = 0x5000n;
    context.event_callback_eip = 0x6000n;
    context.syscall_callback_eip = 0x7000n;
    context.kernel_sp = g.va(STACK, 0x1000);
    context.gs_base_kernel = 0xaaaan;
    context.gs_base_user = 0xbbbbn;
    context.fs_base = 0xccccn;
  });
  assert.equal(result, 0n);
  const second = g.domain.vcpus[1]!;
  assert.equal(g.hypercall(HYPERVISOR.vcpu_op, VCPUOP.is_up, 1), 0n);
  assert.equal(g.hypercall(HYPERVISOR.vcpu_op, VCPUOP.up, 1), 0n);
  assert.equal(g.hypercall(HYPERVISOR.vcpu_op, VCPUOP.is_up, 1), 1n);
  assert.equal(g.hypercall(HYPERVISOR.vcpu_op, VCPUOP.is_up, 2), BigInt(-ENOENT));
  switchTo(g.hv, second);
  const { state, gpr } = second;
  assert.equal(state, g.cpu.state);
  assert.equal(state.rip, g.va(CODE, 0x30));
  assert.deepEqual([gpr[RSI], gpr[RSP]], [0x1234n, g.va(STACK, 0x700)]);
  assert.equal(state.segment.get(CS).attributes, 0xafb);
  assert.deepEqual(
    [state.segment.get(FS).base, state.segment.get(GS).base, state.kernel_gs_base],
    [0xccccn, 0xaaaan, 0xbbbbn],
  );
  assert.equal(trapHandler(second, 14), 0x5000n);
  assert.equal(second.traps.event.handler, 0x6000n);
  assert.equal(second.traps.callback_masks, 1);
  assert.equal(state.cr0, 0x8005_0033n);
  assert.deepEqual([state.fcw, state.mxcsr], [0x37f, 0x1f80]);
  // CF, PF, ZF: flags_result 0 is ZF, and has even parity; bit 1 of flags_aux is CF, bits 0 and 1 differ by OF.
  assert.equal(state.rflags_system, 0x202);
  assert.deepEqual([state.flags_result, state.flags_aux], [0n, 3]);
  assert.equal(initialise(g), BigInt(-EEXIST));
});

test("flags of a vCPU that is not loaded", () => {
  // As machine/x86/state.ts defines them.
  const flags = (state: GuestStateFlags): bigint => {
    const { flags_result: result, flags_aux: aux } = state;
    const bit = (n: number): number => (aux >> n) & 1;
    const parityByte = (Number(result & 0xffn) ^ (aux >> 8)) & 0xff;
    let ones = 0;
    for (let i = 0; i < 8; i++) ones += (parityByte >> i) & 1;
    const cf = bit(1);
    const sf = Number(BigInt.asUintN(64, result) >> 63n) ^ bit(4);
    const of = bit(1) ^ bit(0);
    const zf = result === 0n ? 1 : 0;
    return BigInt(cf | (ones % 2 === 0 ? 4 : 0) | (bit(3) << 4) | (zf << 6) | (sf << 7) | (of << 11));
  };
  const g = new TestGuest();
  for (let combination = 0; combination < 64; combination++) {
    g.domain.vcpus[1]!.record.flags = 0;
    const want = [0, 2, 4, 6, 7, 11].reduce((sum, at, i) => sum | (((combination >> i) & 1) << at), 0);
    initialise(g, (context) => {
      context.user_regs.rflags = BigInt(want | 0x202);
    });
    assert.equal(flags(g.domain.vcpus[1]!.state), BigInt(want), `0x${want.toString(16)}`);
  }
});

interface GuestStateFlags {
  readonly flags_result: bigint;
  readonly flags_aux: number;
}

test("contexts that are refused", () => {
  const bad: ((context: GuestContext, g: TestGuest) => void)[] = [
    (context) => {
      context.user_regs.rip = 0x8000_0000_0000n;
    },
    (context) => {
      context.trap_ctxt.get(200).handler = 0x8000_0000_0000n;
    },
    (context) => {
      context.gdt_ents = 7169n;
    },
    (context) => {
      context.gdt_ents = 1n;
      context.gdt_frames.set(0, 1n);
    },
    (context) => {
      context.ldt_ents = 8193n;
    },
    (context) => {
      context.ctrlreg.set(3, 0n);
    },
    (context, g) => {
      context.ctrlreg.set(3, BigInt(g.mfns[DATA]!) << 12n);
    },
    (context) => {
      context.ctrlreg.set(1, 0xffff_ffff_f000n);
    },
  ];
  bad.forEach((fill, i) => {
    const g = new TestGuest();
    assert.equal(
      initialise(g, (context) => fill(context, g)),
      BigInt(-EINVAL),
      `case ${i}`,
    );
    assert.equal(g.domain.vcpus[1]!.initialised, false);
    assert.equal(initialise(g), 0n, `case ${i}: a good one works afterwards`);
  });
});

test("a data selector that names nothing enters the failsafe callback, with the selectors in the frame", () => {
  const g = new TestGuest();
  initialise(g, (context) => {
    context.failsafe_callback_eip = 0x9000n;
    context.user_regs.ds = 0x2b;
  });
  const second = g.domain.vcpus[1]!;
  switchTo(g.hv, second);
  assert.equal(second.state.rip, 0x9000n);
  const sp = second.gpr[RSP]!;
  assert.equal(sp, g.va(STACK, 0x700) - 88n);
  assert.deepEqual(g.words(sp + 16n, 6), [0x2bn, 0n, 0n, 0n, g.va(CODE, 0x30), 0xe030n | (1n << 32n)]);
});
