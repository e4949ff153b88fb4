/**
 * Builds the test guests, one ELF image a folder of guests/tests/, and the demo guests, one a folder of guests/demos/,
 * into build/guests/.
 *
 *     npx tsx guests/build.ts
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("./", import.meta.url));
const OUTPUT = fileURLToPath(new URL("../build/guests/", import.meta.url));
const COMPILE = [
  "-std=gnu11",
  "-O2",
  "-g0",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-ffreestanding",
  "-nostdlib",
  "-static",
  "-fno-pie",
  "-no-pie",
  "-mno-red-zone",
  "-mcmodel=kernel",
  "-mgeneral-regs-only",
  "-fno-stack-protector",
  "-fcf-protection=none",
  "-fno-builtin",
  "-fno-asynchronous-unwind-tables",
  "-Wl,--build-id=none",
  "-Wl,-z,max-page-size=4096",
  "-Wl,--no-warn-rwx-segments",
];

/** Names of all tests. */
export function testGuests(): string[] {
  return readdirSync(`${ROOT}tests`).sort();
}

/** What a test needs of its domain; from config.json in its folder, if it has one. */
export interface GuestConfig {
  readonly vcpus?: number;
  /** It runs in several domains at once, each with its own command line. Domain numbers are 1 and up, in this order. */
  readonly domains?: readonly string[];
}

export function guestConfig(name: string): GuestConfig {
  const file = `${ROOT}tests/${name}/config.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

function newest(paths: readonly string[]): number {
  return Math.max(...paths.map((path) => statSync(path).mtimeMs));
}

/** Hash of all that a test is built from. */
export function sourceHash(name: string): string {
  const hash = createHash("sha256");
  for (const folder of [`${ROOT}lib`, `${ROOT}tests/${name}`]) {
    for (const file of readdirSync(folder).sort()) {
      if (/\.([chS]|lds)$/.test(file)) hash.update(readFileSync(`${folder}/${file}`));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Builds one test if needed. Returns the path of its image, or undefined where there is no gcc for x86-64. */
export function buildGuest(name: string): string | undefined {
  const library = readdirSync(`${ROOT}lib`).map((file) => `${ROOT}lib/${file}`);
  return build(name, [`${ROOT}tests/${name}/main.c`, ...library], [`${ROOT}lib`]);
}

/** Names of all demos. */
export function demoGuests(): string[] {
  return readdirSync(`${ROOT}demos`)
    .filter((name) => name !== "lib")
    .sort();
}

/** Builds one demo if needed, as `buildGuest` does. */
export function buildDemo(name: string): string | undefined {
  const library = readdirSync(`${ROOT}demos/lib`).map((file) => `${ROOT}demos/lib/${file}`);
  // Of what the tests have in common: the entry point, and the contract with the hypervisor.
  const common = ["start.S", "hypercall.h", "xen.h", "guest.lds.h"].map((file) => `${ROOT}lib/${file}`);
  const sources = [`${ROOT}demos/${name}/main.c`, ...library, ...common];
  return build(`demo-${name}`, sources, [`${ROOT}demos/lib`, `${ROOT}lib`]);
}

function build(name: string, files: readonly string[], include: readonly string[]): string | undefined {
  const image = `${OUTPUT}${name}.elf`;
  try {
    if (newest([image]) > newest(files)) return image;
  } catch {
    // Not built yet.
  }
  mkdirSync(OUTPUT, { recursive: true });
  const sources = files.filter((file) => /\.[cS]$/.test(file));
  const folders = include.flatMap((folder) => ["-I", folder]);
  // Tests run in several processes: another one may build the same guest, or read it meanwhile.
  const unfinished = `${image}.${process.pid}`;
  const gcc = spawnSync("gcc", [...COMPILE, ...folders, "-T", `${ROOT}lib/guest.lds`, "-o", unfinished, ...sources], {
    encoding: "utf8",
  });
  if (gcc.error || process.arch !== "x64") return undefined;
  if (gcc.status !== 0) throw new Error(`gcc failed on the guest ${name}:\n${gcc.stderr}`);
  renameSync(unfinished, image);
  return image;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const missing = (name: string): string => `${name}: there is no gcc for x86-64 here`;
  for (const name of testGuests()) console.log(buildGuest(name) ?? missing(name));
  for (const name of demoGuests()) console.log(buildDemo(name) ?? missing(name));
}
