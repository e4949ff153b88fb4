/**
 * Which instruction forms, and which pairs of them, a boot executes most: prints the lists for
 * src/machine/interpreter/hot-forms.ts.
 *
 *     npx tsx bench/forms.ts > src/machine/interpreter/hot-forms.ts
 */
import { SoftwareProcessor } from "../src/machine/software-processor.ts";
import { createMachine, obtainGuestImage } from "../src/node.ts";

const INLINE = 150;
const FUSED = 60;
/** Share of all executions below which a form is not worth knowing beforehand. */
const KNOWN_SHARE = 1e-7;
const SECONDS = Number(process.env["FORMS_SECONDS"] ?? 60);

const image = await obtainGuestImage();
const machine = await createMachine({ memory: "256M", processor: { profileForms: true } });
const domain = await machine.createDomain({
  kernel: image.kernel,
  ramdisk: image.ramdisk,
  commandLine: "quiet",
  memory: "256M",
});
const timer = setTimeout(() => void domain.destroy(), SECONDS * 1000);
await domain.wait();
clearTimeout(timer);

const cpu = machine.hypervisor.cpu;
if (!(cpu instanceof SoftwareProcessor)) throw new Error("this profile is of the interpreter");
const pairs = cpu.formProfile;
const totals = new Map<string, { example: string; name: string; count: number }>();
let executed = 0;
for (const { second, count } of pairs) {
  const entry = totals.get(second.name) ?? { example: second.example ?? "", name: second.name, count: 0 };
  entry.count += count;
  executed += count;
  totals.set(second.name, entry);
}
const forms = [...totals.values()].filter((f) => f.example !== "").sort((a, b) => b.count - a.count);
const inline = forms.slice(0, INLINE);
const inlineNames = new Set(inline.map((f) => f.name));
/** Nothing comes behind these in the same run of code. */
const ENDS = /^(jmp|ret|call)\./;
const fused = pairs
  .filter((p) => inlineNames.has(p.first.name) && inlineNames.has(p.second.name) && !ENDS.test(p.first.name))
  .sort((a, b) => b.count - a.count)
  .slice(0, FUSED);
const known = forms.slice(INLINE).filter((f) => f.count > executed * KNOWN_SHARE);

const percent = (count: number): string => `${((count / executed) * 100).toFixed(2)} %`;
const line = (example: string, comment: string): string => `  "${example}", // ${comment}`;
console.log(`/**
 * Forms in the order of how often they are executed, as example encodings: measured over a boot of
 * the Debian kernel by bench/forms.ts, which prints this file.
 */

/** Forms with a case in the interpreter's switch; entries of two instructions are fused pairs. */
export const INLINE_FORMS: readonly string[] = [`);
for (const f of inline) console.log(line(f.example, `${percent(f.count)} ${f.name}`));
for (const p of fused) {
  console.log(line(`${p.first.example}${p.second.example}`, `${percent(p.count)} ${p.first.name} + ${p.second.name}`));
}
console.log(`];

/** Forms whose functions come with the first module. */
export const KNOWN_FORMS: readonly string[] = [`);
for (const f of known) console.log(line(f.example, f.name));
console.log("];");
