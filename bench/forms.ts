/**
 * Which instruction forms, and which pairs of them, guests execute most: prints the lists for
 * src/machine/interpreter/hot-forms.ts. A boot and each of the suite's programs that are not loops count alike: hot loops
 * are compiled, and what the interpreter executes is the wide code of kernels, shells and compilers.
 *
 *     npx tsx bench/forms.ts > hot-forms.ts && mv hot-forms.ts src/machine/interpreter/
 */
import type { Handler } from "../src/machine/interpreter/form-registry.ts";
import { SoftwareProcessor } from "../src/machine/software-processor.ts";
import type { Machine } from "../src/node.ts";
import { observe } from "./observe.ts";
import { parseOptions } from "./options.ts";
import { PROGRAMS } from "./suite.ts";

const INLINE = 150;
const FUSED = 100;
/** Share of all executions below which a form is not worth knowing beforehand. */
const KNOWN_SHARE = 1e-6;
const WIDE = PROGRAMS.filter(({ group }) => group === "operating system" || group.startsWith("text"));

type Counts = ReadonlyMap<string, number>;

/** All that have been executed, by their name. */
const handlers = new Map<string, Handler>();
const pairName = (first: Handler, second: Handler): string => `${first.name} + ${second.name}`;

/** How often pairs of forms have been executed one after the other. */
function pairs(machine: Machine): Counts {
  const { cpu } = machine.hypervisor;
  if (!(cpu instanceof SoftwareProcessor)) throw new Error("this profile is of the interpreter");
  const counts = new Map<string, number>();
  for (const { first, second, count } of cpu.formProfile) {
    handlers.set(first.name, first).set(second.name, second);
    counts.set(pairName(first, second), count);
  }
  return counts;
}

const only = WIDE.map(({ name }) => name).join();
const options = parseOptions(["--only", only, "--scale", "0.5"]);
const spans = await observe(options, { processor: { profileForms: true } }, pairs);

const forms = new Map<string, number>();
const together = new Map<string, number>();
const add = (to: Map<string, number>, name: string, share: number): void => {
  to.set(name, (to.get(name) ?? 0) + share);
};
for (const { before, after } of spans.values()) {
  const counts = [...after].map(([name, count]) => ({ name, count: count - (before.get(name) ?? 0) }));
  const all = counts.reduce((sum, { count }) => sum + count, 0) * spans.size;
  for (const { name, count } of counts) {
    add(forms, name.split(" + ")[1] as string, count / all);
    add(together, name, count / all);
  }
}

const byShare = (counts: Counts): [name: string, share: number][] =>
  [...counts].filter(([, share]) => share > 0).sort(([, a], [, b]) => b - a);
const exampleOf = (name: string): string => handlers.get(name)?.example ?? "";
const executed = byShare(forms).filter(([name]) => exampleOf(name) !== "");
const inline = new Set(executed.slice(0, INLINE).map(([name]) => name));
/** Nothing comes behind these in the same run of code. */
const ENDS = /^(jmp|ret|call)\./;
const fused = byShare(together)
  .filter(([name]) => !ENDS.test(name) && name.split(" + ").every((form) => inline.has(form)))
  .slice(0, FUSED);

const line = (example: string, comment: string): string => `  "${example}", // ${comment}`;
const measured = ([name, share]: [string, number]): string =>
  line(name.split(" + ").map(exampleOf).join(""), `${(share * 100).toFixed(2)} % ${name}`);
console.log(`/**
 * Forms in the order of how often they are executed, as example encodings: measured over a boot of
 * the Debian kernel and over programs by bench/forms.ts, which prints this file.
 */

/** Forms with a case in the interpreter's switch; entries of two instructions are fused pairs. */
export const INLINE_FORMS: readonly string[] = [`);
for (const form of executed.slice(0, INLINE)) console.log(measured(form));
for (const pair of fused) console.log(measured(pair));
console.log(`];

/** Forms whose functions come with the first module. */
export const KNOWN_FORMS: readonly string[] = [`);
for (const [name, share] of executed.slice(INLINE)) {
  if (share >= KNOWN_SHARE) console.log(line(exampleOf(name), name));
}
console.log("];");
