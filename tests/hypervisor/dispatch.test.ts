/** From registers to handlers and back: unknown numbers, continuations, multicall, the errors of refused calls. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EBUSY, EFAULT, EINVAL, ENODEV, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from "../../src/abi/errno.ts";
import { XENVER } from "../../src/abi/version.ts";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { dispatchHypercall } from "../../src/hypervisor/dispatch.ts";
import { CONTINUATION, type Hypercall } from "../../src/hypervisor/hypercall.ts";
import { trapHandler } from "../../src/hypervisor/traps/inject.ts";
import { GS, RAX, RCX, RDI, RSI, RSP } from "../../src/machine/x86/state.ts";
import { CODE, DATA, READ_ONLY, STACK, TestGuest } from "./guest.ts";

const VERSION = 0x0004_0011n;

test("numbers that are not there are -ENOSYS", () => {
  const g = new TestGuest();
  for (const number of [11, 43, 55, 63, 64, 127, 0xffff_ffff])
    assert.equal(g.hypercall(number), BigInt(-ENOSYS), String(number));
  assert.equal(g.hv.statistics.unknownHypercalls, 7);
});

test("only the low half of RAX is the number", () => {
  const g = new TestGuest();
  g.vcpu.gpr[RDI] = 0n;
  g.vcpu.gpr[RAX] = (1n << 32n) | BigInt(HYPERVISOR.xen_version);
  dispatchHypercall(g.hv, g.vcpu);
  assert.equal(g.vcpu.gpr[RAX], VERSION);
});

test("a continuation rewinds RIP and stores the arguments for the rest", () => {
  const g = new TestGuest();
  const calls: bigint[][] = [];
  const long: Hypercall = {
    number: 50,
    name: "long",
    handler(_hv, _vcpu, args) {
      calls.push([...args]);
      if (args[0] === 3n) return 99;
      args[0]! += 1n;
      args[4] = 7n;
      return CONTINUATION;
    },
  };
  (g.hv.hypercalls as (Hypercall | undefined)[])[50] = long;
  assert.equal(g.hypercall(50, 1, 2), 99n);
  assert.deepEqual(calls, [
    [1n, 2n, 0n, 0n, 0n],
    [2n, 2n, 0n, 0n, 7n],
    [3n, 2n, 0n, 0n, 7n],
  ]);
  // In a multicall the entry holds the arguments for the rest.
  const list = g.va(DATA);
  entry(g, 0, HYPERVISOR.xen_version, 0n);
  entry(g, 1, 50, 1n, 2n);
  entry(g, 2, HYPERVISOR.xen_version, 0n);
  assert.equal(g.hypercall(HYPERVISOR.multicall, list, 3), 0n);
  assert.deepEqual(
    [0, 1, 2].map((i) => result(g, i)),
    [VERSION, 99n, VERSION],
  );
  assert.equal(g.word(list + 64n + 16n), 3n);
});

function entry(g: TestGuest, index: number, op: number, ...args: bigint[]): void {
  const at = g.va(DATA, index * 64);
  g.setWord(at, BigInt(op));
  g.setWord(at + 8n, 0xdeadn);
  for (let i = 0; i < 6; i++) g.setWord(at + BigInt(16 + i * 8), args[i] ?? 0n);
}

const result = (g: TestGuest, index: number): bigint => g.word(g.va(DATA, index * 64 + 8));

test("multicall: results by entry, errors included; an unknown call does not fail the batch", () => {
  const g = new TestGuest();
  entry(g, 0, HYPERVISOR.xen_version, 0n);
  entry(g, 1, 60);
  entry(g, 2, HYPERVISOR.set_segment_base, 2n, 0x1_0000n);
  entry(g, 3, HYPERVISOR.set_segment_base, 2n, 0x8000_0000_0000n);
  entry(g, 4, HYPERVISOR.multicall, 0n, 0n);
  assert.equal(g.hypercall(HYPERVISOR.multicall, g.va(DATA), 5), 0n);
  const signed = [0, 1, 2, 3, 4].map((i) => BigInt.asIntN(64, result(g, i)));
  assert.deepEqual(signed, [VERSION, BigInt(-ENOSYS), 0n, BigInt(-EINVAL), BigInt(-EINVAL)]);
  assert.equal(g.vcpu.state.segment.get(GS).base, 0x1_0000n);
  assert.equal(g.hypercall(HYPERVISOR.multicall, 0, 0), 0n);
});

test("multicall: a list that is not the guest's, or not writable", () => {
  const g = new TestGuest();
  assert.equal(g.hypercall(HYPERVISOR.multicall, 0xffff_8000_0000_0000n, 1), BigInt(-EFAULT));
  assert.equal(g.hypercall(HYPERVISOR.multicall, 0x7fff_ffff_ffc0n, 2), BigInt(-EFAULT));
  assert.equal(g.hypercall(HYPERVISOR.multicall, g.va(READ_ONLY), 1), BigInt(-EFAULT));
});

test("multicall: a long one lets events in between", () => {
  const g = new TestGuest();
  for (let page = DATA; page < DATA + 16; page++) g.hv.memory.frame(g.mfns[page]!).fill(0);
  const count = 16 * 64;
  for (let i = 0; i < count; i++) entry(g, i, HYPERVISOR.xen_version, 0n);
  g.vcpu.gpr[RAX] = BigInt(HYPERVISOR.multicall);
  g.vcpu.gpr[RDI] = g.va(DATA);
  g.vcpu.gpr[RSI] = BigInt(count);
  g.vcpu.state.rip = g.va(CODE, 2);
  dispatchHypercall(g.hv, g.vcpu);
  assert.equal(g.vcpu.state.rip, g.va(CODE));
  assert.deepEqual([g.vcpu.gpr[RDI], g.vcpu.gpr[RSI]], [g.va(DATA, 512 * 64), 512n]);
  g.vcpu.state.rip = g.va(CODE, 2);
  dispatchHypercall(g.hv, g.vcpu);
  assert.equal(g.vcpu.state.rip, g.va(CODE, 2));
  assert.equal(result(g, count - 1), VERSION);
});

test("multicall: iret ends the batch, with RAX of its frame (XSA-213)", () => {
  const g = new TestGuest();
  const frame = [0x77n, 0n, 0x99n, 0n, g.va(CODE, 0x40), 0xe033n, 0x202n, g.va(STACK, 0x100), 0xe02bn];
  for (const [i, word] of frame.entries()) g.setWord(g.va(STACK, 0x400 + i * 8), word);
  entry(g, 0, HYPERVISOR.iret);
  entry(g, 1, HYPERVISOR.set_segment_base, 2n, 0x1_0000n);
  g.vcpu.gpr[RSP] = g.va(STACK, 0x400);
  g.vcpu.gpr[RDI] = g.va(DATA);
  g.vcpu.gpr[RSI] = 2n;
  g.hypercallAt(HYPERVISOR.multicall);
  assert.equal(g.vcpu.kernelMode, false);
  assert.equal(g.vcpu.state.rip, g.va(CODE, 0x40));
  assert.deepEqual([g.vcpu.gpr[RAX], g.vcpu.gpr[RCX]], [0x77n, 0x99n]);
  assert.equal(result(g, 1), 0xdeadn);
  assert.equal(g.vcpu.state.segment.get(GS).base, 0n);
});

test("set_trap_table adds; NULL clears; a table may not have handlers that are not addresses", () => {
  const g = new TestGuest();
  const trap = (i: number, vector: number, handler: bigint): void => {
    g.setWord(g.va(DATA, i * 16), BigInt(vector) | (0xe033n << 16n));
    g.setWord(g.va(DATA, i * 16 + 8), handler);
  };
  trap(0, 3, 0x1000n);
  trap(1, 14, 0x2000n);
  trap(2, 0, 0n);
  assert.equal(g.hypercall(HYPERVISOR.set_trap_table, g.va(DATA)), 0n);
  trap(0, 6, 0x3000n);
  trap(1, 0, 0n);
  assert.equal(g.hypercall(HYPERVISOR.set_trap_table, g.va(DATA)), 0n);
  assert.deepEqual(
    [3, 6, 14].map((v) => trapHandler(g.vcpu, v)),
    [0x1000n, 0x3000n, 0x2000n],
  );
  trap(0, 7, 0x8000_0000_0000n);
  assert.equal(g.hypercall(HYPERVISOR.set_trap_table, g.va(DATA)), BigInt(-EINVAL));
  assert.equal(g.hypercall(HYPERVISOR.set_trap_table, 0x10_0000), BigInt(-EFAULT));
  assert.equal(g.hypercall(HYPERVISOR.set_trap_table, 0), 0n);
  assert.equal(trapHandler(g.vcpu, 14), 0n);
});

test("callbacks", () => {
  const g = new TestGuest();
  const register = (type: number, address: bigint, flags = 0): bigint => {
    g.setWord(g.va(DATA), BigInt(type) | (BigInt(flags) << 16n));
    g.setWord(g.va(DATA, 8), address);
    return g.hypercall(HYPERVISOR.callback_op, 0, g.va(DATA));
  };
  assert.equal(register(0, 0x1000n), 0n);
  assert.equal(register(2, 0x2000n, 1), 0n);
  assert.equal(register(4, 0x3000n), 0n);
  assert.equal(register(2, 0x8000_0000_0000n), BigInt(-EINVAL));
  assert.equal(register(9, 0x1000n), BigInt(-ENOSYS));
  assert.equal(g.vcpu.traps.event.handler, 0x1000n);
  assert.equal(g.vcpu.traps.syscall.handler, 0x2000n);
  assert.equal(g.vcpu.traps.callback_masks, 1);
  assert.equal(trapHandler(g.vcpu, 2), 0x3000n);
  assert.equal(g.hypercall(HYPERVISOR.set_callbacks, 0x4000, 0x5000, 0x6000), 0n);
  assert.equal(g.vcpu.traps.callback_masks, 0);
  assert.deepEqual(
    [g.vcpu.traps.event.handler, g.vcpu.traps.failsafe.handler, g.vcpu.traps.syscall.handler],
    [0x4000n, 0x5000n, 0x6000n],
  );
});

test("xen_version", () => {
  const g = new TestGuest();
  const at = g.va(DATA);
  const string = (): string => Buffer.from(g.hv.memory.frame(g.mfns[DATA]!)).toString("latin1").split("\0")[0]!;
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.version), VERSION);
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.extraversion, at), 0n);
  assert.ok(string().length < 16);
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.capabilities, at), 0n);
  assert.match(string(), /^xen-3\.0-x86_64 /);
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.platform_parameters, at), 0n);
  assert.equal(g.word(at), 0xffff_8000_0000_0000n);
  g.setWord(at, 0n);
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.get_features, at), 0n);
  assert.equal(g.word(at) >> 32n, 0x220e0n);
  assert.equal(g.hypercall(HYPERVISOR.vm_assist, 0, 3), 0n);
  g.hypercall(HYPERVISOR.xen_version, XENVER.get_features, at);
  assert.equal(g.word(at) >> 32n, 0x220f0n);
  g.setWord(at, 1n);
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.get_features, at), BigInt(-EINVAL));
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.pagesize, 0), 4096n);
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.guest_handle, at), 0n);
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.commandline, at), 0n);
  assert.equal(string(), "<denied>");
  assert.equal(g.hypercall(HYPERVISOR.xen_version, XENVER.build_id, at), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.xen_version, 11, at), BigInt(-ENOSYS));
});

test("console_io: refused, or told to the host, in parts", () => {
  const g = new TestGuest();
  assert.equal(g.hypercall(HYPERVISOR.console_io, 0, 3, g.va(DATA)), BigInt(-EPERM));
  let text = "";
  const h = new TestGuest({ onConsole: (_domain, bytes) => (text += Buffer.from(bytes).toString("latin1")) });
  h.hv.memory.frame(h.mfns[DATA]!).fill(0x61);
  assert.equal(h.hypercall(HYPERVISOR.console_io, 0, 5, h.va(DATA)), 0n);
  h.hv.runNotices();
  assert.equal(text, "aaaaa");
  assert.equal(h.hypercall(HYPERVISOR.console_io, 0, 20000, h.va(DATA)), 0n);
  h.hv.runNotices();
  assert.equal(text.length, 20005);
  assert.equal(h.hypercall(HYPERVISOR.console_io, 1, 5, h.va(DATA)), 0n);
  assert.equal(h.hypercall(HYPERVISOR.console_io, 0, 5, 0x10_0000), BigInt(-EFAULT));
});

test("segment bases, debug registers", () => {
  const g = new TestGuest();
  assert.equal(g.hypercall(HYPERVISOR.set_segment_base, 1, 0x7000), 0n);
  assert.equal(g.vcpu.state.kernel_gs_base, 0x7000n);
  g.vcpu.state.segment.get(GS).base = 0x9000n;
  assert.equal(g.hypercall(HYPERVISOR.set_segment_base, 3, 0), 0n);
  assert.deepEqual([g.vcpu.state.kernel_gs_base, g.vcpu.state.segment.get(GS).base], [0n, 0x9000n]);
  assert.equal(g.hypercall(HYPERVISOR.set_segment_base, 4, 0), BigInt(-EINVAL));
  assert.equal(g.hypercall(HYPERVISOR.set_debugreg, 7, 0x401), 0n);
  assert.equal(g.hypercall(HYPERVISOR.get_debugreg, 7), 0x401n);
  assert.equal(g.hypercall(HYPERVISOR.set_debugreg, 7, 0x2400), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.set_debugreg, 0, 0xffff_8000_0000_0000n), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.get_debugreg, 8), BigInt(-ENODEV));
});

test("what is not for an unprivileged domain", () => {
  const g = new TestGuest();
  const header = (version: number, domid = 0x7ff0): bigint => {
    g.setWord(g.va(DATA), 1n | (BigInt(version) << 32n));
    g.setWord(g.va(DATA, 8), BigInt(domid));
    return g.va(DATA);
  };
  assert.equal(g.hypercall(HYPERVISOR.domctl, header(0x15)), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.domctl, header(0x15, 77)), BigInt(-ESRCH));
  assert.equal(g.hypercall(HYPERVISOR.domctl, header(0x14)), BigInt(-EACCES));
  assert.equal(g.hypercall(HYPERVISOR.sysctl, header(0x15)), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.platform_op, header(0x0300_0001)), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.platform_op, 0x10_0000), BigInt(-EFAULT));
  assert.equal(g.hypercall(HYPERVISOR.xenpmu_op, 4, 0), BigInt(-EOPNOTSUPP));
  assert.equal(g.hypercall(HYPERVISOR.tmem_op), BigInt(-ENOSYS));
  assert.equal(g.hypercall(HYPERVISOR.kexec_op), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.dm_op, 0x7ff0), BigInt(-EPERM));
  assert.equal(g.hypercall(HYPERVISOR.hvm_op, 1, header(0)), BigInt(-EINVAL));
});

test("physdev_op: IOPL, in both forms", () => {
  const g = new TestGuest();
  g.setWord(g.va(DATA), 1n);
  assert.equal(g.hypercall(HYPERVISOR.physdev_op, 6, g.va(DATA)), 0n);
  assert.equal(g.vcpu.traps.iopl, 1);
  g.setWord(g.va(DATA), 4n);
  assert.equal(g.hypercall(HYPERVISOR.physdev_op, 6, g.va(DATA)), BigInt(-EINVAL));
  g.setWord(g.va(DATA), 6n);
  g.setWord(g.va(DATA, 8), 3n);
  assert.equal(g.hypercall(HYPERVISOR.physdev_op_compat, g.va(DATA)), 0n);
  assert.equal(g.vcpu.traps.iopl, 3);
  // The map of interrupts that need an EOI: a writable frame, once.
  g.setWord(g.va(DATA), BigInt(g.mfns[DATA]!));
  assert.equal(g.hypercall(HYPERVISOR.physdev_op, 28, g.va(DATA)), 0n);
  assert.equal(g.hypercall(HYPERVISOR.physdev_op, 28, g.va(DATA)), BigInt(-EBUSY));
});

test("statistics", () => {
  const g = new TestGuest();
  g.hypercall(HYPERVISOR.xen_version, 0);
  g.hypercall(HYPERVISOR.xen_version, 7, 0);
  const json = JSON.parse(JSON.stringify(g.hv.statistics));
  assert.deepEqual(json.hypercalls.xen_version, { count: 2, operations: { version: 1, pagesize: 1 } });
});
