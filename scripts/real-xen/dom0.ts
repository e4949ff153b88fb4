/** The root file system of the first domain: busybox, Xen's tools with their libraries, and the guests to run. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type CpioEntry, writeCpio } from "../../src/toolstack/image/index.ts";
import { libraryFolders, run } from "./packages.ts";

/** Loaded by name, where the C library cancels a thread. */
const LOADED_LATE = "/lib/x86_64-linux-gnu/libgcc_s.so.1";

export interface Dom0Guest {
  readonly name: string;
  /** Paths on this system. */
  readonly kernel: string;
  readonly ramdisk?: Uint8Array;
  readonly commandLine?: string;
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** It is destroyed when it has run so long. */
  readonly seconds: number;
}

const DIRECTORIES = ["bin", "dev", "etc", "etc/xen", "guests", "lib", "lib64", "modules", "proc", "run", "sys", "tmp"];
const TOOLS = ["xl", "xenstored", "xenconsoled", "xen-init-dom0"];
const STORE_TOOLS = ["xenstore-exists", "xenstore-write"];
const MODULES = ["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs/xenfs"];

/** Libraries that a program needs, as the run-time linker finds them: in the packages first, then on this system. */
function libraries(root: string, program: string): string[] {
  const env = { ...process.env, LD_LIBRARY_PATH: libraryFolders(root).join(":") };
  const listing = run("ldd", [program], undefined, env);
  const missing = /^.*not found.*$/m.exec(listing);
  if (missing) throw new Error(`${program}: ${missing[0].trim()}`);
  return [...listing.matchAll(/ => (\/\S+) \(/g)].map(([, path]) => path!);
}

function configuration(guest: Dom0Guest): string {
  const settings: Record<string, string | number | undefined> = {
    name: guest.name,
    type: "pv",
    kernel: `/guests/${guest.name}.elf`,
    ramdisk: guest.ramdisk && `/guests/${guest.name}.initrd`,
    cmdline: guest.commandLine,
    memory: guest.memoryMiB,
    vcpus: guest.vcpus,
    on_poweroff: "destroy",
    on_reboot: "destroy",
    on_crash: "destroy",
  };
  const lines = Object.entries(settings).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${JSON.stringify(value)}\n`],
  );
  return `# seconds: ${guest.seconds}\n${lines.join("")}`;
}

/** @param init the first process, a shell script */
export function dom0Ramdisk(root: string, init: string, guests: readonly Dom0Guest[]): Uint8Array {
  const tools = [
    ...TOOLS.map((name) => join(root, "usr/lib/xen-4.17/bin", name)),
    ...STORE_TOOLS.map((name) => join(root, "usr/bin", name)),
  ];
  const drivers = join(root, "lib/modules", readdirSync(join(root, "lib/modules"))[0]!, "kernel/drivers/xen");
  const needed = [...new Set([...tools.flatMap((tool) => libraries(root, tool)), LOADED_LATE])];
  const program = (path: string, from: string): CpioEntry => ({
    type: "file",
    path,
    data: readFileSync(from),
    mode: 0o755,
  });
  const entries: CpioEntry[] = [
    ...[...DIRECTORIES, "var", "var/lib", "var/log", "xen"].map((path) => ({ type: "directory", path }) as const),
    { type: "device", path: "dev/console", major: 5, minor: 1 },
    { type: "file", path: "init", data: init, mode: 0o755 },
    // Memory is set aside by Xen's command line.
    { type: "file", path: "etc/xen/xl.conf", data: 'autoballoon="off"\n' },
    program("bin/busybox", join(root, "bin/busybox")),
    program("lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"),
    ...needed.map((path) => program(`lib/${basename(path)}`, path)),
    ...tools.map((path) => program(`xen/${basename(path)}`, path)),
    ...MODULES.map((name) => program(`modules/${basename(name)}.ko`, join(drivers, `${name}.ko`))),
    ...guests.flatMap((guest): CpioEntry[] => [
      { type: "file", path: `guests/${guest.name}.cfg`, data: configuration(guest) },
      program(`guests/${guest.name}.elf`, guest.kernel),
      ...(guest.ramdisk ? [{ type: "file", path: `guests/${guest.name}.initrd`, data: guest.ramdisk } as const] : []),
    ]),
  ];
  return gzipSync(writeCpio(entries), { level: 1 });
}
