/** Ours, as users run it: the bundled command. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleCommand } from "../../scripts/build.mjs";
import { obtainGuestImage } from "../../src/node.ts";
import { type Guest, MEMORY_MIB } from "./guest.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

function revision(): string {
  try {
    return execFileSync("git", ["-C", PROJECT, "describe", "--always", "--dirty"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown revision";
  }
}

/** The kernel is the one in the cache that `typervisor run` itself uses: an ELF file, out of its compressed image. */
export async function typervisorGuest(folder: string, ramdisk: string): Promise<Guest> {
  const output = join(folder, "typervisor");
  mkdirSync(output, { recursive: true });
  await bundleCommand(join(output, "dist/cli"));
  copyFileSync(join(PROJECT, "package.json"), join(output, "package.json"));

  const { kernel, version } = await obtainGuestImage();
  const kernelFile = join(folder, "vmlinux");
  writeFileSync(kernelFile, kernel);
  const options = ["--no-tty", "--memory", `${MEMORY_MIB}M`, "--kernel", kernelFile, "--ramdisk", ramdisk];
  return {
    name: "typervisor",
    description: `Typervisor ${revision()}, Node ${process.versions.node}, V8 ${process.versions.v8}, ${version}`,
    command: [process.execPath, join(output, "dist/cli/main.js"), "run", ...options, "--append", "quiet panic=-1"],
  };
}
