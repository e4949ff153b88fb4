import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EBUSY, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from "../../src/abi/errno.ts";
import { DOMID_IO, DOMID_SELF, DOMID_XEN, MMUEXT, VMASST_TYPE_m2p_strict } from "../../src/abi/xen.ts";
import { DOMAIN_PRIVILEGED } from "../../src/hypervisor/domain.ts";
import { getM2p } from "../../src/hypervisor/mm/m2p.ts";
import { mmuUpdate } from "../../src/hypervisor/mm/mmu-update.ts";
import { mmuextOp } from "../../src/hypervisor/mm/mmuext.ts";
import { updateVaMapping, updateVaMappingOtherdomain } from "../../src/hypervisor/mm/va-mapping.ts";
import { vmAssistOp } from "../../src/hypervisor/mm/vm-assist.ts";
import { Access } from "../../src/machine/processor.ts";
import { assertSound, entry, Guest, newMachine, P, RW } from "./machine.ts";

const SELF = BigInt(DOMID_SELF);
function ext(
  guest: Guest,
  command: number,
  arg1: bigint | number = 0,
  arg2: bigint | number = 0,
  domid = SELF,
): number {
  return guest.call(mmuextOp, guest.words([BigInt(command), BigInt(arg1), BigInt(arg2)], 512), 1n, 0n, domid);
}

test("a batch stops at the first error and tells how many it has done", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const requests = [5, 6, 999, 7].flatMap((pfn) =>
    pfn === 999
      ? [guest.ptePointer(5), entry(guest.l1[0]!, P | RW)]
      : [guest.ptePointer(pfn), entry(guest.mfn[pfn]!, P)],
  );
  const done = guest.va(0) + 8n;
  assert.equal(guest.call(mmuUpdate, guest.words(requests, 512), 4n, done, SELF), -EBUSY);
  assert.equal(guest.peek(guest.mfn[0]!, 1), 2n);
  assert.equal(guest.pte(7) & RW, RW);
  assert.equal(guest.call(mmuUpdate, 0x1000n, 1n, done, SELF), -EFAULT);
  assert.equal(guest.call(mmuUpdate, 0xffff_8000_0000_0000n, 1n, done, SELF), -EFAULT);
  assert.equal(guest.call(mmuUpdate, 0x1000n, 0n, done, SELF), 0);
  assert.equal(guest.call(mmuUpdate, guest.words([4n, 0n], 512), 1n, 0n, SELF), -ENOSYS);
  assert.equal(guest.call(mmuUpdate, guest.words([1n << 40n, 0n], 512), 1n, 0n, SELF), -EINVAL);
});

test("a request list across pages", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  guest.poke(guest.mfn[3]!, 511, guest.ptePointer(7));
  guest.poke(guest.mfn[4]!, 0, entry(guest.mfn[7]!, P));
  assert.equal(guest.call(mmuUpdate, guest.va(3) + 4088n, 1n, 0n, SELF), 0);
  assert.equal(guest.pte(7) & RW, 0n);
});

test("mmu_update of plain memory stores the value; the M2P is for owners", () => {
  const machine = newMachine();
  const other = new Guest(machine, 2, 64);
  const guest = new Guest(machine, 1, 64);
  const update = (ptr: bigint, value: bigint): number =>
    guest.call(mmuUpdate, guest.words([ptr, value], 512), 1n, 0n, SELF);
  assert.equal(update(BigInt(guest.mfn[5]! * 4096 + 16), 0x1234n), 0);
  assert.equal(guest.peek(guest.mfn[5]!, 2), 0x1234n);
  assert.equal(update(BigInt(other.mfn[5]! * 4096), 0x1234n), -EINVAL);
  assert.equal(update(BigInt(guest.mfn[5]! * 4096) | 1n, 99n), 0);
  assert.equal(getM2p(machine.hv, guest.mfn[5]!), 99n);
  assert.equal(update(BigInt(other.mfn[5]! * 4096) | 1n, 99n), -EINVAL);
});

test("update_va_mapping: no table, the hypervisor's area, non-canonical addresses (XSA-279)", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  for (const va of [
    0n,
    0x0000_8000_0000_0000n,
    0xffff_7fff_ffff_f000n,
    0xffff_8000_0000_0000n,
    0xffff_8200_0000_0000n,
    0xffff_ffff_ffff_f000n,
  ]) {
    for (const flags of [0n, 1n, 2n]) {
      assert.equal(guest.call(updateVaMapping, va, 0n, flags), -EINVAL, va.toString(16));
    }
  }
  assert.equal(guest.call(updateVaMapping, guest.va(5), 0n, guest.va(0) | 2n), 0, "a bitmap of vCPUs");
  assert.equal(guest.call(updateVaMapping, guest.va(6), 0n, 0x1000n | 2n), -EFAULT);
});

test("TLB operations", () => {
  const machine = newMachine();
  const { cpu } = machine;
  const guest = new Guest(machine, 1, 64);
  const warm = (): number => cpu.translate(guest.va(5), Access.Read, true);
  const cached = (): boolean => cpu.tlb[0].has(guest.va(5));
  for (const command of [MMUEXT.TLB_FLUSH_LOCAL, MMUEXT.TLB_FLUSH_ALL, MMUEXT.INVLPG_LOCAL, MMUEXT.INVLPG_ALL]) {
    warm();
    assert.equal(ext(guest, command, guest.va(5)), 0);
    assert.ok(!cached(), `command ${command}`);
  }
  for (const command of [MMUEXT.TLB_FLUSH_MULTI, MMUEXT.INVLPG_MULTI]) {
    warm();
    assert.equal(ext(guest, command, guest.va(5), guest.va(0)), 0);
    assert.ok(!cached());
    assert.equal(ext(guest, command, guest.va(5), 0x1000), -EINVAL);
  }
  assert.equal(ext(guest, MMUEXT.INVLPG_LOCAL, 0x0000_8000_0000_0000n), 0);
  assert.equal(ext(guest, MMUEXT.FLUSH_CACHE), -EACCES);
});

test("whole pages are cleared and copied if they may be written", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  guest.poke(guest.mfn[5]!, 7, 42n);
  assert.equal(ext(guest, MMUEXT.COPY_PAGE, guest.mfn[6]!, guest.mfn[5]!), 0);
  assert.equal(guest.peek(guest.mfn[6]!, 7), 42n);
  assert.equal(ext(guest, MMUEXT.CLEAR_PAGE, guest.mfn[6]!), 0);
  assert.equal(guest.peek(guest.mfn[6]!, 7), 0n);
  assert.equal(ext(guest, MMUEXT.CLEAR_PAGE, guest.l1[0]!), -EINVAL);
  assert.equal(ext(guest, MMUEXT.COPY_PAGE, guest.l1[0]!, guest.mfn[5]!), -EINVAL);
  assert.equal(ext(guest, MMUEXT.COPY_PAGE, guest.mfn[5]!, guest.l1[0]!), 0, "tables can be read");
  assert.equal(ext(guest, MMUEXT.MARK_SUPER), -EOPNOTSUPP);
  assert.equal(ext(guest, 14), -ENOSYS);
  assert.equal(ext(guest, 21), -ENOSYS);
  assertSound(machine.hv);
});

test("other domains: unknown, not allowed, and allowed for a privileged one", () => {
  const machine = newMachine();
  const other = new Guest(machine, 2, 64);
  const guest = new Guest(machine, 1, 64);
  const table = other.mfn[5]!;
  assert.equal(other.call(updateVaMapping, other.va(5), entry(table, P), 0n), 0);
  guest.run();
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, table, 0, 2n), -EPERM);
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, table, 0, 9n), -ESRCH);
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, table, 0, 1n), -ESRCH, "itself by number");
  const foreign = (domid: bigint): number =>
    guest.call(updateVaMappingOtherdomain, guest.va(5), entry(other.mfn[6]!, P | RW), 0n, domid);
  assert.equal(foreign(2n), -EPERM);
  assert.equal(foreign(BigInt(DOMID_IO)), -EPERM);
  assert.equal(foreign(BigInt(DOMID_XEN)), -EPERM);
  assertSound(machine.hv);

  guest.domain.record.flags |= DOMAIN_PRIVILEGED;
  assert.equal(ext(guest, MMUEXT.PIN_L1_TABLE, table, 0, 2n), 0);
  assert.equal(ext(guest, MMUEXT.NEW_BASEPTR, other.l4, 0, 2n), -EPERM, "roots are one's own");
  assert.equal(foreign(2n), 0);
  assert.equal(guest.call(updateVaMappingOtherdomain, guest.va(6), entry(other.l1[0]!, P | RW), 0n, 2n), -EBUSY);
  assertSound(machine.hv, { isGranted: (domain, mfn) => domain.id === 1 && mfn === other.mfn[6] });
  assert.equal(guest.call(updateVaMapping, guest.va(5), 0n, 0n), 0);
  assertSound(machine.hv);
});

test("m2p_strict hides the M2P from user roots, not from kernel roots", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  for (let i = 0; i < 512; i++) guest.poke(guest.mfn[7]!, i, guest.peek(guest.l4, i));
  assert.equal(guest.call(updateVaMapping, guest.va(7), entry(guest.mfn[7]!, P), 0n), 0);
  assert.equal(ext(guest, MMUEXT.NEW_USER_BASEPTR, guest.mfn[7]!), 0);
  assert.notEqual(guest.peek(guest.mfn[7]!, 256), 0n);
  assert.equal(ext(guest, MMUEXT.NEW_USER_BASEPTR, 0), 0);
  assert.equal(guest.call(vmAssistOp, 0n, BigInt(VMASST_TYPE_m2p_strict)), 0);
  assert.equal(ext(guest, MMUEXT.NEW_USER_BASEPTR, guest.mfn[7]!), 0);
  assert.equal(guest.peek(guest.mfn[7]!, 256), 0n);
  assert.notEqual(guest.peek(guest.l4, 256), 0n);
  assert.equal(ext(guest, MMUEXT.NEW_BASEPTR, guest.mfn[7]!), 0);
  assert.notEqual(guest.peek(guest.mfn[7]!, 256), 0n);
  assert.equal(guest.call(vmAssistOp, 0n, 6n), -EINVAL);
  assert.equal(guest.call(vmAssistOp, 2n, 2n), -ENOSYS);
  assertSound(machine.hv);
});
