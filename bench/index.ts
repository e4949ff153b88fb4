/**
 * Our guests only: boot, and the programs of suite.ts.
 *
 *     npx tsx bench/index.ts [--rounds 3] [--scale 1] [--only sieve,fork] [--timeout 600]
 */
import { typervisorGuest } from "./guests/typervisor.ts";
import { parseOptions } from "./options.ts";
import { markdown } from "./report/markdown.ts";
import { currentLoad, describeHost, today } from "./report/report.ts";
import { measure } from "./rounds.ts";
import { buildRamdisk, openWorkspace } from "./workspace.ts";

const options = parseOptions(process.argv.slice(2));
const workspace = openWorkspace();
const guests = [await typervisorGuest(workspace.folder, buildRamdisk(workspace, "amd64", options))];
const { rounds, scale } = options;
const load = currentLoad();
const measurement = await measure(guests, rounds, options.timeoutSeconds, (message) => console.error(message));
console.log(markdown({ date: today(), host: describeHost(), load, rounds, scale, guests, measurement }));
process.exitCode = measurement.complaints.length > 0 ? 1 : 0;
