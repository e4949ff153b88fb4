import type { Hypervisor } from "./hypervisor.ts";
import type { Vcpu } from "./vcpu.ts";

/** Skeleton, owned by the hypervisor core. */
export interface Domain {
  readonly id: number;
  readonly hypervisor: Hypervisor;
  readonly vcpus: readonly Vcpu[];
}
