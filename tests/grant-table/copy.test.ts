import assert from "node:assert/strict";
import { test } from "node:test";
import * as abi from "../../src/abi/grant_table.ts";
import { sharedEntryAddress } from "../../src/hypervisor/grant-table/table.ts";
import { type TestGuest, TestMachine } from "../event-channel/machine.ts";
import { copy, counts, flagsOf, grant, HOST, inUse, MAP_RO, map, PERMIT, RO, ST, setVersion } from "./grants.ts";

function pair(): { a: TestGuest; b: TestGuest } {
  const machine = new TestMachine();
  return { a: machine.guest(1), b: machine.guest(2) };
}

const text = new TextEncoder().encode("what a netfront would send");

test("from a grant to an own page and back, nothing held afterwards", () => {
  const { a, b } = pair();
  const before = counts(a, a.data[3]!);
  grant(a, 20, 2, 3);
  a.page(3).set(text, 500);
  assert.equal(copy(b, { dom: 1, ref: 20, offset: 500 }, { mfn: b.data[4]!, offset: 7 }, text.length), ST.okay);
  assert.deepEqual(b.page(4).subarray(7, 7 + text.length), text);
  assert.equal(copy(b, { mfn: b.data[4]!, offset: 7 }, { dom: 1, ref: 20, offset: 0 }, text.length), ST.okay);
  assert.deepEqual(a.page(3).subarray(0, text.length), text);
  assert.ok(b.machine.cpu.written.has(a.data[3]!), "code translated from the frame is dropped");
  assert.equal(flagsOf(a, 20), PERMIT);
  assert.deepEqual(counts(a, a.data[3]!), before);
});

test("between two grants, and within one page", () => {
  const { a, b } = pair();
  const c = a.machine.guest(3);
  grant(a, 20, 3, 3);
  grant(b, 21, 3, 4);
  a.page(3).set(text);
  assert.equal(copy(c, { dom: 1, ref: 20 }, { dom: 2, ref: 21, offset: 4096 - text.length }, text.length), ST.okay);
  assert.deepEqual(b.page(4).subarray(4096 - text.length), text);
  assert.equal(copy(c, { dom: 1, ref: 20 }, { dom: 1, ref: 20, offset: 4 }, text.length), ST.okay);
  assert.deepEqual(a.page(3).subarray(4, 4 + text.length), text, "overlapping");
});

test("what cannot be copied", () => {
  const { a, b } = pair();
  const own = { mfn: b.data[4]! };
  grant(a, 20, 2, 3, PERMIT | RO);
  grant(a, 21, 7, 3);
  assert.equal(copy(b, own, { dom: 1, ref: 20 }, 10), ST.general_error, "to a read-only grant");
  assert.equal(copy(b, { dom: 1, ref: 21 }, own, 10), ST.general_error, "granted to another");
  assert.equal(copy(b, { dom: 1, ref: 600 }, own, 10), ST.bad_gntref);
  assert.equal(copy(b, { dom: 9, ref: 20 }, own, 10), ST.bad_domain);
  assert.equal(copy(b, { mfn: a.data[3]! }, own, 10), ST.bad_page, "another domain's frame by number");
  assert.equal(copy(b, { mfn: a.data[3]!, dom: 1 }, own, 10), ST.permission_denied);
  assert.equal(copy(b, { mfn: 2 ** 40 }, own, 10), ST.bad_page);
  assert.equal(copy(b, { mfn: 3 }, own, 10), ST.bad_page, "the processor's own");
  assert.equal(copy(b, own, { mfn: b.l1 }, 10), ST.general_error, "into a page table");
  assert.equal(copy(b, { mfn: b.l1 }, own, 10), ST.okay, "which may be read");
  assert.equal(copy(b, { ...own, offset: 4090 }, own, 10), ST.bad_copy_arg);
  assert.equal(copy(b, own, { ...own, offset: 65_535 }, 1), ST.bad_copy_arg);
  assert.equal(copy(b, own, { ...own, offset: 0 }, 65_535), ST.bad_copy_arg);
  assert.equal(copy(b, { dom: 1, ref: 20 }, { ...own, offset: 4000 }, 97), ST.bad_copy_arg);
  for (const ref of [20, 21]) assert.equal(inUse(a, ref), 0);
});

test("a mapped grant can be copied, too", () => {
  const { a, b } = pair();
  grant(a, 20, 2, 3);
  map(b, 1, 20, b.va(5), HOST | MAP_RO);
  a.page(3).set(text);
  assert.equal(copy(b, { dom: 1, ref: 20 }, { mfn: b.data[4]! }, text.length), ST.okay);
  assert.equal(copy(b, { mfn: b.data[4]! }, { dom: 1, ref: 20, offset: 100 }, text.length), ST.okay);
  assert.equal(inUse(a, 20), abi.GTF_reading, "writing only for the time of the copy");
});

/** Fills in a version 2 entry. */
function entryV2(guest: TestGuest, ref: number): ReturnType<typeof abi.grantEntryV2.at> {
  return abi.grantEntryV2.at(guest.machine.hv.memory, sharedEntryAddress(guest.domain, ref));
}

test("a sub-page grant gives a part of the frame to copies, and nothing to mappings", () => {
  const { a, b } = pair();
  assert.deepEqual(setVersion(a, 2), { result: 0, version: 2 });
  const entry = entryV2(a, 20);
  entry.sub_page.frame = BigInt(a.data[3]!);
  entry.sub_page.page_off = 100;
  entry.sub_page.length = 50;
  entry.hdr.domid = 2;
  entry.hdr.flags = PERMIT | abi.GTF_sub_page;
  const own = { mfn: b.data[4]! };
  a.page(3).set(text, 100);
  assert.equal(copy(b, { dom: 1, ref: 20, offset: 100 }, own, 50), ST.okay);
  assert.deepEqual(b.page(4).subarray(0, text.length), text);
  assert.equal(copy(b, { dom: 1, ref: 20, offset: 99 }, own, 10), ST.general_error);
  assert.equal(copy(b, { dom: 1, ref: 20, offset: 100 }, own, 51), ST.general_error);
  assert.equal(map(b, 1, 20, b.va(5), HOST).status, ST.general_error);
  entry.sub_page.page_off = 65_000;
  entry.sub_page.length = 65_000;
  assert.equal(copy(b, { dom: 1, ref: 20, offset: 4000 }, own, 96), ST.general_error);
  assert.equal(inUse(a, 20), 0);
});

test("a transitive grant passes on another one, once", () => {
  const { a, b } = pair();
  const c = a.machine.guest(3);
  const own = { mfn: c.data[4]! };
  grant(a, 20, 2, 3);
  a.page(3).set(text);
  setVersion(b, 2);
  const entry = entryV2(b, 30);
  entry.transitive.trans_domid = 1;
  entry.transitive.gref = 20;
  entry.hdr.domid = 3;
  entry.hdr.flags = abi.GTF_transitive;
  const before = counts(a, a.data[3]!);
  assert.equal(copy(c, { dom: 2, ref: 30 }, own, text.length), ST.okay);
  assert.deepEqual(c.page(4).subarray(0, text.length), text);
  assert.equal(copy(c, own, { dom: 2, ref: 30, offset: 200 }, text.length), ST.okay);
  assert.equal(map(c, 2, 30, c.va(5), HOST | MAP_RO).status, ST.general_error, "not for mappings");
  // To itself, to nobody, in a ring.
  entry.transitive.trans_domid = 2;
  assert.equal(copy(c, { dom: 2, ref: 30 }, own, 4), ST.general_error);
  entry.transitive.trans_domid = 9;
  assert.equal(copy(c, { dom: 2, ref: 30 }, own, 4), ST.general_error);
  entry.transitive.trans_domid = 1;
  setVersion(a, 2);
  const ring = entryV2(a, 20);
  ring.transitive.trans_domid = 2;
  ring.transitive.gref = 30;
  ring.hdr.domid = 2;
  ring.hdr.flags = abi.GTF_transitive;
  assert.equal(copy(c, { dom: 2, ref: 30 }, own, 4), ST.general_error);
  assert.equal(inUse(a, 20), 0);
  assert.equal(inUse(b, 30), 0);
  assert.deepEqual(counts(a, a.data[3]!), before);
});

test("an entry in use does not lead elsewhere when it becomes transitive (XSA-226)", () => {
  const { a, b } = pair();
  const c = a.machine.guest(3);
  const own = { mfn: c.data[4]! };
  grant(a, 20, 2, 3);
  setVersion(b, 2);
  const entry = entryV2(b, 30);
  entry.full_page.frame = BigInt(b.data[6]!);
  entry.hdr.domid = 3;
  entry.hdr.flags = PERMIT;
  const mapped = map(c, 2, 30, c.va(5), HOST | MAP_RO);
  assert.equal(mapped.status, ST.okay);
  // Meant for domain 4; domain 3 still holds the entry as it was.
  entry.transitive.trans_domid = 1;
  entry.transitive.gref = 20;
  entry.hdr.domid = 4;
  entry.hdr.flags = abi.GTF_transitive;
  a.page(3).set(text);
  assert.equal(copy(c, { dom: 2, ref: 30 }, own, text.length), ST.eagain);
  assert.ok(
    !c
      .page(4)
      .subarray(0, text.length)
      .every((byte, i) => byte === text[i]),
  );
  assert.equal(inUse(a, 20), 0);
  assert.equal(inUse(b, 30), abi.GTF_reading);
});
