/**
 * Who gets the processor, and how soon: shares, caps, wake-up latency, deadlines beside a busy Linux.
 *
 *     npx tsx bench/scheduling.ts [--seconds 10] [--virtual] [--only weights,caps,many,latency,deadlines]
 *
 * With --virtual time passes with the instructions executed, and the tables are the same each time.
 */
import { parseArgs } from "node:util";
import { noDemos, PeriodicGuest, type PeriodicResult, shares, spinner } from "../guests/scheduling.ts";
import { commandRamdisk, createMachine, type Domain, type Machine, obtainGuestImage } from "../src/node.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    virtual: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds}: must be a positive number`);
if (noDemos) throw new Error(noDemos);

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

function table(title: string, head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  const rule = line(head.map((_, i) => (i === 0 ? "---" : "--:")));
  console.log(`\n${title}\n\n${[line(head), rule, ...rows.map(line)].join("\n")}`);
}

async function withMachine(memory: string, run: (machine: Machine) => Promise<void>): Promise<void> {
  const machine = await createMachine({ memory, virtualTime: values.virtual });
  try {
    await run(machine);
  } finally {
    machine.destroy();
  }
}

/** Lets the machine's time pass. */
async function pass(machine: Machine, duration = seconds): Promise<void> {
  const { clock } = machine.hypervisor;
  const end = clock.now() + duration * 1e9;
  while (clock.now() < end) await new Promise((resolve) => setTimeout(resolve, values.virtual ? 0 : 10));
}

/** The default guest, with a shell for each vCPU that never stops. Resolves when they run. */
async function busyLinux(machine: Machine, vcpus: number, scheduler: { weight: number }): Promise<Domain> {
  const { kernel, ramdisk } = await obtainGuestImage();
  const loops = Array.from({ length: vcpus }, () => "(while :; do :; done) &").join(" ");
  const command = { argv: ["sh", "-c", `${loops} echo running; wait`] };
  const domain = await machine.createDomain({
    ...{ kernel, ramdisk: commandRamdisk(ramdisk, command), memory: "192M", commandLine: "console=hvc0 quiet" },
    ...{ consoles: 4, vcpus, scheduler },
  });
  let text = "";
  for await (const bytes of domain.consoles[2]!.raw.output) {
    text += Buffer.from(bytes).toString("latin1");
    if (text.includes("running")) return domain;
  }
  throw new Error(`the guest has ended: ${domain.end?.reason}`);
}

async function weights(): Promise<void> {
  await withMachine("64M", async (machine) => {
    const domains: Domain[] = [];
    for (const weight of [256, 512, 1024]) domains.push(await spinner(machine, { scheduler: { weight } }));
    const had = await shares(domains, () => pass(machine));
    const row = (domain: Domain, i: number): string[] => {
      const share = domain.scheduler.get().weight / 1792;
      return [String(domain.scheduler.get().weight), percent(share), percent(had[i]!), percent(had[i]! / share - 1)];
    };
    table("Weights: three busy guests", ["Weight", "share", "had", "off by"], domains.map(row));
  });
}

async function caps(): Promise<void> {
  await withMachine("64M", async (machine) => {
    const rows: string[][] = [];
    const domain = await spinner(machine);
    const other = await spinner(machine);
    for (const cap of [5, 25, 40]) {
      domain.scheduler.set({ cap });
      const [had = 0] = await shares([domain, other], () => pass(machine, seconds / 3));
      rows.push([`${cap} %`, percent(had)]);
    }
    table("Caps: a busy guest beside another one", ["Cap", "had"], rows);
  });
}

async function many(): Promise<void> {
  await withMachine("900M", async (machine) => {
    const linux: Domain[] = [];
    for (const weight of [2560, 5120]) linux.push(await busyLinux(machine, 2, { weight }));
    const tiny: Domain[] = [];
    for (let i = 0; i < 100; i++) tiny.push(await spinner(machine));
    await pass(machine, 0.2);
    const had = await shares([...linux, ...tiny], () => pass(machine));
    const sum = 2560 + 5120 + 100 * 256;
    const few = had.slice(2).sort((a, b) => a - b);
    table(
      "Two Debian guests of two vCPUs and 100 small ones, all busy",
      ["Guest", "weight", "share", "had"],
      [
        ["Debian", 2560, percent(2560 / sum), percent(had[0]!)],
        ["Debian", 5120, percent(5120 / sum), percent(had[1]!)],
        ["100 small", "256 each", percent(256 / sum), `${percent(few[0]!)} – ${percent(few.at(-1)!)}`],
      ],
    );
  });
}

function histogram(title: string, results: readonly (readonly [string, PeriodicResult])[]): void {
  for (const what of ["wake", "done"] as const) {
    const bounds = [...new Set(results.flatMap(([, result]) => result[what].map(({ below }) => below)))].sort(
      (a, b) => a - b,
    );
    const count = (result: PeriodicResult, bound: number): number =>
      result[what].find(({ below }) => below === bound)?.count ?? 0;
    const worst = (result: PeriodicResult): string =>
      `${((what === "wake" ? result.worstWake : result.worstDone) / 1e6).toFixed(3)} ms`;
    table(
      `${title}: ${what === "wake" ? "woke late by" : "work done after"}`,
      ["Less than", ...results.map(([name]) => name)],
      [
        ...bounds.map((bound) => [`${bound} µs`, ...results.map(([, result]) => count(result, bound))]),
        ["worst", ...results.map(([, result]) => worst(result))],
        ["deadlines missed", ...results.map(([, { missed, jobs }]) => `${missed} of ${jobs}`)],
      ],
    );
  }
}

async function latency(): Promise<void> {
  await withMachine("64M", async (machine) => {
    for (let i = 0; i < 4; i++) await spinner(machine);
    const guest = await PeriodicGuest.create(machine);
    const result = await guest.run(10_000, 200, Math.round(seconds * 100));
    histogram("A guest that sleeps most of the time, beside four busy ones", [["credit2", result]]);
  });
}

async function deadlines(): Promise<void> {
  await withMachine("256M", async (machine) => {
    await busyLinux(machine, 2, { weight: 1024 });
    const guest = await PeriodicGuest.create(machine);
    // Its share, a fifth of the processor, is not enough.
    const jobs = Math.round(seconds * 100);
    const share = await guest.run(10_000, 3000, Math.round(jobs / 4));
    guest.domain.scheduler.set({ scheduler: "rtds", period: 10_000, budget: 4000, extratime: false });
    const realTime = await guest.run(10_000, 3000, jobs);
    histogram("3 ms of work each 10 ms, beside a busy Linux of two vCPUs and weight 1024", [
      ["rtds, 4 ms in 10 ms", realTime],
      ["credit2, weight 256", share],
    ]);
  });
}

const parts = { weights, caps, many, latency, deadlines };
const names = values.only === "" ? Object.keys(parts) : values.only.split(",");
for (const name of names) {
  const part = parts[name as keyof typeof parts];
  if (part === undefined) throw new Error(`--only ${name}: there are ${Object.keys(parts).join(", ")}`);
  await part();
}
