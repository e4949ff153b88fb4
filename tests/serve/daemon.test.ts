/** The machine as a process of its own: foreground and background, signals, kill -9 at any moment. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { type ControlClient, connectToMachine } from "../../src/node.ts";
import { Directories, type Outcome, until } from "./machine.ts";

const directories = new Directories();
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  directories.remove();
});

function start(...argv: string[]): ChildProcess {
  const { TYPERVISOR_SOCKET: _, ...environment } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli/main.ts", ...argv], {
    env: { ...environment, ...directories.environment },
  });
  children.push(child);
  return child;
}

function ended(child: ChildProcess): Promise<Outcome> {
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr?.on("data", (bytes: Buffer) => (stderr += bytes.toString()));
  return new Promise((resolve) =>
    child.on("close", (status, signal) =>
      resolve({ status: status ?? (signal === "SIGKILL" ? 137 : -1), stdout, stderr }),
    ),
  );
}

async function reach(name: string): Promise<ControlClient> {
  const { socket } = directories.paths(name);
  let client: ControlClient | undefined;
  const answers = (): Promise<boolean> =>
    connectToMachine(socket).then(
      (connected) => {
        client = connected;
        return true;
      },
      () => false,
    );
  for (let tries = 0; !(await answers()); tries++) {
    assert.ok(tries < 300, "the machine does not answer");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return client as ControlClient;
}

const block = directories.guest("block", { prints: "hello\n", ends: "block" });
const spec = (name: string) => ({
  name,
  kernel: block,
  memoryBytes: 4 << 20,
  vcpus: 1,
  onPoweroff: "destroy" as const,
  onReboot: "restart" as const,
  onWatchdog: "destroy" as const,
  onCrash: "destroy" as const,
});

test("in the foreground: SIGTERM asks the guests, waits its time, and leaves nothing", async () => {
  const child = start("serve", "--name", "front", "--memory", "32M", "--shutdown-timeout", "0.3");
  const end = ended(child);
  const client = await reach("front");
  await client.request("create", { spec: spec("one"), paused: false });
  const outcome = client.request("wait", { domain: "one" });
  const asked: string[] = [];
  client.stream("storeWatch", { path: "/local/domain/1/control/shutdown" }, ({ path }) => void asked.push(path));
  await until(() => asked.length === 1, "the watch");
  child.kill("SIGTERM");
  assert.deepEqual(await outcome, { reason: "destroyed" });
  const { status, stderr } = await end;
  assert.equal(status, 0);
  assert.match(stderr, /^typervisor: machine front with 32 MiB is running on .*front\.sock\n/);
  // The request, and perhaps the end of the directory.
  assert.ok(asked.length >= 2, String(asked.length));
  await client.ended;
  const { socket, state } = directories.paths("front");
  assert.deepEqual(readdirSync(dirname(socket)), []);
  assert.equal(readFileSync(join(state, "console", "one.log"), "utf8"), "hello\n");
  assert.match(
    readFileSync(join(state, "machine.log"), "utf8"),
    /started, process \d+.*\n[\s\S]*stopping[\s\S]*stopped\n$/,
  );
  assert.ok(!existsSync(join(state, "daemon.json")));
});

test("a second signal ends it at once", async () => {
  const child = start("serve", "--name", "hasty", "--memory", "32M", "--shutdown-timeout", "60");
  const end = ended(child);
  const client = await reach("hasty");
  await client.request("create", { spec: spec("one"), paused: false });
  child.kill("SIGINT");
  await until(async () => {
    const created = client.request("create", { spec: spec("two"), paused: false });
    return (await created.catch((error: Error) => error.message)) === "the machine is about to stop";
  }, "it stops");
  child.kill("SIGINT");
  assert.equal((await end).status, 0);
});

test("in the background; a second one says that it runs; kill -9; the next one starts", async () => {
  const first = await ended(start("serve", "--daemon", "--name", "back", "--memory", "32M"));
  assert.equal(first.stderr, "");
  assert.equal(first.status, 0);
  const { socket, state } = directories.paths("back");
  const { pid } = JSON.parse(readFileSync(join(state, "daemon.json"), "utf8"));
  assert.equal(first.stdout, `machine is running on ${socket}, process ${pid}\n`);

  const second = await ended(start("serve", "--daemon", "--name", "back", "--memory", "32M"));
  assert.equal(second.status, 1);
  assert.equal(second.stdout, "");
  assert.match(second.stderr, /^typervisor: a machine runs on \S+back\.sock already: [^\n]*--name\n$/);

  const client = await reach("back");
  await client.request("create", { spec: spec("one"), paused: false });
  process.kill(pid, "SIGKILL");
  await client.ended;
  assert.ok(existsSync(socket));
  const third = await ended(start("serve", "--daemon", "--name", "back", "--memory", "32M"));
  assert.equal(third.status, 0, third.stderr);
  const again = await reach("back");
  assert.deepEqual((await again.request("list", {})).domains, []);
  await again.request("create", { spec: spec("one"), paused: false });
  await again.request("stop", { now: true });
  await again.ended;
});

test("killed at any moment of its start, it does not keep the next one from starting", async () => {
  for (const milliseconds of [300, 700, 1100]) {
    const child = start("serve", "--name", "killed", "--memory", "32M");
    const end = ended(child);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill("SIGKILL");
    await end;
  }
  const child = start("serve", "--name", "killed", "--memory", "32M");
  const end = ended(child);
  const client = await reach("killed");
  const { socket } = directories.paths("killed");
  await until(() => !readdirSync(dirname(socket)).some((name) => name.startsWith("~")), "leftovers go");
  await client.request("stop", { now: true });
  assert.equal((await end).status, 0);
});
