/**
 * How fast a boot is: medians of several runs, each in a process of its own.
 *
 *     npm run bench:boot [-- RUNS]      3 runs if not said otherwise
 *
 * The table on standard output is the one in README.md.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { obtainGuestImage } from "../src/node.ts";
import type { BootMeasurement } from "./boot-once.ts";

const RUNS = Number(process.argv[2] ?? 3);
if (!Number.isInteger(RUNS) || RUNS < 1) throw new Error(`${process.argv[2]} is not a number of runs`);

/** What must hold: docs/specification.md. */
const ROWS: readonly { key: keyof BootMeasurement; name: string; unit: string; digits: number; scale?: number }[] = [
  { key: "firstConsoleByteSeconds", name: "First console byte", unit: "s", digits: 2 },
  { key: "userSpaceSeconds", name: "User space (first system call)", unit: "s", digits: 2 },
  { key: "shellSeconds", name: "Shell prompt", unit: "s", digits: 2 },
  { key: "instructions", name: "Instructions until user space", unit: "million", digits: 0, scale: 1e-6 },
  { key: "mips", name: "Speed until then", unit: "million a second", digits: 0 },
  { key: "rssMiB", name: "Process memory at the shell (256 MiB guest)", unit: "MiB", digits: 0 },
  { key: "peakRssMiB", name: "Process memory, peak", unit: "MiB", digits: 0 },
  { key: "idlePercent", name: "Processor use of the idle guest", unit: "% of a core", digits: 2 },
];

function boot(jit: boolean): BootMeasurement {
  const script = fileURLToPath(new URL("boot-once.ts", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, ["--import", "tsx", script, ...(jit ? [] : ["--no-jit"])], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error("a boot has failed");
  return JSON.parse(stdout) as BootMeasurement;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

const { version } = await obtainGuestImage();
const compiled: BootMeasurement[] = [];
const interpreted: BootMeasurement[] = [];
for (let i = 0; i < RUNS; i++) {
  compiled.push(boot(true));
  interpreted.push(boot(false));
  const seconds = [compiled, interpreted].map((runs) => runs.at(-1)?.shellSeconds.toFixed(1));
  console.error(`run ${i + 1} of ${RUNS}: shell after ${seconds[0]} s, by the interpreter alone after ${seconds[1]} s`);
}

function cell(runs: readonly BootMeasurement[], { key, unit, digits, scale = 1 }: (typeof ROWS)[number]): string {
  const values = runs.map((run) => run[key] * scale);
  const range = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits)).join("–");
  return `${median(values).toFixed(digits)} ${unit} (${range})`;
}

const processors = cpus();
console.log(`${version}; Node ${process.versions.node} (V8 ${process.versions.v8});`);
console.log(`${processors.length} x ${processors[0]?.model ?? process.arch}; medians of ${RUNS} (lowest–highest).\n`);
console.log("| | both tiers | interpreter alone |\n|---|--:|--:|");
for (const row of ROWS) console.log(`| ${row.name} | ${cell(compiled, row)} | ${cell(interpreted, row)} |`);
