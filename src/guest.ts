/**
 * What a guest is made of, and what speaks with it: kernel, ramdisk, symbols, consoles. All of it is in
 * `typervisor/node`, too. It stands apart from what runs guests so that files can be read while that is loaded.
 */
export { attachTerminal } from "./backends/console/attach.ts";
export {
  type GuestImage,
  type GuestImageOptions,
  type ImageProgress,
  obtainGuestImage,
} from "./platform/node/guest-image.ts";
export { BuildError, ImageError } from "./toolstack/builder/error.ts";
export { commandRamdisk } from "./toolstack/command-ramdisk.ts";
export { DecompressError } from "./toolstack/compression/error.ts";
export { isElf, readElfSymbols } from "./toolstack/elf-symbols.ts";
export { GuestAgent, type GuestSignal } from "./toolstack/guest-agent.ts";
export type { GuestCommand } from "./toolstack/image/command.ts";
export { PackageError } from "./toolstack/image/error.ts";
export { joinSymbols, parseSystemMap, type SymbolTable } from "./toolstack/symbols.ts";
