/** Scheduling parameters and vCPUs through the library. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, type Machine } from "../../src/index.ts";
import { tinyGuest } from "./tiny-guest.ts";

async function withMachine(run: (machine: Machine) => Promise<void>): Promise<void> {
  const machine = await createMachine({ memory: "32M", virtualTime: true });
  try {
    await run(machine);
  } finally {
    machine.destroy();
  }
}

const kernel = tinyGuest({ prints: "", ends: "block" });

test("parameters: given at creation, changed, refused", () =>
  withMachine(async (machine) => {
    const domain = await machine.createDomain({ kernel, memory: "4M", vcpus: 2, scheduler: { weight: 512, cap: 150 } });
    const realTime = { period: 10_000, budget: 4000, extratime: true };
    assert.deepEqual(domain.scheduler.get(), { scheduler: "credit2", weight: 512, cap: 150, ...realTime });
    assert.throws(() => domain.scheduler.set({ cap: 201 }), /2 vCPUs is 0 to 200/);
    assert.throws(() => domain.scheduler.set({ budget: 1000 }), /for domains of scheduler rtds/);

    domain.scheduler.set({ scheduler: "rtds", budget: 2000, extratime: false });
    domain.scheduler.setVcpu(1, { period: 20_000, budget: 500 });
    assert.deepEqual(domain.scheduler.getVcpu(0), { period: 10_000, budget: 2000, extratime: false });
    assert.deepEqual(domain.scheduler.getVcpu(1), { period: 20_000, budget: 500, extratime: false });
    assert.throws(() => domain.scheduler.getVcpu(2), /no vCPU 2/);
    domain.scheduler.set({ extratime: true }, new Map([[1, { budget: 600 }]]));
    assert.deepEqual(domain.scheduler.getVcpu(0), { period: 10_000, budget: 2000, extratime: true });
    assert.deepEqual(domain.scheduler.getVcpu(1), { period: 20_000, budget: 600, extratime: true });
    domain.scheduler.setVcpu(1, { budget: 500 });

    const other = await machine.createDomain({ kernel, memory: "4M" });
    assert.throws(() => other.scheduler.set({ scheduler: "rtds", budget: 8000 }), /of which 72\.5 % are left/);
    domain.destroy();
    other.scheduler.set({ scheduler: "rtds", budget: 8000 });
    assert.throws(() => domain.scheduler.get(), /has ended/);
    assert.deepEqual(domain.vcpus, []);
  }));

test("a domain whose parameters are not good is not made", () =>
  withMachine(async (machine) => {
    await assert.rejects(machine.createDomain({ kernel, memory: "4M", scheduler: { weight: 70_000 } }), RangeError);
    await assert.rejects(machine.createDomain({ kernel, memory: "4M", vcpus: 3, maxVcpus: 2 }), /1 to 2 vCPUs, not 3/);
    assert.deepEqual(machine.domains, []);
  }));

test("setVcpus tells the guest by xenstore; the guest says what it has", () =>
  withMachine(async (machine) => {
    const domain = await machine.createDomain({ kernel, memory: "4M", vcpus: 2, maxVcpus: 4 });
    const availability = (): (string | undefined)[] =>
      [0, 1, 2, 3, 4].map((cpu) => machine.xenstore.read(`/local/domain/${domain.id}/cpu/${cpu}/availability`));
    assert.deepEqual(availability(), ["online", "online", "offline", "offline", undefined]);
    domain.setVcpus(3);
    assert.deepEqual(availability(), ["online", "online", "online", "offline", undefined]);
    domain.setVcpus(1);
    assert.deepEqual(availability(), ["online", "offline", "offline", "offline", undefined]);
    assert.throws(() => domain.setVcpus(0), RangeError);
    assert.throws(() => domain.setVcpus(1.5), RangeError);
    assert.deepEqual(
      domain.vcpus.map(({ id, online }) => [id, online]),
      [
        [0, true],
        [1, false],
        [2, false],
        [3, false],
      ],
    );
  }));

test("times of vCPUs add up to the domain's, and stand still when it has shut down", () =>
  withMachine(async (machine) => {
    const crashing = tinyGuest({ prints: "", ends: "crash" });
    const domain = await machine.createDomain({ kernel: crashing, memory: "4M", vcpus: 2, preserve: () => true });
    const { reason } = await domain.wait();
    assert.equal(reason, "crash");
    const before = domain.vcpus;
    assert.deepEqual(
      before.map(({ id, state }) => [id, state]),
      [
        [0, "offline"],
        [1, "offline"],
      ],
    );
    assert.ok(before[0]!.running > 0);
    const beside = await machine.createDomain({ kernel: tinyGuest({ prints: "", ends: "poweroff" }), memory: "4M" });
    await beside.wait();
    assert.deepEqual(
      domain.vcpus.map(({ running }) => running),
      before.map(({ running }) => running),
    );
    assert.equal(domain.info().cpuTime, before[0]!.running + before[1]!.running);
    domain.destroy();
    assert.deepEqual(domain.vcpus, []);
  }));

test("the rate limit", () =>
  withMachine(async (machine) => {
    assert.equal(machine.schedulerRateLimit, 1000);
    machine.schedulerRateLimit = 200;
    assert.equal(machine.schedulerRateLimit, 200);
    machine.schedulerRateLimit = 0;
    assert.throws(() => {
      machine.schedulerRateLimit = 5;
    }, /100 to 500000, not 5/);
  }));
