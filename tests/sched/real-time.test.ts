/** The real-time class: deadlines beside busy guests, budgets, extra time, admission. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Domain } from "../../src/hypervisor/domain.ts";
import { domainSchedule, setSchedule, type VcpuSchedule, vcpuSchedule } from "../../src/hypervisor/sched/parameters.ts";
import { MS, type Program, periodic, processorTime, SchedMachine, SECOND, sleepUntil, spin } from "./machine.ts";

/** Puts a domain into the real-time class; times in milliseconds. */
function realTime(domain: Domain, period: number, budget: number, extratime = false): void {
  const schedule: VcpuSchedule = { period: period * 1000, budget: budget * 1000, extratime };
  setSchedule(domain, { scheduler: "rtds" }, new Map(domain.vcpus.map(({ id }) => [id, schedule])));
}

test("periodic guests meet every deadline beside busy ones, up to the admitted limit", () => {
  const machine = new SchedMachine();
  const busy = [machine.domain(spin), machine.domain(spin, 2)];
  // 20 % + 30 % + 45 % of the processor: as much as is admitted. What the run loop is late by needs some slack.
  const tasks: [number, number][] = [
    [5, 1],
    [10, 3],
    [40, 18],
  ];
  const late = tasks.map(([period, budget], i) => {
    const jobs: number[] = [];
    const guest = machine.domain(
      periodic(machine, period * MS, budget * MS * 0.98, ({ ended }) => jobs.push(ended - period * MS)),
    );
    realTime(guest, period, budget);
    assert.equal(domainSchedule(guest).scheduler, "rtds", String(i));
    return jobs;
  });
  machine.run(10 * SECOND);
  machine.check();
  for (const [i, jobs] of late.entries()) {
    assert.ok(jobs.length >= (10 * SECOND) / (tasks[i]![0] * MS) - 1, `${jobs.length} jobs of task ${i}`);
    assert.ok(Math.max(...jobs) <= 0, `task ${i} is late by ${Math.max(...jobs)} ns`);
  }
  // The others have what is left.
  const left = busy.map(processorTime);
  assert.ok(left[0]! + left[1]! > 0.06 * 10 * SECOND, String(left));
});

test("a real-time guest that wakes has the processor at once", () => {
  const machine = new SchedMachine();
  for (let i = 0; i < 3; i++) machine.domain(spin);
  const began: number[] = [];
  realTime(machine.domain(periodic(machine, 10 * MS, MS, (job) => began.push(job.began))), 10, 2);
  machine.run(5 * SECOND);
  assert.ok(began.length > 450);
  assert.ok(Math.max(...began.slice(1)) < 20_000, `${Math.max(...began)}`);
});

test("a neighbour whose instructions are slow does not keep the processor longer", () => {
  const machine = new SchedMachine();
  // One is in a compiled loop, the other in code that is executed for the first time.
  machine.pace.set(machine.domain(spin), 0.25);
  machine.pace.set(machine.domain(spin), 40);
  const began: number[] = [];
  realTime(machine.domain(periodic(machine, 10 * MS, MS, (job) => began.push(job.began))), 10, 2);
  machine.run(5 * SECOND);
  assert.ok(began.length > 450);
  // But for the first moments, when nothing is known of it: 500 instructions are executed at least.
  assert.ok(Math.max(...began.slice(20)) < 50_000, `${Math.max(...began.slice(20))}`);
});

test("a budget is not exceeded; with extratime there is a share of the rest", () => {
  const machine = new SchedMachine();
  const greedy = machine.domain(spin);
  realTime(greedy, 10, 3);
  const other = machine.domain(spin);
  machine.run(4 * SECOND);
  const near = (value: number, wanted: number): void =>
    assert.ok(Math.abs(value - wanted) < 0.01 * wanted, `${value} instead of ${wanted}`);
  near(processorTime(greedy), 1.2 * SECOND);
  near(processorTime(other), 2.8 * SECOND);
  machine.check();

  realTime(greedy, 10, 3, true);
  const before = processorTime(greedy);
  machine.run(4 * SECOND);
  // 30 %, and half of the remaining 70 %.
  near(processorTime(greedy) - before, 0.65 * 4 * SECOND);
  machine.check();

  // Alone, and without extra time, it leaves the processor idle.
  realTime(greedy, 10, 3, false);
  machine.destroy(other);
  const alone = processorTime(greedy);
  machine.run(SECOND);
  near(processorTime(greedy) - alone, 0.3 * SECOND);
  machine.check();
});

test("a budget kept until late in its period makes nobody else late", () => {
  const machine = new SchedMachine();
  // Sleeps for most of its period, then takes all it can, over the end of the period.
  let phase = 0;
  const late: Program = (vcpu, budget) => {
    if (phase++ % 20 !== 0) return Math.min(budget, MS / 2);
    sleepUntil(vcpu, machine.now + 7 * MS);
    return 0;
  };
  realTime(machine.domain(late), 10, 5);
  const jobs: number[] = [];
  const victim = machine.domain(periodic(machine, 12 * MS, 5 * MS, ({ ended }) => jobs.push(ended - 12 * MS)));
  realTime(victim, 12, 5.2);
  machine.run(5 * SECOND);
  assert.ok(jobs.length > 400);
  assert.ok(Math.max(...jobs) <= 0, `late by ${Math.max(...jobs)} ns`);
});

test("the host is told whether it is a real-time guest that the machine sleeps for", () => {
  const machine = new SchedMachine();
  const sleeper = (until: number): Domain =>
    machine.domain((vcpu) => {
      sleepUntil(vcpu, until);
      return 0;
    });
  sleeper(20 * MS);
  assert.deepEqual(machine.hv.runSlice(), { state: "blocked", wakeAt: 20 * MS });
  realTime(sleeper(10 * MS), 10, 2);
  assert.deepEqual(machine.hv.runSlice(), { state: "blocked", wakeAt: 10 * MS, realTime: true });
});

test("more than the limit is not admitted, and what is refused changes nothing", () => {
  const machine = new SchedMachine();
  const [first, second] = [machine.domain(spin, 2), machine.domain(spin)];
  realTime(first, 10, 3);
  assert.throws(
    () => realTime(second, 10, 4),
    /asks for 40\.0 % of the processor in real time, of which 35\.0 % are left/,
  );
  assert.equal(domainSchedule(second).scheduler, "credit2");
  realTime(second, 10, 3.5);
  assert.throws(() => setSchedule(first, {}, new Map([[1, { budget: 4000 }]])), RangeError);
  assert.deepEqual(vcpuSchedule(first.vcpus[1]!), { period: 10_000, budget: 3000, extratime: false });
  machine.destroy(second);
  setSchedule(first, {}, new Map([[1, { budget: 4000 }]]));
  machine.run(100 * MS);
  machine.check();
});

test("parameters out of range are refused with the range", () => {
  const machine = new SchedMachine();
  const domain = machine.domain(spin, 2);
  assert.throws(() => setSchedule(domain, { weight: 0 }), /a weight is 1 to 65535, not 0/);
  assert.throws(() => setSchedule(domain, { weight: 1.5 }), RangeError);
  assert.throws(() => setSchedule(domain, { cap: 201 }), /2 vCPUs is 0 to 200, not 201/);
  assert.throws(() => setSchedule(domain, { scheduler: "null" as "rtds" }), /credit2 or rtds, not null/);
  assert.throws(() => setSchedule(domain, {}, new Map([[0, { period: 5000 }]])), /for domains of scheduler rtds/);
  const rt = (schedule: Partial<VcpuSchedule>, id = 0): void =>
    setSchedule(domain, { scheduler: "rtds" }, new Map([[id, schedule]]));
  assert.throws(() => rt({ budget: 20_000 }), /a budget \(microseconds\) is 100 to 10000, not 20000/);
  assert.throws(() => rt({ period: 10 }), RangeError);
  assert.throws(() => rt({}, 2), /no vCPU 2/);
  assert.deepEqual(domainSchedule(domain), { scheduler: "credit2", weight: 256, cap: 0 });
});
