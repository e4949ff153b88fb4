import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from "../../src/abi/errno.ts";
import { E820_RAM, MEMOP_EXTENT_SHIFT, XENMEM } from "../../src/abi/memory.ts";
import { DOMID_SELF, INVALID_M2P_ENTRY } from "../../src/abi/xen.ts";
import { CONTINUATION, HypercallArguments } from "../../src/hypervisor/hypercall.ts";
import { getM2p } from "../../src/hypervisor/mm/m2p.ts";
import { setMemoryMap } from "../../src/hypervisor/mm/memory-map.ts";
import { memoryOp } from "../../src/hypervisor/mm/memory-op.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { Access } from "../../src/machine/processor.ts";
import { assertSound, assertTlbSound, entry, Guest, newMachine, P, RW } from "./machine.ts";

const SELF = BigInt(DOMID_SELF);
const op = (guest: Guest, command: number, argument: bigint, start = 0): number =>
  guest.call(memoryOp, BigInt(command + start * 2 ** MEMOP_EXTENT_SHIFT), argument);
/** A reservation with its list of extents. */
const reservation = (guest: Guest, list: readonly bigint[], { order = 0n, domid = SELF, flags = 0n } = {}): bigint => {
  const extents = guest.words(list, 1024);
  return guest.words([extents, BigInt(list.length), order | (flags << 32n), domid], 512);
};
const listed = (guest: Guest, i: number): number => Number(guest.peek(guest.mfn[0]!, 128 + i));

test("ballooning: unmapped frames go, come back zero, with the PFN that was asked for", () => {
  const machine = newMachine();
  const { hv } = machine;
  const guest = new Guest(machine, 1, 64);
  const pfns = [5, 6, 7];
  for (const pfn of pfns) {
    guest.poke(guest.mfn[pfn]!, 9, 0xdeadn);
    assert.equal(guest.call(updateVaMapping, guest.va(pfn), 0n, 0n), 0);
  }
  const given = pfns.map((pfn) => BigInt(guest.mfn[pfn]!));
  assert.equal(op(guest, XENMEM.decrease_reservation, reservation(guest, given)), 3);
  assert.equal(guest.domain.record.mm.tot_pages, 61);
  for (const mfn of given) {
    assert.ok(hv.frames.isFree(Number(mfn)));
    assert.equal(getM2p(hv, Number(mfn)), INVALID_M2P_ENTRY);
    assert.ok(machine.cpu.written.has(Number(mfn)), "code of it is dropped");
  }
  assertSound(hv);
  assert.equal(op(guest, XENMEM.populate_physmap, reservation(guest, [6n, 5n])), 2);
  assert.equal(getM2p(hv, listed(guest, 0)), 6n);
  assert.equal(getM2p(hv, listed(guest, 1)), 5n);
  assert.equal(guest.call(updateVaMapping, guest.va(6), entry(listed(guest, 0), P | RW), 0n), 0);
  assert.ok(hv.memory.frame(listed(guest, 0)).every((byte) => byte === 0));
  assertSound(hv);
});

test("a frame that is given back while mapped is freed with its last mapping, and no translation survives", () => {
  const machine = newMachine();
  const { hv, cpu } = machine;
  const guest = new Guest(machine, 1, 64);
  const mfn = guest.mfn[5]!;
  assert.ok(cpu.translate(guest.va(5), Access.Write, true) > 0);
  assert.equal(op(guest, XENMEM.decrease_reservation, reservation(guest, [BigInt(mfn)])), 1);
  assert.ok(!hv.frames.isFree(mfn));
  assert.equal(op(guest, XENMEM.decrease_reservation, reservation(guest, [BigInt(mfn)])), 0, "not twice");
  assertSound(hv);
  assert.equal(guest.call(updateVaMapping, guest.va(5), 0n, 0n), 0);
  assert.ok(hv.frames.isFree(mfn));
  assertTlbSound(machine);
  assertSound(hv);
});

test("short counts: not one's own, at the maximum, too large, unreachable list", () => {
  const machine = newMachine();
  const other = new Guest(machine, 2, 64);
  const guest = new Guest(machine, 1, 64, { spare: 2 });
  const list = [BigInt(other.mfn[5]!)];
  assert.equal(op(guest, XENMEM.decrease_reservation, reservation(guest, list)), 0);
  assert.equal(op(guest, XENMEM.populate_physmap, reservation(guest, [70n, 71n, 72n])), 2);
  assert.equal(op(guest, XENMEM.increase_reservation, reservation(guest, [0n])), 0);
  assert.equal(op(guest, XENMEM.populate_physmap, reservation(guest, [70n], { order: 10n })), 0);
  assert.equal(op(guest, XENMEM.populate_physmap, reservation(guest, [70n], { domid: 2n })), 0, "not privileged");
  assert.equal(op(guest, XENMEM.populate_physmap, 0xffff_8000_0000_0000n), 0);
  assert.equal(op(guest, XENMEM.populate_physmap, guest.words([0xffff_8000_0000_0000n, 4n, 0n, SELF], 512)), 0);
  assert.equal(op(guest, XENMEM.populate_physmap, guest.words([0n, 1n << 60n, 0n, SELF], 512)), 0);
  assert.equal(op(guest, XENMEM.decrease_reservation, reservation(guest, [1n, 2n]), 2), 2, "start beyond the end");
  assertSound(machine.hv);
});

test("extents of higher order are contiguous and aligned", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  assert.equal(op(guest, XENMEM.populate_physmap, reservation(guest, [64n], { order: 3n })), 1);
  const first = listed(guest, 0);
  assert.equal(first % 8, 0);
  for (let i = 0; i < 8; i++) assert.equal(getM2p(machine.hv, first + i), BigInt(64 + i));
  assert.equal(op(guest, XENMEM.decrease_reservation, reservation(guest, [BigInt(first)], { order: 3n })), 1);
  assertSound(machine.hv);
});

test("a preempted call continues behind the extents that it has done", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  machine.hv.preempted = () => true;
  const args = new HypercallArguments([BigInt(XENMEM.populate_physmap), reservation(guest, [64n, 65n, 66n])]);
  assert.equal(memoryOp.handler(guest.hv, guest.vcpu, args), CONTINUATION);
  assert.equal(args[0], BigInt(XENMEM.populate_physmap + 2 ** MEMOP_EXTENT_SHIFT));
  assert.equal(guest.call(memoryOp, ...args), 3);
  assert.deepEqual(
    [0, 1, 2].map((i) => getM2p(machine.hv, listed(guest, i))),
    [64n, 65n, 66n],
  );
  assertSound(machine.hv);
});

test("exchange: single frames for a contiguous extent", () => {
  const machine = newMachine();
  const { hv } = machine;
  const guest = new Guest(machine, 1, 64);
  const given = [5, 6, 7, 8].map((pfn) => guest.mfn[pfn]!);
  const input = guest.words(given.map(BigInt), 1024);
  const output = guest.words([5n], 1200);
  const request = (): bigint => guest.words([input, 4n, 0n, SELF, output, 1n, 2n, SELF, 0n], 512);
  assert.equal(op(guest, XENMEM.exchange, request()), -EINVAL, "still mapped");
  for (const pfn of [5, 6, 7, 8]) assert.equal(guest.call(updateVaMapping, guest.va(pfn), 0n, 0n), 0);
  assert.equal(op(guest, XENMEM.exchange, request()), 0);
  const first = Number(guest.peek(guest.mfn[0]!, 150));
  assert.equal(first % 4, 0);
  assert.equal(getM2p(hv, first + 3), 8n);
  assert.equal(guest.peek(guest.mfn[0]!, (512 + 64) / 8), 4n, "nr_exchanged");
  assert.equal(guest.domain.record.mm.tot_pages, 64);
  assert.equal(op(guest, XENMEM.exchange, guest.words([input, 4n, 0n, SELF, output, 2n, 2n, SELF, 0n], 512)), -EINVAL);
  assert.equal(op(guest, XENMEM.exchange, guest.words([input, 1n, 10n, SELF, output, 1n, 10n, SELF, 0n], 512)), -EPERM);
  assertSound(hv);
});

test("the memory map, and where the M2P is", () => {
  const machine = newMachine();
  const { hv, cpu } = machine;
  const guest = new Guest(machine, 1, 64);
  const map = (entries: bigint): bigint => guest.words([entries, guest.va(0) + 1024n], 512);
  assert.equal(op(guest, XENMEM.memory_map, map(8n)), -ENOSYS, "none was set");
  setMemoryMap(guest.domain, [{ start: 0, size: 64 * 4096, type: E820_RAM }]);
  assert.equal(op(guest, XENMEM.memory_map, map(8n)), 0);
  assert.equal(guest.peek(guest.mfn[0]!, 64) & 0xffff_ffffn, 1n);
  assert.equal(guest.peek(guest.mfn[0]!, 129), 64n * 4096n);

  assert.equal(op(guest, XENMEM.machphys_mapping, guest.va(0) + 512n), 0);
  assert.deepEqual(
    [64, 65, 66].map((i) => guest.peek(guest.mfn[0]!, i)),
    [0xffff_8000_0000_0000n, 0xffff_8040_0000_0000n, BigInt(hv.frames.count - 1)],
  );
  const at = cpu.translate(0xffff_8000_0000_0000n + BigInt(guest.mfn[9]! * 8), Access.Read, true);
  assert.equal(hv.memory.dv.getBigUint64(at, true), 9n, "the guest reads its PFN there");
  assert.ok(cpu.translate(0xffff_8000_0000_0000n, Access.Write, true) < 0);
  assert.ok(cpu.translate(0xffff_8000_0000_0000n, Access.Write, false) < 0);
  assert.equal(op(guest, XENMEM.machphys_mfn_list, guest.words([9n, guest.va(0) + 1024n, 0n], 512)), 0);
  assert.equal(guest.peek(guest.mfn[0]!, 128), BigInt(hv.frames.state.m2p / 4096));
});

test("questions, and what is not for this domain", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const self = guest.words([SELF], 512);
  assert.equal(op(guest, XENMEM.current_reservation, self), 64);
  assert.equal(op(guest, XENMEM.maximum_reservation, self), 128);
  assert.equal(op(guest, XENMEM.maximum_ram_page, 0n), machine.hv.frames.count);
  assert.equal(op(guest, XENMEM.current_reservation, guest.words([77n], 512)), -ESRCH);
  assert.equal(op(guest, XENMEM.current_reservation, 0x1000n), -EFAULT);
  assert.equal(op(guest, XENMEM.current_reservation, self, 1), -EINVAL);
  assert.equal(op(guest, XENMEM.claim_pages, self), -EPERM);
  assert.equal(op(guest, XENMEM.set_memory_map, self), -EPERM);
  assert.equal(op(guest, XENMEM.add_to_physmap, self), -EACCES);
  assert.equal(op(guest, 63, self), -ENOSYS);
});
