/**
 * Boots of Debian's kernel with the default guest: by the command line, and in virtual time. Skipped where
 * the guest cannot be had (no apt, or no network and nothing cached).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { commandRamdisk, createMachine, type GuestImage, obtainGuestImage } from "../../src/node.ts";

let image: GuestImage | undefined;
let skip: string | false = false;
try {
  image = await obtainGuestImage();
} catch (error) {
  skip = `the default guest cannot be had: ${(error as Error).message}`;
}

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function typervisor(argv: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", "run", "--no-tty", ...argv]);
  child.stdin.end();
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { status: status as number | null, stdout, stderr };
}

test("a command in the guest: its output, its errors and its status", { skip }, async () => {
  const script = "cat /sys/hypervisor/type; uname -r; echo oops >&2; exit 7";
  const { status, stdout, stderr } = await typervisor(["--", "sh", "-c", script]);
  const [, release] = /^linux-image-(\S+)/.exec(image?.version ?? "") ?? [];
  assert.equal(stderr, "oops\n");
  assert.equal(stdout, `xen\n${release}\n`);
  assert.equal(status, 7);
});

interface Run {
  readonly console: string;
  readonly instructions: number;
  readonly reason: string;
}

/** Boots in virtual time and runs one command that looks at much of the system. */
async function bootInVirtualTime(ramdisk: Uint8Array, kernel: Uint8Array): Promise<Run> {
  const machine = await createMachine({ memory: "128M", virtualTime: true });
  const command = "date; cat /proc/uptime /proc/interrupts; ls -lR /sys/devices | md5sum; sleep 1";
  const domain = await machine.createDomain({
    kernel,
    ramdisk: commandRamdisk(ramdisk, { argv: ["sh", "-c", command], mode: "terminal" }),
    commandLine: "console=hvc0",
    consoles: 2,
  });
  let console = "";
  for await (const chunk of domain.console.readable) console += Buffer.from(chunk).toString("latin1");
  const { reason } = await domain.wait();
  const { milestones } = machine.statistics() as { milestones: { now: { instructions: number } } };
  return { console, instructions: milestones.now.instructions, reason };
}

test("two boots in virtual time execute the same instructions and print the same bytes", { skip }, async (t) => {
  if (image === undefined) return;
  const first = await bootInVirtualTime(image.ramdisk, image.kernel);
  const second = await bootInVirtualTime(image.ramdisk, image.kernel);
  t.diagnostic(`${first.instructions} instructions`);
  assert.equal(first.reason, "poweroff");
  assert.equal(second.console, first.console);
  assert.equal(second.instructions, first.instructions);
});
