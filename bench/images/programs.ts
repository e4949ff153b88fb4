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
export const SOURCES = fileURLToPath(new URL("../programs", import.meta.url));

/** A file for the guest, by name. */
export type ProgramFiles = ReadonlyMap<string, Uint8Array>;

export function compilePrograms(apt: PrivateApt, folder: string, architecture: Architecture): ProgramFiles {
  const root = apt.unpack(
    `root-${architecture}`,
    LIBRARIES.map((name) => `${name}:${architecture}`),
  );
  const tccHeaders = join(apt.unpack("root-tcc", ["tcc:amd64"]), "usr/lib/x86_64-linux-gnu/tcc/include");
  const lua = join(apt.unpackSource("lua-source", "lua5.4"), "src");
  const output = join(folder, `programs-${architecture}`);
  compileOnce(output, architecture, root, [lua, tccHeaders]);
  const files = new Map<string, Uint8Array>();
  for (const name of readdirSync(output)) files.set(name, readFileSync(join(output, name)));
  for (const name of readdirSync(SOURCES)) {
    if (/\.(sh|lua)$/.test(name)) files.set(name, readFileSync(join(SOURCES, name)));
  }
  files.set("busybox", readFileSync(join(root, "bin/busybox")));
  files.set("text", sourceText(lua));
  return files;
}

function compileOnce(output: string, architecture: Architecture, root: string, headers: readonly string[]): void {
  const { triplet, multiarch, flags } = TARGETS[architecture];
  const compiler = join(root, "usr/lib/gcc", triplet, "12");
  const search = [`--sysroot=${root}`, `-B${compiler}`, `-B${root}/usr/lib/${multiarch}`, `-L${compiler}`];
  const words = [...flags, ...FLAGS, ...search, "-isystem", `${root}/usr/include/lua5.4`];

  const hash = createHash("sha256").update(JSON.stringify([words, PROGRAMS]));
  const sources = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => /\.[ch]$/.test(name));
  for (const name of sources.sort()) hash.update(readFileSync(join(SOURCES, name)));
  const key = hash.digest("hex");
  const stamp = `${output}.stamp`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;

  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  for (const { name, libraries = [] } of PROGRAMS) {
    const source = join(SOURCES, `${name}.c`);
    if (existsSync(source)) execFileSync("gcc", [...words, "-o", join(output, name), source, ...libraries]);
  }
  // Static programs of both architectures run on this host, too: this one makes its own input.
  const include = [...headers, `${root}/usr/include`, `${root}/usr/include/${multiarch}`];
  const source = join(SOURCES, "text/lua-core.c");
  const options = { maxBuffer: 1 << 24 };
  writeFileSync(
    join(output, "lua-core.i"),
    execFileSync(join(output, "tcc"), ["-E", source, ...include], options),
  );
  writeFileSync(stamp, key);
}

/** Text to compress and to search: the sources of Lua, one after the other. */
function sourceText(lua: string): Uint8Array {
  const names = readdirSync(lua).filter((name) => name.endsWith(".c"));
  return Buffer.concat(names.sort().map((name) => readFileSync(join(lua, name))));
}
