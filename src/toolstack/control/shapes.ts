/** What is told about machines and domains over the control protocol. */
import { ACTIONS } from "../config/actions.ts";
import { boolean, type Infer, integer, number, object, oneOf, optional, string } from "./schema.ts";

/** Names go into file names and onto command lines, so they keep to few characters. Digits alone are an id. */
export const DOMAIN_NAME = /^(?!\d+$)[A-Za-z0-9_][A-Za-z0-9_.+:@-]{0,63}$/;

/** By which xenstore names the host's side. */
export const HOST_NAME = "Domain-0";

/** Why a domain cannot have this name, or undefined if it can. */
export function nameProblem(name: string): string | undefined {
  if (name === HOST_NAME) return `${name} is the name of the machine's own side`;
  if (DOMAIN_NAME.test(name)) return undefined;
  if (/^\d+$/.test(name)) return `${name} would be taken for a domain's id: a name needs a letter`;
  return `${JSON.stringify(name.slice(0, 70))} is no name for a domain: 1 to 64 of A-Z a-z 0-9 _ . + : @ -, not beginning with a sign`;
}

const domainName = {
  parse(value: unknown, path: string): string {
    return string(64).parse(value, path);
  },
};

const BYTES = integer(0, 2 ** 40);
const action = oneOf(...ACTIONS);

/** A domain as its configuration asks for it: what `create` is given, and a restart uses again. */
export const domainSpec = object({
  name: domainName,
  uuid: optional(string(36)),
  /** Absolute paths. Without a kernel it is the default guest. */
  kernel: optional(string()),
  ramdisk: optional(string()),
  commandLine: optional(string(8192)),
  memoryBytes: integer(4096, 2 ** 40),
  maximumMemoryBytes: optional(BYTES),
  vcpus: integer(1, 128),
  maximumVcpus: optional(integer(1, 128)),
  weight: optional(integer(1, 65535)),
  cap: optional(integer(0, 12800)),
  onPoweroff: action,
  onReboot: action,
  onWatchdog: action,
  onCrash: action,
});
export type DomainSpec = Infer<typeof domainSpec>;

export const domainStatus = object({
  id: integer(),
  name: string(),
  uuid: string(),
  memoryBytes: BYTES,
  maximumMemoryBytes: BYTES,
  vcpus: integer(),
  maximumVcpus: integer(),
  running: boolean,
  blocked: boolean,
  paused: boolean,
  /** SHUTDOWN_* of public/sched.h, if it has shut down. */
  shutdownReason: optional(integer()),
  dying: boolean,
  /** Processor time, and time since it was made. */
  cpuSeconds: number,
  upSeconds: number,
  spec: domainSpec,
});
export type DomainStatus = Infer<typeof domainStatus>;

export const vcpuStatus = object({
  id: integer(),
  online: boolean,
  state: oneOf("running", "runnable", "blocked", "offline"),
  cpuSeconds: number,
});
export type VcpuStatus = Infer<typeof vcpuStatus>;

export const machineStatus = object({
  /** Of Typervisor. */
  version: string(),
  processors: integer(),
  totalMemoryBytes: BYTES,
  freeMemoryBytes: BYTES,
  domains: integer(),
  upSeconds: number,
  xenMajor: integer(),
  xenMinor: integer(),
  scheduler: string(),
  host: optional(string()),
  system: optional(string()),
  pid: optional(integer()),
  stateDirectory: optional(string()),
});
export type MachineStatus = Infer<typeof machineStatus>;

/** How a domain ended, and which one stands in its place if it was restarted. */
export const domainOutcome = object({
  reason: oneOf("poweroff", "reboot", "suspend", "crash", "watchdog", "destroyed"),
  successor: optional(integer()),
});
export type DomainOutcome = Infer<typeof domainOutcome>;
