/** Shares, caps and wake-up latency of the proportional class, over seconds of virtual time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setRateLimit, setSchedule } from "../../src/hypervisor/sched/parameters.ts";
import { runstateTimes } from "../../src/hypervisor/time/runstate.ts";
import { MS, periodic, processorTime, SchedMachine, SECOND, sleepUntil, spin } from "./machine.ts";

/** Each within `tolerance` (a fraction) of what it should be. */
function near(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  for (const [i, value] of actual.entries()) {
    const wanted = expected[i]!;
    assert.ok(Math.abs(value - wanted) <= tolerance * wanted, `${actual.join(", ")} instead of ${expected.join(", ")}`);
  }
}

test("weights 1:2:4 give processor time 1:2:4", () => {
  const machine = new SchedMachine();
  const domains = [256, 512, 1024].map((weight) => {
    const domain = machine.domain(spin);
    setSchedule(domain, { weight });
    return domain;
  });
  machine.run(10 * SECOND);
  machine.check();
  near(
    domains.map((domain) => processorTime(domain) / SECOND),
    [10 / 7, 20 / 7, 40 / 7],
    0.01,
  );
  // What one did not get, others had: nothing is lost.
  for (const { vcpus } of domains) {
    const [running = 0, runnable = 0, blocked, offline] = runstateTimes(vcpus[0]!);
    assert.deepEqual([running + runnable, blocked, offline], [10 * SECOND, 0, 0]);
  }
});

test("the ends of the scale of weights, and a change while they run", () => {
  const machine = new SchedMachine();
  const [light, heavy] = [machine.domain(spin), machine.domain(spin)];
  setSchedule(light, { weight: 1 });
  setSchedule(heavy, { weight: 65535 });
  machine.run(60 * SECOND);
  assert.ok(processorTime(light) > 0 && processorTime(light) < 60 * MS, `${processorTime(light)}`);
  setSchedule(light, { weight: 65535 });
  const before = processorTime(light);
  machine.run(10 * SECOND);
  near([processorTime(light) - before], [5 * SECOND], 0.01);
});

test("a domain's share does not grow with its vCPUs", () => {
  const machine = new SchedMachine();
  const one = machine.domain(spin);
  const four = machine.domain(spin, 4);
  machine.run(10 * SECOND);
  near([processorTime(one), processorTime(four)], [5 * SECOND, 5 * SECOND], 0.01);
  near(
    four.vcpus.map((vcpu) => runstateTimes(vcpu)[0]!),
    [1.25 * SECOND, 1.25 * SECOND, 1.25 * SECOND, 1.25 * SECOND],
    0.01,
  );
});

test("caps hold, alone and beside others; what is over goes to the others", () => {
  const machine = new SchedMachine();
  const capped = machine.domain(spin);
  setSchedule(capped, { cap: 25 });
  machine.run(4 * SECOND);
  near([processorTime(capped)], [SECOND], 0.01);
  machine.check();

  const other = machine.domain(spin);
  machine.run(4 * SECOND);
  near([processorTime(capped), processorTime(other)], [2 * SECOND, 3 * SECOND], 0.02);

  // A cap is not a share: below it, weights decide.
  setSchedule(capped, { cap: 90 });
  const before = processorTime(capped);
  machine.run(4 * SECOND);
  near([processorTime(capped) - before], [2 * SECOND], 0.02);

  setSchedule(capped, { cap: 0 });
  machine.destroy(other);
  const uncapped = processorTime(capped);
  machine.run(SECOND);
  near([processorTime(capped) - uncapped], [SECOND], 0.001);
  machine.check();
});

test("a cap is of all vCPUs of a domain together", () => {
  const machine = new SchedMachine();
  const domain = machine.domain(spin, 3);
  setSchedule(domain, { cap: 30 });
  machine.run(3 * SECOND);
  near([processorTime(domain)], [0.9 * SECOND], 0.01);
  machine.check();
});

test("who sleeps most of the time gets the processor within the rate limit when it wakes", () => {
  const machine = new SchedMachine();
  for (let i = 0; i < 5; i++) machine.domain(spin);
  const late: number[] = [];
  machine.domain(periodic(machine, 7 * MS, 200_000, ({ began }) => late.push(began)));
  machine.run(3 * SECOND);
  assert.ok(late.length > 400);
  const worst = Math.max(...late);
  assert.ok(worst <= 1.05 * MS, `${worst}`);

  setRateLimit(machine.hv, 100);
  late.length = 0;
  machine.run(SECOND);
  assert.ok(Math.max(...late) <= 0.15 * MS, `${Math.max(...late)}`);
});

test("short sleeps at clever moments gain nothing", () => {
  for (const work of [0.09 * MS, 0.9 * MS, 9.9 * MS]) {
    const machine = new SchedMachine();
    let left = work;
    machine.domain((vcpu, budget) => {
      const time = Math.min(budget, left);
      left -= time;
      if (left > 0) return time;
      left = work;
      sleepUntil(vcpu, machine.now + time + 1000);
      return time;
    });
    const honest = machine.domain(spin);
    machine.run(5 * SECOND);
    assert.ok(processorTime(honest) >= 2.45 * SECOND, `${processorTime(honest)}, the other one works for ${work}`);
  }
});

test("credit is not saved while one sleeps", () => {
  const machine = new SchedMachine();
  const other = machine.domain(spin);
  let woken = false;
  const sleeper = machine.domain((vcpu, budget) => {
    if (machine.now >= 5 * SECOND) woken = true;
    if (woken) return budget;
    sleepUntil(vcpu, 5 * SECOND);
    return 0;
  });
  machine.run(6 * SECOND);
  assert.ok(woken);
  const had = processorTime(sleeper);
  assert.ok(had >= 0.495 * SECOND && had <= 0.515 * SECOND, `${had}`);
  assert.ok(processorTime(other) > 5.48 * SECOND);
});

test("a hundred guests beside two heavy ones each get their share", () => {
  const machine = new SchedMachine();
  const heavy = [machine.domain(spin, 2), machine.domain(spin, 2)];
  for (const domain of heavy) setSchedule(domain, { weight: 256 * 25 });
  const tiny = Array.from({ length: 100 }, () => machine.domain(spin));
  machine.run(20 * SECOND);
  const part = (20 * SECOND) / 150;
  near([...heavy, ...tiny].map(processorTime), [25 * part, 25 * part, ...tiny.map(() => part)], 0.05);
  machine.check();
});

test("a thousand sleeping guests are not looked at", () => {
  const machine = new SchedMachine(128);
  for (let i = 0; i < 1000; i++) {
    machine.domain((vcpu) => {
      sleepUntil(vcpu, machine.now + 3600 * SECOND + i);
      return 0;
    });
  }
  const busy = machine.domain(spin);
  const job = { jobs: 0 };
  const lively = machine.domain(periodic(machine, 3 * MS, MS, () => job.jobs++));
  machine.run(SECOND);
  const looked = new Set<unknown>();
  for (const domain of machine.hv.domains.values()) {
    if (domain === busy || domain === lively) continue;
    const vcpu = domain.vcpus[0]!;
    const { sched } = vcpu;
    Object.defineProperty(vcpu, "sched", { get: () => looked.add(vcpu) && sched });
  }
  const before = job.jobs;
  machine.run(SECOND);
  assert.ok(job.jobs - before > 300);
  // But for the one whose timer is next.
  assert.ok(looked.size <= 1, `${looked.size} were`);
});
