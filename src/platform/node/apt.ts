/** Gets Debian packages with the host's apt, without root's rights and without installing them. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseControl } from "../../toolstack/image/index.ts";
import { sha256 } from "./cache.ts";
import { ProgramError, runProgram } from "./process.ts";

/** apt is missing, does not know a package, or cannot get it. The message tells what to do. */
export class AptError extends Error {
  override name = "AptError";
}

export interface AptPackage {
  readonly name: string;
  readonly version: string;
  readonly depends: string;
  /** Of the .deb file, in bytes. */
  readonly size: number;
  /** Of the .deb file; empty if the package lists don't have it. */
  readonly sha256: string;
}

const NO_APT =
  "the guest's kernel and busybox come from Debian packages, got with apt-get, which this host does not have: give a kernel and a ramdisk yourself";

/** Describes the version of a package that apt would install. */
export async function showPackage(name: string): Promise<AptPackage> {
  let text: string;
  try {
    text = new TextDecoder().decode(await runProgram("apt-cache", ["--no-all-versions", "show", name]));
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    if (error.missing) throw new AptError(NO_APT);
    throw new AptError(
      `apt does not know the package ${name}: run \`apt-get update\` (as root) to fetch Debian's package lists`,
    );
  }
  const fields = parseControl(text.split("\n\n")[0] ?? "");
  const version = fields.get("Version");
  if (!version) throw new AptError(`apt does not know the package ${name}: run \`apt-get update\` (as root)`);
  return {
    name,
    version,
    depends: fields.get("Depends") ?? "",
    size: Number(fields.get("Size") ?? 0),
    sha256: fields.get("SHA256") ?? "",
  };
}

/** Debian's current kernel: the package that `linux-image-amd64` depends on. */
export async function showKernelPackage(): Promise<AptPackage> {
  const meta = await showPackage("linux-image-amd64");
  const name = /\blinux-image-[0-9][^\s,(|]*/.exec(meta.depends)?.[0];
  if (!name) throw new AptError(`linux-image-amd64 ${meta.version} depends on no kernel: "${meta.depends}"`);
  return showPackage(name);
}

/** Calls back with the number of bytes in a directory while something writes to it. */
function watchSize(directory: string, onBytes: (bytes: number) => void): () => void {
  const measure = async (): Promise<void> => {
    const names = await readdir(directory).catch(() => []);
    const sizes = await Promise.all(
      names.map((name) =>
        stat(join(directory, name))
          .then((s) => s.size)
          .catch(() => 0),
      ),
    );
    onBytes(sizes.reduce((sum, size) => sum + size, 0));
  };
  const timer = setInterval(() => void measure(), 100);
  return () => clearInterval(timer);
}

/** apt as root would change to user _apt, who may not write here, and would warn of it. */
const asRoot = (): string[] => (process.getuid?.() === 0 ? ["-o", "APT::Sandbox::User=root"] : []);

/**
 * Downloads packages.
 * @param directory an empty directory
 * @returns paths of the .deb files, in the order of `packages`
 */
export async function downloadPackages(
  packages: readonly AptPackage[],
  directory: string,
  onBytes: (bytes: number) => void,
): Promise<string[]> {
  const stop = watchSize(directory, onBytes);
  try {
    const wanted = packages.map(({ name, version }) => `${name}=${version}`);
    await runProgram("apt-get", ["-q", ...asRoot(), "download", ...wanted], directory);
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    if (error.missing) throw new AptError(NO_APT);
    throw new AptError(`${error.message} (if the package lists are old, run \`apt-get update\` as root)`);
  } finally {
    stop();
  }
  const names = await readdir(directory);
  const paths: string[] = [];
  for (const { name, size, sha256: hash } of packages) {
    const file = names.find((n) => n.startsWith(`${name}_`) && n.endsWith(".deb"));
    if (!file) throw new AptError(`apt-get download left no file for ${name}`);
    const path = join(directory, file);
    const data = await readFile(path);
    // apt has checked this itself; a full disk after that has been seen, too.
    if ((size > 0 && data.length !== size) || (hash !== "" && sha256(data) !== hash)) {
      throw new AptError(`the downloaded package ${file} is damaged: try again`);
    }
    paths.push(path);
  }
  return paths;
}
