/** What the real processor offers, in the words of the instruction table. */
import { readFileSync } from "node:fs";
import type { Feature } from "../../src/machine/x86/table/types.ts";

/** Names that /proc/cpuinfo has for features of the table, where they differ. */
const LINUX_NAMES: Partial<Record<Feature, string>> = {
  x87: "fpu",
  fxsr: "fxsr",
  lahf: "lahf_lm",
  lzcnt: "abm",
  sse3: "pni",
  "sse4.1": "sse4_1",
  "sse4.2": "sse4_2",
  clflush: "clflush",
  pku: "ospke",
  sha: "sha_ni",
  nopl: "nopl",
  monitor: "monitor",
  monitorx: "monitorx",
  "cet-ss": "user_shstk",
};
/** Mnemonics fault at CPL 3 whether or not the feature is there, or every 64-bit processor has it. */
const ALWAYS: readonly Feature[] = ["base", "svm", "vmx", "sep", "monitor", "syscall"];

let cached: Set<string> | undefined;

export function hostFeatures(): ReadonlySet<string> {
  if (cached) return cached;
  const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? []);
  cached = new Set<string>(ALWAYS);
  for (const flag of flags) cached.add(flag);
  for (const [feature, name] of Object.entries(LINUX_NAMES)) if (flags.has(name)) cached.add(feature);
  if (flags.has("sse") || flags.has("mmxext")) cached.add("mmxext");
  return cached;
}
