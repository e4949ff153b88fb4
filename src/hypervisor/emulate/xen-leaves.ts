/** The hypervisor's CPUID leaves (public/arch-x86/cpuid.h). */
import type { Hypervisor } from "../hypervisor.ts";
import { XEN_MAJOR, XEN_MINOR } from "../misc/xen-version.ts";
import { asciiWord, type CpuidResult } from "./cpu-policy.ts";

export const XEN_CPUID_FIRST_LEAF = 0x4000_0000;
export const XEN_CPUID_LAST_LEAF = 0x4000_0005;
const SIGNATURE = "XenVMMXenVMM";
/** MSR through which the hypercall page can be had. */
export const XEN_HYPERCALL_MSR = 0x4000_0000;
/** Leaf 2, ECX. */
const FEAT1_MMU_PT_UPDATE_PRESERVE_AD = 1;
/** Leaf 3, subleaf 0, EAX. */
const HOST_TSC_RELIABLE = 1 << 1;
const RDTSCP = 1 << 2;

/** The TSC is system time in nanoseconds: see time/system-time.ts. */
const TSC_KHZ = 1_000_000;
const TSC_TO_SYSTEM_MUL = 0x8000_0000;
const TSC_SHIFT = 1;
const MACHINE_ADDRESS_BITS = 40;

export function xenLeaf(hv: Hypervisor, leaf: number, subleaf: number): CpuidResult {
  switch (leaf - XEN_CPUID_FIRST_LEAF) {
    case 0:
      return [XEN_CPUID_LAST_LEAF, asciiWord(SIGNATURE, 0), asciiWord(SIGNATURE, 4), asciiWord(SIGNATURE, 8)];
    case 1:
      return [(XEN_MAJOR << 16) | XEN_MINOR, 0, 0, 0];
    case 2:
      return [1, XEN_HYPERCALL_MSR, FEAT1_MMU_PT_UPDATE_PRESERVE_AD, 0];
    case 3:
      switch (subleaf) {
        case 0:
          return [HOST_TSC_RELIABLE | (hv.policy.features.has("rdtscp") ? RDTSCP : 0), 0, TSC_KHZ, 0];
        case 1:
          return [0, 0, TSC_TO_SYSTEM_MUL, TSC_SHIFT];
        case 2:
          return [TSC_KHZ, 0, 0, 0];
        default:
          return [0, 0, 0, 0];
      }
    case 5:
      return [0, MACHINE_ADDRESS_BITS, 0, 0];
    default:
      return [0, 0, 0, 0];
  }
}
