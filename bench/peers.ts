/**
 * Ours, QEMU and v86 in turns over the same programs: one table of ratios, saved in bench/results/.
 * Downloads and builds what it needs in build/bench/, about 300 MB.
 *
 *     npm run bench:peers -- [--rounds 3] [--scale 1] [--only sieve,fork] [--guests typervisor,v86] [--save | --no-save]
 */
import { qemuGuests } from "./guests/qemu.ts";
import { typervisorGuest } from "./guests/typervisor.ts";
import { v86Guest } from "./guests/v86.ts";
import { parseOptions } from "./options.ts";
import { markdown } from "./report/markdown.ts";
import { currentLoad, describeHost, type Report, saveReport, today } from "./report/report.ts";
import { measure } from "./rounds.ts";
import { buildRamdisk, openWorkspace } from "./workspace.ts";

const options = parseOptions(process.argv.slice(2));
const workspace = openWorkspace();
const amd64 = buildRamdisk(workspace, "amd64", options);
const i386 = buildRamdisk(workspace, "i386", options);
const all = [
  await typervisorGuest(workspace.folder, amd64),
  ...(await qemuGuests(workspace.apt, amd64)),
  v86Guest(workspace.apt, workspace.folder, i386),
];
for (const wanted of options.guests) {
  if (!all.some(({ name }) => name === wanted)) throw new Error(`there is no guest "${wanted}"`);
}
const guests = options.guests.length === 0 ? all : all.filter(({ name }) => options.guests.includes(name));

const { rounds, scale } = options;
const load = currentLoad();
const measurement = await measure(guests, rounds, options.timeoutSeconds, (message) => console.error(message));
const described = guests.map(({ name, description }) => ({ name, description }));
const report: Report = { date: today(), host: describeHost(), load, rounds, scale, guests: described, measurement };
console.log(options.save ? saveReport(`peers-${today()}`, report) : markdown(report));
process.exitCode = measurement.complaints.length > 0 ? 1 : 0;
