import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, EINVAL } from "../../src/abi/errno.ts";
import * as abi from "../../src/abi/grant_table.ts";
import { MMU_MACHPHYS_UPDATE, mmuUpdateStruct } from "../../src/abi/xen.ts";
import { destroyGrantTable, releaseMappings } from "../../src/hypervisor/grant-table/destroy.ts";
import { heldByGrantsAndEvents } from "../../src/hypervisor/grant-table/invariants.ts";
import { grantTableOp } from "../../src/hypervisor/grant-table/op.ts";
import { sharedEntryAddress, sharedFrame, statusFrame } from "../../src/hypervisor/grant-table/table.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { checkInvariants } from "../../src/hypervisor/mm/invariants.ts";
import { mmuUpdate } from "../../src/hypervisor/mm/mmu-update.ts";
import { getPageAndType } from "../../src/hypervisor/mm/page-type.ts";
import { Access } from "../../src/machine/processor.ts";
import { DATA_PAGES, type TestGuest, TestMachine } from "../event-channel/machine.ts";
import {
  counts,
  DEVICE,
  flagsOf,
  grant,
  grantFrame,
  HOST,
  inUse,
  MAP_RO,
  map,
  OP,
  PERMIT,
  READING,
  RO,
  ST,
  setVersion,
  unmap,
  WRITING,
} from "./grants.ts";

function pair(): { a: TestGuest; b: TestGuest } {
  const machine = new TestMachine();
  return { a: machine.guest(1), b: machine.guest(2) };
}

/** Address of the L1 entry of one of a guest's data pages: what GNTMAP_contains_pte wants. */
function entryOf(guest: TestGuest, page: number): bigint {
  return BigInt(guest.l1 * 4096 + page * 8);
}

test("a read-write mapping: the frame is there, the granter sees it, references are held and given back", () => {
  const { a, b } = pair();
  const mfn = a.data[3]!;
  const before = counts(a, mfn);
  const own = counts(b, b.data[5]!);
  grant(a, 20, 2, 3);
  a.page(3).set([1, 2, 3], 100);
  const mapped = map(b, 1, 20, b.va(5), HOST);
  assert.deepEqual([mapped.result, mapped.status, mapped.bus], [0, ST.okay, BigInt(mfn * 4096)]);
  assert.equal(flagsOf(a, 20), PERMIT | READING | WRITING);
  assert.deepEqual(counts(a, mfn), { references: before.references + 1, types: before.types + 1 });
  assert.deepEqual(
    counts(b, b.data[5]!),
    { references: own.references - 1, types: own.types - 1 },
    "the old mapping is gone",
  );
  const at = b.machine.cpu.translate(b.va(5), Access.Write, true);
  assert.equal(at, mfn * 4096);
  assert.equal(unmap(b, mapped.handle, b.va(5)), ST.okay);
  assert.ok(b.machine.cpu.translate(b.va(5), Access.Read, true) < 0, "no stale translation");
  assert.equal(flagsOf(a, 20), PERMIT);
  assert.deepEqual(counts(a, mfn), before);
  assert.equal(unmap(b, mapped.handle, b.va(5)), ST.bad_handle);
});

test("a read-only mapping takes no type reference and cannot be written through", () => {
  const { a, b } = pair();
  const mfn = a.data[3]!;
  const before = counts(a, mfn);
  grant(a, 20, 2, 3, PERMIT | RO);
  assert.equal(map(b, 1, 20, b.va(5), HOST).status, ST.general_error, "a read-only grant cannot be mapped writable");
  assert.equal(flagsOf(a, 20), PERMIT | RO);
  const mapped = map(b, 1, 20, b.va(5), HOST | MAP_RO);
  assert.equal(mapped.status, ST.okay);
  assert.equal(flagsOf(a, 20), PERMIT | RO | READING);
  assert.deepEqual(counts(a, mfn), { references: before.references + 1, types: before.types });
  assert.ok(b.machine.cpu.translate(b.va(5), Access.Write, true) < 0);
  assert.equal(unmap(b, mapped.handle, b.va(5)), ST.okay);
  assert.deepEqual(counts(a, mfn), before);
});

test("reading and writing are cleared when the last mapping of their kind goes", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const before = counts(a, a.data[3]!);
  const write1 = map(b, 1, 20, b.va(5), HOST);
  const read = map(b, 1, 20, b.va(6), HOST | MAP_RO);
  const write2 = map(b, 1, 20, b.va(7), HOST);
  assert.equal(inUse(a, 20), READING | WRITING);
  assert.equal(unmap(b, write1.handle, b.va(5)), ST.okay);
  assert.equal(inUse(a, 20), READING | WRITING);
  assert.equal(unmap(b, write2.handle, b.va(7)), ST.okay);
  assert.equal(inUse(a, 20), READING);
  assert.equal(unmap(b, read.handle, b.va(6)), ST.okay);
  assert.equal(inUse(a, 20), 0);
  assert.deepEqual(counts(a, a.data[3]!), before);
});

test("host and device mappings are counted apart, whatever the order they go in (XSA-224)", () => {
  for (const order of ["together", "host first", "device first"] as const) {
    for (const readonly of [0, MAP_RO]) {
      const { a, b } = pair();
      const mfn = a.data[3]!;
      const bus = BigInt(mfn * 4096);
      const before = counts(a, mfn);
      grant(a, 20, 2, 3);
      const { handle, status } = map(b, 1, 20, b.va(5), HOST | DEVICE | readonly);
      assert.equal(status, ST.okay);
      assert.equal(counts(a, mfn).references, before.references + 2);
      assert.equal(counts(a, mfn).types, before.types + (readonly ? 0 : 2));
      if (order === "together") assert.equal(unmap(b, handle, b.va(5), bus), ST.okay);
      else {
        const first = order === "host first";
        assert.equal(unmap(b, handle, first ? b.va(5) : 0n, first ? 0n : bus), ST.okay);
        assert.equal(inUse(a, 20), READING | (readonly ? 0 : WRITING), "the other one is still there");
        assert.equal(unmap(b, handle, first ? 0n : b.va(5), first ? bus : 0n), ST.okay);
      }
      assert.equal(inUse(a, 20), 0);
      assert.deepEqual(counts(a, mfn), before);
      assert.equal(unmap(b, handle, b.va(5), bus), ST.bad_handle);
    }
  }
});

test("a mapping of both kinds can be unmapped with addresses of one that it has not", () => {
  const { a, b } = pair();
  const mfn = a.data[3]!;
  const before = counts(a, mfn);
  grant(a, 20, 2, 3);
  const { handle } = map(b, 1, 20, b.va(5), HOST);
  assert.equal(unmap(b, handle, 0n, BigInt(mfn * 4096)), ST.okay, "there is no device mapping: nothing happens");
  assert.equal(inUse(a, 20), READING | WRITING);
  assert.equal(unmap(b, handle, b.va(5), BigInt(mfn * 4096)), ST.okay);
  assert.deepEqual(counts(a, mfn), before);
  const device = map(b, 1, 20, 0n, DEVICE);
  assert.equal(unmap(b, device.handle, 0n, BigInt(mfn * 4096 + 4096)), ST.general_error, "the wrong bus address");
  assert.equal(unmap(b, device.handle, 0n, BigInt(mfn * 4096)), ST.okay);
  assert.deepEqual(counts(a, mfn), before);
});

test("by the machine address of the entry; available bits arrive", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const flags = HOST | abi.GNTMAP_contains_pte | (5 << abi.GNTMAP_guest_avail0);
  assert.equal(map(b, 1, 20, entryOf(b, 5) + 4n, flags).status, ST.general_error, "XSA-227");
  assert.equal(map(b, 1, 20, BigInt(a.l1 * 4096), flags).status, ST.general_error, "another domain's table");
  assert.equal(map(b, 1, 20, BigInt(b.data[0]! * 4096), flags).status, ST.general_error, "not a table");
  assert.equal(map(b, 1, 20, 1n << 60n, flags).status, ST.general_error);
  assert.equal(inUse(a, 20), 0);
  const mapped = map(b, 1, 20, entryOf(b, 5), flags);
  assert.equal(mapped.status, ST.okay);
  const entry = b.machine.hv.memory.u64[b.l1 * 512 + 5]!;
  assert.equal((entry >> 9n) & 7n, 5n);
  assert.equal((entry >> 12n) & 0xffffffn, BigInt(a.data[3]!));
  assert.notEqual(unmap(b, mapped.handle, entryOf(b, 6)), ST.okay);
  assert.equal(unmap(b, mapped.handle, entryOf(b, 5)), ST.okay);
  assert.equal(inUse(a, 20), 0);
});

test("what cannot be mapped", () => {
  const { a, b } = pair();
  const c = a.machine.guest(3);
  grant(a, 20, 2, 3);
  assert.equal(map(b, 9, 20, b.va(5), HOST).status, ST.bad_domain);
  assert.equal(map(b, 1, 512, b.va(5), HOST).status, ST.bad_gntref);
  assert.equal(map(b, 1, 0xffff_ffff, b.va(5), HOST).status, ST.bad_gntref);
  assert.equal(map(b, 1, 20, b.va(5), 0).status, ST.bad_gntref, "neither kind");
  assert.equal(map(b, 1, 21, b.va(5), HOST).status, ST.general_error, "an empty entry");
  assert.equal(map(c, 1, 20, c.va(5), HOST).status, ST.general_error, "granted to another domain");
  assert.equal(map(b, 1, 20, 0xffff_8000_0000_0000n, HOST).status, ST.general_error);
  assert.equal(map(b, 1, 20, 0x7000_0000_0000n, HOST).status, ST.general_error, "no table there");
  grantFrame(a, 22, 2, b.data[0]!);
  assert.equal(map(b, 1, 22, b.va(5), HOST).status, ST.bad_page, "not the granter's frame");
  grantFrame(a, 23, 2, 0xffff_ffff);
  assert.equal(map(b, 1, 23, b.va(5), HOST).status, ST.bad_page);
  grantFrame(a, 24, 2, 3);
  assert.equal(map(b, 1, 24, b.va(5), HOST).status, ST.bad_page, "the hypervisor's own");
  for (const ref of [20, 21, 22, 23, 24]) assert.equal(inUse(a, ref), 0);
  assert.equal(unmap(b, 0, b.va(5)), ST.bad_handle);
  assert.equal(unmap(b, 0xffff_ffff, b.va(5)), ST.bad_handle);
});

test("a page table cannot be mapped writable; a mapped page cannot become one", () => {
  const { a, b } = pair();
  grantFrame(a, 20, 2, a.l1);
  assert.equal(map(b, 1, 20, b.va(5), HOST).status, ST.general_error);
  assert.equal(inUse(a, 20), 0);
  const readable = map(b, 1, 20, b.va(5), HOST | MAP_RO);
  assert.equal(readable.status, ST.okay);
  assert.equal(unmap(b, readable.handle, b.va(5)), ST.okay);

  grant(a, 21, 2, 4);
  const { handle } = map(b, 1, 21, b.va(5), HOST);
  // The granter unmaps its own alias, but the foreign mapping still writes.
  a.machine.hv.memory.u64[a.l1 * 512 + 4] = 0n;
  a.machine.hv.frames.setTypeCount(a.data[4]!, a.machine.hv.frames.typeCount(a.data[4]!) - 1);
  assert.equal(getPageAndType(a.domain, a.data[4]!, PageType.L1), -EINVAL);
  assert.equal(unmap(b, handle, b.va(5)), ST.okay);
  assert.equal(getPageAndType(a.domain, a.data[4]!, PageType.L1), 0);
});

test("while it is mapped, what the entry says does not matter, but for who and how", () => {
  const { a, b } = pair();
  const c = a.machine.guest(3);
  grant(a, 20, 2, 3);
  const read = map(b, 1, 20, b.va(5), HOST | MAP_RO);
  grant(a, 20, 3, 4, PERMIT | RO);
  assert.equal(map(c, 1, 20, c.va(5), HOST | MAP_RO).status, ST.general_error, "the first one still has it");
  const again = map(b, 1, 20, b.va(6), HOST | MAP_RO);
  assert.equal(again.status, ST.okay);
  assert.equal(again.bus, BigInt(a.data[3]! * 4096), "the frame of the first mapping");
  assert.equal(map(b, 1, 20, b.va(7), HOST).status, ST.general_error, "it is read-only now");
  assert.equal(unmap(b, read.handle, b.va(5)), ST.okay);
  assert.equal(unmap(b, again.handle, b.va(6)), ST.okay);
  assert.equal(map(c, 1, 20, c.va(5), HOST | MAP_RO).status, ST.okay);
});

test("unmap with the wrong address changes nothing", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const { handle } = map(b, 1, 20, b.va(5), HOST);
  const held = counts(a, a.data[3]!);
  for (const address of [b.va(6), 0x7000_0000_0000n, 0xffff_8000_0000_0000n, 1n << 47n]) {
    assert.ok(unmap(b, handle, address) < 0);
  }
  assert.deepEqual(counts(a, a.data[3]!), held);
  assert.equal(inUse(a, 20), READING | WRITING);
  assert.equal(unmap(b, handle, b.va(5)), ST.okay);
});

test("unmap_and_replace moves another mapping in", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const before = counts(a, a.data[3]!);
  const own = counts(b, b.data[6]!);
  const { handle } = map(b, 1, 20, b.va(5), HOST);
  const op = b.argument(abi.gnttabUnmapAndReplace, (v) => {
    v.host_addr = b.va(5);
    v.new_addr = b.va(6);
    v.handle = handle;
  });
  assert.equal(b.call(grantTableOp, [OP.unmap_and_replace, undefined, 1]), 0);
  assert.equal(op.status, ST.okay);
  assert.equal(b.machine.cpu.translate(b.va(5), Access.Write, true), b.data[6]! * 4096);
  assert.ok(b.machine.cpu.translate(b.va(6), Access.Read, true) < 0);
  assert.deepEqual(counts(a, a.data[3]!), before);
  assert.deepEqual(counts(b, b.data[6]!), own);
});

test("a guest that overwrites the entry drops the references once, and cannot unmap any more", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const before = counts(a, a.data[3]!);
  const { handle } = map(b, 1, 20, b.va(5), HOST);
  const again = map(b, 1, 20, b.va(5), HOST);
  assert.equal(again.status, ST.okay, "mapping over a mapping drops the first");
  assert.deepEqual(counts(a, a.data[3]!), { references: before.references + 1, types: before.types + 1 });
  assert.equal(unmap(b, handle, b.va(5)), ST.okay, "they cannot be told apart");
  assert.deepEqual(counts(a, a.data[3]!), before);
  assert.ok(unmap(b, again.handle, b.va(5)) < 0);
  assert.deepEqual(counts(a, a.data[3]!), before);
});

test("handles are limited, and used again", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2, { limits: { maxMaptrackFrames: 1 } });
  grant(a, 20, 2, 3);
  const handles: number[] = [];
  for (let i = 0; i < 256; i++) {
    const mapped = map(b, 1, 20, 0n, DEVICE | MAP_RO);
    assert.equal(mapped.status, ST.okay);
    handles.push(mapped.handle);
  }
  assert.deepEqual(handles.slice(0, 3), [0, 1, 2]);
  assert.equal(map(b, 1, 20, 0n, DEVICE | MAP_RO).status, ST.no_device_space);
  assert.equal(unmap(b, 100, 0n, BigInt(a.data[3]! * 4096)), ST.okay);
  assert.equal(map(b, 1, 20, 0n, DEVICE | MAP_RO).handle, 100);
  releaseMappings(b.domain);
  assert.equal(inUse(a, 20), 0);
});

test("a long list is done in parts; each element has its own status", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const count = 700;
  const size = abi.gnttabMapGrantRef.sizeof;
  const ops = Array.from({ length: count }, (_, i) =>
    b.argument(
      abi.gnttabMapGrantRef,
      (v) => {
        v.flags = DEVICE | MAP_RO;
        v.ref = i % 3 === 0 ? 1000 : 20;
        v.dom = 1;
        v.status = 77;
      },
      10 + Math.floor((i * size) / 4096),
      (i * size) % 4096,
    ),
  );
  assert.equal(b.call(grantTableOp, [OP.map_grant_ref, b.va(10), count]), 0);
  for (const [i, op] of ops.entries()) assert.equal(op.status, i % 3 === 0 ? ST.bad_gntref : ST.okay);
  assert.equal(b.call(grantTableOp, [OP.map_grant_ref, b.va(10), 0]), 0);
  assert.equal(b.call(grantTableOp, [OP.map_grant_ref, b.va(10), 0x8000_0000]), -EINVAL);
  assert.equal(b.call(grantTableOp, [OP.map_grant_ref, b.va(DATA_PAGES - 1, 4080), 1]), -EFAULT);
  assert.equal(b.call(grantTableOp, [OP.map_grant_ref, 0x7fff_ffff_0000n, 0x7fff_ffff]), -EFAULT);
});

test("a granter that ends: its peers can still unmap", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const mfn = a.data[3]!;
  const host = map(b, 1, 20, b.va(5), HOST);
  const device = map(b, 1, 20, 0n, DEVICE);
  const held = counts(a, mfn);
  destroyGrantTable(a.domain);
  b.machine.hv.domains.delete(1);
  assert.equal(unmap(b, host.handle, b.va(5)), ST.okay);
  assert.equal(unmap(b, device.handle, 0n, BigInt(mfn * 4096)), ST.okay);
  assert.deepEqual(counts(a, mfn), { references: held.references - 2, types: held.types - 2 });
});

test("a mapper that ends: device mappings are dropped, host mappings with its page tables", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  grant(a, 21, 2, 4);
  const before = counts(a, a.data[4]!);
  map(b, 1, 20, b.va(5), HOST);
  map(b, 1, 21, 0n, DEVICE);
  destroyGrantTable(b.domain);
  assert.equal(inUse(a, 20), 0);
  assert.equal(inUse(a, 21), 0);
  assert.deepEqual(counts(a, a.data[4]!), before);
});

test("a mapping of both kinds whose address is bad holds nothing", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  const before = counts(a, a.data[3]!);
  for (const readonly of [0, MAP_RO]) {
    assert.equal(map(b, 1, 20, 0x7000_0000_0000n, HOST | DEVICE | readonly).status, ST.general_error);
    assert.equal(inUse(a, 20), 0);
    assert.deepEqual(counts(a, a.data[3]!), before);
  }
  assert.equal(map(b, 1, 20, b.va(5), HOST).handle, 0, "the handle is free again");
});

test("a domain that ends after granting the hypervisor's own frames: they are free with their last mapping", () => {
  for (const flags of [HOST, HOST | MAP_RO, DEVICE]) {
    const machine = new TestMachine();
    const b = machine.guest(2);
    const { frames } = machine.hv;
    const a = machine.guest(1);
    setVersion(a, 2);
    const shared = [Number(a.domain.record.shared_info) / 4096, sharedFrame(a.domain, 0), statusFrame(a.domain, 0)];
    const mapped = shared.map((mfn, i) => {
      const entry = abi.grantEntryV2.at(machine.hv.memory, sharedEntryAddress(a.domain, 20 + i));
      entry.full_page.frame = BigInt(mfn);
      entry.hdr.domid = 2;
      entry.hdr.flags = PERMIT;
      const { status, handle, bus } = map(b, 1, 20 + i, b.va(5 + i), flags);
      assert.equal(status, ST.okay);
      return { handle, address: flags === DEVICE ? 0n : b.va(5 + i), bus: flags === DEVICE ? bus : 0n };
    });
    a.domain.record.vcpus = BigInt(a.vcpu.record.address);
    a.domain.record.max_vcpus = 1;
    machine.hv.destroyDomain(a.domain);
    for (const mfn of shared) assert.equal(frames.owner(mfn), 1, "its number is not free as long as they are there");
    assert.deepEqual(checkInvariants(machine.hv, heldByGrantsAndEvents(machine.hv)), []);
    for (const { handle, address, bus } of mapped) assert.equal(unmap(b, handle, address, bus), ST.okay);
    for (const mfn of shared) assert.ok(frames.isFree(mfn));
    assert.deepEqual(checkInvariants(machine.hv, heldByGrantsAndEvents(machine.hv)), []);
  }
});

test("a domain that ends after giving PFNs to the hypervisor's own frames leaves none", () => {
  const machine = new TestMachine();
  const { hv } = machine;
  const guest = machine.guest(1);
  for (const mfn of [Number(guest.domain.record.shared_info) / 4096, sharedFrame(guest.domain, 0)]) {
    guest.argument(mmuUpdateStruct, (request) => {
      request.ptr = BigInt(mfn * 4096 + MMU_MACHPHYS_UPDATE);
      request.val = 5n;
    });
    assert.equal(guest.call(mmuUpdate, [undefined, 1, 0, 0x7ff0]), 0);
  }
  guest.domain.record.vcpus = BigInt(guest.vcpu.record.address);
  guest.domain.record.max_vcpus = 1;
  hv.destroyDomain(guest.domain);
  assert.deepEqual(checkInvariants(hv), []);
});
