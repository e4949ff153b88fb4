import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT } from "../../src/abi/errno.ts";
import { DOMID_SELF } from "../../src/abi/xen.ts";
import { mmuUpdate } from "../../src/hypervisor/mm/mmu-update.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { assertSound, entry, Guest, newMachine, P, RW } from "./machine.ts";

const SELF = BigInt(DOMID_SELF);
const SIZE = 16;
/** The list is in these pages. */
const LIST = 4;

/** Requests that make PFNs 10 and up read-only, at a byte offset of page LIST; they go on in the next page. */
function prepare(guest: Guest, offset: number, count: number): bigint {
  const bytes = new DataView(new ArrayBuffer(2 * 4096));
  for (let i = 0; i < count; i++) {
    bytes.setBigUint64(offset + i * SIZE, guest.ptePointer(10 + i), true);
    bytes.setBigUint64(offset + i * SIZE + 8, entry(guest.mfn[10 + i]!, P), true);
  }
  for (const page of [0, 1]) {
    guest.hv.memory.frame(guest.mfn[LIST + page]!).set(new Uint8Array(bytes.buffer, page * 4096, 4096));
  }
  return guest.va(LIST) + BigInt(offset);
}

const writable = (guest: Guest, i: number): boolean => (guest.pte(10 + i) & RW) !== 0n;

/** Makes the call. @returns its result, the count that it reports, and how many requests have been done */
function run(guest: Guest, list: bigint, count: number): [result: number, reported: bigint, done: number] {
  const at = guest.va(0);
  const result = guest.call(mmuUpdate, list, BigInt(count), at, SELF);
  let done = 0;
  while (done < count && !writable(guest, done)) done++;
  for (let i = done; i < count; i++) assert.ok(writable(guest, i), `request ${i} comes after one that was not done`);
  assertSound(guest.hv);
  return [result, guest.peek(guest.mfn[0]!, 0), done];
}

// Aligned or not, with a request on both pages or not, and more than are copied at once.
for (const offset of [0, 4096 - 5 * SIZE, 4096 - 5 * SIZE + 8, 4096 - 5 * SIZE + 4, 4096 - 5 * SIZE + 3]) {
  test(`a list of requests at offset ${offset}`, () => {
    const guest = new Guest(newMachine(), 1, 128);
    assert.deepEqual(run(guest, prepare(guest, offset, 70), 70), [0, 70n, 70]);
  });
}

test("what can be read of a list is done", () => {
  for (const [offset, readable] of [
    [4096 - 5 * SIZE, 5],
    [4096 - 5 * SIZE + 8, 4],
    [4096 - 40 * SIZE + 1, 39],
  ] as const) {
    const guest = new Guest(newMachine(), 1, 128);
    const list = prepare(guest, offset, 70);
    assert.equal(guest.call(updateVaMapping, guest.va(LIST + 1), 0n, 0n), 0);
    assert.deepEqual(run(guest, list, 70), [-EFAULT, BigInt(readable), readable]);
  }
});

test("a list must not reach into the hypervisor's part, whatever is at its start", () => {
  const guest = new Guest(newMachine(), 1, 128);
  for (const list of [
    0x7fff_ffff_fff0n,
    0xffff_ffff_ffff_fff0n,
    0xffff_87ff_ffff_fff0n,
    0x0000_8000_0000_0000n,
    1n << 63n,
  ]) {
    assert.deepEqual(run(guest, list, 2), [-EFAULT, 0n, 0]);
  }
});
