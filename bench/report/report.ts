/** What one run of the suite has found, with all that is needed to judge it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Measurement } from "../rounds.ts";
import { markdown } from "./markdown.ts";

export interface Report {
  readonly date: string;
  readonly host: string;
  readonly rounds: number;
  readonly scale: number;
  readonly guests: readonly { readonly name: string; readonly description: string }[];
  readonly measurement: Measurement;
}

const RESULTS = fileURLToPath(new URL("../results", import.meta.url));

export const today = (): string => new Date().toISOString().slice(0, 10);

export function describeHost(): string {
  const processors = cpus();
  return `${processors.length} × ${processors[0]?.model.trim() ?? process.arch}, Linux ${release()}`;
}

/** Writes results/NAME.json and results/NAME.md. @returns the Markdown */
export function saveReport(name: string, report: Report): string {
  const text = markdown(report);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`);
  writeFileSync(join(RESULTS, `${name}.md`), text);
  return text;
}
