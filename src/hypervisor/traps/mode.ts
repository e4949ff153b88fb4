/** Guest kernel mode and guest user mode of 64-bit guests: both are ring 3, kept apart by their page tables. */
import { PAGE_SIZE } from "../../machine/memory.ts";
import { cpuState, GS, segmentRegister } from "../../machine/x86/state.ts";
import { updateStaleAreas } from "../time/stale-areas.ts";
import type { Vcpu } from "../vcpu.ts";

const KERNEL_GS_BASE = cpuState.offset.kernel_gs_base;
const GS_BASE = cpuState.offset.segment + GS * segmentRegister.sizeof + segmentRegister.offset.base;

/** TLB set (see Processor.loadCr3) of each mode. */
export const PCID_KERNEL = 0;
export const PCID_USER = 1;

function swapWords(u32: Uint32Array, a: number, b: number): void {
  for (let half = 0; half < 2; half++) {
    const first = u32[a + half]!;
    u32[a + half] = u32[b + half]!;
    u32[b + half] = first;
  }
}

/**
 * Flips between the two modes: other root, SWAPGS. While in kernel mode, the inactive GS base
 * (KERNEL_GS_BASE) is the user's. Crashes the domain if it has no user root yet.
 */
export function toggleGuestMode(vcpu: Vcpu): void {
  const { cpu, memory } = vcpu.domain.hypervisor;
  const toKernel = !vcpu.kernelMode;
  const mfn = toKernel ? vcpu.mm.kernel_root : vcpu.mm.user_root;
  if (mfn === 0)
    vcpu.domain.crash(`vCPU ${vcpu.id} enters ${toKernel ? "kernel" : "user"} mode without a page-table root`);
  vcpu.kernelMode = toKernel;
  swapWords(memory.u32, (vcpu.state.address + KERNEL_GS_BASE) >>> 2, (vcpu.state.address + GS_BASE) >>> 2);
  cpu.loadCr3(mfn * PAGE_SIZE, toKernel ? PCID_KERNEL : PCID_USER, true);
  if (toKernel) updateStaleAreas(vcpu);
}
