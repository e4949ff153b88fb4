import assert from "node:assert/strict";
import { test } from "node:test";
import { EBUSY } from "../../src/abi/errno.ts";
import { DOMID_SELF, MMU_UPDATE_PREEMPTED, MMUEXT } from "../../src/abi/xen.ts";
import { CONTINUATION, HypercallArguments } from "../../src/hypervisor/hypercall.ts";
import { FRAME_PARTIAL, PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { relinquishMemory } from "../../src/hypervisor/mm/lifecycle.ts";
import { mmuUpdate } from "../../src/hypervisor/mm/mmu-update.ts";
import { mmuextOp } from "../../src/hypervisor/mm/mmuext.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { assertSound, entry, Guest, newMachine, P, RW, type TestMachine } from "./machine.ts";

const SELF = BigInt(DOMID_SELF);

/** Preemption at every opportunity. */
function impatient(machine: TestMachine): void {
  machine.hv.preempted = () => true;
}

/** Frames 10..: L4, two L3s, four L2s, eight L1s, each L1 with one entry; write-protected. `bad` breaks the last L1. */
function buildTree(guest: Guest, bad = false): number {
  const at = (pfn: number): number => guest.mfn[pfn]!;
  for (let i = 0; i < 2; i++) guest.poke(at(10), i, entry(at(11 + i), P | RW));
  for (let i = 0; i < 4; i++) guest.poke(at(11 + (i >> 1)), i & 1, entry(at(13 + i), P | RW));
  for (let i = 0; i < 8; i++) guest.poke(at(13 + (i >> 1)), i & 1, entry(at(17 + i), P | RW));
  for (let i = 0; i < 8; i++) guest.poke(at(17 + i), i, entry(at(30 + i), P | RW));
  if (bad) guest.poke(at(24), 9, entry(guest.l4, P | RW));
  for (let pfn = 10; pfn < 25; pfn++) {
    assert.equal(guest.call(updateVaMapping, guest.va(pfn), entry(at(pfn), P), 0n), 0);
  }
  return at(10);
}

/** One attempt at an mmuext_op. `args` is what the next attempt would be made with. */
function attempt(guest: Guest, args: HypercallArguments): number | typeof CONTINUATION {
  const result = mmuextOp.handler(guest.hv, guest.vcpu, args);
  return result === CONTINUATION ? result : Number(result);
}
const pinArgs = (guest: Guest, command: number, mfn: number): HypercallArguments =>
  new HypercallArguments([guest.words([BigInt(command), BigInt(mfn), 0n], 512), 1n, 0n, SELF]);

test("validation is preempted, and sound at each step", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const l4 = buildTree(guest);
  impatient(machine);
  const args = pinArgs(guest, MMUEXT.PIN_L4_TABLE, l4);
  let attempts = 1;
  for (; attempt(guest, args) === CONTINUATION; attempts++) {
    assert.ok(machine.hv.frames.hasFlag(l4, FRAME_PARTIAL));
    assertSound(machine.hv);
    assert.ok(attempts < 100);
  }
  assert.ok(attempts >= 8, `only ${attempts} attempts`);
  assert.ok(machine.hv.frames.isValidated(l4, PageType.L4));
  assertSound(machine.hv);
});

test("unpinning is preempted, and finished by the next call", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const l4 = buildTree(guest);
  assert.equal(attempt(guest, pinArgs(guest, MMUEXT.PIN_L4_TABLE, l4)), 0);
  impatient(machine);
  const args = pinArgs(guest, MMUEXT.UNPIN_TABLE, l4);
  let attempts = 1;
  for (; attempt(guest, args) === CONTINUATION; attempts++) {
    assertSound(machine.hv);
    assert.equal(args[1], BigInt(MMU_UPDATE_PREEMPTED), "the operation itself is done");
    assert.ok(attempts < 100);
  }
  assert.ok(attempts >= 8);
  assert.equal(machine.hv.frames.typeCount(l4), 0);
  assert.equal(guest.vcpu.mm.old_guest_table, 0);
  assertSound(machine.hv);
});

test("a validation that fails is taken back in steps", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const l4 = buildTree(guest, true);
  impatient(machine);
  const args = pinArgs(guest, MMUEXT.PIN_L4_TABLE, l4);
  let result = attempt(guest, args);
  for (let i = 0; result === CONTINUATION && i < 100; i++) {
    assertSound(machine.hv);
    result = attempt(guest, args);
  }
  assert.equal(result, -EBUSY);
  assertSound(machine.hv);
  // Whatever hypercall on tables is next finishes it.
  for (let i = 0; guest.vcpu.mm.old_guest_table !== 0 && i < 100; i++) {
    mmuUpdate.handler(guest.hv, guest.vcpu, new HypercallArguments([0n, 0n, 0n, SELF]));
    assertSound(machine.hv);
  }
  for (let pfn = 10; pfn < 25; pfn++) {
    assert.equal(guest.call(updateVaMapping, guest.va(pfn), entry(guest.mfn[pfn]!, P | RW), 0n), 0, `pfn ${pfn}`);
  }
  assertSound(machine.hv);
});

test("a guest that does not come back leaves a partial table, which others can use or destruction removes", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const l4 = buildTree(guest);
  impatient(machine);
  assert.equal(attempt(guest, pinArgs(guest, MMUEXT.PIN_L4_TABLE, l4)), CONTINUATION);
  assert.equal(attempt(guest, pinArgs(guest, MMUEXT.PIN_L4_TABLE, l4)), CONTINUATION);
  // One of its partial children is completed by somebody else; the parent must not drop that reference.
  const child = guest.mfn[11]!;
  for (let i = 0; attempt(guest, pinArgs(guest, MMUEXT.PIN_L3_TABLE, child)) === CONTINUATION && i < 100; i++) {
    assertSound(machine.hv);
  }
  assert.ok(machine.hv.frames.isValidated(child, PageType.L3));
  assertSound(machine.hv);
  assert.equal(relinquishMemory(guest.domain), 0);
  machine.hv.current = undefined;
  machine.hv.domains.delete(1);
  assertSound(machine.hv);
});

test("batches are preempted between requests; the count goes on", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  impatient(machine);
  const requests: bigint[] = [];
  for (let pfn = 30; pfn < 40; pfn++) requests.push(guest.ptePointer(pfn), entry(guest.mfn[pfn]!, P));
  const done = guest.va(0) + 8n;
  const args = new HypercallArguments([guest.words(requests, 512), 10n, done, SELF]);
  for (let i = 1; i < 10; i++) {
    assert.equal(mmuUpdate.handler(guest.hv, guest.vcpu, args), CONTINUATION);
    assert.equal(guest.peek(guest.mfn[0]!, 1), BigInt(i));
    assert.equal(args[1], BigInt(10 - i + MMU_UPDATE_PREEMPTED));
  }
  assert.equal(mmuUpdate.handler(guest.hv, guest.vcpu, args), 0);
  assert.equal(guest.peek(guest.mfn[0]!, 1), 10n);
});
