/**
 * Each line of the instruction table against the real processor.
 *
 *     TYPERVISOR_ORACLE_INSTANCES=1000000   instances a line (default 200)
 *     TYPERVISOR_ORACLE_ONLY=add,sub        only these mnemonics
 *     TYPERVISOR_ORACLE_SEED=2              other random instances
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { implementedMnemonics } from "../../src/machine/x86/semantics/index.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import type { InsnDef } from "../../src/machine/x86/table/types.ts";
import { buildHarness } from "./native.ts";
import { OurProcessor } from "./ours.ts";
import { reasonToSkip, runForm } from "./run.ts";

const skip = buildHarness();
const instances = Number(process.env.TYPERVISOR_ORACLE_INSTANCES ?? 200);
const seed = Number(process.env.TYPERVISOR_ORACLE_SEED ?? 1);
const only = process.env.TYPERVISOR_ORACLE_ONLY?.split(",");

const byMnemonic = new Map<string, InsnDef[]>();
for (const def of instructionTable) {
  if (only && !only.includes(def.mnemonic)) continue;
  byMnemonic.set(def.mnemonic, [...(byMnemonic.get(def.mnemonic) ?? []), def]);
}

test("instructions behave as on the real processor", { skip }, async (t) => {
  const ours = new OurProcessor();
  const missing: string[] = [];
  const skipped = new Map<string, Set<string>>();
  let compared = 0;
  for (const [mnemonic, defs] of byMnemonic) {
    const run = defs.filter((def) => {
      const reason = reasonToSkip(def);
      if (reason) skipped.set(reason, (skipped.get(reason) ?? new Set()).add(mnemonic));
      return reason === undefined;
    });
    if (run.length === 0) continue;
    if (!implementedMnemonics.has(mnemonic)) {
      missing.push(mnemonic);
      continue;
    }
    await t.test(mnemonic, () => {
      const failures: string[] = [];
      let mismatches = 0;
      let total = 0;
      for (const def of run) {
        const report = runForm(def, instances, seed, ours);
        total += report.compared;
        mismatches += report.mismatches;
        failures.push(...report.described);
      }
      compared += total;
      assert.equal(mismatches, 0, `${mnemonic}: ${mismatches} of ${total} instances differ\n${failures.join("\n")}`);
    });
  }
  t.diagnostic(`${compared} instances compared`);
  for (const [reason, mnemonics] of skipped) t.diagnostic(`not compared: ${[...mnemonics].join(" ")}: ${reason}`);
  if (missing.length > 0) t.diagnostic(`no semantics yet: ${missing.join(" ")}`);
});
