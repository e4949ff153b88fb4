/** Typervisor for Node: all of `typervisor`, and files, terminals and the default guest. */
export * from "./index.ts";
export { connectToMachine } from "./platform/node/connect.ts";
export { NoDaemon, SocketInUse } from "./platform/node/control-socket.ts";
export { DaemonFailed, reportReady, startDaemon } from "./platform/node/daemon.ts";
export { FileError, fileError, readImageFile, writeWholeFile } from "./platform/node/files.ts";
export {
  type GuestImage,
  type GuestImageOptions,
  type ImageProgress,
  obtainGuestImage,
} from "./platform/node/guest-image.ts";
export { type ServedMachine, type ServeOptions, serveMachine } from "./platform/node/serve.ts";
export { type NodeTerminal, openTerminal } from "./platform/node/terminal.ts";
export { DEFAULT_MACHINE, type MachinePaths, machinePaths } from "./platform/node/xdg.ts";
