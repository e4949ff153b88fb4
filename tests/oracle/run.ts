/** Runs many instances of one line of the instruction table on both processors. */
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import type { InsnDef } from "../../src/machine/x86/table/types.ts";
import { compare, describeCase } from "./compare.ts";
import { excluded, excludedForms } from "./exclusions.ts";
import { describeForm, parseForm } from "./form.ts";
import { BRANCHES, generate, type Instance } from "./generate.ts";
import { hostFeatures } from "./host.ts";
import { runNative } from "./native.ts";
import type { OurProcessor } from "./ours.ts";
import { Random } from "./random.ts";
import { CASE_SIZE, Case, EXECUTED } from "./record.ts";
import { undefinedResult } from "./undefined.ts";

/** Cases in one run of the harness. */
const BATCH = 20000;
/** Mismatches that are described in full; the rest is counted. */
const MAX_DESCRIBED = 3;

export interface FormReport {
  readonly form: string;
  compared: number;
  /** Instances that the real processor executed without a fault. */
  executed: number;
  mismatches: number;
  readonly described: string[];
}

/** Why a line of the table is not compared here, or undefined if it is. */
export function reasonToSkip(def: InsnDef): string | undefined {
  if (def.mode === "not64") return "does not exist in 64-bit mode";
  const reason = excluded[def.mnemonic] ?? excludedForms[`${def.mnemonic} ${def.operands}`];
  if (reason) return reason;
  return hostFeatures().has(def.feature) ? undefined : `this machine's processor has no ${def.feature}`;
}

const insn = newInsn();

/** True if these bytes are another, more exactly matching line of the table. */
function isAnotherForm(instance: Instance): boolean {
  return decode(instance.code, 0, 64, insn) > 0 && insn.def.id !== instance.form.def.id;
}

/** Runs `count` instances; without our processor only the decoder's lengths are compared. */
export function runForm(def: InsnDef, count: number, seed: number, ours: OurProcessor | undefined): FormReport {
  const form = parseForm(def);
  const report: FormReport = { form: describeForm(form), compared: 0, executed: 0, mismatches: 0, described: [] };
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(def.id + 1, 0x85ebca6b));
  const mismatch = (c: Case, instance: Instance, differences: string[]): void => {
    report.mismatches++;
    if (report.described.length < MAX_DESCRIBED)
      report.described.push(`${report.form}\n${describeCase(instance, c)}    ${differences.join("\n    ")}`);
  };
  while (report.compared < count) {
    const size = Math.min(BATCH, count - report.compared);
    const buffer = new ArrayBuffer(size * CASE_SIZE);
    const cases: { c: Case; instance: Instance }[] = [];
    for (let attempts = 0; cases.length < size; attempts++) {
      if (attempts > size * 50) throw new Error(`oracle: cannot make instances of ${report.form}`);
      const c = new Case(buffer, cases.length);
      const instance = generate(form, random, c);
      if (instance && !isAnotherForm(instance) && !undefinedResult(instance, c)) cases.push({ c, instance });
    }
    const results = runNative(buffer, size);
    cases.forEach(({ c, instance }, i) => {
      const native = results[i];
      if (!native) return;
      report.compared++;
      if (native.vector === EXECUTED) {
        report.executed++;
        if (!BRANCHES.has(def.mnemonic)) {
          const length = decode(instance.code, 0, 64, insn);
          if (c.rip + BigInt(length) !== native.rip)
            mismatch(c, instance, [`decoded as ${length} bytes, executed ${native.rip - c.rip}`]);
        }
      }
      if (!ours) return;
      try {
        const result = ours.run(c);
        const differences = compare(instance, c, native, result, ours.data);
        if (differences.length > 0) mismatch(c, instance, differences);
      } catch (error) {
        mismatch(c, instance, [`our processor threw ${error instanceof Error ? error.message : String(error)}`]);
      }
    });
  }
  return report;
}
