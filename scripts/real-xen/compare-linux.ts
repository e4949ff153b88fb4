/**
 * Boots the Linux guest here, and shows how its console differs from the one recorded on Xen
 * (tests/guests/real-xen/linux.log). Uses the packages that run.ts has unpacked.
 *
 *     npx tsx scripts/real-xen/compare-linux.ts
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createMachine } from "../../src/index.ts";
import { LINUX_COMMAND_LINE, LINUX_MEMORY_MIB, linuxRamdisk } from "./linux-guest.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const WORK = path("../../build/real-xen");
const RECORD = path("../../tests/guests/real-xen/linux.log");
const MINUTES = 5;

/** What differs from boot to boot. */
function normalize(log: string): string {
  return log
    .replaceAll("\r\n", "\n")
    .replaceAll(/^\[ *\d+\.\d+\] /gm, "")
    .replaceAll(/audit\(\d+\.\d+:/g, "audit(")
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "UUID");
}

const boot = join(WORK, "root/boot");
const kernel = join(boot, readdirSync(boot).find((name) => name.startsWith("vmlinuz-"))!);
const memory = LINUX_MEMORY_MIB << 20;
const machine = await createMachine({ memory });
const domain = await machine.createDomain({
  kernel: readFileSync(kernel),
  ramdisk: linuxRamdisk(readFileSync(join(WORK, "root/bin/busybox"))),
  commandLine: LINUX_COMMAND_LINE,
  memory,
});
const timer = setTimeout(() => domain.destroy(), MINUTES * 60_000);
let log = "";
const decoder = new TextDecoder();
for await (const chunk of domain.console.readable) log += decoder.decode(chunk, { stream: true });
const { reason } = await domain.wait();
clearTimeout(timer);
machine.destroy();

console.log(`The guest ended: ${reason}`);
writeFileSync(join(WORK, "linux-here.log"), log);
writeFileSync(join(WORK, "linux-here.txt"), normalize(log));
writeFileSync(join(WORK, "linux-xen.txt"), normalize(readFileSync(RECORD, "utf8")));
spawnSync("diff", ["-U0", "linux-xen.txt", "linux-here.txt"], { cwd: WORK, stdio: "inherit" });
