/** Pausing a whole domain, with the runstates that its vCPUs have meanwhile. */
import type { Domain } from "../hypervisor/domain.ts";
import { updateIdleRunstate } from "../hypervisor/sched/wake.ts";

/** Not to be called while guests run. */
export function pauseDomain(domain: Domain): void {
  domain.pause();
  for (const vcpu of domain.vcpus) updateIdleRunstate(vcpu);
}

export function unpauseDomain(domain: Domain): void {
  domain.unpause();
  for (const vcpu of domain.vcpus) updateIdleRunstate(vcpu);
}
