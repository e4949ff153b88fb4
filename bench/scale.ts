/**
 * Many small domains: what one costs to make and to have, how many fit, and whether operations cost more when there
 * are more domains.
 *
 *     npm run bench:scale [-- --domains 10,100,1000 --memory 768K --fill]
 *
 * Each number of domains is measured on a machine of its own, in a process of its own. Times are of this process's
 * processor use, the best of several, so that a busy host disturbs them little.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildDemo } from "../guests/build.ts";
import { createMachine, type Domain, type Machine, parseSize } from "../src/index.ts";
import { ask } from "../tests/guests/ask.ts";

/** All that a machine of 4 GiB leaves for domains. */
const MACHINE_MEMORY = "3900M";
/** Domains that are made and ended before: V8 compiles what is made often. */
const WARM_UP = 200;

interface Figures {
  readonly domains: number;
  /** Milliseconds to make one: the first of the process, the median, the slowest tenth. */
  readonly create: { readonly first: number; readonly median: number; readonly p90: number };
  readonly destroy: number;
  /** Bytes of machine memory for each besides its own, and of the host's JavaScript heap. */
  readonly hypervisorBytes: number;
  readonly hostBytes: number;
  /** Process memory, MiB. */
  readonly processMib: number;
  /** Microseconds. */
  readonly operations: Readonly<Record<string, number>>;
  /** With --fill: domains that fitted. */
  readonly fit?: number;
}

/** Microseconds of processor time since the process began. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function timed(action: () => unknown): Promise<number> {
  const before = processorTime();
  await action();
  return processorTime() - before;
}

/** Microseconds for each of `times`, the best of five. */
async function best(times: number, action: () => unknown): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < 5; i++) samples.push((await timed(action)) / times);
  return Math.min(...samples);
}

function collect(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

async function operations(machine: Machine, domains: readonly Domain[]): Promise<Record<string, number>> {
  const domain = domains[domains.length >> 1] as Domain;
  const other = domains[0] as Domain;
  const { xenstore } = machine;
  const inGuest = (what: string, times: number): Promise<number> => best(times, () => ask(domain, `${what}${times}\n`));
  const home = `/local/domain/${domain.id}`;
  const many = (action: () => void) => (): void => {
    for (let i = 0; i < 1000; i++) action();
  };
  // A second guest to switch to and from.
  const switches = async (): Promise<unknown> => Promise.all([ask(domain, "y2000\n"), ask(other, "y2000\n")]);
  return {
    hypercall: await inGuest("h", 20_000),
    "event to itself": await inGuest("e", 20_000),
    timer: await inGuest("t", 200),
    "context switch": await best(4000, switches),
    "console, there and back": await best(20, async () => {
      for (let i = 0; i < 20; i++) await ask(domain, "n0\n");
    }),
    "xenstore read": await best(
      1000,
      many(() => xenstore.read(`${home}/name`)),
    ),
    "xenstore write": await best(
      1000,
      many(() => xenstore.write(`${home}/data`, "x")),
    ),
    "list, each domain": await best(domains.length * 20, () => {
      for (let i = 0; i < 20; i++) for (const { name, memory } of machine.domains) if (memory.current === 0) throw name;
    }),
  };
}

async function measure(count: number, memory: number, fill: boolean): Promise<Figures> {
  const image = buildDemo("tiny");
  if (image === undefined) throw new Error("demo guests are built with gcc for x86-64, which is not here");
  const kernel = readFileSync(image);
  const machine = await createMachine({ memory: MACHINE_MEMORY });
  const create = (): Promise<Domain> => machine.createDomain({ kernel, memory });
  // What is made once, and compiled by the host, is no part of a domain.
  let first = 0;
  for (let i = 0; i < WARM_UP; i++) {
    const before = processorTime();
    const domain = await create();
    if (i === 0) first = (processorTime() - before) / 1000;
    await ask(domain, "n0\n");
    domain.destroy();
    await domain.wait();
  }
  const heap = collect();
  const { free } = machine.memory;
  const times: number[] = [];
  const domains: Domain[] = [];
  for (let i = 0; i < count; i++) times.push((await timed(async () => domains.push(await create()))) / 1000);
  for (const domain of domains) await ask(domain, "n0\n");
  const hypervisorBytes = (free - machine.memory.free) / count - memory;
  const hostBytes = (collect() - heap) / count;
  const processMib = process.memoryUsage().rss / (1 << 20);
  const measured = await operations(machine, domains);
  let fit: number | undefined;
  if (fill) {
    try {
      for (;;) domains.push(await create());
    } catch {
      fit = domains.length;
    }
  }
  const destroy =
    (await timed(async () => {
      for (const domain of domains) domain.destroy();
      await Promise.all(domains.map((domain) => domain.wait()));
    })) /
    domains.length /
    1000;
  if (machine.memory.free !== free) throw new Error("memory was lost");
  const sorted = times.slice().sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
  return {
    domains: count,
    create: { first, median: at(0.5), p90: at(0.9) },
    destroy,
    hypervisorBytes,
    hostBytes,
    processMib,
    operations: measured,
    ...(fit !== undefined && { fit }),
  };
}

function table(all: readonly Figures[]): string {
  const row = (name: string, value: (figures: Figures) => string): string =>
    `| ${[name, ...all.map(value)].join(" | ")} |`;
  const kib = (bytes: number): string => (bytes / 1024).toFixed(1);
  return [
    row("Domains", ({ domains }) => String(domains)),
    `| --- |${all.map(() => " --: |").join("")}`,
    row("Make the first one (ms)", ({ create }) => create.first.toFixed(1)),
    row("Make one, median (ms)", ({ create }) => create.median.toFixed(2)),
    row("Make one, 90 % are faster (ms)", ({ create }) => create.p90.toFixed(2)),
    row("Destroy one (ms)", ({ destroy }) => destroy.toFixed(2)),
    row("Hypervisor memory for each (KiB)", ({ hypervisorBytes }) => kib(hypervisorBytes)),
    // With few domains the host's own changes are larger.
    row("Host's heap for each (KiB)", ({ domains, hostBytes }) => (domains < 100 ? "–" : kib(hostBytes))),
    row("Process memory (MiB)", ({ processMib }) => processMib.toFixed(0)),
    ...Object.keys(all[0]?.operations ?? {}).map((name) =>
      row(`${name[0]?.toUpperCase()}${name.slice(1)} (µs)`, ({ operations }) => (operations[name] ?? 0).toFixed(2)),
    ),
    ...(all.some(({ fit }) => fit !== undefined) ? [row("Fit into 4 GiB", ({ fit }) => String(fit ?? ""))] : []),
  ].join("\n");
}

const { values } = parseArgs({
  options: {
    domains: { type: "string", default: "10,100,1000" },
    memory: { type: "string", default: "768K" },
    fill: { type: "boolean", default: false },
    /** Prints the figures of this process as JSON. */
    one: { type: "boolean", default: false },
  },
});
const counts = values.domains.split(",").map(Number);
if (values.one) {
  console.log(JSON.stringify(await measure(counts[0] ?? 10, parseSize(values.memory), values.fill)));
  process.exit(0);
}
const all = counts.map((count, i): Figures => {
  const fill = values.fill && i === counts.length - 1 ? ["--fill"] : [];
  const words = ["--one", "--domains", String(count), "--memory", values.memory, ...fill];
  const argv = ["--expose-gc", "--import", "tsx", fileURLToPath(import.meta.url), ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${count} domains: ${stderr}`);
  return JSON.parse(stdout) as Figures;
});
console.log(`Node ${process.version}; ${cpus().length} x ${cpus()[0]?.model}; tiny guests of ${values.memory}.\n`);
console.log(table(all));
