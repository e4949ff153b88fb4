/** Preemption of a guest's memory-management operations, and what a preempted one leaves to be done. */
import { ERESTART } from "../../abi/errno.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { type MmuOperation, putPartialTable } from "./page-type.ts";

class GuestOperation implements MmuOperation {
  abandoned = 0;
  readonly #hv: Hypervisor;

  constructor(hv: Hypervisor) {
    this.#hv = hv;
  }

  preempt(steps?: number): boolean {
    return this.#hv.preempted(steps);
  }
}

/** Starts an operation on behalf of a guest. */
export function guestOperation(hv: Hypervisor): MmuOperation {
  return new GuestOperation(hv);
}

/** After each step: a table that was left half taken apart becomes the vCPU's to finish. @returns whether there is one */
export function keepAbandoned(vcpu: Vcpu, operation: MmuOperation): boolean {
  if (operation.abandoned === 0) return false;
  vcpu.mm.old_guest_table = operation.abandoned;
  operation.abandoned = 0;
  return true;
}

/** Before each hypercall that works on tables: finishes what an earlier one left. @returns 0 or -ERESTART */
export function putOldGuestTable(vcpu: Vcpu, operation: MmuOperation): number {
  const mfn = vcpu.mm.old_guest_table;
  if (mfn === 0) return 0;
  const hv = vcpu.domain.hypervisor;
  const owner = hv.domains.get(hv.frames.owner(mfn));
  if (owner !== undefined && putPartialTable(owner, mfn, operation) === -ERESTART) return -ERESTART;
  vcpu.mm.old_guest_table = 0;
  return 0;
}
