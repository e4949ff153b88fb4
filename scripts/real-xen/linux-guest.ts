/** The Linux guest of the comparison: Debian's kernel, and a first process that shows what it sees. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { concatenate, defaultInitramfs, writeCpio } from "../../src/toolstack/image/index.ts";

export const LINUX_MEMORY_MIB = 256;
export const LINUX_COMMAND_LINE = "console=hvc0";

/** The default root file system, with another /init. */
export function linuxRamdisk(busybox: Uint8Array): Uint8Array {
  const data = readFileSync(fileURLToPath(new URL("linux-init.sh", import.meta.url)));
  return concatenate([defaultInitramfs(busybox), writeCpio([{ type: "file", path: "init", data, mode: 0o755 }])]);
}
