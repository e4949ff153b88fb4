/**
 * Linux with several processors, in virtual time: they come and go under load, are found to be stolen
 * from when they are, and leave a real-time guest beside them alone.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { noDemos, PeriodicGuest } from "../../guests/scheduling.ts";
import { createMachine, type Machine } from "../../src/index.ts";
import { GuestShell, noGuest } from "./guest-shell.ts";

const skip = await noGuest();
let machine: Machine;
let guest: GuestShell;

before(async () => {
  if (skip) return;
  machine = await createMachine({ memory: "264M", virtualTime: true });
  guest = await GuestShell.boot({ machine, memory: "256M", vcpus: 2, maxVcpus: 4 });
});
after(() => machine?.destroy());

async function output(script: string): Promise<string> {
  const { stdout, stderr, status } = await guest.run(script);
  assert.equal(stderr, "");
  assert.equal(status, 0);
  return stdout.trim();
}

/** Times of /proc/stat, in seconds: all but what was stolen, and that. */
async function processorTimes(): Promise<{ own: number; stolen: number }> {
  const line = await output("head -1 /proc/stat");
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0, stolen = 0] = line
    .split(/ +/)
    .slice(1)
    .map((ticks) => Number(ticks) / 100);
  return { own: user + nice + system + interrupts + soft, stolen };
}

test("two processors of four are online, and both run what is to be run", { skip }, async () => {
  assert.equal(await output("nproc; cat /sys/devices/system/cpu/possible"), "2\n0-3");
  await output("for i in 1 2 3; do while :; do :; done & done; sleep 0.3; head -3 /proc/stat >/tmp/before");
  await output("sleep 0.6");
  const [, before0, before1] = (await output("cat /tmp/before")).split("\n");
  const [, after0, after1] = (await output("head -3 /proc/stat")).split("\n");
  const user = (line = ""): number => Number(line.split(" ")[1]);
  for (const had of [user(after0) - user(before0), user(after1) - user(before1)]) {
    assert.ok(had >= 20, `${had} ticks of user time on one of two processors`);
  }
});

test("time that a processor waits for the other one is stolen, in the guest's eyes and in ours", { skip }, async () => {
  const ours = (): number[] =>
    ["running", "runnable"].map((state) =>
      guest.domain.vcpus.slice(0, 2).reduce((sum, vcpu) => sum + vcpu[state as "running" | "runnable"] / 1e9, 0),
    );
  const [theirs, before] = [await processorTimes(), ours()];
  await output("sleep 1");
  const [theirsNow, now] = [await processorTimes(), ours()];
  const running = now[0]! - before[0]!;
  const waiting = now[1]! - before[1]!;
  assert.ok(waiting > 0.8, `${waiting} s`);
  assert.ok(
    Math.abs(theirsNow.stolen - theirs.stolen - waiting) < 0.1 * waiting,
    `${JSON.stringify([theirs, theirsNow])} but ${waiting} s waiting`,
  );
  assert.ok(
    Math.abs(theirsNow.own - theirs.own - running) < 0.1 * running,
    `${JSON.stringify([theirs, theirsNow])} but ${running} s running`,
  );
});

test("a real-time guest meets its deadlines beside it", { skip: skip || noDemos }, async () => {
  const periodic = await PeriodicGuest.create(machine, {
    scheduler: { scheduler: "rtds", period: 10_000, budget: 3000, extratime: false },
  });
  const { jobs, missed, worstWake, worstDone } = await periodic.run(10_000, 2500, 60);
  assert.deepEqual([jobs, missed], [60, 0]);
  // A wake-up waits for an instruction to end, or a hypercall.
  assert.ok(worstWake < 500_000, `${worstWake} ns`);
  assert.ok(worstDone < 5_000_000, `${worstDone} ns`);
  periodic.domain.destroy();
});

test("processors come and go while all are busy", { skip }, async () => {
  for (const count of [4, 1, 2]) {
    guest.domain.setVcpus(count);
    for (let turn = 0; turn < 50 && (await output("nproc")) !== String(count); turn++) await output("sleep 0.05");
    assert.equal(await output("nproc"), String(count));
    const online = guest.domain.vcpus.filter((vcpu) => vcpu.online).length;
    assert.equal(online, count);
  }
  assert.throws(() => guest.domain.setVcpus(5), /can have 1 to 4 vCPUs, not 5/);
  assert.throws(() => guest.domain.setVcpus(0), RangeError);
});

test("the kernel has nothing to complain about", { skip }, async () => {
  assert.equal(await output("dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|stalled|detected stall|lockup' || true"), "");
});
