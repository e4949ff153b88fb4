/** A part of Debian in a folder: packages unpacked without being installed, to run natively and in a guest. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { downloadPackages, showPackage } from "../../src/platform/node/apt.ts";
import { runProgram } from "../../src/platform/node/process.ts";
import { defaultCacheDirectory } from "../../src/platform/node/xdg.ts";
import { type CpioEntry, writeCpio } from "../../src/toolstack/image/index.ts";

/** python3, perl, bash and coreutils, with the libraries they need. */
const PACKAGES = [
  ...["python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "perl-base", "bash", "coreutils"],
  ...["libc6", "libcrypt1", "libexpat1", "zlib1g", "libssl3", "libbz2-1.0", "liblzma5", "libffi8", "libuuid1"],
  ...["libtinfo6", "libselinux1", "libpcre2-8-0", "libacl1", "libattr1", "libgmp10"],
];
/** Documentation, locales, character sets, and large modules that no test wants. */
const UNWANTED = [
  ...["usr/share", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/python3.11/pydoc_data", "usr/lib/python3.11/email"],
  ...["usr/lib/python3.11/lib2to3", "usr/lib/python3.11/asyncio", "lib/x86_64-linux-gnu/libmvec.so.1"],
];

/** The folder, from the cache or made with apt. @throws AptError where there is no apt */
export async function debianRoot(): Promise<string> {
  const key = createHash("sha256")
    .update(JSON.stringify([PACKAGES, UNWANTED]))
    .digest("hex")
    .slice(0, 12);
  const parent = join(defaultCacheDirectory(), "test-roots");
  const root = join(parent, key);
  if (existsSync(root)) return root;
  await mkdir(parent, { recursive: true });
  const temporary = await mkdtemp(join(parent, "tmp-"));
  try {
    await mkdir(join(temporary, "debs"));
    const packages = await Promise.all(PACKAGES.map(showPackage));
    const debs = await downloadPackages(packages, join(temporary, "debs"), () => {});
    const fresh = join(temporary, "root");
    for (const deb of debs) await runProgram("dpkg-deb", ["-x", deb, fresh]);
    for (const path of UNWANTED) await rm(join(fresh, path), { recursive: true, force: true });
    await precompile(fresh);
    await rename(fresh, root).catch((error: NodeJS.ErrnoException) => {
      // Another process has just made the same.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return root;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Python would compile its library at each boot, since archives carry no times: do it once, for good. */
async function precompile(root: string): Promise<void> {
  const library = join(root, "usr/lib/python3.11");
  const arguments_ = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-d", "/usr/lib/python3.11"];
  const [program, ...words] = native(root, "usr/bin/python3.11", [...arguments_, library]);
  await runProgram("env", [`PYTHONHOME=${join(root, "usr")}`, program ?? "", ...words]);
}

/** A command line that runs a program of the folder on this host. */
export function native(root: string, program: string, words: readonly string[]): string[] {
  const libraries = ["lib", "usr/lib"].map((path) => join(root, path, "x86_64-linux-gnu")).join(":");
  const loader = join(root, "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
  return [loader, "--library-path", libraries, join(root, program), ...words];
}

/** The folder as an archive for a guest, below `prefix`. */
export async function rootArchive(root: string, prefix: string, extra: readonly CpioEntry[]): Promise<Uint8Array> {
  const entries: CpioEntry[] = [{ type: "directory", path: prefix }];
  const add = async (directory: string): Promise<void> => {
    for (const entry of (await readdir(directory, { withFileTypes: true })).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const source = join(directory, entry.name);
      const path = join(prefix, relative(root, source));
      if (entry.isDirectory()) {
        entries.push({ type: "directory", path });
        await add(source);
      } else if (entry.isSymbolicLink()) {
        entries.push({ type: "symlink", path, target: await readlink(source) });
      } else if (entry.isFile()) {
        const { mode } = await stat(source);
        entries.push({ type: "file", path, data: await readFile(source), mode: mode & 0o777 });
      }
    }
  };
  await add(root);
  return writeCpio([...entries, ...extra]);
}
