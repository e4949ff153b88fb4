/**
 * What a guest's ways in and out of its kernel cost: system calls, page faults, forks, context
 * switches of a process of its own (bench/guest/exits.c) under Debian's kernel.
 *
 *     npx tsx bench/exits.ts [REPORT.json]
 *
 * Best of fifteen for each, since the hot code has to be compiled first. REPORT.json gets the machine's statistics of the whole run.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createMachine, obtainGuestImage } from "../src/node.ts";
import { writeCpio } from "../src/toolstack/image/cpio.ts";

const MEMORY = "128M";
const BENCH_SECONDS = 300;

/** Builds the guest's one program. */
function program(): Uint8Array {
  const directory = mkdtempSync(join(tmpdir(), "typervisor-bench-"));
  try {
    const source = fileURLToPath(new URL("guest/exits.c", import.meta.url));
    const file = join(directory, "init");
    const flags = "-O1 -static -nostdlib -ffreestanding -fno-pic -no-pie -fno-stack-protector -fcf-protection=none";
    execFileSync("gcc", [...flags.split(" "), "-o", file, source], { stdio: ["ignore", "ignore", "inherit"] });
    return readFileSync(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const ramdisk = writeCpio([
  { type: "directory", path: "dev" },
  { type: "device", path: "dev/console", major: 5, minor: 1 },
  { type: "file", path: "init", mode: 0o755, data: program() },
]);
const { kernel } = await obtainGuestImage();
const machine = await createMachine({ memory: MEMORY });
const domain = await machine.createDomain({ kernel, ramdisk, commandLine: "console=hvc0 quiet", memory: MEMORY });
const timer = setTimeout(() => domain.destroy(), BENCH_SECONDS * 1000);

const decoder = new TextDecoder();
let output = "";
let printed = 0;
for await (const chunk of domain.console.readable) {
  output += decoder.decode(chunk, { stream: true });
  const results = [...output.matchAll(/^exits (\S+) (\d+)\r?\n/gm)];
  for (const [, name, nanoseconds] of results.slice(printed)) {
    if (name !== "end") console.log(`${name?.padEnd(20)} ${(Number(nanoseconds) / 1000).toFixed(2).padStart(10)} µs`);
  }
  printed = results.length;
}
clearTimeout(timer);
const { reason, report } = await domain.wait();
if (reason !== "poweroff") throw new Error(`the guest ended (${reason}):\n${output}\n${report ?? ""}`);
const file = process.argv[2];
if (file !== undefined) writeFileSync(file, JSON.stringify(machine.statistics(), undefined, 2));
machine.destroy();
