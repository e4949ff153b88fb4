/** The command as a process: pipes, signals, exit status. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type TinyGuest, tinyGuest } from "../library/tiny-guest.ts";

const directory = mkdtempSync(join(tmpdir(), "typervisor-test-"));
after(() => rmSync(directory, { recursive: true }));

function typervisor(...argv: string[]): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...argv]);
}

function runGuest(guest: TinyGuest, ...argv: string[]): ChildProcessWithoutNullStreams {
  const kernel = join(directory, `kernel-${Math.random()}`);
  writeFileSync(kernel, tinyGuest(guest));
  return typervisor("run", "--kernel", kernel, "--memory", "16M", ...argv);
}

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function result(child: ChildProcessWithoutNullStreams): Promise<Result> {
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, stdout, stderr })));
}

test("help and version", async () => {
  const [help, version, none] = await Promise.all([
    result(typervisor("run", "--help")),
    result(typervisor("--version")),
    result(typervisor()),
  ]);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /typervisor run -- uname -a/);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(none.status, 2);
});

test("input and output through pipes; statistics into a file", async () => {
  const stats = join(directory, "stats.json");
  const child = runGuest({ prints: "> ", echo: true, ends: "poweroff" }, `--stats=${stats}`);
  child.stdin.end("through a pipe\n");
  assert.deepEqual(await result(child), { status: 0, stdout: "> through a pipe\n", stderr: "" });
  const statistics = JSON.parse(readFileSync(stats, "utf8"));
  assert.ok(statistics.milestones.now.instructions > 10);
  assert.ok(statistics.milestones.first_console_byte.wall_seconds >= 0);
  assert.equal(statistics.hypercalls.sched_op.operations.shutdown, 1);
});

test("--profile is written however the guest ends", async () => {
  const file = (name: string): string => join(directory, `${name}.cpuprofile`);
  const crashed = result(runGuest({ prints: "", ends: "fault" }, "--profile", file("crash")));
  const over = result(runGuest({ prints: "", ends: "spin" }, "--profile", file("timeout"), "--timeout", "0.3"));
  const interrupted = runGuest({ prints: "up", ends: "spin" }, "--profile", file("interrupt"));
  const interruption = result(interrupted);
  interrupted.stdout.once("data", () => interrupted.kill("SIGINT"));
  const statuses = [(await crashed).status, (await over).status, (await interruption).status];
  assert.deepEqual(statuses, [70, 124, 130]);
  for (const name of ["crash", "timeout", "interrupt"]) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file(name), "utf8"));
    assert.equal(nodes[0].callFrame.functionName, "(root)");
    assert.equal(samples.length, timeDeltas.length);
  }
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith(".tmp")),
    [],
  );

  const bad = await result(runGuest({ prints: "", ends: "poweroff" }, "--profile", join(directory, "no", "where")));
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /^typervisor: cannot write profile .*where: no such file\n$/);
});

test("--timeout, SIGTERM, and a reader that leaves", async () => {
  const timeout = result(runGuest({ prints: "", ends: "spin" }, "--timeout", "0.2"));

  const terminated = runGuest({ prints: "up", ends: "block" });
  const termination = result(terminated);
  terminated.stdout.once("data", () => terminated.kill("SIGTERM"));

  const left = runGuest({ prints: "some", echo: true, ends: "block" });
  const leaving = result(left);
  left.stdout.once("data", () => {
    left.stdout.destroy();
    left.stdin.write("more\n");
  });

  assert.deepEqual(await timeout, { status: 124, stdout: "", stderr: "" });
  assert.deepEqual(await termination, { status: 143, stdout: "up", stderr: "" });
  assert.deepEqual(await leaving, { status: 141, stdout: "some", stderr: "" });
});

test("a bad command line: one line on standard error", async () => {
  const { status, stdout, stderr } = await result(typervisor("run", "--memory", "much"));
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /^typervisor: --memory: [^\n]*\n$/);
});
