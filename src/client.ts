/**
 * For programs on Node that talk to a machine in another process: control client, configurations, sockets,
 * terminals. All of it is in `typervisor/node`, too. It stands apart from what runs guests so that a
 * program, like most verbs of the command, need not load that.
 */
export { connectToMachine } from "./platform/node/connect.ts";
export { NoDaemon, SocketInUse } from "./platform/node/control-socket.ts";
export { DaemonFailed, reportReady, startDaemon } from "./platform/node/daemon.ts";
export { FileError, fileError, readImageFile, writeWholeFile } from "./platform/node/files.ts";
export { type NodeTerminal, openTerminal } from "./platform/node/terminal.ts";
export { DEFAULT_MACHINE, defaultCacheDirectory, type MachinePaths, machinePaths } from "./platform/node/xdg.ts";
export { domainFromSettings, overrideSettings } from "./toolstack/config/domain-config.ts";
export { ConfigError } from "./toolstack/config/error.ts";
export { parseConfig, type Setting } from "./toolstack/config/parse.ts";
export { ConnectionLost, ControlClient } from "./toolstack/control/client.ts";
export { ControlError, type Event, LONGEST_INPUT } from "./toolstack/control/protocol.ts";
export type { DomainOutcome, DomainSpec, DomainStatus, MachineStatus } from "./toolstack/control/shapes.ts";
export { formatSize, parseSize } from "./toolstack/size.ts";
