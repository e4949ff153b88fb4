/** MOV to and from control registers, as a PV guest kernel may use them. */

import { PAGE_SHIFT } from "../../machine/memory.ts";
import {
  CR0_AM,
  CR0_ET,
  CR0_MP,
  CR0_NE,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_DE,
  CR4_FSGSBASE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_TSD,
} from "../../machine/x86/state.ts";
import { newBasePtr } from "../mm/roots.ts";
import { publishCr2 } from "../traps/inject.ts";
import type { Vcpu } from "../vcpu.ts";

/** CR0 of all guests; TS is the guest's own. */
export const CR0_FIXED = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
/** CR4 bits that are on whatever the guest writes. */
export const CR4_FIXED = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;

/** Bits of CR4 that the guest may choose. */
function guestCr4Mask(vcpu: Vcpu): bigint {
  const { features } = vcpu.domain.hypervisor.policy;
  return CR4_TSD | CR4_DE | (features.has("fsgsbase") ? CR4_FSGSBASE : 0n);
}

/** Sets CR4 as far as the guest may: other changes are dropped. */
export function setGuestCr4(vcpu: Vcpu, value: bigint): void {
  const guest = (value & guestCr4Mask(vcpu)) | CR4_FIXED;
  vcpu.traps.cr4 = guest;
  // RDFSBASE and its like work natively whenever CPUID offers them: guests may use them before they say so.
  const always = vcpu.domain.hypervisor.policy.features.has("fsgsbase") ? CR4_FSGSBASE : 0n;
  vcpu.state.cr4 = guest | always;
}

/** The value, or undefined for #GP. */
export function readControlRegister(vcpu: Vcpu, register: number): bigint | undefined {
  switch (register) {
    case 0:
      return vcpu.state.cr0;
    case 2:
      return vcpu.traps.cr2;
    case 3:
      return BigInt(vcpu.mm.kernel_root) << BigInt(PAGE_SHIFT);
    case 4:
      return vcpu.traps.cr4;
    default:
      return undefined;
  }
}

/** @returns false for #GP */
export function writeControlRegister(vcpu: Vcpu, register: number, value: bigint): boolean {
  switch (register) {
    case 0:
      if (((value ^ vcpu.state.cr0) & ~CR0_TS) !== 0n) return false;
      vcpu.state.cr0 = value;
      return true;
    case 2:
      publishCr2(vcpu, value);
      return true;
    case 3: {
      const mfn = value >> BigInt(PAGE_SHIFT);
      return mfn < BigInt(vcpu.domain.hypervisor.memory.frames) && newBasePtr(vcpu, Number(mfn)) === 0;
    }
    case 4:
      setGuestCr4(vcpu, value);
      return true;
    default:
      return false;
  }
}
