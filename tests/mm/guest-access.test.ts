import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT } from "../../src/abi/errno.ts";
import { mmuUpdateStruct } from "../../src/abi/xen.ts";
import { HypercallError } from "../../src/hypervisor/hypercall.ts";
import {
  copyFromGuest,
  copyToGuest,
  guestArrayAddress,
  guestStruct,
  putGuestStruct,
} from "../../src/hypervisor/mm/guest-access.ts";
import { Guest, newMachine } from "./machine.ts";

const faults = (f: () => unknown): void => {
  assert.throws(f, (error) => error instanceof HypercallError && error.errno === EFAULT);
};

test("copies cross pages, and reach only what the guest maps", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const data = Uint8Array.from({ length: 5000 }, (_, i) => i);
  copyToGuest(guest.vcpu, guest.va(3) + 100n, data);
  assert.deepEqual(copyFromGuest(guest.vcpu, guest.va(3) + 100n, 5000), data);
  assert.ok(machine.cpu.written.has(guest.mfn[3]!) && machine.cpu.written.has(guest.mfn[4]!));
  faults(() => copyFromGuest(guest.vcpu, guest.va(63) + 4000n, 200));
  faults(() => copyFromGuest(guest.vcpu, 0x1000n, 1));
});

test("read-only pages, the hypervisor's area and non-canonical addresses are out of reach", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const byte = Uint8Array.of(1);
  copyFromGuest(guest.vcpu, guest.va(63), 8);
  faults(() => copyToGuest(guest.vcpu, guest.va(63), byte));
  for (const va of [
    0xffff_8000_0000_0000n,
    0xffff_8200_0000_0000n,
    0xffff_87ff_ffff_ffffn,
    0x0000_8000_0000_0000n,
    0xffff_7fff_ffff_fff0n,
  ]) {
    faults(() => copyFromGuest(guest.vcpu, va, 1));
    faults(() => copyToGuest(guest.vcpu, va, byte));
  }
  faults(() => copyFromGuest(guest.vcpu, 0xffff_ffff_ffff_fffcn, 8));
});

test("an index cannot lead out of the range that the array began in (XSA-212)", () => {
  const base = 0x1000n;
  assert.equal(guestArrayAddress(base, 3, 8), 0x1018n);
  faults(() => guestArrayAddress(base, 2 ** 44, 16));
  faults(() => guestArrayAddress(0x0000_7fff_ffff_fff8n, 1, 8));
  faults(() => guestArrayAddress(0xffff_8800_0000_0000n, 2 ** 45, 8));
  faults(() => guestArrayAddress(0xffff_8000_0000_0000n, 0, 8));
});

test("structures are private copies", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const va = guest.words([7n, 8n]);
  const copy = guestStruct(guest.vcpu, mmuUpdateStruct, va);
  guest.words([1n, 2n]);
  assert.deepEqual([copy.ptr, copy.val], [7n, 8n]);
  copy.val = 9n;
  putGuestStruct(guest.vcpu, mmuUpdateStruct, va, copy);
  assert.equal(guest.peek(guest.mfn[0]!, 1), 9n);
});

test("memory of a vCPU that is not on the processor is found by its kernel root", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const other = new Guest(machine, 2, 64);
  guest.words([0x1234n]);
  other.run();
  assert.equal(guestStruct(guest.vcpu, mmuUpdateStruct, guest.va(0)).ptr, 0x1234n);
  faults(() => copyToGuest(guest.vcpu, guest.va(63), Uint8Array.of(1)));
  faults(() => copyToGuest(guest.vcpu, guest.va(70), Uint8Array.of(1)));
});

test("a copy stays what it is, however many are made after it", () => {
  const guest = new Guest(newMachine(), 1, 64);
  const copies = Array.from({ length: 3000 }, (_, i) => {
    const va = guest.words([BigInt(i), BigInt(i * 3)], 512);
    return guestStruct(guest.vcpu, mmuUpdateStruct, va);
  });
  for (const [i, { ptr, val }] of copies.entries()) assert.deepEqual([ptr, val], [BigInt(i), BigInt(i * 3)]);
});
