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
import { CONTINUATION, type Hypercall, type HypercallArguments, type HypercallResult } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { frameOwner } from "./foreign.ts";
import { PageType } from "./frame-table.ts";
import { guestLong } from "./guest-access.ts";
import { isGuestLinear, linearAddress } from "./linear.ts";
import { guestOperation, putOldGuestTable } from "./operation.ts";
import { currentRoot } from "./roots.ts";
import { flushTlb, flushTlbPage } from "./tlb.ts";
import { updateL1Entry } from "./update-entry.ts";
import { l1EntryAddress } from "./walk.ts";

/**
 * Machine address of the entry of a validated L1 of the vCPU's domain that maps `la`, or -1. A bad
 * address, canonical or not, is an ordinary failure (XSA-279).
 */
export function guestL1Entry(vcpu: Vcpu, la: number): number {
  const { frames, memory } = vcpu.domain.hypervisor;
  const root = currentRoot(vcpu);
  if (!isGuestLinear(la) || root === 0) return -1;
  const at = l1EntryAddress(memory, root, la);
  if (at < 0) return -1;
  const mfn = at >>> 12;
  return frames.owner(mfn) === vcpu.domain.id && frames.isValidated(mfn, PageType.L1) ? at : -1;
}

/**
 * Flush as asked. There is one processor, so that a set of vCPUs (a bitmap at the address in the
 * upper bits of the flags) only has to be readable.
 */
function flushAfterUpdate(hv: Hypervisor, vcpu: Vcpu, args: HypercallArguments): void {
  const low = args.halves[4]!;
  const type = low & UVMF_FLUSHTYPE_MASK;
  if (type === UVMF_NONE) return;
  const set = low & ~UVMF_FLUSHTYPE_MASK;
  const hasBitmap = args.halves[5] !== 0 || (set !== UVMF_LOCAL && set !== UVMF_ALL);
  if (hasBitmap) guestLong(vcpu, args[2]! & ~BigInt(UVMF_FLUSHTYPE_MASK));
  if (type === UVMF_TLB_FLUSH) flushTlb(hv);
  else if (type === UVMF_INVLPG) flushTlbPage(hv, linearAddress(args.halves[0]!, args.halves[1]!));
}

/** Arguments: va, value, flags. */
function update(hv: Hypervisor, vcpu: Vcpu, args: HypercallArguments, owner: number): HypercallResult {
  if (putOldGuestTable(vcpu, guestOperation(hv)) === -ERESTART) return CONTINUATION;
  const { halves } = args;
  const at = guestL1Entry(vcpu, linearAddress(halves[0]!, halves[1]!));
  if (at < 0) return -EINVAL;
  const result = updateL1Entry(vcpu.domain, owner, at, halves[2]!, halves[3]!, false);
  if (result === 0) flushAfterUpdate(hv, vcpu, args);
  return result;
}

export const updateVaMapping: Hypercall = {
  number: HYPERVISOR.update_va_mapping,
  name: "update_va_mapping",
  arity: 3,
  handler: (hv, vcpu, args) => update(hv, vcpu, args, vcpu.domain.id),
};

export const updateVaMappingOtherdomain: Hypercall = {
  number: HYPERVISOR.update_va_mapping_otherdomain,
  name: "update_va_mapping_otherdomain",
  handler: (hv, vcpu, args) => update(hv, vcpu, args, frameOwner(vcpu.domain, args.halves[6]! & 0xffff)),
};
