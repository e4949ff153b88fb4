/** The guests' initial ramdisk: busybox, the programs, and an init that runs them one after the other. */
import { type CpioEntry, writeCpio } from "../../src/toolstack/image/index.ts";
import { guestCommand, type Program } from "../suite.ts";
import type { ProgramFiles } from "./programs.ts";

/** The markers @boot, @start NAME, @end NAME RESULT, @done are for guests/session.ts. */
function init(programs: readonly Program[], scale: number): string {
  return `#!/bin/busybox sh
echo @boot
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
cd /bench
${programs.map((program) => guestCommand(program, scale)).join("\n")}
echo @done
while true; do sleep 60; done
`;
}

export function buildInitramfs(files: ProgramFiles, programs: readonly Program[], scale: number): Uint8Array {
  const entries: CpioEntry[] = ["bin", "dev", "proc", "tmp", "bench"].map((path) => ({ type: "directory", path }));
  entries.push({ type: "device", path: "dev/console", major: 5, minor: 1 });
  entries.push({ type: "file", path: "init", mode: 0o755, data: init(programs, scale) });
  for (const [name, data] of files) {
    entries.push({ type: "file", path: name === "busybox" ? "bin/busybox" : `bench/${name}`, mode: 0o755, data });
  }
  return writeCpio(entries);
}
