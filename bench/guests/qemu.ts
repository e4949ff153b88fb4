/** Debian's QEMU, emulating a whole PC by TCG on one thread, with the same kernel and ramdisk as ours. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { obtainGuestImage } from "../../src/node.ts";
import type { PrivateApt } from "../images/apt.ts";
import { findKernel } from "../images/kernel.ts";
import { commandLine, type Guest, MEMORY_MIB } from "./guest.ts";

/** The baseline of x86-64, and all that TCG has. */
const MODELS = [
  { name: "qemu64", cpu: "qemu64" },
  { name: "qemu-max", cpu: "max" },
] as const;

export async function qemuGuests(apt: PrivateApt, ramdisk: string): Promise<readonly Guest[]> {
  const root = apt.unpackWithDependencies("qemu", "qemu-system-x86");
  const library = "lib/x86_64-linux-gnu";
  const path = [join(root, library), join(root, "usr", library)].join(":");
  const loader = join(root, library, "ld-linux-x86-64.so.2");
  const qemu = [loader, "--library-path", path, join(root, "usr/bin/qemu-system-x86_64")] as const;
  const version = /version (\S+)/.exec(
    execFileSync(qemu[0], [...qemu.slice(1), "--version"], { encoding: "utf8" }),
  )?.[1];

  // TCG itself is a module.
  const environment = { QEMU_MODULE_DIR: join(root, "usr", library, "qemu") };

  const { version: kernelVersion } = await obtainGuestImage();
  const kernel = findKernel(apt.unpack("kernel-amd64", [kernelVersion.replace(" ", "=")], "./boot"));
  const machine = ["-accel", "tcg,thread=single", "-m", `${MEMORY_MIB}M`, "-nodefaults", "-no-reboot"];
  const devices = ["-display", "none", "-serial", "stdio", "-L", join(root, "usr/share/qemu")];
  const firmware = ["-L", join(root, "usr/share/seabios")];
  const boot = ["-kernel", kernel, "-initrd", ramdisk, "-append", commandLine("ttyS0")];
  return MODELS.map(({ name, cpu }) => ({
    name,
    description: `QEMU ${version} (Debian), TCG, -cpu ${cpu}, ${kernelVersion}`,
    command: [qemu[0], ...qemu.slice(1), ...machine, "-cpu", cpu, ...devices, ...firmware, ...boot],
    environment,
  }));
}
