/** The profiler with a processor that follows a script: what is charged to whom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { NO_DOMAIN, SampleLog } from "../../src/hypervisor/profile-samples.ts";
import { Profiler } from "../../src/hypervisor/profiler.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { RAX, RDI, RSP } from "../../src/machine/x86/state.ts";
import { CODE, STACK, TestGuest } from "./guest.ts";

const INTERVAL = 1000;
const PLACE = { low: 0, high: 0, root: 0, user: false, domain: 1, vcpu: 0 };

/** A guest whose runs take 100 ns each, and the hypervisor's work 10 ns for each look at the clock. */
function profiled(step: (g: TestGuest, budget: number) => ExitReason): { g: TestGuest; profiler: Profiler } {
  const g = new TestGuest();
  let time = 0;
  g.vcpu.record.time.periodic_period = 0n;
  g.cpu.run = (budget = 0) => {
    const reason = step(g, budget);
    g.cpu.state.retired += BigInt(budget);
    g.now += budget;
    time += 100;
    return reason;
  };
  const profiler = new Profiler(g.hv, { now: () => (time += 10), interval: INTERVAL });
  g.hv.profiler = profiler;
  return { g, profiler };
}

const total = (profiler: Profiler): number =>
  profiler.activities.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);

test("time is the guest's while it runs, and that of the last exit otherwise", () => {
  let made = 0;
  const { g, profiler } = profiled(({ vcpu }) => {
    if (++made % 2 === 0) return ExitReason.Budget;
    vcpu.gpr[RAX] = BigInt(HYPERVISOR.xen_version);
    vcpu.gpr[RDI] = 0n;
    return ExitReason.Syscall;
  });
  for (let i = 0; i < 50; i++) g.hv.runSlice({ instructions: 200_000, nanoseconds: 1e9 });
  const by = (name: string): number => profiler.activities.find((a) => a.name === name)?.nanoseconds ?? 0;
  assert.ok(made > 100);
  assert.equal(g.hv.statistics.hypercalls[HYPERVISOR.xen_version], Math.ceil(made / 2));
  // Each run took 110 ns with the look at the clock behind it; the rest is less.
  assert.ok(by("none") > made * 90 && by("none") <= made * 120, `${by("none")} ns in ${made} runs`);
  assert.ok(by("xen_version version") > 0);
  assert.ok(by("run loop") > 0);
  assert.ok(
    Math.abs(profiler.samples.length * INTERVAL - total(profiler)) <= 3 * INTERVAL,
    "samples stand for all time",
  );
});

test("samples tell the place, guest user mode, and the caller of a hypercall's stub", () => {
  const { g, profiler } = profiled(({ vcpu, cpu }) => {
    cpu.state.rip = g.va(CODE, 0x123);
    vcpu.gpr[RAX] = BigInt(HYPERVISOR.xen_version);
    vcpu.gpr[RDI] = 0n;
    return ExitReason.Syscall;
  });
  // pop %r11; pop %rcx; ret; and what it returns to.
  g.setWord(g.va(CODE, 0x123), 0xc3595b41n);
  g.vcpu.gpr[RSP] = g.va(STACK, 0x800);
  g.setWord(g.va(STACK, 0x810), 0xffff_ffff_8100_4321n);
  for (let i = 0; i < 50; i++) g.hv.runSlice({ instructions: 200_000, nanoseconds: 1e9 });
  const samples = [...profiler.samples].filter(({ domain }) => domain !== NO_DOMAIN);
  assert.ok(samples.length > 5);
  for (const sample of samples) {
    assert.equal(sample.low, 0x8100_4321);
    assert.equal(sample.high, 0xffff_ffff);
    assert.equal(sample.domain, g.domain.id);
    assert.equal(sample.user, false);
  }
});

test("too many samples: every second one stays, for twice the time", () => {
  const log = new SampleLog(INTERVAL, 1000);
  for (let time = 0; time < 2600 * INTERVAL; time += log.interval) log.push({ ...PLACE, low: time / INTERVAL }, 0);
  const lows = [...log].map(({ low }) => low);
  assert.equal(log.interval, 4 * INTERVAL);
  assert.ok(Math.abs(log.length - 650) <= 1, String(log.length));
  lows.forEach((low, i) => {
    assert.ok(Math.abs(low - i * 4) <= 4, `sample ${i} is of ${low}`);
  });
});
