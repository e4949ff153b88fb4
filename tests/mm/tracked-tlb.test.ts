/** A TLB that is told of each change of a page table is right without being flushed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DOMID_SELF, MMUEXT, UVMF_NONE } from "../../src/abi/xen.ts";
import { HypercallArguments } from "../../src/hypervisor/hypercall.ts";
import { mmuUpdate } from "../../src/hypervisor/mm/mmu-update.ts";
import { mmuextOp } from "../../src/hypervisor/mm/mmuext.ts";
import { newUserBasePtr } from "../../src/hypervisor/mm/roots.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { toggleGuestMode } from "../../src/hypervisor/traps/mode.ts";
import { Access, ExitReason } from "../../src/machine/processor.ts";
import { RAX } from "../../src/machine/x86/state.ts";
import { Subject } from "../fast-paths/subject.ts";
import { Random } from "../fuzz/random.ts";
import { entry, Guest, newMachine, P, RW, U } from "./machine.ts";

const SELF = BigInt(DOMID_SELF);

function subject(): { guest: Guest; read: (pfn: number) => number; check: () => void; flushes: () => number } {
  const machine = newMachine(8 << 20, true);
  const guest = new Guest(machine, 1, 600);
  const { cpu } = machine;
  return {
    guest,
    read: (pfn) => cpu.translate(guest.va(pfn), Access.Read, true),
    check: () => assert.deepEqual(cpu.staleTranslations(), []),
    flushes: () => cpu.flushes,
  };
}

const update = (guest: Guest, table: number, index: number, value: bigint): number =>
  guest.call(mmuUpdate, guest.words([BigInt(table * 4096 + index * 8), value], 512), 1n, 0n, SELF);

test("an L1 entry: another frame, another right, nothing", () => {
  const { guest, read, check, flushes } = subject();
  const before = flushes();
  for (const value of [entry(guest.mfn[8]!, P | RW), entry(guest.mfn[8]!, P), 0n]) {
    read(7);
    read(8);
    assert.equal(guest.call(updateVaMapping, guest.va(7), value, BigInt(UVMF_NONE)), 0);
    check();
  }
  assert.ok(read(7) < 0);
  assert.equal(flushes(), before, "no flush");
});

test("an L2 entry: all that its table mapped", () => {
  const { guest, read, check, flushes } = subject();
  const before = flushes();
  for (const pfn of [5, 512, 513, 550]) read(pfn);
  assert.equal(update(guest, guest.l2, 1, 0n), 0);
  check();
  assert.ok(read(512) < 0);
  assert.ok(read(5) >= 0);
  assert.equal(flushes(), before, "no flush");
});

test("an L3 entry: all that the tables below map, by a flush if they are many", () => {
  const { guest, read, check, flushes } = subject();
  const before = flushes();
  // A second way to the same L2, to be taken away.
  assert.equal(update(guest, guest.l3, 1, entry(guest.l2, P | RW | U)), 0);
  const alias = guest.va(5) + (1n << 30n);
  assert.equal(guest.hv.cpu.translate(alias, Access.Read, true), read(5));
  assert.equal(update(guest, guest.l3, 1, 0n), 0);
  check();
  assert.ok(guest.hv.cpu.translate(alias, Access.Read, true) < 0);
  assert.equal(flushes(), before, "no flush");
  // The L2 leads to more tables than are looked through.
  for (let i = 2; i < 8; i++) assert.equal(update(guest, guest.l2, i, entry(guest.l1[0]!, P | RW | U)), 0);
  assert.equal(update(guest, guest.l3, 1, entry(guest.l2, P | RW | U)), 0);
  guest.hv.cpu.translate(alias, Access.Read, true);
  assert.equal(update(guest, guest.l3, 1, 0n), 0);
  check();
  assert.equal(flushes(), before + 1);
});

test("a frame that is a root again has nothing of the root it was", () => {
  const { guest, check } = subject();
  const { hv, vcpu } = guest;
  const user = guest.mfn[9]!;
  const pin = (): void => {
    assert.equal(guest.call(updateVaMapping, guest.va(9), entry(user, P), 0n), 0);
    const request = guest.words([BigInt(MMUEXT.PIN_L4_TABLE), BigInt(user), 0n], 512);
    assert.equal(guest.call(mmuextOp, request, 1n, 0n, SELF), 0);
    assert.equal(newUserBasePtr(vcpu, user), 0);
  };
  const lookFromUserMode = (): number => {
    toggleGuestMode(vcpu);
    const at = hv.cpu.translate(guest.va(5), Access.Read, true);
    check();
    toggleGuestMode(vcpu);
    return at;
  };
  guest.poke(user, 272, entry(guest.l3, P | RW | U));
  pin();
  assert.ok(lookFromUserMode() >= 0);
  // It ends, becomes plain memory, and another root without that mapping.
  assert.equal(newUserBasePtr(vcpu, 0), 0);
  const request = guest.words([BigInt(MMUEXT.UNPIN_TABLE), BigInt(user), 0n], 512);
  assert.equal(guest.call(mmuextOp, request, 1n, 0n, SELF), 0);
  guest.poke(user, 272, 0n);
  pin();
  assert.ok(lookFromUserMode() < 0);
});

test("the processor: reads, writes and code at an address whose mapping changes", () => {
  const { hv, cpu, vcpu, memory, guest } = new Subject(new Random(1));
  const va = guest.va(6);
  const root = vcpu.mm.kernel_root;
  vcpu.kernelMode = true;
  cpu.loadCr3(root * 4096, 0, false);
  const { flushes } = cpu.statistics.tlb;
  // mov eax, n; syscall
  for (const n of [7, 8]) memory.u8.set([0xb8, n, 0, 0, 0, 0x0f, 0x05], guest.mfns[n]! * 4096);
  for (const n of [7, 8, 7, 8]) {
    const value = entry(guest.mfns[n]!, P | RW | U);
    assert.equal(updateVaMapping.handler(hv, vcpu, new HypercallArguments([va, value])), 0);
    for (const write of [false, true]) {
      const host = cpu.translateUser(va + 64n, 8, write);
      assert.equal(host, guest.mfns[n]! * 4096 + 64, `page ${n}, ${write ? "written" : "read"}`);
    }
    cpu.state.rip = va;
    assert.equal(cpu.run(100), ExitReason.Syscall);
    assert.equal(cpu.gpr[RAX], BigInt(n), `code of page ${n}`);
  }
  assert.equal(cpu.statistics.tlb.flushes, flushes, "no flush");
});

test("the processor: what is common to two roots stays, what is not goes", () => {
  const { cpu, vcpu, memory, guest } = new Subject(new Random(1));
  const tlb = cpu.trackedTlb;
  const { kernel_root: first, user_root: second } = vcpu.mm;
  // The same L1 for both halves; the second root loses it in the lower one.
  for (const root of [first, second]) memory.u64[root * 512 + 300] = memory.u64[root * 512]!;
  memory.u64[second * 512] = 0n;
  const upper = BigInt.asUintN(64, (300n << 39n) | (0xffffn << 48n)) + guest.va(6);
  tlb.switchRoot(first * 4096, 0);
  const { flushes } = cpu.statistics.tlb;
  const host = cpu.translateUser(upper, 8, false);
  assert.equal(host, guest.mfns[6]! * 4096);
  assert.equal(cpu.translateUser(guest.va(6), 8, false), host);
  const { readMisses } = cpu.statistics.tlb;
  tlb.switchRoot(second * 4096, 0);
  assert.equal(cpu.fastExits.imports["probe"] instanceof Function, true);
  const probe = cpu.fastExits.imports["probe"] as (linear: bigint, access: number, size: number) => number;
  assert.equal(probe(BigInt.asIntN(64, upper), Access.Read, 8), host);
  assert.equal(probe(guest.va(6), Access.Read, 8), 0);
  assert.equal(cpu.statistics.tlb.readMisses, readMisses);
  assert.equal(cpu.statistics.tlb.flushes, flushes + 1, "of the lower half only");
});
