/**
 * What virtualization costs: for each kernel operation, the time, the guest's instructions, the exits
 * to the hypervisor and the hypercalls that it takes, from the machine's own counters.
 *
 *     npm run bench:operations [-- --scale 1 --only fork,exec]
 */
import type { Machine } from "../src/node.ts";
import { observe, type Span } from "./observe.ts";
import { parseOptions } from "./options.ts";
import { type Program, repetitions } from "./suite.ts";

type Counts = Readonly<Record<string, number>>;

interface Counters {
  readonly milestones: { readonly now: { readonly machine_seconds: number; readonly instructions: number } };
  readonly exits: Readonly<Record<string, number>>;
  readonly hypercalls: Readonly<Record<string, { readonly count: number }>>;
  readonly exceptions: Counts;
  /** Instructions that the hypervisor carries out; some are divided further. */
  readonly emulated: Readonly<Record<string, number | Counts>>;
  /** Writes to page tables that the hypervisor carries out. */
  readonly ptwr: number;
}

/** What has grown, by operation, the most frequent first; less than once in ten operations is not said. */
function grown(before: Counts, after: Counts, operations: number): string {
  return Object.entries(after)
    .map(([name, count]) => ({ name, each: (count - (before[name] ?? 0)) / operations }))
    .filter(({ each }) => each >= 0.1)
    .sort((a, b) => b.each - a.each)
    .map(({ name, each }) => `${name} ${each.toFixed(1)}`)
    .join(", ");
}

const hypercalls = ({ hypercalls: calls }: Counters): Counts =>
  Object.fromEntries(Object.entries(calls).map(([name, { count }]) => [name, count]));

/** Exceptions of all kinds, and what became of some of them. */
function traps({ exceptions, emulated, ptwr }: Counters): Counts {
  const plain = Object.entries(emulated).map(([name, of]) => [
    name,
    typeof of === "number" ? of : Object.values(of).reduce((sum, count) => sum + count, 0),
  ]);
  return { ...exceptions, ...Object.fromEntries(plain), "page-table write": ptwr };
}

function row(program: Program, scale: number, { before, after }: Span<Counters>): string {
  const operations = repetitions(program, scale) * (program.operations ?? 1);
  const [from, to] = [before.milestones.now, after.milestones.now];
  const microseconds = ((to.machine_seconds - from.machine_seconds) / operations) * 1e6;
  const instructions = (to.instructions - from.instructions) / operations;
  const exits = grown(before.exits, after.exits, operations);
  const faults = grown(traps(before), traps(after), operations);
  const calls = grown(hypercalls(before), hypercalls(after), operations);
  return `| ${program.name} | ${microseconds.toFixed(1)} | ${instructions.toFixed(0)} | ${exits} | ${faults} | ${calls} |`;
}

const given = parseOptions(process.argv.slice(2));
const options = { ...given, programs: given.programs.filter(({ group }) => group === "operating system") };
const counters = (machine: Machine): Counters => structuredClone(machine.statistics()) as unknown as Counters;
const spans = await observe(options, {}, counters);
console.log("| One of | µs | instructions | exits | exceptions | hypercalls |\n|---|--:|--:|---|---|---|");
for (const program of options.programs) {
  const span = spans.get(program.name);
  if (span !== undefined) console.log(row(program, options.scale, span));
}
