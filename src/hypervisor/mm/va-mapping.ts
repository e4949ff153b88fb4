/** update_va_mapping: the L1 entry that maps a linear address in the current tables. */
import { EINVAL, ERESTART } from "../../abi/errno.ts";
import {
  HYPERVISOR,
  UVMF_ALL,
  UVMF_FLUSHTYPE_MASK,
  UVMF_INVLPG,
  UVMF_LOCAL,
  UVMF_NONE,
  UVMF_TLB_FLUSH,
} from "../../abi/xen.ts";
import { CONTINUATION, type Hypercall, type HypercallResult } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { frameOwner } from "./foreign.ts";
import { PageType } from "./frame-table.ts";
import { guestLong, isGuestAddress } from "./guest-access.ts";
import { guestOperation, putOldGuestTable } from "./operation.ts";
import { currentRoot } from "./roots.ts";
import { flushTlb, flushTlbPage } from "./tlb.ts";
import { updateL1Entry } from "./update-entry.ts";
import { l1EntryAddress } from "./walk.ts";

/**
 * Machine address of the entry of a validated L1 of the vCPU's domain that maps `va`, or -1. A bad
 * address, canonical or not, is an ordinary failure (XSA-279).
 */
export function guestL1Entry(vcpu: Vcpu, va: bigint): number {
  const { frames, memory } = vcpu.domain.hypervisor;
  const root = currentRoot(vcpu);
  if (!isGuestAddress(va) || root === 0) return -1;
  const at = l1EntryAddress(memory, root, va);
  if (at < 0) return -1;
  const mfn = at >>> 12;
  return frames.owner(mfn) === vcpu.domain.id && frames.isValidated(mfn, PageType.L1) ? at : -1;
}

/**
 * Flush as asked. There is one processor, so that a set of vCPUs (a bitmap at the address in the
 * upper bits of `flags`) only has to be readable.
 */
function flushAfterUpdate(hv: Hypervisor, vcpu: Vcpu, va: bigint, flags: bigint): void {
  const type = Number(flags & BigInt(UVMF_FLUSHTYPE_MASK));
  if (type === UVMF_NONE) return;
  const bitmap = flags & ~BigInt(UVMF_FLUSHTYPE_MASK);
  if (bitmap !== BigInt(UVMF_LOCAL) && bitmap !== BigInt(UVMF_ALL)) guestLong(vcpu, bitmap);
  if (type === UVMF_TLB_FLUSH) flushTlb(hv);
  else if (type === UVMF_INVLPG) flushTlbPage(hv, va);
}

function update(hv: Hypervisor, vcpu: Vcpu, va: bigint, value: bigint, flags: bigint, owner: number): HypercallResult {
  if (putOldGuestTable(vcpu, guestOperation(hv)) === -ERESTART) return CONTINUATION;
  const at = guestL1Entry(vcpu, va);
  if (at < 0) return -EINVAL;
  const lo = Number(value & 0xffff_ffffn);
  const hi = Number(value >> 32n);
  const result = updateL1Entry(vcpu.domain, owner, at, lo, hi, false);
  if (result === 0) flushAfterUpdate(hv, vcpu, va, flags);
  return result;
}

export const updateVaMapping: Hypercall = {
  number: HYPERVISOR.update_va_mapping,
  name: "update_va_mapping",
  arity: 3,
  handler(hv, vcpu, [va = 0n, value = 0n, flags = 0n]) {
    return update(hv, vcpu, va, value, flags, vcpu.domain.id);
  },
};

export const updateVaMappingOtherdomain: Hypercall = {
  number: HYPERVISOR.update_va_mapping_otherdomain,
  name: "update_va_mapping_otherdomain",
  handler(hv, vcpu, [va = 0n, value = 0n, flags = 0n, domid = 0n]) {
    const owner = frameOwner(vcpu.domain, Number(BigInt.asUintN(16, domid)));
    return update(hv, vcpu, va, value, flags, owner);
  },
};
