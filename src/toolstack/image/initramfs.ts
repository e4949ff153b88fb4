/** The default guest's root file system: busybox, and a few scripts. */
import { busyboxApplets } from "./busybox.ts";
import { type CpioEntry, writeCpio } from "./cpio.ts";
import { COMMAND, CONSOLES, INIT, INITTAB, PROFILE, SESSION, UEVENT } from "./guest-scripts.ts";

const DIRECTORIES = ["bin", "dev", "etc", "lib", "lib/typervisor", "proc", "root", "run", "sys", "tmp", "usr", "var"];

/** All programs are in /bin. */
const LINKS: Readonly<Record<string, string>> = {
  sbin: "bin",
  "usr/bin": "../bin",
  "usr/sbin": "../bin",
  "var/run": "../run",
  "var/tmp": "../tmp",
};

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
  "etc/group": "root:x:0:\ntty:x:5:\n",
  "etc/hosts": "127.0.0.1 localhost\n",
  "etc/inittab": INITTAB,
  "etc/profile": PROFILE,
  "lib/typervisor/consoles": CONSOLES,
  "lib/typervisor/command": COMMAND,
};

const PROGRAMS: Readonly<Record<string, string>> = {
  init: INIT,
  "lib/typervisor/session": SESSION,
  "lib/typervisor/uevent": UEVENT,
};

/**
 * Makes the initial ramdisk of the default guest.
 * @param busybox a statically linked busybox
 */
export function defaultInitramfs(busybox: Uint8Array): Uint8Array {
  const entries: CpioEntry[] = [
    ...DIRECTORIES.map((path) => ({ type: "directory", path, mode: path === "tmp" ? 0o1777 : 0o755 }) as const),
    // Before devtmpfs is mounted, init has these only.
    { type: "device", path: "dev/console", major: 5, minor: 1 },
    { type: "device", path: "dev/null", major: 1, minor: 3, mode: 0o666 },
    { type: "file", path: "bin/busybox", data: busybox, mode: 0o755 },
    ...busyboxApplets(busybox)
      .filter((name) => name !== "busybox")
      .map((name) => ({ type: "symlink", path: `bin/${name}`, target: "busybox" }) as const),
    ...Object.entries(LINKS).map(([path, target]) => ({ type: "symlink", path, target }) as const),
    ...Object.entries(FILES).map(([path, data]) => ({ type: "file", path, data }) as const),
    ...Object.entries(PROGRAMS).map(([path, data]) => ({ type: "file", path, data, mode: 0o755 }) as const),
  ];
  return writeCpio(entries);
}
