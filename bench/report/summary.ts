/** From all numbers to medians, ratios, geometric means, and what they must reach. */
import type { Row } from "../rounds.ts";
import { PROCESSOR_GROUPS } from "../suite.ts";
import { geometricMean, median } from "./statistics.ts";

export const OURS = "typervisor";
/** Of these the faster counts, in each row. */
const QEMU = ["qemu64", "qemu-max"];
const V86 = "v86";

/** How many times as fast as the peer ours is; undefined where one of the two is missing. */
export interface Ratios {
  readonly qemu: number | undefined;
  readonly v86: number | undefined;
}

export interface SummaryRow extends Ratios {
  readonly name: string;
  readonly group: Row["group"];
  /** Medians by guest. */
  readonly seconds: Readonly<Record<string, number>>;
}

export function summarize({ name, group, seconds }: Row): SummaryRow {
  const medians = Object.fromEntries(
    Object.entries(seconds).flatMap(([guest, values]) => (values.length > 0 ? [[guest, median(values)]] : [])),
  );
  const ratio = (peers: readonly string[]): number | undefined => {
    const times = peers.flatMap((peer) => medians[peer] ?? []);
    const ours = medians[OURS];
    return ours === undefined || times.length === 0 ? undefined : Math.min(...times) / ours;
  };
  return { name, group, seconds: medians, qemu: ratio(QEMU), v86: ratio([V86]) };
}

export function means(rows: readonly SummaryRow[]): Ratios {
  const mean = (values: readonly number[]): number | undefined => (values.length ? geometricMean(values) : undefined);
  return {
    qemu: mean(rows.flatMap(({ qemu }) => qemu ?? [])),
    v86: mean(rows.flatMap(({ v86 }) => v86 ?? [])),
  };
}

export interface Target {
  readonly text: string;
  readonly wanted: number;
  readonly reached: number | undefined;
}

/** What the project has set itself: docs/engine.md says more where a number falls short. */
export function targets(rows: readonly SummaryRow[]): readonly Target[] {
  const boot = means(rows.filter(({ group }) => group === "boot"));
  const isProcessor = ({ group }: SummaryRow): boolean => PROCESSOR_GROUPS.some((name) => name === group);
  const processor = rows.filter(isProcessor);
  const system = means(rows.filter(({ group }) => group === "operating system"));
  const slowest = processor.flatMap(({ v86 }) => v86 ?? []);
  return [
    { text: "Boot, against v86", wanted: 3, reached: boot.v86 },
    { text: "Boot, against QEMU", wanted: 1.25, reached: boot.qemu },
    { text: "Processor programs, geometric mean, against v86", wanted: 2.5, reached: means(processor).v86 },
    { text: "Processor programs, geometric mean, against QEMU", wanted: 0.8, reached: means(processor).qemu },
    {
      text: "The processor program that does worst against v86",
      wanted: 1,
      reached: slowest.length ? Math.min(...slowest) : undefined,
    },
    { text: "Operating system programs, geometric mean, against v86", wanted: 2.5, reached: system.v86 },
    { text: "Operating system programs, geometric mean, against QEMU", wanted: 1, reached: system.qemu },
  ];
}
