/** Typervisor for Node: all of `typervisor`, and files, terminals and the default guest. */
export * from "./index.ts";
export { FileError, fileError, readImageFile, writeWholeFile } from "./platform/node/files.ts";
export {
  type GuestImage,
  type GuestImageOptions,
  type ImageProgress,
  obtainGuestImage,
} from "./platform/node/guest-image.ts";
export { type NodeTerminal, openTerminal } from "./platform/node/terminal.ts";
