/**
 * Encodings that were older instructions with a prefix that is ignored, and are those still where
 * their feature is not offered. Compilers rely on it: they use TZCNT as a shorter-running BSF.
 */
import type { Insn } from "./insn.ts";
import { instructionTable } from "./table/index.ts";
import type { InsnDef } from "./table/types.ts";

const OLDER: Readonly<Record<string, string>> = { tzcnt: "bsf", lzcnt: "bsr", wbnoinvd: "wbinvd" };

const olderDefs = new Map<string, InsnDef>();
for (const [newer, older] of Object.entries(OLDER)) {
  const def = instructionTable.find((line) => line.mnemonic === older);
  if (def) olderDefs.set(newer, def);
}

/**
 * Makes `insn` what a processor with these features executes.
 * @returns false: an undefined opcode
 */
export function resolveFeature(insn: Insn, features: ReadonlySet<string>): boolean {
  if (features.has(insn.def.feature)) return true;
  const older = olderDefs.get(insn.def.mnemonic);
  if (older === undefined) return false;
  insn.def = older;
  return true;
}
