/** set_gdt and update_descriptor. */
import { EINVAL } from "../../abi/errno.ts";
import { FIRST_RESERVED_GDT_ENTRY, HYPERVISOR } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import { type Hypercall, HypercallError } from "../hypercall.ts";
import { setGdt } from "./descriptor-window.ts";
import { PageType } from "./frame-table.ts";
import { guestArrayAddress, guestLong } from "./guest-access.ts";
import { getPage, getPageType, putPage, putPageType } from "./page-type.ts";
import { checkDescriptor } from "./segdesc.ts";

export const setGdtHypercall: Hypercall = {
  number: HYPERVISOR.set_gdt,
  name: "set_gdt",
  handler(hv, vcpu, [list = 0n, wide = 0n]) {
    const entries = Number(BigInt.asUintN(32, wide));
    if (entries > FIRST_RESERVED_GDT_ENTRY) throw new HypercallError(EINVAL);
    const mfns: number[] = [];
    for (let i = 0; i < Math.ceil(entries / 512); i++) {
      const mfn = guestLong(vcpu, guestArrayAddress(list, i, vcpu.domain.width / 8));
      mfns.push(mfn < BigInt(hv.frames.count) ? Number(mfn) : -1);
    }
    setGdt(vcpu, mfns, entries);
    return 0;
  },
};

/**
 * Writes a checked descriptor at a machine address, in a descriptor page or in one that is (or can
 * be) writable; pages in any other use are refused.
 */
export const updateDescriptorHypercall: Hypercall = {
  number: HYPERVISOR.update_descriptor,
  name: "update_descriptor",
  handler(hv, vcpu, [address = 0n, descriptor = 0n]) {
    const { domain } = vcpu;
    const { frames, memory } = hv;
    if ((address & 7n) !== 0n || address >= BigInt(frames.count) * BigInt(PAGE_SIZE)) return -EINVAL;
    const at = Number(address);
    const mfn = Math.floor(at / PAGE_SIZE);
    const checked = checkDescriptor(Number(descriptor & 0xffff_ffffn), Number(descriptor >> 32n));
    if (checked === undefined || !getPage(domain, mfn)) return -EINVAL;
    const inUse = frames.typeCount(mfn) > 0 && frames.type(mfn) === PageType.SegDesc;
    const result = getPageType(domain, mfn, inUse ? PageType.SegDesc : PageType.Writable);
    if (result === 0) {
      memory.u32[at >>> 2] = checked.lo;
      memory.u32[(at >>> 2) + 1] = checked.hi;
      hv.cpu.frameWritten(mfn);
      putPageType(domain, mfn);
    }
    putPage(hv, mfn);
    return result;
  },
};
