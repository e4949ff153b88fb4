/** Debian's QEMU, Xen, tools and kernel, unpacked below a folder of our own: nothing is installed on this system. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mirrorOf } from "../debian-mirror.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const sources = (): string[] => [
  `${mirrorOf("bookworm")} bookworm main`,
  `${mirrorOf("bookworm-security")} bookworm-security main`,
  // Backports are on the same mirror.
  `${mirrorOf("bookworm")} bookworm-backports main`,
];

/** bookworm's own QEMU (7.2) pushes wrong error codes for software interrupts in long mode. */
const BACKPORTS = ["qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios"];

const BOOKWORM = [
  // The machine: hypervisor, tools, and what the first domain is made of.
  ...["xen-hypervisor-4.17-amd64", "xen-utils-4.17", "xenstore-utils", "busybox-static"],
  ...["libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1", "libxengnttab1", "libxenhypfs1"],
  ...["libxenmisc4.17", "libxenstore4", "libxentoolcore1", "libxentoollog1", "libyajl2"],
  // Libraries of QEMU beyond those of a minimal system.
  ...["ipxe-qemu", "libaio1", "libbrlapi0.8", "libcacard0", "libcapstone4", "libdaxctl1", "libexecs0", "libfdt1"],
  ...["libfuse3-3", "libibverbs1", "libndctl6", "libnl-3-200", "libnl-route-3-200", "libpmem1", "libpixman-1-0"],
  ...["librdmacm1", "libslirp0", "liburing2", "libusb-1.0-0", "libusbredirparser1", "libvdeplug2"],
];

export interface Packages {
  /** Where they are unpacked. */
  readonly root: string;
  /** Version by package name. */
  readonly versions: ReadonlyMap<string, string>;
}

/** Downloads and unpacks everything below `folder`, unless that was done before. */
export function obtainPackages(folder: string): Packages {
  const archives = join(folder, "packages");
  const root = join(folder, "root");
  if (!existsSync(root)) {
    const apt = privateApt(folder);
    apt("apt-get", ["-q", "update"]);
    const kernel = /Depends: (linux-image-\S+)/.exec(apt("apt-cache", ["depends", "linux-image-amd64"]))?.[1];
    if (kernel === undefined) throw new Error("bookworm has no linux-image-amd64");
    mkdirSync(archives, { recursive: true });
    apt("apt-get", ["-q", "-t", "bookworm-backports", "download", ...BACKPORTS], archives);
    apt("apt-get", ["-q", "download", ...BOOKWORM, kernel], archives);
    const unpacking = `${root}.partial`;
    rmSync(unpacking, { recursive: true, force: true });
    mkdirSync(unpacking);
    for (const name of readdirSync(archives)) run("dpkg-deb", ["-x", join(archives, name), unpacking]);
    renameSync(unpacking, root);
  }
  // NAME_VERSION_ARCHITECTURE.deb, the colon of an epoch as %3a
  const versions = readdirSync(archives).map((name) => name.split("_").slice(0, 2).map(decodeURIComponent));
  return { root, versions: new Map(versions.map(([name = "", version = ""]) => [name, version])) };
}

/** apt with lists, sources and caches of its own. */
function privateApt(folder: string): (program: string, words: string[], cwd?: string) => string {
  const at = (...path: string[]): string => join(folder, "apt", ...path);
  mkdirSync(at("state/lists/partial"), { recursive: true });
  mkdirSync(at("cache/archives/partial"), { recursive: true });
  writeFileSync(
    at("sources.list"),
    sources()
      .map((source) => `deb [signed-by=${KEYRING}] ${source}\n`)
      .join(""),
  );
  writeFileSync(at("status"), "");
  const settings = {
    "Dir::Etc::SourceList": at("sources.list"),
    "Dir::Etc::SourceParts": "/dev/null",
    "Dir::Etc::PreferencesParts": "/dev/null",
    "Dir::State": at("state"),
    "Dir::State::status": at("status"),
    "Dir::Cache": at("cache"),
    "APT::Architecture": "amd64",
    "APT::Sandbox::User": "root",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return (program, words, cwd = folder) => run(program, [...options, ...words], cwd);
}

/** Runs a program to its end. Returns what it printed. */
export function run(program: string, words: readonly string[], cwd?: string, env?: NodeJS.ProcessEnv): string {
  const { status, error, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", cwd, env });
  if (error) throw new Error(`${program}: ${error.message}`);
  if (status !== 0) throw new Error(`${program} failed (${status}):\n${stderr}`);
  return stdout;
}

/** Where the shared libraries of unpacked packages are. */
export function libraryFolders(root: string): string[] {
  return ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map((folder) => join(root, folder));
}
