/**
 * Which instruction forms guests execute most, and which of them one behind the other: prints the lists for
 * src/machine/interpreter/hot-forms.ts. A boot and each of the suite's programs that are not loops count alike. Code that would be
 * compiled counts no more than what just would not: the interpreter executes the wide code of kernels, shells and compilers.
 *
 *     npx tsx bench/forms.ts > hot-forms.ts && mv hot-forms.ts src/machine/interpreter/
 */

import type { FormProfile } from "../src/machine/interpreter/form-profile.ts";
import type { Handler } from "../src/machine/interpreter/form-registry.ts";
import { MAX_FUSED } from "../src/machine/interpreter/fusions.ts";
import { REC_HANDLER } from "../src/machine/interpreter/record.ts";
import { SoftwareProcessor } from "../src/machine/software-processor.ts";
import type { Machine } from "../src/node.ts";
import { frequentSequences, type Run } from "./frequent-sequences.ts";
import { observe } from "./observe.ts";
import { parseOptions } from "./options.ts";
import { PROGRAMS } from "./suite.ts";

/** Together no more than V8 keeps the loop's locals in registers for: with 300 it does not any more. */
const INLINE = 115;
const FUSED = 165;
/** Of all executions, those of one place that is not compiled: some 4,000 a second (see jitThreshold). */
const COLD_SHARE = 1 / 75_000;
const WIDE = PROGRAMS.filter(({ group }) => group === "operating system" || group.startsWith("text"));

function profileOf(machine: Machine): { cpu: SoftwareProcessor; profile: FormProfile } {
  const { cpu } = machine.hypervisor;
  const profile = cpu instanceof SoftwareProcessor ? cpu.formProfile : undefined;
  if (!(cpu instanceof SoftwareProcessor) || !profile) throw new Error("this profile is of the interpreter");
  return { cpu, profile };
}

/** All that have been met, by their name. */
const handlers = new Map<string, Handler>();
let looked = 0;

/** The runs of code executed since the last look, by the names of their forms. */
function look(machine: Machine): readonly Run[] {
  const { cpu, profile } = profileOf(machine);
  const byIndex = new Map<number, Handler>();
  for (const [name, handler] of cpu.forms.names()) {
    handlers.set(name, handler);
    byIndex.set(handler.handler, handler);
  }
  const runs = new Map<string, { records: readonly number[]; count: number }>();
  let samples = 0;
  for (const records of profile.runs(looked)) {
    samples += records.length;
    const key = `${records[0]} ${records.length}`;
    const run = runs.get(key);
    if (run) run.count++;
    else runs.set(key, { records, count: 1 });
  }
  looked = profile.count;
  return [...runs.values()].map(({ records, count }) => ({
    forms: records.map(
      (record) => (byIndex.get(cpu.memory.u16[(record + REC_HANDLER) >>> 1] as number) as Handler).name,
    ),
    weight: Math.min(count, Math.max(1, samples * COLD_SHARE)),
  }));
}

const options = parseOptions(["--only", WIDE.map(({ name }) => name).join(), "--scale", "0.5"]);
const spans = await observe(options, { processor: { profileForms: true } }, look);

const runs: Run[] = [];
const shares = new Map<string, number>();
for (const { after } of spans.values()) {
  const all = after.reduce((sum, { forms, weight }) => sum + forms.length * weight, 0) * spans.size;
  for (const { forms, weight } of after) {
    runs.push({ forms, weight: weight / all });
    for (const form of forms) shares.set(form, (shares.get(form) ?? 0) + weight / all);
  }
}

const exampleOf = (name: string): string => handlers.get(name)?.example ?? "";
const executed = [...shares].filter(([name]) => exampleOf(name) !== "").sort(([, a], [, b]) => b - a);
const isCalling = ([name]: readonly [string, number]): boolean => handlers.get(name)?.callsRuntime === true;
const inlined = executed.filter((form) => !isCalling(form)).slice(0, INLINE);
const inline = new Set(inlined.map(([name]) => name));
const { sequences, dispatches } = frequentSequences(runs, inline, MAX_FUSED, FUSED);

const line = (example: string, comment: string): string => `  "${example}", // ${comment}`;
const measured = (forms: readonly string[], share: number): string =>
  line(forms.map(exampleOf).join(""), `${(share * 100).toFixed(2)} % ${forms.join(" + ")}`);
console.log(`/**
 * Forms in the order of how often they are executed, as example encodings: measured over a boot of
 * the Debian kernel and over programs by bench/forms.ts, which prints this file.
 * With them, ${dispatches.toFixed(3)} dispatches an instruction.
 */

/** Forms with a case in the interpreter's switch; entries of several instructions are fused. */
export const INLINE_FORMS: readonly string[] = [`);
for (const [name, share] of inlined) console.log(measured([name], share));
for (const { forms, share } of sequences) console.log(measured(forms, share));
console.log(`];

/** Forms whose functions come with the first module: all others that have been decoded. */
export const KNOWN_FORMS: readonly string[] = [`);
for (const [name] of executed) if (!inline.has(name)) console.log(line(exampleOf(name), name));
for (const name of [...handlers.keys()].sort()) {
  if (!shares.has(name) && exampleOf(name) !== "") console.log(line(exampleOf(name), name));
}
console.log("];");
