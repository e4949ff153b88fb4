/**
 * Typervisor: machines that run paravirtualized guests, in JavaScript.
 *
 *     import { createMachine } from "typervisor";
 *
 *     const machine = await createMachine({ memory: "256M" });
 *     const domain = await machine.createDomain({ kernel, ramdisk, commandLine: "console=hvc0" });
 *     domain.console.readable.pipeTo(somewhere);
 *     const { reason } = await domain.wait();
 *
 * This module runs in browsers, workers and Node alike. `typervisor/node` adds what Node can do:
 * files, terminals, and Debian's kernel through apt.
 */

export { attachTerminal } from "./backends/console/attach.ts";
export type { Console } from "./backends/console/console.ts";
export type { ConsoleOutput } from "./backends/console/output.ts";
export type { Terminal, TerminalSize } from "./backends/console/terminal.ts";
export { createDefaultPlatform } from "./platform/default.ts";
export type { Platform } from "./platform/types.ts";
export { BuildError, ImageError } from "./toolstack/builder/index.ts";
export { commandRamdisk } from "./toolstack/command-ramdisk.ts";
export { DecompressError } from "./toolstack/compression/index.ts";
export { domainFromSettings, overrideSettings } from "./toolstack/config/domain-config.ts";
export { ConfigError } from "./toolstack/config/error.ts";
export { parseConfig, type Setting } from "./toolstack/config/parse.ts";
export { ConnectionLost, ControlClient } from "./toolstack/control/client.ts";
export { ControlError, type Event, LONGEST_INPUT } from "./toolstack/control/protocol.ts";
export type { DomainOutcome, DomainSpec, DomainStatus, MachineStatus } from "./toolstack/control/shapes.ts";
export type { CpuProfile, CpuProfileNode } from "./toolstack/cpu-profile.ts";
export type { Domain, DomainConsole, DomainEnd, EndReason } from "./toolstack/domain.ts";
export type { DomainInfo, VcpuStatus } from "./toolstack/domain-info.ts";
export { isElf, readElfSymbols } from "./toolstack/elf-symbols.ts";
export { GuestAgent, type GuestSignal } from "./toolstack/guest-agent.ts";
export { defaultInitramfs, type GuestCommand, PackageError } from "./toolstack/image/index.ts";
export {
  createMachine,
  type DomainConfig,
  type Machine,
  type MachineMemoryInfo,
  type MachineOptions,
} from "./toolstack/machine.ts";
export type { DomainMemoryInfo } from "./toolstack/memory-control.ts";
export type { DomainScheduler, Schedule } from "./toolstack/scheduling.ts";
export type { ShutdownKind, ShutdownStatus } from "./toolstack/shutdown-request.ts";
export { formatSize, parseSize } from "./toolstack/size.ts";
export { joinSymbols, parseSystemMap, type SymbolTable } from "./toolstack/symbols.ts";
export type { StoreAccess, Xenstore } from "./toolstack/xenstore/xenstore.ts";
