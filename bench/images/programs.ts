/** Compiles the guests' programs: the same sources with the same compiler for both architectures. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PROGRAMS } from "../suite.ts";
import type { PrivateApt } from "./apt.ts";

export type Architecture = "amd64" | "i386";

interface Target {
  /** Names of GNU's and of Debian's multiarch folders. */
  readonly triplet: string;
  readonly multiarch: string;
  readonly flags: readonly string[];
}

/** i386 gets SSE2 for double precision, too: v86 has it, and x87 is measured by a program of its own. */
const TARGETS: Readonly<Record<Architecture, Target>> = {
  amd64: { triplet: "x86_64-linux-gnu", multiarch: "x86_64-linux-gnu", flags: ["-m64"] },
  i386: {
    triplet: "i686-linux-gnu",
    multiarch: "i386-linux-gnu",
    flags: ["-m32", "-march=i686", "-msse2", "-mfpmath=sse"],
  },
};
const FLAGS = ["-O2", "-static", "-s", "-Wall", "-Wextra", "-Wl,--no-warnings"];
const LIBRARIES = ["libc6-dev", "linux-libc-dev", "libgcc-12-dev", "liblua5.4-dev", "libtcc-dev", "busybox-static"];
const SOURCES = fileURLToPath(new URL("../programs", import.meta.url));

/** A file for the guest, by name. */
export type ProgramFiles = ReadonlyMap<string, Uint8Array>;

/** The text that the compiler compiles is the same for both, from amd64's headers. */
export function compilePrograms(apt: PrivateApt, folder: string, architecture: Architecture): ProgramFiles {
  const lua = join(apt.unpackSource("lua-source", "lua5.4"), "src");
  const [amd64, output] = (["amd64", architecture] as const).map((target) => compileOnce(apt, folder, target)) as [
    Compiled,
    Compiled,
  ];
  const files = new Map<string, Uint8Array>();
  for (const name of readdirSync(output.programs)) files.set(name, readFileSync(join(output.programs, name)));
  for (const name of readdirSync(SOURCES)) {
    if (/\.(sh|lua)$/.test(name)) files.set(name, readFileSync(join(SOURCES, name)));
  }
  files.set("busybox", readFileSync(join(output.root, "bin/busybox")));
  files.set("lua-core.i", preprocess(apt, amd64, lua));
  files.set("text", sourceText(lua));
  return files;
}

interface Compiled {
  readonly programs: string;
  readonly root: string;
}

function compileOnce(apt: PrivateApt, folder: string, architecture: Architecture): Compiled {
  const packages = LIBRARIES.map((name) => `${name}:${architecture}`);
  const root = apt.unpack(`root-${architecture}`, packages);
  const { triplet, multiarch, flags } = TARGETS[architecture];
  const compiler = join(root, "usr/lib/gcc", triplet, "12");
  const search = [`--sysroot=${root}`, `-B${compiler}`, `-B${root}/usr/lib/${multiarch}`, `-L${compiler}`];
  const words = [...flags, ...FLAGS, ...search, "-isystem", `${root}/usr/include/lua5.4`];

  const hash = createHash("sha256").update(JSON.stringify([words, PROGRAMS.map(({ libraries }) => libraries)]));
  for (const name of readdirSync(SOURCES).sort()) {
    if (/\.[ch]$/.test(name)) hash.update(readFileSync(join(SOURCES, name)));
  }
  const key = hash.digest("hex");
  const programs = join(folder, `programs-${architecture}`);
  const stamp = `${programs}.stamp`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return { programs, root };

  rmSync(programs, { recursive: true, force: true });
  mkdirSync(programs, { recursive: true });
  for (const { name, libraries = [] } of PROGRAMS) {
    const source = join(SOURCES, `${name}.c`);
    if (existsSync(source)) execFileSync("gcc", [...words, "-o", join(programs, name), source, ...libraries]);
  }
  writeFileSync(stamp, key);
  return { programs, root };
}

/** Lua as one file without #include. The guests' compiler is a static program and runs on this host, too. */
function preprocess(apt: PrivateApt, { programs, root }: Compiled, lua: string): Uint8Array {
  const own = join(apt.unpack("root-tcc", ["tcc:amd64"]), "usr/lib/x86_64-linux-gnu/tcc/include");
  const include = [lua, own, `${root}/usr/include`, `${root}/usr/include/x86_64-linux-gnu`];
  const source = join(SOURCES, "text/lua-core.c");
  return execFileSync(join(programs, "tcc"), ["-E", source, ...include], { maxBuffer: 1 << 24 });
}

/** Text to compress and to search: the sources of Lua, one after the other. */
function sourceText(lua: string): Uint8Array {
  const names = readdirSync(lua).filter((name) => name.endsWith(".c"));
  return Buffer.concat(names.sort().map((name) => readFileSync(join(lua, name))));
}
