/** The report as Markdown. */
import { GROUPS, PROCESSOR_GROUPS } from "../suite.ts";
import type { Report } from "./report.ts";
import { means, type Ratios, type SummaryRow, summarize, targets } from "./summary.ts";

const seconds = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(3));
const ratio = (value: number | undefined): string => (value === undefined ? "–" : value.toFixed(2));
const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

export function markdown(report: Report): string {
  const { guests, measurement, host, date, load, rounds, scale } = report;
  const rows = measurement.rows.map(summarize);
  const compared = guests.length > 1;
  const names = guests.map(({ name }) => name);

  const row = ({ name, seconds: times, ...ratios }: SummaryRow): string =>
    line([
      name,
      ...names.map((guest) => seconds(times[guest])),
      ...(compared ? [ratio(ratios.qemu), ratio(ratios.v86)] : []),
    ]);
  const mean = (title: string, { qemu, v86 }: Ratios): string =>
    line([`**${title}**`, ...names.map(() => ""), `**${ratio(qemu)}**`, `**${ratio(v86)}**`]);
  const of = (groups: readonly string[]): SummaryRow[] => rows.filter(({ group }) => groups.includes(group));

  const head = ["Seconds", ...names, ...(compared ? ["× QEMU", "× v86"] : [])];
  const table = [line(head), line(["---", ...head.slice(1).map(() => "--:")]), ...of(["boot"]).map(row)];
  for (const group of GROUPS) {
    const members = of([group]);
    if (members.length === 0) continue;
    table.push(line([`*${group}*`, ...head.slice(1).map(() => "")]), ...members.map(row));
    if (compared) table.push(mean(`geometric mean, ${group}`, means(members)));
  }
  if (compared) table.push(mean("geometric mean, processor programs", means(of(PROCESSOR_GROUPS))));

  return `${[
    `${date}, ${host}, load ${load.toFixed(1)} before. Medians of ${rounds} rounds${scale === 1 ? "" : `, programs shortened to ${scale * 100} %`}.`,
    guests.map(({ name, description }) => `* ${name}: ${description}`).join("\n"),
    ...(compared
      ? [
          "The last columns say how many times as fast ours is: above 1 we are faster. Of QEMU's two the faster counts, in each row.",
        ]
      : []),
    table.join("\n"),
    ...(compared ? [wanted(rows)] : []),
    ...(measurement.complaints.length
      ? [
          `Complaints:\n\n${measurement.complaints.map((text) => `    ${text.trim().replaceAll("\n", "\n    ")}`).join("\n\n")}`,
        ]
      : []),
  ].join("\n\n")}\n`;
}

function wanted(rows: readonly SummaryRow[]): string {
  return [
    line(["What is wanted", "at least", "measured", ""]),
    line(["---", "--:", "--:", "---"]),
    ...targets(rows).map(({ text, wanted: least, reached }) =>
      line([
        text,
        ratio(least),
        ratio(reached),
        reached === undefined ? "" : reached >= least ? "reached" : "**missed**",
      ]),
    ),
  ].join("\n");
}
