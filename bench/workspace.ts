/** Where the benchmarks keep what they download and build. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PrivateApt } from "./images/apt.ts";
import { buildInitramfs } from "./images/initramfs.ts";
import { type Architecture, compilePrograms } from "./images/programs.ts";
import type { Options } from "./options.ts";

export interface Workspace {
  readonly folder: string;
  readonly apt: PrivateApt;
}

export function openWorkspace(): Workspace {
  const folder = fileURLToPath(new URL("../build/bench", import.meta.url));
  mkdirSync(folder, { recursive: true });
  return { folder, apt: new PrivateApt(join(folder, "debian")) };
}

/** Builds the ramdisk with the chosen programs. @returns its file */
export function buildRamdisk({ folder, apt }: Workspace, architecture: Architecture, options: Options): string {
  const files = compilePrograms(apt, folder, architecture);
  const path = join(folder, `initramfs-${architecture}.cpio`);
  writeFileSync(path, buildInitramfs(files, options.programs, options.scale));
  return path;
}
