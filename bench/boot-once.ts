/**
 * One boot of Debian's kernel to the shell of the default guest, in this process: prints what was
 * measured as JSON. bench/boot.ts runs it several times. With --no-jit, nothing is compiled.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createMachine, type Domain, obtainGuestImage } from "../src/node.ts";

export interface BootMeasurement {
  readonly firstConsoleByteSeconds: number;
  readonly userSpaceSeconds: number;
  readonly shellSeconds: number;
  /** Retired until the first system call. */
  readonly instructions: number;
  /** Millions a second until then: nearly all of it is kernel code. */
  readonly mips: number;
  readonly rssMiB: number;
  readonly peakRssMiB: number;
  readonly idlePercent: number;
}

const MEMORY = "256M";
const BOOT_SECONDS = Number(process.env["BENCH_BOOT_SECONDS"] ?? 180);
/** What the shell does after its prompt is over by then. */
const SETTLE_SECONDS = 2;
const IDLE_SECONDS = Number(process.env["BENCH_IDLE_SECONDS"] ?? 10);
const MIB = 1 << 20;

interface Milestone {
  readonly wall_seconds: number;
  readonly instructions: number;
}

/** Reads the console until the shell prompts. */
async function untilPrompt(domain: Domain): Promise<void> {
  const decoder = new TextDecoder();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what escape sequences are made of
  const escapes = /\x1b\[[0-9;?]*[a-zA-Z]/g;
  let tail = "";
  for await (const chunk of domain.console.readable) {
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4096);
    if (/@\w+:\S+# $/.test(tail.replace(escapes, ""))) return;
  }
  const { reason, report } = await domain.wait();
  throw new Error(`the guest ended (${reason}) before its shell was there:\n${tail}\n${report ?? ""}`);
}

const image = await obtainGuestImage();
const started = performance.now();
/** Without compiled regions, what is measured is the interpreter. */
const jit = process.argv[2] !== "--no-jit";
const machine = await createMachine({ memory: MEMORY, processor: { jit } });
const domain = await machine.createDomain({
  kernel: image.kernel,
  ramdisk: image.ramdisk,
  commandLine: "console=hvc0",
  memory: MEMORY,
});
const timer = setTimeout(() => domain.destroy(), BOOT_SECONDS * 1000);
await untilPrompt(domain);
clearTimeout(timer);
const shellSeconds = (performance.now() - started) / 1000;

await sleep(SETTLE_SECONDS * 1000);
const before = process.cpuUsage();
const idleFrom = performance.now();
await sleep(IDLE_SECONDS * 1000);
const { user, system } = process.cpuUsage(before);
const idleMicroseconds = (performance.now() - idleFrom) * 1000;

const { milestones } = machine.statistics() as {
  milestones: { first_console_byte?: Milestone; user_space?: Milestone };
};
const { first_console_byte: first, user_space: userSpace } = milestones;
if (first === undefined || userSpace === undefined) throw new Error("the machine's milestones are missing");
const measurement: BootMeasurement = {
  firstConsoleByteSeconds: first.wall_seconds,
  userSpaceSeconds: userSpace.wall_seconds,
  shellSeconds,
  instructions: userSpace.instructions,
  mips: userSpace.instructions / userSpace.wall_seconds / 1e6,
  rssMiB: process.memoryUsage().rss / MIB,
  peakRssMiB: process.resourceUsage().maxRSS / 1024,
  idlePercent: ((user + system) / idleMicroseconds) * 100,
};
console.log(JSON.stringify(measurement));
machine.destroy();
