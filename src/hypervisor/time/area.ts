/** Memory areas that a guest registered by virtual address: written when something changes, in its own page tables. */
import { HypercallError } from "../hypercall.ts";
import { copyToGuest } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";

/** Writes to an area of the vCPU on the processor. False if it is not mapped writable now, which is the guest's affair. */
export function writeGuestArea(vcpu: Vcpu, address: bigint, data: Uint8Array): boolean {
  try {
    copyToGuest(vcpu, address, data);
    return true;
  } catch (error) {
    if (error instanceof HypercallError) return false;
    throw error;
  }
}
