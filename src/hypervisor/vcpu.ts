/** A virtual processor: typed views over its record in the hypervisor's heap. */
import type { CpuState } from "../machine/x86/state.ts";
import type { Domain } from "./domain.ts";

/** Skeleton, owned by the hypervisor core: fields are added to `vcpuRecord` by each subsystem's own struct. */
export interface Vcpu {
  readonly id: number;
  readonly domain: Domain;
  /** Architectural state: the processor's block while this vCPU is loaded, else its saved copy. */
  readonly state: CpuState;
  /** Guest kernel mode (TF_kernel_mode): selects root, GS base, hypercall or system call. */
  kernelMode: boolean;
}
