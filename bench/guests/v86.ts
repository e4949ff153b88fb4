/** v86 from npm, a 32-bit PC in WebAssembly, with Debian's kernel for i386 without PAE: that one has no page-table isolation to pay for. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PrivateApt } from "../images/apt.ts";
import { findKernel } from "../images/kernel.ts";
import { commandLine, type Guest, MEMORY_MIB } from "./guest.ts";

const VERSION = "0.5.462";

interface Manifest {
  readonly version: string;
}

export function v86Guest(apt: PrivateApt, folder: string, ramdisk: string): Guest {
  const home = join(folder, "node_modules/v86");
  const manifest = join(home, "package.json");
  const installed = existsSync(manifest) && (JSON.parse(readFileSync(manifest, "utf8")) as Manifest).version;
  if (installed !== VERSION) {
    const words = ["install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, `v86@${VERSION}`];
    execFileSync("npm", words, { stdio: ["ignore", "ignore", "inherit"] });
  }
  const kernel = findKernel(apt.unpack("kernel-i386", [apt.kernelPackage("linux-image-686:i386")], "./boot"));
  const firmware = join(apt.unpack("seabios", ["seabios"]), "usr/share/seabios");
  const child = fileURLToPath(new URL("v86-child.mjs", import.meta.url));
  const words = [join(home, "build"), firmware, kernel, ramdisk, commandLine("ttyS0"), `${MEMORY_MIB}`];
  return {
    name: "v86",
    description: `v86 ${VERSION}, Node ${process.versions.node}, ${basename(kernel)} (i386)`,
    command: [process.execPath, child, ...words],
  };
}
