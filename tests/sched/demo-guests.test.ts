/** Guests that execute, on the real processor in virtual time: shares, and deadlines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { noDemos, PeriodicGuest, shares, spinner } from "../../guests/scheduling.ts";
import { createMachine, type Machine } from "../../src/index.ts";

/** Lets virtual time pass. */
async function pass(machine: Machine, milliseconds: number): Promise<void> {
  const { clock } = machine.hypervisor;
  const end = clock.now() + milliseconds * 1e6;
  while (clock.now() < end) await new Promise((resolve) => setImmediate(resolve));
}

test("weights and caps of executing guests", { skip: noDemos }, async () => {
  const machine = await createMachine({ memory: "32M", virtualTime: true });
  try {
    const domains = [];
    for (const weight of [256, 512, 1024]) domains.push(await spinner(machine, { scheduler: { weight } }));
    await pass(machine, 10);
    const had = await shares(domains, () => pass(machine, 700));
    for (const [i, share] of had.entries()) assert.ok(Math.abs(share - 2 ** i / 7) < 0.02 * (2 ** i / 7), `${had}`);
    domains[2]!.scheduler.set({ cap: 20 });
    const [, , capped = 0] = await shares(domains, () => pass(machine, 500));
    assert.ok(Math.abs(capped - 0.2) < 0.01, `${capped}`);
    assert.deepEqual(domains[2]!.scheduler.get(), {
      ...{ scheduler: "credit2", weight: 1024, cap: 20 },
      ...{ period: 10_000, budget: 4000, extratime: true },
    });
  } finally {
    machine.destroy();
  }
});

test("a real-time guest meets its deadlines beside busy ones; the same guest without real time does not", {
  skip: noDemos,
}, async () => {
  const machine = await createMachine({ memory: "32M", virtualTime: true });
  try {
    for (let i = 0; i < 5; i++) await spinner(machine);
    const guest = await PeriodicGuest.create(machine);
    const share = await guest.run(5000, 1500, 40);
    assert.equal(share.jobs, 40);
    assert.ok(share.missed > 20, `${share.missed} missed`);
    guest.domain.scheduler.set({ scheduler: "rtds", period: 5000, budget: 2000, extratime: false });
    const realTime = await guest.run(5000, 1500, 60);
    assert.equal(realTime.missed, 0);
    assert.ok(realTime.worstWake < 100_000, `${realTime.worstWake} ns`);
    assert.equal(
      realTime.wake.reduce((sum, { count }) => sum + count, 0),
      60,
    );
  } finally {
    machine.destroy();
  }
});
