/** Requests to shut down that a guest takes and then loses, as Linux does while it boots. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, type Domain, type Machine } from "../../src/index.ts";
import { Alarms } from "../../src/toolstack/alarms.ts";
import { tinyGuest } from "./tiny-guest.ts";

const SECOND = 1e9;
const kernel = tinyGuest({ prints: "", ends: "block" });

interface Guest {
  readonly machine: Machine;
  readonly domain: Domain;
  /** What it was asked for, and at what second. */
  readonly requests: [string, number][];
  until(seconds: number): Promise<void>;
}

/** A guest whose driver takes requests if `takes` says so; it follows the one after `loses` others. */
async function guest(loses: number, takes = (): boolean => true, options: object = {}): Promise<Guest> {
  const machine = await createMachine({ memory: "16M", virtualTime: true, ...options });
  const domain = await machine.createDomain({ kernel, memory: "4M" });
  const node = `/local/domain/${domain.id}/control/shutdown`;
  const requests: [string, number][] = [];
  const now = (): number => Math.round(machine.hypervisor.clock.now() / SECOND);
  machine.xenstore.watch(node, () => {
    const request = machine.xenstore.read(node);
    if (!request) return;
    requests.push([request, now()]);
    if (takes()) machine.xenstore.write(node, "");
    if (requests.length > loses) domain.hypervisorDomain.shutdown(0);
  });
  return {
    machine,
    domain,
    requests,
    until: async (seconds) => {
      for (let turns = 0; now() < seconds; turns++) {
        assert.ok(turns < 10_000, `the machine stands still at ${now()} s`);
        // Nothing else happens in this machine, so it leaps.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

test("a guest that has taken a request, but is still there, is asked again until it follows", async () => {
  const { machine, domain, requests } = await guest(2);
  domain.shutdown();
  assert.deepEqual(await domain.wait(), { reason: "poweroff" });
  assert.deepEqual(requests, [
    ["poweroff", 0],
    ["poweroff", 5],
    ["poweroff", 15],
  ]);
  assert.equal(domain.shutdownStatus, undefined);
  assert.deepEqual(machine.domains, []);
});

test("but not for ever", async () => {
  const { machine, domain, requests, until } = await guest(10);
  assert.equal(domain.shutdownStatus, undefined);
  domain.shutdown("reboot");
  assert.deepEqual(domain.shutdownStatus, { how: "reboot", taken: true, requests: 1 });
  await until(75);
  assert.deepEqual(
    requests.map(([, time]) => time),
    [0, 5, 15, 35, 75],
  );
  assert.deepEqual(domain.shutdownStatus, { how: "reboot", taken: true, requests: 5 });
  // Another request begins anew.
  domain.shutdown();
  await until(80);
  assert.deepEqual(requests.slice(5), [
    ["poweroff", 75],
    ["poweroff", 80],
  ]);
  machine.destroy();
});

test("a guest that has not taken it is not asked again: it finds the request when it looks", async () => {
  let takes = false;
  const { machine, domain, requests, until } = await guest(1, () => takes);
  // Beside it there is one that takes its requests, so that time passes.
  const other = await machine.createDomain({ kernel, memory: "4M" });
  const node = `/local/domain/${other.id}/control/shutdown`;
  machine.xenstore.watch(node, () => {
    if (machine.xenstore.read(node)) machine.xenstore.write(node, "");
  });
  other.shutdown();
  domain.shutdown();
  await until(75);
  assert.deepEqual(domain.shutdownStatus, { how: "poweroff", taken: false, requests: 1 });
  takes = true;
  machine.xenstore.write(`/local/domain/${domain.id}/control/shutdown`, "");
  assert.deepEqual(domain.shutdownStatus, { how: "poweroff", taken: true, requests: 1 });
  assert.deepEqual(await domain.wait(), { reason: "poweroff" });
  assert.deepEqual(requests, [
    ["poweroff", 0],
    ["poweroff", 80],
  ]);
  machine.destroy();
});

test("one that was destroyed, or has shut down and is kept, is not asked again", async () => {
  const { machine, domain, requests, until } = await guest(10);
  domain.shutdown();
  domain.destroy();
  const kept = await machine.createDomain({ kernel, memory: "4M", preserve: () => true });
  const last = await machine.createDomain({ kernel, memory: "4M" });
  const node = ({ id }: Domain): string => `/local/domain/${id}/control/shutdown`;
  for (const one of [kept, last]) {
    one.shutdown();
    machine.xenstore.write(node(one), "");
  }
  kept.hypervisorDomain.shutdown(0);
  await kept.wait();
  await until(5);
  assert.equal(machine.xenstore.read(node(last)), "poweroff");
  assert.equal(machine.xenstore.read(node(kept)), "");
  assert.equal(requests.length, 1);
  machine.destroy();
});

test("alarms: in their order, once, and not when they are cancelled", () => {
  const alarms = new Alarms();
  const seen: string[] = [];
  assert.equal(alarms.next, Number.POSITIVE_INFINITY);
  alarms.set(30, () => seen.push("c"));
  const cancel = alarms.set(20, () => seen.push("b"));
  alarms.set(10, () => {
    seen.push("a");
    alarms.set(15, () => seen.push("set by a"));
  });
  alarms.run(9);
  assert.deepEqual([seen.length, alarms.next], [0, 10]);
  cancel();
  cancel();
  alarms.run(29);
  assert.deepEqual(seen, ["a", "set by a"]);
  alarms.run(30);
  alarms.run(40);
  assert.deepEqual(seen, ["a", "set by a", "c"]);
});
