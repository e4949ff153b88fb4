/**
 * Model-specific registers that a PV guest may read and write. Everything else is #GP, on which
 * guests rely to find out what there is.
 */
import { PAGE_MASK, PAGE_SHIFT } from "../../machine/memory.ts";
import { cpuState, EFER_LMA, EFER_LME, EFER_NXE, EFER_SCE, FS, GS } from "../../machine/x86/state.ts";
import { hypercallPage64 } from "../misc/hypercall-page.ts";
import { PageType } from "../mm/frame-table.ts";
import { getPageAndType, putPageAndType } from "../mm/page-type.ts";
import { isCanonical } from "../traps/guest-words.ts";
import { baseOf, setBase } from "../traps/segments.ts";
import type { Vcpu } from "../vcpu.ts";

export const MSR = {
  TSC: 0x10,
  APIC_BASE: 0x1b,
  UCODE_REV: 0x8b,
  PLATFORM_INFO: 0xce,
  MISC_FEATURES_ENABLES: 0x140,
  MCG_CAP: 0x179,
  MCG_STATUS: 0x17a,
  MCG_CTL: 0x17b,
  PAT: 0x277,
  PERF_CAPABILITIES: 0x345,
  MC0_CTL: 0x400,
  /** Announced by CPUID leaf 0x40000002. */
  XEN_HYPERCALL_PAGE: 0x4000_0000,
  EFER: 0xc000_0080,
  FS_BASE: 0xc000_0100,
  GS_BASE: 0xc000_0101,
  KERNEL_GS_BASE: 0xc000_0102,
  TSC_AUX: 0xc000_0103,
  K7_EVNTSEL0: 0xc001_0000,
  K7_PERFCTR3: 0xc001_0007,
  K8_HWCR: 0xc001_0015,
  NB_CFG: 0xc001_001f,
  PATCH_LOADER: 0xc001_0020,
  PSTATE_LIMIT: 0xc001_0061,
  PSTATE_LAST: 0xc001_006b,
  DE_CFG: 0xc001_1029,
} as const;

const APIC_BASE_ADDRESS = 0xfee0_0000n;
const APIC_BASE_ENABLE = 0x800n;
const APIC_BASE_BSP = 0x100n;
/** Banks of machine-check registers, 4 registers each. */
const MCE_BANKS = 2;
const MC_LAST = MSR.MC0_CTL + MCE_BANKS * 4 - 1;
const MCI_CTL = 0xffff_ffff_ffff_ffffn;
/** Memory types of the eight PAT entries that Xen sets up: WB WT UC- UC WC WP UC UC. */
export const PAT_VALUE = 0x0000_0501_0007_0406n;
export const GUEST_EFER = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
/** HWCR: the TSC counts at the frequency of P-state 0. */
const HWCR_TSC_FREQ_SEL = 1n << 24n;
/** DE_CFG: LFENCE waits for all instructions before it. */
const DE_CFG_LFENCE_SERIALISE = 1n << 1n;
const KERNEL_GS_BASE = cpuState.offset.kernel_gs_base;

/** The value, or undefined for #GP. The caller is in guest kernel mode. */
export function readMsr(vcpu: Vcpu, index: number): bigint | undefined {
  const { cpu, memory, policy } = vcpu.domain.hypervisor;
  switch (index) {
    case MSR.KERNEL_GS_BASE:
      // The inactive base: the user's.
      return memory.dv.getBigUint64(vcpu.state.address + KERNEL_GS_BASE, true);
    case MSR.FS_BASE:
      return baseOf(vcpu, FS);
    case MSR.GS_BASE:
      return baseOf(vcpu, GS);
    case MSR.TSC:
      return cpu.readTsc();
    case MSR.TSC_AUX:
      return policy.features.has("rdtscp") ? vcpu.state.tsc_aux : undefined;
    case MSR.EFER:
      return GUEST_EFER;
    case MSR.APIC_BASE:
      return APIC_BASE_ADDRESS | APIC_BASE_ENABLE | (vcpu.id === 0 ? APIC_BASE_BSP : 0n);
    case MSR.PAT:
      return PAT_VALUE;
    case MSR.MCG_CAP:
      return BigInt(MCE_BANKS);
    case MSR.MCG_STATUS:
    case MSR.MCG_CTL:
    case MSR.UCODE_REV:
    case MSR.PLATFORM_INFO:
    case MSR.MISC_FEATURES_ENABLES:
    case MSR.PERF_CAPABILITIES:
    case MSR.NB_CFG:
    case MSR.XEN_HYPERCALL_PAGE:
      return 0n;
    case MSR.K8_HWCR:
      return HWCR_TSC_FREQ_SEL;
    case MSR.DE_CFG:
      return DE_CFG_LFENCE_SERIALISE;
    default:
      // Control registers report every error; there are none.
      if (index >= MSR.MC0_CTL && index <= MC_LAST) return (index - MSR.MC0_CTL) % 4 === 0 ? MCI_CTL : 0n;
      if (index >= MSR.K7_EVNTSEL0 && index <= MSR.K7_PERFCTR3) return 0n;
      return undefined;
  }
}

/** Writes the hypercall page into the frame at a machine address, which must be writable for the guest. */
function writeHypercallPage(vcpu: Vcpu, address: bigint): boolean {
  const { domain } = vcpu;
  const { cpu, frames, memory } = domain.hypervisor;
  const frame = address >> BigInt(PAGE_SHIFT);
  if ((address & BigInt(PAGE_MASK)) !== 0n || frame >= BigInt(frames.count)) return false;
  const mfn = Number(frame);
  if (getPageAndType(domain, mfn, PageType.Writable) !== 0) return false;
  memory.frame(mfn).set(hypercallPage64());
  cpu.frameWritten(mfn);
  putPageAndType(domain, mfn);
  return true;
}

/** Writes a register; false for #GP. The caller is in guest kernel mode. */
export function writeMsr(vcpu: Vcpu, index: number, value: bigint): boolean {
  switch (index) {
    case MSR.FS_BASE:
      if (!isCanonical(value)) return false;
      setBase(vcpu, FS, value);
      return true;
    case MSR.GS_BASE:
      if (!isCanonical(value)) return false;
      setBase(vcpu, GS, value);
      return true;
    case MSR.KERNEL_GS_BASE:
      if (!isCanonical(value)) return false;
      vcpu.state.kernel_gs_base = value;
      return true;
    case MSR.TSC_AUX:
      if (value >> 32n !== 0n || !vcpu.domain.hypervisor.policy.features.has("rdtscp")) return false;
      vcpu.state.tsc_aux = value;
      return true;
    case MSR.EFER:
      return value === GUEST_EFER;
    case MSR.MISC_FEATURES_ENABLES:
      // CPUID faulting, which guests cannot have.
      return value === 0n;
    case MSR.XEN_HYPERCALL_PAGE:
      return writeHypercallPage(vcpu, value);
    // Accepted, without effect.
    case MSR.MCG_CAP:
    case MSR.MCG_STATUS:
    case MSR.MCG_CTL:
    case MSR.UCODE_REV:
    case MSR.PATCH_LOADER:
    case MSR.K8_HWCR:
    case MSR.DE_CFG:
      return true;
    default:
      if (index >= MSR.MC0_CTL && index <= MC_LAST) return true;
      if (index >= MSR.K7_EVNTSEL0 && index <= MSR.K7_PERFCTR3) return true;
      return index >= MSR.PSTATE_LIMIT && index <= MSR.PSTATE_LAST;
  }
}
