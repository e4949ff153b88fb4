/** CPUID: as an exit of its own, and behind the forced-emulation prefix. */
import { RAX, RBX, RCX, RDX } from "../../machine/x86/state.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import type { CpuidResult } from "./cpu-policy.ts";
import { retire } from "./fetch.ts";
import { XEN_CPUID_FIRST_LEAF, XEN_CPUID_LAST_LEAF, xenLeaf } from "./xen-leaves.ts";

/** What CPUID answers on this vCPU. */
export function cpuid(hv: Hypervisor, vcpu: Vcpu, leaf: number, subleaf: number): CpuidResult {
  return leaf >= XEN_CPUID_FIRST_LEAF && leaf <= XEN_CPUID_LAST_LEAF
    ? xenLeaf(hv, leaf, subleaf)
    : hv.policy.leaf(leaf, subleaf, vcpu.id);
}

/** Executes CPUID, whose encoding at RIP takes `length` bytes. */
export function executeCpuid(hv: Hypervisor, vcpu: Vcpu, length: number): void {
  const gpr = vcpu.gpr;
  const leaf = Number(BigInt.asUintN(32, gpr[RAX] ?? 0n));
  const subleaf = Number(BigInt.asUintN(32, gpr[RCX] ?? 0n));
  const [eax, ebx, ecx, edx] = cpuid(hv, vcpu, leaf, subleaf);
  gpr[RAX] = BigInt(eax >>> 0);
  gpr[RBX] = BigInt(ebx >>> 0);
  gpr[RCX] = BigInt(ecx >>> 0);
  gpr[RDX] = BigInt(edx >>> 0);
  hv.statistics.countEmulated("cpuid");
  retire(vcpu, length);
}

export function emulateCpuidExit(hv: Hypervisor, vcpu: Vcpu): void {
  executeCpuid(hv, vcpu, vcpu.state.exit_instruction_length);
}
