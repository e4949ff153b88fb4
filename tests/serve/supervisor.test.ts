/** What becomes of domains: the actions of on_poweroff, on_reboot, on_watchdog and on_crash, and failures that leave nothing. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { createMachine, type DomainSpec, type Machine } from "../../src/index.ts";
import { controlHandlers } from "../../src/toolstack/control/handlers.ts";
import { MessageBuffer } from "../../src/toolstack/control/message-buffer.ts";
import { ControlError } from "../../src/toolstack/control/protocol.ts";
import { Supervisor } from "../../src/toolstack/control/supervisor.ts";
import { tinyGuest } from "../library/tiny-guest.ts";
import { until } from "./machine.ts";
import { connected } from "./wire.ts";

const kernels: Record<string, Uint8Array> = {
  poweroff: tinyGuest({ prints: "bye", ends: "poweroff" }),
  reboot: tinyGuest({ prints: "again", ends: "reboot" }),
  crash: tinyGuest({ prints: "oops", ends: "fault" }),
  watchdog: tinyGuest({ prints: "woof", ends: "watchdog" }),
  suspend: tinyGuest({ prints: "zzz", ends: "suspend" }),
  block: tinyGuest({ prints: "hello", ends: "block" }),
  junk: new TextEncoder().encode("not a kernel"),
};

let machine: Machine | undefined;
afterEach(() => machine?.destroy());

async function start(): Promise<Supervisor> {
  const created = await createMachine({ memory: "32M" });
  machine = created;
  const messages = new MessageBuffer(() => 0);
  return new Supervisor(
    created,
    {
      readFile: async (path) => {
        const found = kernels[path];
        if (found === undefined) throw new ControlError("bad-file", `cannot read kernel ${path}: no such file`);
        return found;
      },
      defaultGuest: async () => ({ kernel: kernels["block"]!, ramdisk: new Uint8Array(5000) }),
      consoleLog: () => ({ write: () => {}, close: () => {} }),
      // Nobody waits a second between restarts here.
      after: (_milliseconds, callback) => {
        const timer = setTimeout(callback, 20);
        return () => clearTimeout(timer);
      },
      failed: (error) => assert.fail(String(error)),
    },
    messages,
  );
}

function spec(name: string, kernel: string | undefined, more: Partial<DomainSpec> = {}): DomainSpec {
  return {
    name,
    ...(kernel !== undefined && { kernel }),
    memoryBytes: 4 << 20,
    vcpus: 1,
    onPoweroff: "destroy",
    onReboot: "restart",
    onWatchdog: "destroy",
    onCrash: "destroy",
    ...more,
  };
}

/** Free memory of a machine that has had a domain: the hypervisor's heap keeps a frame or two for the next. */
async function freeMemory(supervisor: Supervisor): Promise<number> {
  supervisor.destroy(await supervisor.create(spec("first", "block")));
  return supervisor.machine.memory.free;
}

/** Nothing is there that was not there before. */
function nothingLeft(supervisor: Supervisor, free: number): void {
  const { machine } = supervisor;
  assert.deepEqual(supervisor.all, []);
  assert.deepEqual(machine.domains, []);
  assert.equal(machine.memory.free, free);
  assert.deepEqual(machine.xenstore.directory("/local/domain"), ["0"]);
  assert.deepEqual(machine.xenstore.directory("/vm"), []);
}

test("a domain that powers off, crashes or suspends goes, with all that it had", async () => {
  const supervisor = await start();
  const free = await freeMemory(supervisor);
  for (const reason of ["poweroff", "crash", "watchdog", "suspend"] as const) {
    const { outcome } = await supervisor.create(spec("a", reason));
    assert.deepEqual(await outcome, { reason });
    nothingLeft(supervisor, free);
  }
  assert.match(supervisor.messages.toString(), /Domain \d+ \(a\) has ended: crash\n.*unhandled exception #UD/);
});

test("restart: a new domain of the same configuration, with the same uuid", async () => {
  const supervisor = await start();
  const first = await supervisor.create(spec("a", "reboot"));
  const { reason, successor } = await first.outcome;
  assert.equal(reason, "reboot");
  const second = supervisor.find("a");
  assert.equal(second.domain.id, successor);
  assert.notEqual(second.domain.id, first.domain.id);
  assert.equal(second.domain.uuid, first.domain.uuid);
  assert.deepEqual(second.spec, first.spec);
  // And again, until somebody destroys it.
  await second.outcome;
  await until(() => supervisor.all.length === 1, "a third one");
  supervisor.destroy(supervisor.find("a"));
  assert.deepEqual(supervisor.all, []);
});

test("a restart has the name that the domain had at last", async () => {
  const supervisor = await start();
  const { domain, outcome } = await supervisor.create(spec("a", "reboot"), { paused: true });
  domain.rename("b");
  domain.unpause();
  await outcome;
  assert.deepEqual(
    supervisor.all.map(({ domain }) => domain.name),
    ["b"],
  );
});

test("preserve: it stays as it was until it is destroyed", async () => {
  const supervisor = await start();
  const free = await freeMemory(supervisor);
  const crashed = await supervisor.create(spec("a", "crash", { onCrash: "preserve" }));
  assert.deepEqual(await crashed.outcome, { reason: "crash" });
  assert.equal(supervisor.find("a"), crashed);
  assert.equal(crashed.domain.info().shutdownReason, 3);
  assert.equal(crashed.domain.info().memoryBytes, 4 << 20);
  assert.throws(() => supervisor.checkName("a"), { code: "name-in-use" });
  supervisor.destroy(crashed);
  nothingLeft(supervisor, free);
});

test("rename-restart: the one that ended stays under another name, the new one has the old name", async () => {
  const supervisor = await start();
  const first = await supervisor.create(spec("a", "watchdog", { onWatchdog: "rename-restart" }), { paused: true });
  first.domain.unpause();
  const { successor } = await first.outcome;
  // It ends like the first one, in a while.
  const second = supervisor.find(String(successor));
  assert.match(first.domain.name, /^a-\d{8}T\d{6}Z$/);
  assert.equal(supervisor.machine.xenstore.read(`/local/domain/${first.domain.id}/name`), first.domain.name);
  assert.notEqual(second.domain.uuid, first.domain.uuid);
  supervisor.destroyAll();
});

test("what cannot be made leaves nothing", async () => {
  const supervisor = await start();
  const free = await freeMemory(supervisor);
  const table: [DomainSpec, string, RegExp][] = [
    [spec("a", "missing"), "bad-file", /no such file/],
    [spec("a", "block", { ramdisk: "missing" }), "bad-file", /no such file/],
    [spec("a", "junk"), "bad-file", /kernel|ELF/],
    [spec("a", "block", { memoryBytes: 1 << 30 }), "no-memory", /not enough memory for a: it needs 1 GiB, .* are free/],
    [spec("a", "block", { memoryBytes: 4096 }), "invalid", /memory|fit|MiB/],
    [spec("a", "block", { commandLine: "x".repeat(5000) }), "invalid", /command line/],
    [spec("a/b", "block"), "invalid", /no name/],
    [spec("7", "block"), "invalid", /a domain's id/],
    [spec("a", "block", { uuid: "x" }), "invalid", /UUID/],
  ];
  for (const [bad, code, expected] of table) {
    await assert.rejects(supervisor.create(bad), (error) => {
      assert.ok(error instanceof ControlError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
    nothingLeft(supervisor, free);
  }
});

test("a name is in use from the moment that its domain is asked for", async () => {
  const supervisor = await start();
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => supervisor.create(spec("a", "block"))));
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of results) if (result.status === "rejected") assert.equal(result.reason.code, "name-in-use");
  const { uuid } = supervisor.find("a").domain;
  await assert.rejects(supervisor.create(spec("b", "block", { uuid })), /uuid .* is in use/);
});

test("domains are found by name and id", async () => {
  const supervisor = await start();
  const a = await supervisor.create(spec("a", "block"));
  assert.equal(supervisor.find("a"), a);
  assert.equal(supervisor.find(String(a.domain.id)), a);
  for (const missing of ["b", "99", "", "1.0", "__proto__"]) {
    assert.throws(() => supervisor.find(missing), { code: "not-found" });
  }
});

test("the end of the machine: guests are asked first, and are not restarted", async () => {
  const supervisor = await start();
  const one = await supervisor.create(spec("one", "block"));
  const paused = await supervisor.create(spec("two", "block"), { paused: true });
  const reboots = await supervisor.create(spec("three", "reboot"), { paused: true });
  const asked: string[] = [];
  supervisor.machine.xenstore.watch("/local/domain", (path) => {
    if (path.endsWith("/control/shutdown")) asked.push(supervisor.machine.xenstore.read(path) ?? "gone");
  });
  const over = supervisor.shutDownAll(500);
  await assert.rejects(supervisor.create(spec("four", "block")), { code: "unavailable" });
  await over;
  assert.equal(asked.filter((how) => how === "poweroff").length, 3);
  assert.deepEqual(await one.outcome, { reason: "destroyed" });
  assert.deepEqual(await paused.outcome, { reason: "destroyed" });
  assert.deepEqual(await reboots.outcome, { reason: "reboot" });
  assert.deepEqual(supervisor.all, []);
});

test("who waits for the end of a domain hears what has become of the request to shut down", async () => {
  const supervisor = await start();
  const { domain } = await supervisor.create(spec("slow", "block"));
  const client = connected(
    controlHandlers({
      supervisor,
      version: "1.2.3",
      host: {},
      after: (milliseconds, callback) => {
        const timer = setTimeout(callback, milliseconds / 1000);
        return () => clearTimeout(timer);
      },
      stop: () => {},
    }),
  );
  const heard: object[] = [];
  const waiting = client.stream("wait", { domain: "slow" }, (status) => void heard.push(status));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(heard, []);
  await client.request("shutdown", { domain: "slow", how: "poweroff" });
  await until(() => heard.length === 1, "the request is told of");
  supervisor.machine.xenstore.write(`/local/domain/${domain.id}/control/shutdown`, "");
  await until(() => heard.length === 2, "it is taken");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(heard, [
    { how: "poweroff", taken: false, requests: 1 },
    { how: "poweroff", taken: true, requests: 1 },
  ]);
  domain.destroy();
  assert.deepEqual(await waiting.result, { reason: "destroyed" });
});
