import assert from "node:assert/strict";
import { test } from "node:test";
import { EBUSY, EFAULT, EINVAL } from "../../src/abi/errno.ts";
import { DOMID_SELF, MMUEXT } from "../../src/abi/xen.ts";
import { gdtWindow, handleLdtFault, ldtWindow } from "../../src/hypervisor/mm/descriptor-window.ts";
import { setGdtHypercall, updateDescriptorHypercall } from "../../src/hypervisor/mm/descriptors.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { mmuextOp } from "../../src/hypervisor/mm/mmuext.ts";
import { checkDescriptor } from "../../src/hypervisor/mm/segdesc.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { Access } from "../../src/machine/processor.ts";
import { DS, EXC_GP, EXC_PF } from "../../src/machine/x86/state.ts";
import { assertSound, entry, Guest, newMachine, P, RW } from "./machine.ts";

const FLAT_CODE0 = 0x00af_9b00_0000_ffffn;
const FLAT_DATA0 = 0x00cf_9300_0000_ffffn;
const DPL3 = 3n << 45n;

function setLdt(guest: Guest, va: bigint, entries: number): number {
  const op = guest.words([BigInt(MMUEXT.SET_LDT), va, BigInt(entries)], 512);
  return guest.call(mmuextOp, op, 1n, 0n, BigInt(DOMID_SELF));
}
function remap(guest: Guest, pfn: number, flags: bigint): number {
  return guest.call(updateVaMapping, guest.va(pfn), entry(guest.mfn[pfn]!, flags), 0n);
}
const check = (descriptor: bigint): bigint | undefined => {
  const stored = checkDescriptor(Number(descriptor & 0xffff_ffffn), Number(descriptor >> 32n));
  return stored === undefined ? undefined : (BigInt(stored.hi) << 32n) | BigInt(stored.lo);
};

test("descriptors: DPL is raised, only call gates survive of system types, absent ones are free", () => {
  assert.equal(check(FLAT_CODE0), FLAT_CODE0 | DPL3);
  assert.equal(check(FLAT_DATA0 | DPL3), FLAT_DATA0 | DPL3);
  assert.equal(check(0n), 0n);
  assert.equal(check(0x1234_0900_5678_9abcn), 0x1234_0900_5678_9abcn, "an absent TSS");
  assert.equal(check(0x0000_8900_0000_0067n), undefined, "TSS");
  assert.equal(check(0x0000_8200_0000_0067n), undefined, "LDT");
  assert.equal(check(0x0000_8e00_e033_0000n), undefined, "interrupt gate");
  assert.equal(check(0x0000_ec00_e033_0000n), 0x0000_8c00_e033_0000n, "call gate: DPL 0");
  assert.equal(check(0x0000_ec00_0000_0000n), 0x0000_8c00_0003_0000n, "call gate to the null segment: RPL 3");
  assert.equal(check(0x0000_8000_e008_1000n), 0x0000_8000_e008_1000n, "second half of a call gate: as it is");
  assert.equal(check(0x0000_ec00_e008_0000n), undefined, "call gate into the hypervisor's selectors");
  assert.equal(check(0x0000_ec01_0010_0000n), undefined, "call gate with reserved bits");
});

test("a fresh vCPU has the flat selectors and nothing else", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const { cpu } = machine;
  assert.equal(cpu.state.gdtr.limit, guest.vcpu.state.gdtr.limit);
  guest.vcpu.state.gdtr.base = gdtWindow(guest.vcpu);
  guest.vcpu.state.gdtr.limit = 0xffff;
  for (const selector of [0xe023, 0xe02b, 0xe033])
    assert.equal(cpu.loadSegment(DS, selector), 0, selector.toString(16));
  for (const selector of [0x10, 0xe00b, 0xdff8, 0xf008]) assert.equal(cpu.loadSegment(DS, selector) >>> 16, EXC_GP);
  assert.ok(cpu.translate(gdtWindow(guest.vcpu), Access.Read, true) < 0, "not for the guest's eyes");
});

test("set_gdt takes frames without writable mapping, and all valid", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const { frames } = machine.hv;
  guest.vcpu.state.gdtr.base = gdtWindow(guest.vcpu);
  guest.vcpu.state.gdtr.limit = 0xffff;
  const [gdt, bad] = [guest.mfn[5]!, guest.mfn[6]!];
  guest.poke(gdt, 2, FLAT_CODE0);
  guest.poke(bad, 100, 0x0000_8900_0000_0067n);
  const set = (list: number[], entries: number): number =>
    guest.call(setGdtHypercall, guest.words(list.map(BigInt), 512), BigInt(entries));
  assert.equal(set([gdt], 16), -EINVAL, "mapped writable");
  assert.equal(remap(guest, 5, P), 0);
  assert.equal(remap(guest, 6, P), 0);
  assert.equal(set([gdt, bad], 1024), -EINVAL, "a TSS in it");
  assert.equal(frames.typeCount(gdt), 0);
  assert.equal(set([gdt], 7169), -EINVAL);
  assert.equal(guest.call(setGdtHypercall, 0xffff_8000_0000_0000n, 16n), -EFAULT);
  assert.equal(set([gdt], 16), 0);
  assert.equal(frames.type(gdt), PageType.SegDesc);
  assert.equal(remap(guest, 5, P | RW), -EBUSY, "in use");
  assert.equal(machine.cpu.loadSegment(DS, 0x13), 0);
  assertSound(machine.hv);
  assert.equal(set([], 0), 0);
  assert.equal(machine.cpu.loadSegment(DS, 0x13) >>> 16, EXC_GP);
  assert.equal(remap(guest, 5, P | RW), 0);
  assertSound(machine.hv);
});

test("update_descriptor: aligned, checked, in a descriptor page or ordinary memory", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const at = (mfn: number, index: number): bigint => BigInt(mfn * 4096 + index * 8);
  const update = (address: bigint, value: bigint): number => guest.call(updateDescriptorHypercall, address, value);
  assert.equal(update(at(guest.mfn[5]!, 3), FLAT_DATA0), 0, "plain writable");
  assert.equal(guest.peek(guest.mfn[5]!, 3), FLAT_DATA0 | DPL3);
  assert.equal(remap(guest, 5, P), 0);
  assert.equal(guest.call(setGdtHypercall, guest.words([BigInt(guest.mfn[5]!)], 512), 16n), 0);
  assert.equal(update(at(guest.mfn[5]!, 4), FLAT_CODE0), 0, "in use");
  assert.equal(update(at(guest.mfn[5]!, 4) + 4n, FLAT_CODE0), -EINVAL, "misaligned");
  assert.equal(update(at(guest.mfn[5]!, 4), 0x0000_8900_0000_0067n), -EINVAL, "TSS");
  assert.equal(update(at(guest.l1[0]!, 4), FLAT_CODE0), -EINVAL, "page table");
  assert.equal(update(at(machine.hv.frames.state.reserved_gdt, 4), FLAT_CODE0), -EINVAL, "the hypervisor's");
  assert.equal(update(1n << 50n, FLAT_CODE0), -EINVAL);
  assertSound(machine.hv);
});

test("the LDT is mapped on use, page by page; faults beyond it are the guest's", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  const { cpu } = machine;
  guest.poke(guest.mfn[6]!, 1, FLAT_DATA0);
  assert.equal(setLdt(guest, guest.va(5) + 8n, 8), -EINVAL, "not page aligned");
  assert.equal(setLdt(guest, guest.va(5), 8193), -EINVAL);
  assert.equal(setLdt(guest, guest.va(5), 1024), 0);
  const selector = ((512 + 1) << 3) | 7;
  assert.equal(cpu.loadSegment(DS, selector) >>> 16, EXC_PF);
  assert.deepEqual(
    handleLdtFault(guest.vcpu, cpu.state.cr2),
    { kind: "reflect", address: guest.va(6) + 8n },
    "writable",
  );
  assert.equal(remap(guest, 6, P), 0);
  assert.deepEqual(handleLdtFault(guest.vcpu, cpu.state.cr2), { kind: "mapped" });
  assert.equal(cpu.loadSegment(DS, selector), 0);
  assertSound(machine.hv);
  assert.deepEqual(handleLdtFault(guest.vcpu, ldtWindow(guest.vcpu) + 8192n).kind, "reflect", "beyond its limit");
  assert.deepEqual(handleLdtFault(guest.vcpu, gdtWindow(guest.vcpu)), { kind: "elsewhere" });

  // The guest takes its own mapping away: the window follows.
  assert.equal(guest.call(updateVaMapping, guest.va(6), 0n, 0n), 0);
  assert.equal(machine.hv.frames.typeCount(guest.mfn[6]!), 0);
  assert.equal(remap(guest, 6, P | RW), 0);
  assertSound(machine.hv);
});

test("without entries there is no LDT: each of its selectors is #GP (XSA-298)", () => {
  const machine = newMachine();
  const guest = new Guest(machine, 1, 64);
  assert.equal(remap(guest, 5, P), 0);
  assert.equal(setLdt(guest, guest.va(5), 8), 0);
  assert.equal(handleLdtFault(guest.vcpu, ldtWindow(guest.vcpu)).kind, "mapped");
  assert.equal(setLdt(guest, guest.va(5), 0), 0);
  assert.equal(machine.cpu.loadSegment(DS, 0x7), (EXC_GP << 16) | 4);
  assert.equal(handleLdtFault(guest.vcpu, ldtWindow(guest.vcpu)).kind, "reflect");
  assert.equal(machine.hv.frames.typeCount(guest.mfn[5]!), 0);
  assertSound(machine.hv);
});
