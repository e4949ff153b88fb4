/** `typervisor run -- COMMAND` as a process: status, streams apart, bytes as they are; the ways in which a guest ends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { noGuest } from "./guest-shell.ts";

const skip = await noGuest();

interface Result {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function typervisor(argv: readonly string[], stdin: Uint8Array | string = ""): Promise<Result> {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", "run", "--no-tty", ...argv]);
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (bytes: Buffer) => stdout.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => stderr.push(bytes));
  child.stdin.end(stdin);
  return new Promise((resolve) =>
    child.on("close", (status) =>
      resolve({ status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
    ),
  );
}

test("a command: status, output and errors apart, 1 MB of any bytes in and out", { skip }, async () => {
  const bytes = randomBytes(1 << 20);
  const script = 'cat; echo "$1: $(cat /sys/hypervisor/type)" >&2; exit 7';
  const { status, stdout, stderr } = await typervisor(["--", "sh", "-c", script, "sh", 'it\'s "quoted" $HOME'], bytes);
  assert.equal(stderr, 'it\'s "quoted" $HOME: xen\n');
  assert.equal(stdout.length, bytes.length);
  const digest = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
  assert.equal(digest(stdout), digest(bytes));
  assert.equal(status, 7);
});

test("a guest that panics: a report for an engineer, and a status of its own", { skip }, async () => {
  // What the command says before is not lost; the kernel's last words come with the report.
  const script = "echo before; sleep 0.2; echo c >/proc/sysrq-trigger; echo never";
  const { status, stdout, stderr } = await typervisor(["--", "sh", "-c", script]);
  assert.equal(stdout.toString(), "before\n");
  assert.equal(status, 70);
  assert.match(stderr, /sysrq: Trigger a crash/);
  assert.match(stderr, /Kernel panic - not syncing/);
  for (const part of [
    /--- crash report ---\n/,
    /\brip ffffffff/,
    /\bcr3 /,
    /backtrace/,
    /last hypercalls:\n/,
    /sched_op/,
  ]) {
    assert.match(stderr, part);
  }
  assert.match(stderr, /typervisor: the guest has crashed\n$/);
});

test("a shell on pipes; leaving it powers off", { skip }, async () => {
  const { status, stdout, stderr } = await typervisor([], "echo a$((6 * 7))b\nexit\n");
  assert.match(stdout.toString(), /a42b\r?\n/);
  assert.match(stdout.toString(), /reboot: (System halted|Power down)/);
  assert.equal(stderr, "");
  assert.equal(status, 0);
});

test("two virtual processors come up, and both work", { skip }, async () => {
  const script = "nproc; for i in 1 2 3 4; do seq 20000 | md5sum & done; wait; grep -c ^processor /proc/cpuinfo";
  const { status, stdout, stderr } = await typervisor(["--vcpus", "2", "--", "sh", "-c", script]);
  const lines = stdout.toString().trim().split("\n");
  assert.equal(stderr, "");
  assert.equal(lines[0], "2");
  assert.equal(lines.at(-1), "2");
  assert.equal(new Set(lines.slice(1, 5)).size, 1);
  assert.equal(status, 0);
});
