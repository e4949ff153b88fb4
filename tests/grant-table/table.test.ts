import assert from "node:assert/strict";
import { test } from "node:test";
import { EBUSY, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ERANGE, ESRCH } from "../../src/abi/errno.ts";
import * as abi from "../../src/abi/grant_table.ts";
import { DOMAIN_DYING } from "../../src/hypervisor/domain.ts";
import { destroyGrantTable } from "../../src/hypervisor/grant-table/destroy.ts";
import { grantTableOp } from "../../src/hypervisor/grant-table/op.ts";
import { initGrantTable, seedGrant, sharedEntryAddress, statusFrame } from "../../src/hypervisor/grant-table/table.ts";
import { HypercallArguments } from "../../src/hypervisor/hypercall.ts";
import { checkInvariants } from "../../src/hypervisor/mm/invariants.ts";
import { updateL1Entry } from "../../src/hypervisor/mm/update-entry.ts";
import { type TestGuest, TestMachine } from "../event-channel/machine.ts";
import {
  copy,
  DEVICE,
  flagsOf,
  grant,
  HOST,
  inUse,
  MAP_RO,
  map,
  OP,
  PERMIT,
  READING,
  ST,
  setVersion,
  unmap,
  WRITING,
} from "./grants.ts";

const LIST = 10;

function setupTable(
  guest: TestGuest,
  frames: number,
  dom = 0x7ff0,
  list = guest.va(LIST),
): { result: number; status: number } {
  const op = guest.argument(abi.gnttabSetupTable, (v) => {
    v.dom = dom;
    v.nr_frames = frames;
    v.frame_list = list;
  });
  const result = guest.call(grantTableOp, [OP.setup_table, undefined, 1]);
  return { result, status: op.status };
}

function list(guest: TestGuest, count: number): number[] {
  const page = guest.page(LIST);
  return [...new BigUint64Array(page.buffer, page.byteOffset, count)].map(Number);
}

test("setup_table grows the table, and says where it is; the guest can map it", () => {
  const guest = new TestMachine().guest(1);
  assert.deepEqual(setupTable(guest, 4), { result: 0, status: ST.okay });
  const frames = list(guest, 4);
  assert.equal(new Set(frames).size, 4);
  assert.deepEqual(setupTable(guest, 64), { result: 0, status: ST.okay });
  assert.deepEqual(list(guest, 4), frames, "the first ones stay");
  assert.equal(setupTable(guest, 65).status, ST.general_error);
  assert.equal(setupTable(guest, 0xffff_ffff).status, ST.general_error);
  assert.equal(updateL1Entry(guest.domain, 1, guest.l1 * 4096 + 8 * 20, (frames[0]! << 12) | 0x67, 0, false), 0);
  const query = guest.argument(abi.gnttabQuerySize, (v) => {
    v.dom = 0x7ff0;
  });
  assert.equal(guest.call(grantTableOp, [OP.query_size, undefined, 1]), 0);
  assert.deepEqual([query.nr_frames, query.max_nr_frames, query.status], [64, 64, ST.okay]);
  // The last entry works.
  const other = guest.machine.guest(2);
  grant(guest, 64 * 512 - 1, 2, 3);
  assert.equal(map(other, 1, 64 * 512 - 1, other.va(5), HOST).status, ST.okay);
  assert.equal(map(other, 1, 64 * 512, other.va(6), HOST).status, ST.bad_gntref);
});

test("setup_table and query_size of others, and bad arguments", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  machine.guest(2);
  assert.equal(setupTable(a, 1, 2).status, ST.permission_denied);
  assert.equal(setupTable(a, 1, 9).status, ST.bad_domain);
  assert.equal(setupTable(a, 1, 1).status, ST.okay, "its own number");
  assert.equal(setupTable(a, 2, 0x7ff0, 0xffff_8000_0000_0000n).status, ST.bad_virt_addr);
  for (const op of [OP.setup_table, OP.query_size, OP.get_status_frames]) {
    assert.equal(a.call(grantTableOp, [op, undefined, 2]), -EINVAL);
    assert.equal(a.call(grantTableOp, [op, undefined, 0]), -EINVAL);
  }
  const version = a.argument(abi.gnttabGetVersion, (v) => {
    v.dom = 2;
  });
  assert.equal(a.call(grantTableOp, [OP.get_version, undefined, 1]), -EPERM);
  version.dom = 9;
  assert.equal(a.call(grantTableOp, [OP.get_version, undefined, 1]), -ESRCH);
  version.dom = 0x7ff0;
  assert.equal(a.call(grantTableOp, [OP.get_version, undefined, 1]), 0);
  assert.equal(version.version, 1);
  assert.equal(a.call(grantTableOp, [OP.dump_table, undefined, 1]), -ENOSYS);
  assert.equal(a.call(grantTableOp, [77, undefined, 1]), -ENOSYS);
});

test("version 2: entries of 16 bytes, status in frames of its own", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  seedGrant(a.domain, 0, 2, a.data[7]!);
  const console = map(b, 1, 0, b.va(7), HOST);
  assert.equal(console.status, ST.okay);
  assert.deepEqual(setVersion(a, 3), { result: -EINVAL, version: 1 });
  assert.deepEqual(setVersion(a, 2), { result: 0, version: 2 });
  assert.equal(inUse(a, 0), READING | WRITING, "the console's mapping has not noticed");
  const entry = abi.grantEntryV2.at(machine.hv.memory, sharedEntryAddress(a.domain, 0));
  assert.deepEqual([entry.hdr.flags, entry.hdr.domid, entry.full_page.frame], [PERMIT, 2, BigInt(a.data[7]!)]);

  const frames = a.argument(abi.gnttabGetStatusFrames, (v) => {
    v.dom = 0x7ff0;
    v.nr_frames = 1;
    v.frame_list = a.va(LIST);
  });
  assert.equal(a.call(grantTableOp, [OP.get_status_frames, undefined, 1]), 0);
  assert.equal(frames.status, ST.okay);
  assert.deepEqual(list(a, 1), [statusFrame(a.domain, 0)]);
  frames.nr_frames = 2;
  a.call(grantTableOp, [OP.get_status_frames, undefined, 1]);
  assert.equal(frames.status, ST.general_error);

  const granted = abi.grantEntryV2.at(machine.hv.memory, sharedEntryAddress(a.domain, 40));
  granted.full_page.frame = BigInt(a.data[3]!);
  granted.hdr.domid = 2;
  granted.hdr.flags = PERMIT;
  const mapped = map(b, 1, 40, b.va(5), HOST);
  assert.equal(mapped.status, ST.okay);
  assert.equal(granted.hdr.flags, PERMIT, "the entry itself is not written");
  assert.equal(inUse(a, 40), READING | WRITING);
  assert.deepEqual(setVersion(a, 1), { result: -EBUSY, version: 2 });
  assert.equal(unmap(b, mapped.handle, b.va(5)), ST.okay);
  assert.equal(inUse(a, 40), 0);
  granted.full_page.frame = 1n << 50n;
  assert.equal(map(b, 1, 40, b.va(5), HOST).status, ST.bad_page);
  assert.equal(map(b, 1, 256, b.va(5), HOST).status, ST.bad_gntref);

  assert.deepEqual(setVersion(a, 1), { result: 0, version: 1 });
  assert.equal(flagsOf(a, 0), PERMIT | READING | WRITING);
  assert.equal(flagsOf(a, 40), 0, "all but the reserved entries are lost");
  assert.equal(unmap(b, console.handle, b.va(7)), ST.okay);
  assert.equal(flagsOf(a, 0), PERMIT);
});

test("mapped status frames keep the version (XSA-255), and so do entries that version 1 cannot say", () => {
  const guest = new TestMachine().guest(1);
  setVersion(guest, 2);
  const at = guest.l1 * 4096 + 8 * 20;
  assert.equal(updateL1Entry(guest.domain, 1, at, (statusFrame(guest.domain, 0) << 12) | 0x65, 0, false), 0);
  assert.deepEqual(setVersion(guest, 1), { result: -EBUSY, version: 2 });
  assert.equal(updateL1Entry(guest.domain, 1, at, 0, 0, false), 0);
  const entry = abi.grantEntryV2.at(guest.machine.hv.memory, sharedEntryAddress(guest.domain, 2));
  entry.hdr.flags = abi.GTF_transitive;
  assert.deepEqual(setVersion(guest, 1), { result: -ERANGE, version: 2 });
  entry.hdr.flags = 0;
  assert.deepEqual(setVersion(guest, 1), { result: 0, version: 1 });
});

test("swap_grant_ref", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  grant(a, 20, 2, 3);
  grant(a, 21, 2, 4);
  const swap = (x: number, y: number): number => {
    const op = a.argument(abi.gnttabSwapGrantRef, (v) => {
      v.ref_a = x;
      v.ref_b = y;
    });
    assert.equal(a.call(grantTableOp, [OP.swap_grant_ref, undefined, 1]), 0);
    return op.status;
  };
  assert.equal(swap(20, 21), ST.okay);
  assert.equal(map(b, 1, 20, 0n, DEVICE | MAP_RO).bus, BigInt(a.data[4]! * 4096));
  assert.equal(swap(20, 21), ST.eagain);
  assert.equal(swap(21, 20), ST.eagain);
  assert.equal(swap(21, 21), ST.okay);
  assert.equal(swap(21, 512), ST.bad_gntref);
});

test("transfer gives a frame away for good", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  const mfn = a.data[6]!;
  const transfer = (frame: number, domid = 2, ref = 30): number => {
    const op = a.argument(abi.gnttabTransfer, (v) => {
      v.mfn = BigInt(frame);
      v.domid = domid;
      v.ref = ref;
    });
    assert.equal(a.call(grantTableOp, [OP.transfer, undefined, 1]), 0);
    return op.status;
  };
  const entry = abi.grantEntryV1.at(machine.hv.memory, sharedEntryAddress(b.domain, 30));
  entry.domid = 1;
  entry.flags = abi.GTF_accept_transfer;
  assert.equal(transfer(mfn), ST.bad_page, "it is still mapped");
  assert.equal(updateL1Entry(a.domain, 1, a.l1 * 4096 + 8 * 6, 0, 0, false), 0);
  assert.equal(transfer(mfn, 9), ST.bad_domain);
  assert.equal(transfer(mfn, 2, 31), ST.general_error);
  assert.equal(transfer(2 ** 40), ST.bad_page);
  assert.equal(transfer(b.data[0]!), ST.bad_page);
  assert.equal(transfer(mfn), ST.okay);
  assert.equal(machine.hv.frames.owner(mfn), 2);
  assert.deepEqual([entry.flags, entry.frame], [abi.GTF_accept_transfer | 0xc, mfn]);
  assert.equal(transfer(mfn), ST.bad_page);
});

test("transfer: not to a taker that has all it may have, nor that dies; version 2 has the frame in another place", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  const mfn = a.data[6]!;
  assert.equal(updateL1Entry(a.domain, 1, a.l1 * 4096 + 8 * 6, 0, 0, false), 0);
  const transfer = (): number => {
    const op = a.argument(abi.gnttabTransfer, (v) => {
      v.mfn = BigInt(mfn);
      v.domid = 2;
      v.ref = 30;
    });
    assert.equal(a.call(grantTableOp, [OP.transfer, undefined, 1]), 0);
    return op.status;
  };
  setVersion(b, 2);
  const entry = abi.grantEntryV2.at(machine.hv.memory, sharedEntryAddress(b.domain, 30));
  entry.hdr.domid = 1;
  entry.hdr.flags = abi.GTF_accept_transfer;
  const pages = (guest: TestGuest): number => guest.domain.record.mm.tot_pages;
  const [before, most] = [[pages(a), pages(b)], b.domain.record.mm.max_pages];

  b.domain.record.mm.max_pages = pages(b);
  assert.equal(transfer(), ST.general_error);
  b.domain.record.mm.max_pages = most;
  b.domain.record.flags |= DOMAIN_DYING;
  assert.equal(transfer(), ST.bad_domain);
  b.domain.record.flags &= ~DOMAIN_DYING;
  assert.equal(entry.hdr.flags, abi.GTF_accept_transfer, "what failed has left no trace");
  assert.deepEqual([pages(a), pages(b)], before);
  assert.equal(machine.hv.frames.owner(mfn), 1);

  assert.equal(transfer(), ST.okay);
  assert.deepEqual([entry.hdr.flags, entry.full_page.frame], [abi.GTF_accept_transfer | 0xc, BigInt(mfn)]);
  assert.deepEqual([pages(a), pages(b)], [before[0]! - 1, before[1]! + 1]);
  assert.deepEqual(checkInvariants(machine.hv), []);
});

test("cache_flush is checked, and does nothing (XSA-232)", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  const flush = (mfn: number, op = abi.GNTTAB_CACHE_CLEAN, offset = 0, length = 4096): number => {
    b.argument(abi.gnttabCacheFlush, (v) => {
      v.dev_bus_addr = BigInt(mfn) * 4096n;
      v.op = op;
      v.offset = offset;
      v.length = length;
    });
    return b.call(grantTableOp, [OP.cache_flush, undefined, 1]);
  };
  assert.equal(flush(b.data[0]!), 0);
  assert.equal(flush(b.data[0]!, abi.GNTTAB_CACHE_INVAL), -EOPNOTSUPP);
  assert.equal(flush(b.data[0]!, abi.GNTTAB_CACHE_CLEAN | abi.GNTTAB_CACHE_SOURCE_GREF), -EOPNOTSUPP);
  assert.equal(flush(b.data[0]!, 8), -EINVAL);
  assert.equal(flush(b.data[0]!, 1, 1, 4096), -EINVAL);
  assert.equal(flush(a.data[3]!), -EINVAL, "not mapped here");
  grant(a, 20, 2, 3);
  map(b, 1, 20, 0n, DEVICE);
  assert.equal(flush(a.data[3]!), 0);
  assert.equal(flush(3), -EPERM);
  assert.equal(flush(machine.hv.frames.findRun(1)), -EPERM);
  assert.equal(flush(2 ** 39), -EINVAL);
});

test("the end of a domain gives all frames of its table back", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  destroyGrantTable(a.domain);
  const free = machine.hv.frames.state.free_frames;
  initGrantTable(a.domain);
  setupTable(a, 10);
  setVersion(a, 2);
  grant(a, 9, 1, 3);
  destroyGrantTable(a.domain);
  assert.equal(machine.hv.frames.state.free_frames, free);
});

test("version 2 without memory for status words does not grow: no entry is without one", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  const { heap, frames } = machine.hv;
  setVersion(guest, 2);
  assert.deepEqual(setupTable(guest, 8), { result: 0, status: ST.okay });
  // The ninth frame needs a second status frame, and itself.
  while (frames.state.free_frames > 1) heap.allocFrames(1);
  assert.deepEqual(setupTable(guest, 9), { result: 0, status: ST.general_error });
  assert.equal(guest.domain.record.grant.nr_frames, 8);
  assert.equal(copy(guest, { dom: 1, ref: 2048 }, { mfn: guest.data[4]! }, 1), ST.bad_gntref);
  assert.equal(machine.hv.memory.u16[0], 0, "nothing is written to frame 0");
});

test("long operations let others go first", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  grant(guest, 20, 1, 3);
  // Enough handles that a search for a foreign frame is worth many elements.
  const op = guest.argument(abi.gnttabMapGrantRef, (v) => {
    v.flags = DEVICE;
    v.ref = 20;
    v.dom = 1;
  });
  for (let i = 0; i < 5000; i++) assert.equal(guest.call(grantTableOp, [OP.map_grant_ref, undefined, 1]), 0);
  assert.equal(op.status, ST.okay);
  const other = machine.guest(2);
  const { memory } = machine.hv;
  const count = 90;
  for (let i = 0; i < count; i++) {
    const flush = abi.gnttabCacheFlush.at(memory, guest.data[LIST]! * 4096 + i * abi.gnttabCacheFlush.sizeof);
    flush.dev_bus_addr = BigInt(other.data[0]! * 4096);
    flush.length = 1;
    flush.op = 0;
  }
  const flushAll = (op: number): unknown => {
    for (let i = 0; i < count; i++) {
      abi.gnttabCacheFlush.at(memory, guest.data[LIST]! * 4096 + i * abi.gnttabCacheFlush.sizeof).op = op;
    }
    machine.hv.beginHypercall();
    const args = new HypercallArguments([BigInt(OP.cache_flush), guest.va(LIST), BigInt(count)]);
    return grantTableOp.handler(machine.hv, guest.vcpu, args);
  };
  assert.equal(flushAll(0), 0);
  // Not mapped by this domain: refused at once, after a search that counts.
  assert.equal(flushAll(abi.GNTTAB_CACHE_CLEAN), -EINVAL);
  assert.ok(machine.hv.preempted(16384 - 5000 / 64), "the search has been counted");
});
