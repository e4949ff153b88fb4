/**
 * What the control protocol needs of a domain's scheduler, memory and vCPUs, in one place: each
 * function is one call of the library where the library has it.
 *
 * What the library does not have yet fails here, with a message that names it.
 */
import { ControlError } from "./control/protocol.ts";
import type { DomainSpec } from "./control/shapes.ts";
import type { Domain } from "./domain.ts";
import type { DomainConfig } from "./machine.ts";

/** Some of them; undefined leaves a parameter as it is. */
export type Changes<T> = { readonly [K in keyof T]?: T[K] | undefined };

export interface Credit2 {
  readonly weight: number;
  readonly cap: number;
}

/** Times in microseconds. */
export interface Rtds {
  readonly period: number;
  readonly budget: number;
  readonly extratime: boolean;
}

function missing(feature: string): never {
  throw new ControlError("unsupported", `${feature} is not supported by this version`);
}

/** The part of a library configuration that these features add. */
export function startUnder(spec: DomainSpec): Partial<DomainConfig> {
  return { vcpus: spec.vcpus };
}

/** What of a configuration cannot be had, or undefined. */
export function unsupportedIn(spec: DomainSpec): string | undefined {
  if ((spec.maximumMemoryBytes ?? spec.memoryBytes) !== spec.memoryBytes) {
    return "maxmem above memory is not supported by this version";
  }
  if ((spec.maximumVcpus ?? spec.vcpus) !== spec.vcpus) return "maxvcpus above vcpus is not supported by this version";
  if (spec.weight !== undefined || spec.cap !== undefined) {
    return "cpu_weight and cap are not supported by this version";
  }
  return undefined;
}

export function setVcpus(_domain: Domain, _vcpus: number): void {
  missing("a change of the number of vCPUs");
}

export function setMemoryTarget(_domain: Domain, _bytes: number): void {
  missing("ballooning");
}

export function setMaximumMemory(_domain: Domain, _bytes: number): void {
  missing("ballooning");
}

/** Undefined if the domain is under another scheduler. */
export function credit2(_domain: Domain): Credit2 | undefined {
  missing("a scheduler with weights and caps");
}

export function setCredit2(_domain: Domain, _parameters: Changes<Credit2>): void {
  missing("a scheduler with weights and caps");
}

/** Undefined if the domain is under another scheduler. */
export function rtds(_domain: Domain): Rtds | undefined {
  missing("a real-time scheduler");
}

export function setRtds(_domain: Domain, _parameters: Changes<Rtds>): void {
  missing("a real-time scheduler");
}

/** As `info` names it. */
export const SCHEDULER = "round robin";
