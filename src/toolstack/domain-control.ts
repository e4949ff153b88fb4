/**
 * What the control protocol needs of a domain's scheduler, memory and vCPUs, in one place: each
 * function is one call of the library.
 */
import type { DomainSpec } from "./control/shapes.ts";
import type { Domain } from "./domain.ts";
import type { DomainConfig } from "./machine.ts";

/** Some of them; undefined leaves a parameter as it is. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined };

export interface Credit2 {
  readonly weight: number;
  readonly cap: number;
}

/** Of one vCPU. Times in microseconds. */
export interface VcpuRtds {
  readonly period: number;
  readonly budget: number;
  readonly extratime: boolean;
}

/** The domain's own are those of its first vCPU. */
export interface Rtds extends VcpuRtds {
  readonly vcpus: readonly (VcpuRtds & { readonly id: number })[];
}

/** Of one vCPU, or of all. */
export type RtdsChange = Changes<VcpuRtds> & { readonly vcpu?: number | undefined };

/** The part of a library configuration that these features add. */
export function startUnder({
  vcpus,
  maximumVcpus,
  maximumMemoryBytes,
  weight,
  cap,
}: DomainSpec): Partial<DomainConfig> {
  return {
    vcpus,
    ...(maximumVcpus !== undefined && { maxVcpus: maximumVcpus }),
    ...(maximumMemoryBytes !== undefined && { maxMemory: maximumMemoryBytes }),
    scheduler: given({ weight, cap }),
  };
}

export function setVcpus(domain: Domain, vcpus: number): void {
  domain.setVcpus(vcpus);
}

export function setMemoryTarget(domain: Domain, bytes: number): void {
  domain.setMemoryTarget(bytes);
}

export function setMaximumMemory(domain: Domain, bytes: number): void {
  domain.setMaximumMemory(bytes);
}

/** Undefined if the domain is under the other scheduler. */
export function credit2(domain: Domain): Credit2 | undefined {
  const { scheduler, weight, cap } = domain.scheduler.get();
  return scheduler === "credit2" ? { weight, cap } : undefined;
}

/** Puts the domain under this scheduler, if it is not. */
export function setCredit2(domain: Domain, parameters: Changes<Credit2>): void {
  domain.scheduler.set({ scheduler: "credit2", ...given(parameters) });
}

/** Undefined if the domain is under the other scheduler. */
export function rtds(domain: Domain): Rtds | undefined {
  const { scheduler, period, budget, extratime } = domain.scheduler.get();
  if (scheduler !== "rtds") return undefined;
  const vcpus = domain.vcpus.map(({ id }) => ({ id, ...domain.scheduler.getVcpu(id) }));
  return { period, budget, extratime, vcpus };
}

/** Puts the domain under this scheduler, if it is not. All changes are made, in their order, or none. */
export function setRtds(domain: Domain, changes: readonly RtdsChange[]): void {
  let all = {};
  const some = new Map<number, Partial<VcpuRtds>>();
  for (const { vcpu, ...change } of changes) {
    const parameters = given(change);
    if (vcpu === undefined) {
      all = { ...all, ...parameters };
      some.clear();
    } else some.set(vcpu, { ...some.get(vcpu), ...parameters });
  }
  domain.scheduler.set({ scheduler: "rtds", ...all }, some);
}

function given<T extends object>(changes: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(changes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** As `info` names it: the real-time class goes before the proportional one. */
export const SCHEDULER = "credit2, rtds";
