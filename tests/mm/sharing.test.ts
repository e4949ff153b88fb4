/** Frames that two have: shared by the hypervisor, granted by another domain; and the end of domains. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EBUSY, EINVAL, EPERM } from "../../src/abi/errno.ts";
import {
  GNTMAP_contains_pte,
  GNTMAP_guest_avail0,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTST,
} from "../../src/abi/grant_table.ts";
import { DOMID_SELF, MMUEXT } from "../../src/abi/xen.ts";
import { shareWithGuest, unshareWithGuest } from "../../src/hypervisor/mm/domain-frames.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { createGrantMapping, removeGrantMapping, replaceGrantMapping } from "../../src/hypervisor/mm/grant-mapping.ts";
import { relinquishMemory } from "../../src/hypervisor/mm/lifecycle.ts";
import { mmuextOp } from "../../src/hypervisor/mm/mmuext.ts";
import { getPageAndType, putPageAndType } from "../../src/hypervisor/mm/page-type.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { Access } from "../../src/machine/processor.ts";
import { assertSound, assertTlbSound, entry, Guest, newMachine, P, RW } from "./machine.ts";

test("a shared frame is mapped like one's own, and taken back when it is not", () => {
  const machine = newMachine();
  const { hv } = machine;
  const guest = new Guest(machine, 1, 64);
  const other = new Guest(machine, 2, 64);
  const [shared, status] = [hv.heap.allocFrames(1), hv.heap.allocFrames(1)];
  shareWithGuest(guest.domain, shared, true);
  shareWithGuest(guest.domain, status, false);
  guest.run();
  assert.equal(guest.call(updateVaMapping, guest.va(5), entry(shared, P | RW), 0n), 0);
  assert.equal(guest.call(updateVaMapping, guest.va(6), entry(status, P | RW), 0n), -EBUSY, "read-only");
  assert.equal(guest.call(updateVaMapping, guest.va(6), entry(status, P), 0n), 0);
  assert.equal(
    guest.call(
      mmuextOp,
      guest.words([BigInt(MMUEXT.PIN_L1_TABLE), BigInt(shared), 0n], 512),
      1n,
      0n,
      BigInt(DOMID_SELF),
    ),
    -EINVAL,
  );
  assertSound(hv);
  assert.ok(!unshareWithGuest(hv, status), "still mapped (XSA-255)");
  hv.cpu.translate(guest.va(6), Access.Read, true);
  assert.equal(guest.call(updateVaMapping, guest.va(6), 0n, 0n), 0);
  assert.ok(unshareWithGuest(hv, status));
  assertTlbSound(machine);
  assert.ok(machine.cpu.written.has(status));
  hv.heap.freeFrames(status, 1);
  other.run();
  assert.equal(other.call(updateVaMapping, other.va(5), entry(shared, P), 0n), -EPERM);
  assertSound(hv);
});

interface Granting {
  readonly granter: Guest;
  readonly guest: Guest;
  readonly mfn: number;
  /** As the grant table takes references for a writable mapping. */
  hold(): void;
  drop(): void;
}

function granting(): Granting & ReturnType<typeof newMachine> {
  const machine = newMachine();
  const granter = new Guest(machine, 2, 64);
  const guest = new Guest(machine, 1, 64);
  const mfn = granter.mfn[9]!;
  return {
    ...machine,
    granter,
    guest,
    mfn,
    hold: () => assert.equal(getPageAndType(granter.domain, mfn, PageType.Writable), 0),
    drop: () => void putPageAndType(guest.domain, mfn),
  };
}
const WRITABLE = GNTMAP_host_map | (1 << GNTMAP_guest_avail0);

test("a grant mapping stands in an entry found by address or by machine address", () => {
  const { hv, guest, mfn, hold, drop } = granting();
  const options = { isGranted: (domain: { id: number }, frame: number) => domain.id === 1 && frame === mfn };
  hold();
  assert.equal(createGrantMapping(guest.vcpu, guest.va(5), mfn, WRITABLE), GNTST.okay);
  assert.equal(guest.pte(5) & 0xe03n, 0x203n, "writable, first available bit");
  assertSound(hv, options);
  assert.equal(removeGrantMapping(guest.vcpu, guest.va(6), mfn, WRITABLE), GNTST.general_error, "elsewhere");
  assert.equal(removeGrantMapping(guest.vcpu, guest.va(5), mfn, WRITABLE | GNTMAP_readonly), GNTST.general_error);
  assert.equal(removeGrantMapping(guest.vcpu, guest.va(5), mfn, WRITABLE), GNTST.okay);
  drop();
  assert.equal(guest.pte(5), 0n);
  assertSound(hv, options);

  const flags = WRITABLE | GNTMAP_contains_pte;
  assert.equal(createGrantMapping(guest.vcpu, guest.ptePointer(6) + 4n, mfn, flags), GNTST.general_error, "XSA-227");
  assert.equal(createGrantMapping(guest.vcpu, BigInt(guest.l2 * 4096), mfn, flags), GNTST.general_error, "an L2");
  assert.equal(createGrantMapping(guest.vcpu, 1n << 45n, mfn, flags), GNTST.general_error);
  assert.equal(createGrantMapping(guest.vcpu, 0xffff_8000_0000_0000n, mfn, WRITABLE), GNTST.general_error);
  hold();
  assert.equal(createGrantMapping(guest.vcpu, guest.ptePointer(6), mfn, flags), GNTST.okay);
  assertSound(hv, options);
  // The guest overwrites it itself: the references go with the entry, and unmapping fails.
  assert.equal(guest.call(updateVaMapping, guest.va(6), 0n, 0n), 0);
  assert.equal(removeGrantMapping(guest.vcpu, guest.ptePointer(6), mfn, flags), GNTST.general_error);
  assertSound(hv, options);
});

test("RW cannot be added to a read-only grant mapping", () => {
  const { hv, granter, guest, mfn } = granting();
  assert.ok(hv.frames.getPage(mfn, granter.domain.id));
  assert.equal(createGrantMapping(guest.vcpu, guest.va(5), mfn, GNTMAP_host_map | GNTMAP_readonly), GNTST.okay);
  assert.equal(guest.call(updateVaMapping, guest.va(5), entry(mfn, P | RW), 0n), -EPERM);
  assert.equal(guest.call(updateVaMapping, guest.va(5), entry(mfn, P | 0x20n), 0n), 0, "other bits may change");
});

test("unmap_and_replace moves the other entry with its references (XSA-234)", () => {
  const { hv, guest, mfn, hold, drop } = granting();
  hold();
  assert.equal(createGrantMapping(guest.vcpu, guest.va(5), mfn, WRITABLE), GNTST.okay);
  const moved = guest.pte(7);
  assert.equal(replaceGrantMapping(guest.vcpu, guest.va(5), mfn, guest.va(5), WRITABLE), GNTST.general_error);
  assert.equal(replaceGrantMapping(guest.vcpu, guest.va(5), mfn, 0x1000n, WRITABLE), GNTST.general_error);
  assert.equal(replaceGrantMapping(guest.vcpu, guest.va(5), mfn, guest.va(7), WRITABLE), GNTST.okay);
  drop();
  assert.equal(guest.pte(5), moved);
  assert.equal(guest.pte(7), 0n);
  assertSound(hv);
});

test("a dead domain's memory is free but for what others still map", () => {
  const { hv, granter, guest, mfn, hold } = granting();
  const free = hv.frames.state.free_frames;
  hold();
  assert.equal(createGrantMapping(guest.vcpu, guest.va(5), mfn, WRITABLE), GNTST.okay);
  assert.equal(relinquishMemory(granter.domain), 1);
  hv.domains.delete(2);
  assert.ok(hv.frames.state.free_frames >= free + 63);
  assert.equal(hv.frames.owner(mfn), 2);
  assertSound(hv, { isGranted: () => true });
  guest.run();
  assert.equal(guest.call(updateVaMapping, guest.va(5), 0n, 0n), 0);
  assert.ok(hv.frames.isFree(mfn));
  assert.equal(relinquishMemory(guest.domain), 0);
  hv.current = undefined;
  hv.domains.delete(1);
  assert.equal(Number(hv.cpu.state.cr3), hv.frames.state.idle_root * 4096);
  assertSound(hv);
});
