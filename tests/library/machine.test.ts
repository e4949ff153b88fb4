import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, type Domain, type DomainConfig, type Machine, type MachineOptions } from "../../src/index.ts";
import { type TinyGuest, tinyGuest } from "./tiny-guest.ts";

async function start(
  guest: TinyGuest,
  config: Partial<DomainConfig> = {},
  options: MachineOptions = {},
): Promise<{ machine: Machine; domain: Domain }> {
  const machine = await createMachine({ memory: "8M", ...options });
  return { machine, domain: await machine.createDomain({ kernel: tinyGuest(guest), ...config }) };
}

async function output(domain: Domain): Promise<string> {
  let text = "";
  for await (const chunk of domain.console.readable) text += new TextDecoder().decode(chunk);
  return text;
}

test("a guest prints and powers off", async () => {
  const { machine, domain } = await start({ prints: "hello, world\n", ends: "poweroff" });
  assert.equal(await output(domain), "hello, world\n");
  assert.deepEqual(await domain.wait(), { reason: "poweroff" });
  assert.deepEqual(domain.end, { reason: "poweroff" });
  assert.deepEqual(machine.domains, []);
});

test("each reason of ending arrives", async () => {
  for (const reason of ["reboot", "suspend", "crash", "watchdog"] as const) {
    const { domain } = await start({ prints: "", ends: reason });
    const end = await domain.wait();
    assert.equal(end.reason, reason);
    assert.equal(end.report !== undefined, reason === "crash" || reason === "watchdog");
  }
});

test("a fatal fault is a crash with a report for engineers", async () => {
  const { machine, domain } = await start({ prints: "before", ends: "fault" });
  const { reason, report = "" } = await domain.wait();
  assert.equal(reason, "crash");
  assert.match(report, /#UD/);
  assert.match(report, /rip 0{8}10100/);
  assert.match(report, /event_channel_op/);
  assert.equal(await output(domain), "before");
  const statistics = JSON.parse(
    JSON.stringify(machine.statistics(), (_, v) => (typeof v === "bigint" ? Number(v) : v)),
  );
  assert.equal(statistics.hypercalls.event_channel_op.operations.send, 1);
});

test("what is written to the console reaches the guest, and wakes it", async () => {
  const { domain } = await start({ prints: "? ", echo: true, ends: "poweroff" });
  const writer = domain.console.writable.getWriter();
  await writer.write("typed\n");
  assert.equal(await output(domain), "? typed\n");
});

test("domains share a machine, and give their memory back", async () => {
  const machine = await createMachine({ memory: "16M" });
  const free = machine.hypervisor.frames;
  assert.ok(free);
  for (let round = 0; round < 3; round++) {
    const domains = await Promise.all(
      ["one", "two"].map((prints) =>
        machine.createDomain({ kernel: tinyGuest({ prints, ends: "poweroff" }), memory: "8M", name: prints }),
      ),
    );
    assert.deepEqual(await Promise.all(domains.map(output)), ["one", "two"]);
    for (const domain of domains) assert.equal((await domain.wait()).reason, "poweroff");
    assert.deepEqual(machine.xenstore.directory("/local/domain"), ["0"]);
  }
});

test("a guest that never ends can be ended", async () => {
  for (const ends of ["block", "spin"] as const) {
    const { domain } = await start({ prints: "x", ends });
    const reader = domain.console.readable.getReader();
    assert.equal(new TextDecoder().decode((await reader.read()).value), "x");
    domain.destroy();
    assert.deepEqual(await domain.wait(), { reason: "destroyed" });
    assert.equal((await reader.read()).done, true);
  }
});

test("a machine with nothing to do uses no processor time", async () => {
  const { machine, domain } = await start({ prints: "x", ends: "block" });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 60_000, `${user + system} µs in 300 ms`);
  domain.destroy();
  machine.destroy();
});

test("in virtual time two runs are equal", async () => {
  const runs = [];
  for (let i = 0; i < 2; i++) {
    const { machine, domain } = await start({ prints: "same", ends: "poweroff" }, {}, { virtualTime: true });
    const text = await output(domain);
    await domain.wait();
    runs.push({ text, instructions: machine.hypervisor.cpu.state.retired, time: machine.hypervisor.clock.now() });
  }
  assert.deepEqual(runs[0], runs[1]);
});

test("the guest's directory in xenstore is as libxl writes it", async () => {
  const { machine, domain } = await start({ prints: "", ends: "block" }, { name: "named", consoles: 2 });
  const { xenstore } = machine;
  const home = `/local/domain/${domain.id}`;
  assert.equal(xenstore.read(`${home}/name`), "named");
  assert.equal(xenstore.read(`${home}/memory/target`), "8192");
  assert.equal(xenstore.read(`${home}/cpu/0/availability`), "online");
  assert.equal(xenstore.read(`${home}/console/type`), "xenconsoled");
  assert.match(xenstore.read(`${home}/store/port`) ?? "", /^\d+$/);
  assert.deepEqual(xenstore.directory(`${home}/device/console`), ["1"]);
  assert.deepEqual(xenstore.permissions(home), ["n0", `r${domain.id}`]);
  assert.deepEqual(xenstore.permissions(`${home}/control/shutdown`), [`n${domain.id}`]);
  assert.deepEqual(xenstore.permissions(`${home}/device/console/1`), [`n${domain.id}`, "r0"]);
  assert.equal(xenstore.read(`/local/domain/0/backend/console/${domain.id}/1/state`), "2");
  domain.shutdown();
  assert.equal(xenstore.read(`${home}/control/shutdown`), "poweroff");
  machine.destroy();
  assert.equal(xenstore.read(`${home}/name`), undefined);
});
