/** Builds and runs the native harness. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { CASE_SIZE, type Result, splitResults } from "./record.ts";

const SOURCE = fileURLToPath(new URL("./native/harness.c", import.meta.url));
const FOLDER = fileURLToPath(new URL("../../build/oracle/", import.meta.url));
const BINARY = `${FOLDER}harness`;
const GCC_FLAGS = [
  "-O2",
  "-Wall",
  "-Wextra",
  "-fno-stack-protector",
  "-fcf-protection=none",
  "-mfsgsbase",
  "-fno-pie",
  "-no-pie",
  "-Wl,-z,now",
];

/** Builds the harness if needed. Returns the reason if it cannot be used here. */
export function buildHarness(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `the oracle is a real x86-64 processor under Linux, this is ${process.platform} on ${process.arch}`;
  }
  if (!existsSync(BINARY) || statSync(BINARY).mtimeMs < statSync(SOURCE).mtimeMs) {
    mkdirSync(FOLDER, { recursive: true });
    const gcc = spawnSync("gcc", [...GCC_FLAGS, "-o", BINARY, SOURCE], { encoding: "utf8" });
    if (gcc.error) return `the harness is built with gcc, which is not here (${gcc.error.message})`;
    if (gcc.status !== 0) throw new Error(`gcc failed on the oracle's harness:\n${gcc.stderr}`);
  }
  const probe = spawnSync(BINARY, { input: "" });
  if (probe.status === 4) return probe.stderr.toString().trim();
  return undefined;
}

/** The harness's status when something (its heap, which Linux puts at a random place) is where the cases must be. */
const NO_ROOM = 2;
const STARTS = 4;

/** Executes the first `count` cases of a buffer on the real processor. */
export function runNative(cases: ArrayBuffer, count: number): Result[] {
  const start = () =>
    spawnSync(BINARY, {
      input: new Uint8Array(cases, 0, count * CASE_SIZE),
      maxBuffer: 2 ** 31,
      stdio: ["pipe", "pipe", "pipe"],
    });
  let run = start();
  for (let n = 1; n < STARTS && run.status === NO_ROOM; n++) run = start();
  if (run.status !== 0) {
    throw new Error(
      `the oracle's harness ended with ${run.signal ?? `status ${run.status}`} ${run.error?.message ?? run.stderr}`,
    );
  }
  const results = splitResults(run.stdout);
  if (results.length !== count) throw new Error(`the oracle's harness answered ${results.length} of ${count} cases`);
  return results;
}
