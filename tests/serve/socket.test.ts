/** The socket of a machine: its user's alone, one machine a socket, and no harm from what a killed one leaves. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { connectToMachine, FileError, machinePaths, NoDaemon, SocketInUse } from "../../src/node.ts";
import { listenOnSocket } from "../../src/platform/node/control-socket.ts";
import { Directories, serve } from "./machine.ts";

const all: Directories[] = [];
after(() => {
  for (const directories of all) directories.remove();
});
function fresh(): Directories {
  const directories = new Directories();
  all.push(directories);
  return directories;
}
const mute = () => ({ receive: () => {}, closed: () => {} });
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

/** A socket that nobody listens on, as kill -9 leaves it. */
function stale(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const code = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", code]);
  assert.ok(existsSync(path));
}

test("socket and directories are their user's alone", async () => {
  const directories = fresh();
  const { socket, state } = directories.paths();
  const machine = await serve(directories, "16M");
  assert.equal(mode(socket), "600");
  assert.equal(mode(dirname(socket)), "700");
  assert.equal(mode(state), "700");
  assert.equal(mode(join(state, "machine.log")), "600");
  const client = await connectToMachine(socket);
  assert.equal(await client.greeting, "1.2.3");
  machine.stop(true);
  await machine.stopped;
  await client.ended;
  assert.deepEqual(readdirSync(dirname(socket)), []);
  await assert.rejects(connectToMachine(socket), NoDaemon);
});

test("a directory that others may write to, or a file in place of the socket, is refused", async () => {
  const { socket } = fresh().paths();
  mkdirSync(dirname(socket), { recursive: true });
  chmodSync(dirname(socket), 0o777);
  await assert.rejects(listenOnSocket(socket, mute), /is open to others \(mode 777\)/);
  chmodSync(dirname(socket), 0o700);
  writeFileSync(socket, "");
  await assert.rejects(listenOnSocket(socket, mute), FileError);
  assert.deepEqual(readdirSync(dirname(socket)), ["default.sock"]);
});

test("a second machine says that there is one", async () => {
  const { socket } = fresh().paths();
  const first = await listenOnSocket(socket, mute);
  await assert.rejects(
    listenOnSocket(socket, mute),
    (error) => error instanceof SocketInUse && !/\n/.test(error.message),
  );
  assert.deepEqual(readdirSync(dirname(socket)), ["default.sock"]);
  await first.close();
  await (await listenOnSocket(socket, mute)).close();
});

test("what a killed machine leaves does not matter", async () => {
  const { socket } = fresh().paths();
  stale(socket);
  stale(join(dirname(socket), "~01234567"));
  await assert.rejects(connectToMachine(socket), NoDaemon);
  const server = await listenOnSocket(socket, mute);
  assert.deepEqual(readdirSync(dirname(socket)), ["default.sock"]);
  await server.close();
  assert.deepEqual(readdirSync(dirname(socket)), []);
});

test("of many that start at the same moment, one at most wins, and can be reached", async () => {
  for (const before of [() => {}, stale]) {
    const { socket } = fresh().paths();
    before(socket);
    let winner = -1;
    const starts = Array.from({ length: 8 }, (_, i) =>
      listenOnSocket(socket, (transport) => {
        winner = i;
        transport.close();
        return mute();
      }),
    );
    const results = await Promise.allSettled(starts);
    const won = results.flatMap((result, i) => (result.status === "fulfilled" ? [{ i, server: result.value }] : []));
    assert.equal(won.length, 1);
    for (const result of results) {
      if (result.status === "rejected") assert.ok(result.reason instanceof SocketInUse, String(result.reason));
    }
    await new Promise((resolve) => connect(socket).once("close", resolve).resume());
    assert.equal(winner, won[0]?.i);
    assert.deepEqual(readdirSync(dirname(socket)), ["default.sock"]);
    await won[0]?.server.close();
  }
});

test("garbage and huge lines end their own connection only", async () => {
  const directories = fresh();
  const { socket } = directories.paths();
  const machine = await serve(directories, "16M");
  const good = await connectToMachine(socket);
  const insult = (bytes: Uint8Array): Promise<string> =>
    new Promise((resolve) => {
      let answer = "";
      const client = connect(socket);
      client.on("data", (data) => (answer += data.toString()));
      client.on("error", () => {});
      client.on("close", () => resolve(answer));
      client.write(bytes);
    });
  assert.match(await insult(Buffer.from("GET / HTTP/1.1\r\n\r\n")), /"bad-request"/);
  assert.match(await insult(Buffer.alloc(2 << 20, 0x41)), /^\{"typervisor"/);
  assert.match(await insult(Buffer.from('{"protocol":1}\n{"id":1}\n')), /message.method: is missing/);
  assert.match(await insult(Buffer.from([0xff, 0xfe, 0x0a])), /"bad-request"/);
  assert.equal((await good.request("info", {})).domains, 0);
  good.close();
  machine.stop(true);
  await machine.stopped;
});

test("names and the environment choose the socket", () => {
  const paths = (name?: string, environment = {}) => machinePaths(name, environment);
  assert.equal(paths(undefined, { XDG_RUNTIME_DIR: "/run/user/7" }).socket, "/run/user/7/typervisor/default.sock");
  assert.equal(paths("lab", { XDG_RUNTIME_DIR: "/run/user/7" }).socket, "/run/user/7/typervisor/lab.sock");
  assert.match(paths("lab", { XDG_RUNTIME_DIR: "relative" }).socket, /\/typervisor-\d+\/lab\.sock$/);
  assert.equal(paths("lab", { XDG_STATE_HOME: "/s" }).state, "/s/typervisor/lab");
  assert.match(paths(undefined, {}).state, /\/\.local\/state\/typervisor\/default$/);
  const chosen = paths(undefined, { TYPERVISOR_SOCKET: "/x/y.sock", XDG_STATE_HOME: "/s" });
  assert.deepEqual(chosen, { name: "y", socket: "/x/y.sock", state: "/s/typervisor/y" });
  // What is said is stronger than the environment.
  assert.match(paths("lab", { TYPERVISOR_SOCKET: "/x/y.sock" }).socket, /lab\.sock$/);
  for (const bad of ["", "a/b", "..", ".hidden", "x".repeat(41)]) assert.throws(() => paths(bad), FileError);
  assert.throws(() => paths(undefined, { TYPERVISOR_SOCKET: `/${"x".repeat(120)}` }), /too long/);
});
