/**
 * Boots the test guests (or those named) on Debian's Xen under QEMU's TCG, and records what they print in
 * tests/guests/real-xen/. Needs Debian 12 on x86-64, and apt's mirrors; takes a few minutes, one processor.
 *
 *     npx tsx scripts/real-xen/run.ts [--linux] [NAME...]
 *
 * With --linux, Debian's kernel boots too, and shows what it sees (linux-init.sh): tests/guests/real-xen/linux.log.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { buildGuest, guestConfig, sourceHash, testGuests } from "../../guests/build.ts";
import { type Dom0Guest, dom0Ramdisk } from "./dom0.ts";
import { LINUX_COMMAND_LINE, LINUX_MEMORY_MIB, linuxRamdisk } from "./linux-guest.ts";
import { libraryFolders, obtainPackages, run } from "./packages.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const WORK = path("../../build/real-xen");
const RECORDS = path("../../tests/guests/real-xen");
const MINUTES = 20;

/** What xl says of the end, by SHUTDOWN_* reason. */
const REASONS = ["poweroff", "reboot", "suspend", "crash", "watchdog", "soft_reset"];

function testGuest(name: string): Dom0Guest {
  const kernel = buildGuest(name);
  if (!kernel) throw new Error("test guests are built with gcc for x86-64, which is not here");
  // As tests/guests/run-guest.ts runs them.
  return { name, kernel, memoryMiB: 16, vcpus: guestConfig(name).vcpus ?? 1, seconds: 60 };
}

function linuxGuest(root: string): Dom0Guest {
  const kernel = join(root, "boot", readdirSync(join(root, "boot")).find((name) => name.startsWith("vmlinuz-"))!);
  const ramdisk = linuxRamdisk(readFileSync(join(root, "bin/busybox")));
  return {
    name: "linux",
    kernel,
    ramdisk,
    commandLine: LINUX_COMMAND_LINE,
    memoryMiB: LINUX_MEMORY_MIB,
    vcpus: 1,
    seconds: 240,
  };
}

/** Runs the machine until it switches itself off. Returns the folder of the first domain's results. */
function boot(root: string, guests: readonly Dom0Guest[]): string {
  const file = (name: string): string => join(WORK, name);
  const boot = join(root, "boot");
  const kernel = join(boot, readdirSync(boot).find((name) => name.startsWith("vmlinuz-"))!);
  writeFileSync(file("xen"), gunzipSync(readFileSync(join(boot, "xen-4.17-amd64.gz"))));
  writeFileSync(file("dom0.cpio.gz"), dom0Ramdisk(root, readFileSync(path("dom0-init.sh"), "utf8"), guests));
  for (const name of ["results.tar", "results"]) rmSync(file(name), { recursive: true, force: true });
  const words = [
    ...[
      "-M",
      "pc",
      "-accel",
      "tcg",
      "-cpu",
      "max",
      "-m",
      "2G",
      "-smp",
      "1",
      "-nographic",
      "-nic",
      "none",
      "-no-reboot",
    ],
    ...["-L", join(root, "usr/share/qemu"), "-L", join(root, "usr/share/seabios")],
    ...["-serial", `file:${file("console.log")}`, "-serial", `file:${file("results.tar")}`, "-monitor", "none"],
    ...[
      "-kernel",
      file("xen"),
      "-append",
      "com1=115200,8n1 console=com1 dom0_mem=768M,max:768M loglvl=all guest_loglvl=all",
    ],
    ...["-initrd", `${kernel} console=hvc0 loglevel=4,${file("dom0.cpio.gz")}`],
  ];
  const { status, error } = spawnSync(join(root, "usr/bin/qemu-system-x86_64"), words, {
    env: { ...process.env, LD_LIBRARY_PATH: libraryFolders(root).join(":") },
    stdio: ["ignore", "inherit", "inherit"],
    timeout: MINUTES * 60_000,
  });
  if (error || status !== 0) throw new Error(`QEMU failed (${error?.message ?? status}): see ${file("console.log")}`);
  mkdirSync(file("results"));
  run("tar", ["-x", "-f", file("results.tar"), "-C", file("results")]);
  return file("results");
}

const words = process.argv.slice(2);
const names = words.filter((word) => !word.startsWith("--"));
mkdirSync(WORK, { recursive: true });
mkdirSync(RECORDS, { recursive: true });
const { root, versions } = obtainPackages(WORK);
// One guest at a time runs there: those that need a second domain are left out.
const alone = testGuests().filter((name) => guestConfig(name).domains === undefined);
const guests = (names.length > 0 ? names : alone).map(testGuest);
const linux = words.includes("--linux") ? [linuxGuest(root)] : [];
const results = boot(root, [...guests, ...linux]);

const recordFile = join(RECORDS, "record.json");
const guestRecords: Record<string, { end: string; sources: string }> = {};
for (const { name } of guests) {
  const report = readFileSync(join(results, `${name}.xl`), "utf8");
  const reason = /has shut down, reason code (\d+)/.exec(report)?.[1];
  guestRecords[name] = {
    end: reason === undefined ? report : (REASONS[Number(reason)] ?? reason),
    sources: sourceHash(name),
  };
  const text = readFileSync(join(results, `${name}.console`), "utf8").replaceAll("\r\n", "\n");
  writeFileSync(join(RECORDS, `${name}.txt`), text);
  console.log(`--- ${name}: ${guestRecords[name].end}\n${text}`);
}
if (linux.length > 0) {
  writeFileSync(
    join(RECORDS, "linux.log"),
    readFileSync(join(results, "linux.console"), "utf8").replaceAll("\r\n", "\n"),
  );
}
const recorded = { machine: {}, guests: {} as typeof guestRecords };
try {
  Object.assign(recorded, JSON.parse(readFileSync(recordFile, "utf8")));
} catch {
  // The first record.
}
recorded.machine = Object.fromEntries(
  [...versions].filter(([name]) => /^(qemu-system-x86|xen-hypervisor|xen-utils|linux-image|busybox)/.test(name)).sort(),
);
Object.assign(recorded.guests, guestRecords);
writeFileSync(recordFile, `${JSON.stringify(recorded, undefined, 2)}\n`);
