/** Domains as the control protocol tells of them. */
import type { Domain } from "../domain.ts";
import type { DomainStatus, VcpuStatus } from "./shapes.ts";
import type { Supervised, Supervisor } from "./supervisor.ts";

export function domainStatus({ domain, spec, created }: Supervised, nowMs: number): DomainStatus {
  const { cpuTime, shutdownReason, ...info } = domain.info();
  return {
    ...info,
    ...(shutdownReason !== undefined && { shutdownReason }),
    cpuSeconds: cpuTime / 1e9,
    upSeconds: Math.max(0, (nowMs - created) / 1000),
    spec: { ...spec, name: domain.name },
  };
}

export function vcpuStatuses(domain: Domain): VcpuStatus[] {
  return domain.vcpus.map(({ id, online, state, running }) => ({ id, online, state, cpuSeconds: running / 1e9 }));
}

/** One domain, or all. @throws ControlError not-found */
export function chosen(supervisor: Supervisor, domain: string | undefined): readonly Supervised[] {
  return domain === undefined ? supervisor.all : [supervisor.find(domain)];
}
