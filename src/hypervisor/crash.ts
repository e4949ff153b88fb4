/** What becomes of a domain that did something its hypervisor cannot answer. */

import { crashReport } from "./crash-report.ts";
import { SHUTDOWN_CRASH } from "./domain.ts";
import type { Hypervisor } from "./hypervisor.ts";
import type { Vcpu } from "./vcpu.ts";

/** Shuts the domain of `vcpu` down with reason "crash", and tells the host why. */
export function crashDomain(hv: Hypervisor, vcpu: Vcpu, message: string): void {
  const { domain } = vcpu;
  hv.statistics.countCrash(`domain ${domain.id} vCPU ${vcpu.id}: ${message}`);
  const report = crashReport(hv, vcpu, message);
  hv.notify(() => hv.hooks.onCrash?.(domain, report));
  domain.shutdown(SHUTDOWN_CRASH);
}
