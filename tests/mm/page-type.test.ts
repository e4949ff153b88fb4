import assert from "node:assert/strict";
import { test } from "node:test";
import { EBUSY, EINVAL, EPERM } from "../../src/abi/errno.ts";
import { MMUEXT } from "../../src/abi/xen.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { mmuUpdate } from "../../src/hypervisor/mm/mmu-update.ts";
import { mmuextOp } from "../../src/hypervisor/mm/mmuext.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { Access } from "../../src/machine/processor.ts";
import {
  A,
  assertSound,
  assertTlbSound,
  D,
  entry,
  GLOBAL,
  Guest,
  KERNEL_MARK,
  newMachine,
  P,
  RW,
  U,
} from "./machine.ts";

const SELF = 0x7ff0n;

export function update(guest: Guest, ptr: bigint, value: bigint): number {
  return guest.call(mmuUpdate, guest.words([ptr, value]), 1n, 0n, SELF);
}
function ext(guest: Guest, command: number, arg1: bigint | number, arg2: bigint | number = 0): number {
  return guest.call(mmuextOp, guest.words([BigInt(command), BigInt(arg1), BigInt(arg2)]), 1n, 0n, SELF);
}
/** Maps a PFN read-only or writable in the linear region. */
function remap(guest: Guest, pfn: number, flags: bigint, flush = 0n): number {
  return guest.call(updateVaMapping, guest.va(pfn), entry(guest.mfn[pfn]!, flags), flush);
}

test("a built domain is sound, and its frames are counted", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  assertSound(machine.hv);
  const { frames } = machine.hv;
  assert.equal(frames.type(guest.l4), PageType.L4);
  assert.equal(frames.typeCount(guest.l4), 2, "pin and root");
  assert.equal(frames.type(guest.mfn[5]!), PageType.Writable);
  assert.equal(guest.domain.record.mm.tot_pages, 256);
});

test("kernel mappings are marked by bit 52, user ones by GLOBAL; all have U", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  assert.equal(guest.pte(5) & (U | KERNEL_MARK | GLOBAL), U | KERNEL_MARK);
  assert.equal(remap(guest, 5, P | RW | U), 0);
  assert.equal(guest.pte(5) & (U | KERNEL_MARK | GLOBAL), U | GLOBAL);
  // Read back and written again, the mark stays.
  assert.equal(remap(guest, 5, P | RW), 0);
  const stored = guest.pte(5);
  assert.equal(guest.call(updateVaMapping, guest.va(5), stored, 0n), 0);
  assert.equal(guest.pte(5), stored);
  assert.equal(guest.peek(guest.l4, 272) & U, U);
  assertSound(machine.hv);
});

test("a page table cannot be mapped writable, a writable page cannot become a table", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  assert.equal(guest.call(updateVaMapping, guest.va(5), entry(guest.l1[0]!, P | RW), 0n), -EBUSY);
  assert.equal(guest.call(updateVaMapping, guest.va(5), entry(guest.l1[0]!, P), 0n), 0, "read-only is fine");
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, guest.mfn[6]!), -EINVAL, "still mapped writable");
  assert.equal(remap(guest, 6, P), 0);
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, guest.mfn[6]!), 0);
  assert.equal(remap(guest, 6, P | RW), -EBUSY);
  assertSound(machine.hv);
  assert.equal(ext(guest, MMUEXT.UNPIN_TABLE, guest.mfn[6]!), 0);
  assert.equal(remap(guest, 6, P | RW), 0, "ordinary memory at once");
  assertSound(machine.hv);
});

test("pins: twice, wrong level, absent, someone else's", () => {
  const machine = newMachine();
  const other = new Guest(machine, 2, 64);
  const guest = new Guest(machine, 1, 256);
  assert.equal(ext(guest, MMUEXT.PIN_L4_TABLE, guest.l4), -EINVAL, "pinned already");
  assert.equal(ext(guest, MMUEXT.PIN_L3_TABLE, guest.l4), -EINVAL);
  assert.equal(ext(guest, MMUEXT.UNPIN_TABLE, guest.l1[0]!), -EINVAL, "not pinned");
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, other.mfn[3]!), -EINVAL);
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, 1n << 40n), -EINVAL);
  assert.equal(ext(guest, MMUEXT.UNPIN_TABLE, other.l4), -EINVAL);
  assertSound(machine.hv);
});

test("only one's own frames can be mapped", () => {
  const machine = newMachine();
  const other = new Guest(machine, 2, 64);
  const guest = new Guest(machine, 1, 256);
  const { state } = machine.hv.frames;
  for (const mfn of [other.mfn[3]!, state.m2p / 4096, state.idle_root, 0, machine.hv.frames.count, 0x12345678]) {
    assert.equal(guest.call(updateVaMapping, guest.va(5), entry(mfn, P), 0n), -EPERM, `frame ${mfn}`);
  }
  assert.equal(guest.call(updateVaMapping, guest.va(5), 0x000f_ffff_ffff_f001n, 0n), -EINVAL);
  assertSound(machine.hv);
});

test("forbidden bits: superpages, cache attributes, GLOBAL above L1", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  for (const bit of [0x08n, 0x10n, 0x80n]) assert.equal(remap(guest, 5, P | bit), -EINVAL, `L1 ${bit}`);
  for (const bit of [0x08n, 0x10n, 0x80n, 0x100n]) {
    const pointer = BigInt(guest.l2 * 4096 + 8 * 100);
    assert.equal(update(guest, pointer, entry(guest.mfn[5]!, P | bit)), -EINVAL, `L2 ${bit}`);
    assert.equal(update(guest, BigInt(guest.l4 * 4096), entry(guest.l3, P | bit)), -EINVAL, `L4 ${bit}`);
  }
  assert.equal(remap(guest, 5, P | RW | GLOBAL | 0xe00n | (0x7ffn << 52n) | (1n << 63n)), 0, "all allowed bits");
  assertSound(machine.hv);
});

test("absent entries are stored as they are", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  const swap = 0x8123_4567_89ab_cdeen;
  assert.equal(guest.call(updateVaMapping, guest.va(5), swap, 0n), 0);
  assert.equal(guest.pte(5), swap);
  assertSound(machine.hv);
});

test("slots of the hypervisor in an L4 cannot be written", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  for (const slot of [256, 260, 271]) {
    const before = guest.peek(guest.l4, slot);
    assert.equal(update(guest, BigInt(guest.l4 * 4096 + slot * 8), entry(guest.l3, P)), -EINVAL);
    assert.equal(update(guest, BigInt(guest.l4 * 4096 + slot * 8), 0n), -EINVAL);
    assert.equal(guest.peek(guest.l4, slot), before);
  }
  assert.equal(update(guest, BigInt(guest.l4 * 4096 + 255 * 8), 0n), 0);
  assert.equal(update(guest, BigInt(guest.l4 * 4096 + 288 * 8), 0n), 0);
  assertSound(machine.hv);
});

test("what a guest has in the hypervisor's slots is overwritten by validation", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  // Linux copies whole L4s, and a hostile guest puts there what it likes.
  for (let i = 0; i < 512; i++) guest.poke(guest.mfn[7]!, i, guest.peek(guest.l4, i));
  guest.poke(guest.mfn[7]!, 257, entry(machine.hv.frames.state.idle_root, P | RW | U));
  assert.equal(remap(guest, 7, P), 0);
  assert.equal(ext(guest, MMUEXT.PIN_L4_TABLE, guest.mfn[7]!), 0);
  assert.equal(guest.peek(guest.mfn[7]!, 257), 0n);
  assertSound(machine.hv);
});

test("validation that fails gives everything back", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  const { frames } = machine.hv;
  const table = guest.mfn[7]!;
  guest.poke(table, 0, entry(guest.mfn[8]!, P | RW));
  guest.poke(table, 1, entry(guest.mfn[9]!, P));
  guest.poke(table, 2, entry(frames.state.idle_root, P));
  assert.equal(remap(guest, 7, P), 0);
  const references = frames.refCount(guest.mfn[8]!);
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, table), -EPERM);
  assert.equal(frames.refCount(guest.mfn[8]!), references);
  assert.equal(frames.typeCount(table), 0);
  assertSound(machine.hv);
});

test("a failure deep in a tree gives back the whole tree", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  const [l4, l3, l2, good, bad] = [10, 11, 12, 13, 14].map((pfn) => guest.mfn[pfn]!);
  guest.poke(l4!, 0, entry(l3!, P | RW));
  guest.poke(l3!, 0, entry(l2!, P | RW));
  guest.poke(l2!, 0, entry(good!, P | RW));
  guest.poke(l2!, 1, entry(bad!, P | RW));
  guest.poke(good!, 0, entry(guest.mfn[20]!, P | RW));
  guest.poke(bad!, 0, entry(guest.l4, P | RW));
  for (let pfn = 10; pfn <= 14; pfn++) assert.equal(remap(guest, pfn, P), 0);
  assert.equal(ext(guest, MMUEXT.PIN_L4_TABLE, l4!), -EBUSY);
  assertSound(machine.hv);
  assert.equal(machine.hv.frames.typeCount(good!), 0);
  for (let pfn = 10; pfn <= 14; pfn++) assert.equal(remap(guest, pfn, P | RW), 0, `pfn ${pfn}`);
});

test("linear page tables: read-only, one level deep, RW never to be added (XSA-240)", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  const slot = (l4: number, index: number): bigint => BigInt(l4 * 4096 + index * 8);
  assert.equal(update(guest, slot(guest.l4, 300), entry(guest.l4, P | RW)), -EINVAL, "writable to itself");
  assert.equal(update(guest, slot(guest.l4, 300), entry(guest.l4, P)), 0, "to itself");
  assert.equal(update(guest, slot(guest.l4, 300), entry(guest.l4, P | RW)), -EINVAL, "RW added");
  assertSound(machine.hv);

  const [second, third] = [guest.mfn[7]!, guest.mfn[8]!];
  assert.equal(remap(guest, 7, P), 0);
  assert.equal(remap(guest, 8, P), 0);
  assert.equal(ext(guest, MMUEXT.PIN_L4_TABLE, second), 0);
  assert.equal(ext(guest, MMUEXT.PIN_L4_TABLE, third), 0);
  assert.equal(update(guest, slot(guest.l4, 301), entry(second, P)), 0, "to another L4");
  assert.equal(update(guest, slot(guest.l4, 301), entry(second, P | RW)), -EINVAL, "RW added");
  assert.equal(update(guest, slot(second, 0), entry(third, P)), -EINVAL, "a chain");
  assert.equal(update(guest, slot(third, 0), entry(guest.l4, P)), -EINVAL, "a chain from the other end");
  assert.equal(update(guest, slot(third, 0), entry(second, P)), 0, "two users of one are fine");
  assertSound(machine.hv);
  // The pin goes, the linear references keep it valid; with the last of them it is no table any more.
  assert.equal(ext(guest, MMUEXT.UNPIN_TABLE, second), 0);
  assert.equal(remap(guest, 7, P | RW), -EBUSY);
  assert.equal(update(guest, slot(third, 0), 0n), 0);
  assert.equal(update(guest, slot(guest.l4, 301), 0n), 0);
  assert.equal(remap(guest, 7, P | RW), 0);
  assertSound(machine.hv);
});

test("a table cannot be used at two levels", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  assert.equal(update(guest, BigInt(guest.l3 * 4096 + 8), entry(guest.l1[0]!, P)), -EINVAL, "L1 as L2");
  assert.equal(update(guest, BigInt(guest.l2 * 4096 + 8 * 9), entry(guest.l2, P | RW)), -EINVAL, "writable to itself");
  assert.equal(update(guest, BigInt(guest.l2 * 4096 + 8 * 9), entry(guest.l4, P)), -EINVAL, "L4 as L1");
  assert.equal(update(guest, BigInt(guest.l4 * 4096 + 8 * 9), entry(guest.l2, P)), -EINVAL, "L2 as L3");
  assertSound(machine.hv);
});

test("the fast path changes bits, but not what is mapped", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  const { frames } = machine.hv;
  const mfn = guest.mfn[5]!;
  const [references, types] = [frames.refCount(mfn), frames.typeCount(mfn)];
  for (const flags of [P | RW | A, P | RW | D, P | RW | U | 0x200n, P | RW | (1n << 63n)]) {
    assert.equal(remap(guest, 5, flags), 0);
    assert.deepEqual([frames.refCount(mfn), frames.typeCount(mfn)], [references, types]);
  }
  assert.equal(remap(guest, 5, P), 0, "RW goes the slow way");
  assert.equal(frames.typeCount(mfn), types - 1);
  assertSound(machine.hv);
});

test("MMU_PT_UPDATE_PRESERVE_AD keeps what the processor set", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  assert.equal(remap(guest, 5, P | RW | A | D), 0);
  assert.equal(update(guest, guest.ptePointer(5) | 2n, entry(guest.mfn[5]!, P | RW)), 0);
  assert.equal(guest.pte(5) & (A | D), A | D);
  assert.equal(update(guest, guest.ptePointer(5), entry(guest.mfn[5]!, P | RW)), 0);
  assert.equal(guest.pte(5) & (A | D), 0n);
});

test("stale writable translations are gone before a frame becomes a table", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  const { cpu } = machine;
  assert.ok(cpu.translate(guest.va(6), Access.Write, true) > 0);
  assert.equal(remap(guest, 6, P), 0);
  assert.ok(cpu.translate(guest.va(6), Access.Write, true) > 0, "the guest has not flushed");
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, guest.mfn[6]!), 0);
  assertTlbSound(machine);
  assert.ok(cpu.translate(guest.va(6), Access.Write, true) < 0);
  const { flushes } = cpu;
  assert.equal(remap(guest, 7, P, 2n), 0, "INVLPG");
  assert.equal(cpu.flushes, flushes);
});

test("roots: only L4s, references move, the old one is released", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 256);
  const { frames } = machine.hv;
  assert.equal(ext(guest, MMUEXT.NEW_BASEPTR, guest.l3), -EINVAL);
  assert.equal(ext(guest, MMUEXT.NEW_BASEPTR, 0), -EINVAL);
  for (let i = 0; i < 512; i++) guest.poke(guest.mfn[7]!, i, guest.peek(guest.l4, i));
  assert.equal(remap(guest, 7, P), 0);
  assert.equal(ext(guest, MMUEXT.NEW_BASEPTR, guest.mfn[7]!), 0);
  assert.equal(machine.cpu.state.cr3, BigInt(guest.mfn[7]!) << 12n);
  assert.equal(frames.typeCount(guest.l4), 1, "the pin");
  assert.equal(ext(guest, MMUEXT.NEW_USER_BASEPTR, guest.l4), 0);
  assert.equal(frames.typeCount(guest.l4), 2);
  assertSound(machine.hv);
  assert.equal(ext(guest, MMUEXT.NEW_USER_BASEPTR, 0), 0);
  assert.equal(ext(guest, MMUEXT.NEW_BASEPTR, guest.l4), 0);
  assert.equal(frames.typeCount(guest.mfn[7]!), 0);
  assertSound(machine.hv);
});
