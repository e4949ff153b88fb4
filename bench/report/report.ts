/** What one run of the suite has found, with all that is needed to judge it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Measurement } from "../rounds.ts";
import { markdown } from "./markdown.ts";

export interface Report {
  readonly date: string;
  readonly host: string;
  /** The host's load average of a minute before it all began: should be near 0. */
  readonly load: number;
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

export const currentLoad = (): number => loadavg()[0] ?? 0;

/** Writes results/NAME.json and results/NAME.md. @returns the Markdown */
export function saveReport(name: string, report: Report): string {
  const text = markdown(report);
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.json`), json(report));
  writeFileSync(join(RESULTS, `${name}.md`), text);
  return text;
}

/** As biome would format it: lists of numbers on one line. */
function json(report: Report): string {
  const text = JSON.stringify(report, (_, value: unknown) => (typeof value === "number" ? round(value) : value), 2);
  return `${text.replace(/\[[-\d.,\s]+\]/g, (list) => list.replace(/\s+/g, " ").replace("[ ", "[").replace(" ]", "]"))}\n`;
}

const round = (value: number): number => Math.round(value * 1e4) / 1e4;
