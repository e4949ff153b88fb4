/** Yielding, IPIs, stolen time; random steps with the checker after each; repetition. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RUNSTATE } from "../../src/abi/vcpu.ts";
import type { Domain } from "../../src/hypervisor/domain.ts";
import { allocUnbound, bindIpi } from "../../src/hypervisor/event-channel/bind.ts";
import { sendPort } from "../../src/hypervisor/event-channel/deliver.ts";
import { setUpcallMask, sharedInfo, vcpuInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { HostDomain } from "../../src/hypervisor/host-domain.ts";
import { setSchedule } from "../../src/hypervisor/sched/parameters.ts";
import { PLACE } from "../../src/hypervisor/sched/record.ts";
import {
  blockVcpu,
  bringUp,
  isRunnable,
  pauseVcpu,
  takeDown,
  unpauseVcpu,
  wakeVcpu,
} from "../../src/hypervisor/sched/wake.ts";
import { runstateTimes } from "../../src/hypervisor/time/runstate.ts";
import type { Vcpu } from "../../src/hypervisor/vcpu.ts";
import { Random } from "../fuzz/random.ts";
import { MS, type Program, periodic, processorTime, SchedMachine, SECOND, sleepUntil, spin } from "./machine.ts";

test("who yields lets another one go first, and goes on at once when alone", () => {
  const machine = new SchedMachine();
  let yields = 0;
  const yielder = machine.domain((vcpu, budget) => {
    vcpu.sched.yielded = 1;
    yields++;
    return Math.min(budget, 1000);
  });
  machine.run(10 * MS);
  assert.ok(yields > 9000, `${yields}`);
  const other = machine.domain(spin);
  const before = [processorTime(yielder), processorTime(other)];
  machine.run(SECOND);
  const [had, others] = [processorTime(yielder) - before[0]!, processorTime(other) - before[1]!];
  assert.ok(others > 0.95 * SECOND && had > 0, `${had}, ${others}`);
  machine.check();
});

/** What an event handler does, for guests that have none. */
function acknowledge(vcpu: Vcpu): void {
  const info = vcpuInfo(vcpu);
  info.evtchn_upcall_mask = 1;
  info.evtchn_upcall_pending = 0;
  info.evtchn_pending_sel = 0n;
  sharedInfo(vcpu.domain).evtchn_pending.set(0, 0n);
}

/** vCPU 0 asks vCPU 1 by an IPI, spins for the answer, and asks again. `before` may wake it for another reason. */
function asking(
  machine: SchedMachine,
  before: (vcpu: Vcpu) => void = () => {},
): { domain: Domain; answers: () => number; spun: () => number } {
  let [asked, answers, spun] = [false, 0, 0];
  const domain: Domain = machine.domain((vcpu, budget) => {
    if (vcpu.id === 1) {
      if (asked) answers++;
      asked = false;
      acknowledge(vcpu);
      blockVcpu(vcpu);
      return Math.min(budget, 20_000);
    }
    if (asked) {
      spun += budget;
      return budget;
    }
    asked = true;
    before(domain.vcpus[1]!);
    sendPort(domain, port);
    return 1000;
  }, 2);
  const port = bindIpi(domain, 1);
  return { domain, answers: () => answers, spun: () => spun };
}

test("a vCPU that spins for another one's answer to an IPI does not do so for long", () => {
  for (const neighbours of [0, 3]) {
    const machine = new SchedMachine();
    for (let i = 0; i < neighbours; i++) machine.domain(spin);
    const { answers, spun } = asking(machine);
    machine.run(SECOND);
    assert.ok(answers() >= 100, `${answers()} answers`);
    assert.ok(spun() / answers() < 100_000, `${spun() / answers()} ns of spinning for each answer`);
    machine.check();
  }
});

test("in the real-time class, too; others have their deadlines, and the one who asks pays", () => {
  const machine = new SchedMachine();
  machine.domain(spin);
  const late: number[] = [];
  const victim = machine.domain(periodic(machine, 12 * MS, 5 * MS, ({ ended }) => late.push(ended - 12 * MS)));
  setSchedule(victim, { scheduler: "rtds" }, new Map([[0, { period: 12_000, budget: 5200, extratime: false }]]));
  const { domain, answers, spun } = asking(machine);
  const schedule = { period: 10_000, budget: 2500, extratime: false };
  setSchedule(
    domain,
    { scheduler: "rtds" },
    new Map([
      [0, schedule],
      [1, { ...schedule, period: 40_000 }],
    ]),
  );
  machine.run(2 * SECOND);
  assert.ok(answers() > 2000, `${answers()} answers`);
  assert.ok(spun() / answers() < 100_000, `${spun() / answers()} ns of spinning for each answer`);
  // The second one's own budget is not used.
  assert.ok(processorTime(domain) < 0.26 * 2 * SECOND, `${processorTime(domain)}`);
  assert.ok(late.length > 160);
  assert.ok(Math.max(...late) <= 0, `late by ${Math.max(...late)} ns`);
  machine.check();
});

test("in the real-time class it does not matter why the other one is awake", () => {
  const machine = new SchedMachine();
  const { domain, answers, spun } = asking(machine, wakeVcpu);
  const schedule = { period: 10_000, budget: 4000, extratime: false };
  setSchedule(
    domain,
    { scheduler: "rtds" },
    new Map([
      [0, schedule],
      [1, { ...schedule, period: 40_000 }],
    ]),
  );
  machine.run(SECOND);
  assert.ok(answers() > 1000, `${answers()} answers`);
  assert.ok(spun() / answers() < 100_000, `${spun() / answers()} ns of spinning for each answer`);
  machine.check();
});

test("a vCPU without budget is lent some for its answer, but not much", () => {
  const machine = new SchedMachine();
  machine.domain(spin);
  // The second one goes on with something of its own.
  let busy = 0;
  const domain: Domain = machine.domain((vcpu, budget) => {
    if (vcpu.id === 1) {
      busy += budget;
      return budget;
    }
    takeDown(domain.vcpus[1]!);
    bringUp(domain.vcpus[1]!);
    blockVcpu(domain.vcpus[1]!);
    sendPort(domain, port);
    acknowledge(domain.vcpus[1]!);
    return Math.min(budget, 500_000);
  }, 2);
  const port = bindIpi(domain, 1);
  const schedule = { period: 10_000, budget: 4000, extratime: false };
  setSchedule(
    domain,
    { scheduler: "rtds" },
    new Map([
      [0, schedule],
      [1, { ...schedule, budget: 100 }],
    ]),
  );
  machine.run(SECOND);
  machine.check();
  const total = processorTime(domain);
  assert.ok(total < 0.415 * SECOND, `${total}: more than both budgets`);
  assert.ok(busy > 0.05 * SECOND && busy < 0.38 * SECOND, `${busy}`);
});

test("time that the host takes for itself is stolen from the vCPU that would run", () => {
  const machine = new SchedMachine();
  const [vcpu] = machine.domain(spin).vcpus as [Vcpu];
  machine.run(10 * MS);
  const before = runstateTimes(vcpu);
  machine.now += 3 * MS;
  machine.run(10 * MS);
  const after = runstateTimes(vcpu);
  assert.equal(after[RUNSTATE.runnable]! - before[RUNSTATE.runnable]!, 3 * MS);
  assert.equal(after[RUNSTATE.running]! - before[RUNSTATE.running]!, 10 * MS);
});

test("a vCPU that waits for its cap or its budget is runnable, not running", () => {
  const machine = new SchedMachine();
  const domain = machine.domain(spin, 2);
  setSchedule(domain, { cap: 50 });
  machine.run(SECOND);
  for (const vcpu of domain.vcpus) {
    const [running, runnable] = runstateTimes(vcpu);
    assert.ok(Math.abs(running! - SECOND / 4) < 0.02 * SECOND, `${running}`);
    assert.equal(running! + runnable!, SECOND);
  }
});

test("a domain pays for what domain 0 does for it", () => {
  const machine = new SchedMachine();
  const host = new HostDomain(machine.hv);
  let worked = 0;
  let port = 0;
  const noisy = machine.domain((vcpu, budget) => {
    sendPort(vcpu.domain, port);
    return Math.min(budget, 50_000);
  });
  port = allocUnbound(noisy, 0);
  host.bindInterdomain(noisy.id, port, () => {
    machine.now += 100_000;
    worked += 100_000;
  });
  const quiet = machine.domain(spin);
  machine.run(2 * SECOND);
  machine.check();
  const [own, others] = [processorTime(noisy), processorTime(quiet)];
  assert.ok(worked > 0.2 * SECOND, `${worked}`);
  assert.ok(Math.abs(own + worked - others) < 0.03 * SECOND, `${own} and ${worked} of work, others ${others}`);
});

/** A machine under random treatment, with a trace of what it does. */
function randomRun(seed: number, steps: number, check: (machine: SchedMachine) => void): string[] {
  const { below, oneIn, pick } = new Random(seed);
  const machine = new SchedMachine();
  const trace: string[] = [];
  machine.onRun = ({ domain, id }, time) => trace.push(`${domain.id}.${id} ${time}`);
  const domains: Domain[] = [];
  const ports = new Map<Domain, number>();
  const program: Program = (vcpu, budget) => {
    const what = below(8);
    if (what === 0) sleepUntil(vcpu, machine.now + below(20 * MS));
    if (what === 1) vcpu.sched.yielded = 1;
    if (what === 2) {
      // Nothing here handles events.
      for (const other of vcpu.domain.vcpus) setUpcallMask(other, 1);
      sendPort(vcpu.domain, ports.get(vcpu.domain)!);
    }
    if (what === 3) wakeVcpu(pick(pick(domains).vcpus));
    return what < 4 ? below(Math.min(budget, MS)) + 1 : budget;
  };
  const create = (): void => {
    const domain = machine.domain(program, 1 + below(4));
    domains.push(domain);
    ports.set(domain, bindIpi(domain, domain.vcpus.length - 1));
  };
  const schedule = (domain: Domain): void => {
    const change = {
      scheduler: pick(["credit2", "rtds"] as const),
      weight: 1 + below(1000),
      cap: pick([0, 0, 20, 70]),
    };
    const period = 1000 + below(20_000);
    const vcpu = { period, budget: 100 + below(period / 4), extratime: oneIn(2) };
    try {
      setSchedule(domain, change, change.scheduler === "rtds" ? new Map([[0, vcpu]]) : new Map());
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  };
  const paused: Vcpu[] = [];
  create();
  for (let i = 0; i < steps; i++) {
    const domain = pick(domains);
    const vcpu = pick(domain.vcpus);
    const what = below(14);
    if (what === 0 && domains.length < 12) create();
    if (what === 1 && domains.length > 2 && !paused.some((p) => p.domain === domain)) {
      domains.splice(domains.indexOf(domain), 1);
      machine.destroy(domain);
    }
    if (what === 2 || what === 3) schedule(domain);
    if (what === 4) {
      pauseVcpu(vcpu);
      paused.push(vcpu);
    }
    if (what === 5) for (const one of paused.splice(0)) unpauseVcpu(one);
    if (what === 6 && vcpu.id > 0) takeDown(vcpu);
    if (what === 7) bringUp(vcpu);
    if (what === 8) {
      domain.pause();
      if (oneIn(2)) check(machine);
      domain.unpause();
    }
    if (what === 9) machine.hv.scheduler.rebuild();
    if (what > 9) machine.run(below(5 * MS));
    check(machine);
  }
  return trace;
}

test("random steps: nobody is lost, queued twice, or rich", () => {
  const long = process.env["TYPERVISOR_LONG"] !== undefined;
  for (let seed = 1; seed <= (long ? 200 : 4); seed++) {
    let steps = 0;
    randomRun(seed, 400, (machine) => {
      try {
        machine.check();
      } catch (error) {
        throw new Error(`seed ${seed}, step ${steps}`, { cause: error });
      }
      steps++;
    });
  }
});

test("the same inputs give the same schedule", () => {
  const first = randomRun(77, 300, () => {});
  assert.ok(first.length > 1000);
  assert.deepEqual(
    randomRun(77, 300, () => {}),
    first,
  );
});

test("the queues can be made anew from what is in memory", () => {
  const machine = new SchedMachine();
  const domains = [1, 2, 4].map((weight) => {
    const domain = machine.domain(spin, 2);
    setSchedule(domain, { weight: weight * 100 });
    return domain;
  });
  setSchedule(domains[2]!, { cap: 10 });
  machine.run(123 * MS);
  const places = (): unknown[] =>
    domains.flatMap(({ vcpus }) =>
      vcpus.map((vcpu) => [
        isRunnable(vcpu),
        machine.hv.scheduler.share.credit(vcpu),
        vcpu.sched.place === PLACE.parked,
      ]),
    );
  machine.hv.scheduler.pick(machine.now + 10 * MS);
  const before = places();
  machine.hv.scheduler.rebuild();
  machine.check();
  assert.deepEqual(places(), before);
});
