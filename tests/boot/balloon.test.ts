/** Debian's kernel balloons: it begins with less than its maximum, and shrinks and grows under load. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { GuestShell, noGuest } from "./guest-shell.ts";

const MIB = 1 << 20;
const skip = await noGuest();
let guest: GuestShell;
before(async () => {
  if (!skip) guest = await GuestShell.boot({ memory: "192M", maxMemory: "384M" });
});
after(() => guest?.machine.destroy());

/** What the guest has in all, by its own account, in bytes: free memory, used memory, and what its kernel took at first. */
async function inGuest(): Promise<{ total: number; current: number; target: number }> {
  const { stdout } = await guest.run(
    "free -k | awk '/^Mem:/ {print $2}'; cd /sys/devices/system/xen_memory/xen_memory0; cat info/current_kb target_kb",
  );
  const [total = 0, current = 0, target = 0] = stdout
    .trim()
    .split("\n")
    .map((line) => Number(line) * 1024);
  return { total, current, target };
}

/** Waits until the guest has what it was asked to have. */
async function settle(target: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (guest.domain.memory.current <= target) {
      const { current } = await inGuest();
      if (current === target) return;
    }
    await guest.run("usleep 100000");
  }
  assert.fail(`the guest has ${guest.domain.memory.current}, not ${target}`);
}

test("it starts below its maximum, and knows of it", { skip, timeout: 120_000 }, async () => {
  const { memory } = guest.domain;
  assert.deepEqual(
    { target: memory.target, staticMaximum: memory.staticMaximum },
    { target: 192 * MIB, staticMaximum: 384 * MIB },
  );
  const { total, current, target } = await inGuest();
  assert.equal(current, 192 * MIB);
  assert.equal(target, 192 * MIB);
  assert.equal(memory.current, 192 * MIB);
  assert.ok(total < 192 * MIB && total > 128 * MIB, `${total}`);
});

/** Sets a target, and checks that `free` inside shows the same change as is seen outside. */
async function change(target: number): Promise<void> {
  const before = { inside: await inGuest(), outside: guest.domain.memory.current, free: guest.machine.memory.free };
  guest.domain.setMemoryTarget(target);
  await settle(target);
  const inside = await inGuest();
  const outside = guest.domain.memory;
  assert.equal(outside.current, target);
  assert.equal(outside.target, target);
  assert.equal(inside.total - before.inside.total, target - before.outside);
  assert.equal(before.free - guest.machine.memory.free, target - before.outside);
}

test("it grows up to its maximum, and uses what it gets", { skip, timeout: 120_000 }, async () => {
  await change(384 * MIB);
  // More than it had at first.
  const fill = "dd if=/dev/zero of=/tmp/large bs=1M count=250 && rm /tmp/large";
  await guest.run("mount -t tmpfs -o size=300m tmpfs /tmp");
  assert.equal((await guest.run(fill)).status, 0);
  assert.throws(() => guest.domain.setMemoryTarget(385 * MIB), /more than domain 1 was made for: at most 384 MiB/);
  assert.equal(guest.domain.memory.target, 384 * MIB);
});

test("it shrinks and grows under load, and loses nothing", { skip, timeout: 240_000 }, async () => {
  await guest.run("dd if=/dev/urandom of=/tmp/random bs=1M count=8; md5sum /tmp/random > /tmp/sum");
  // Writers that keep taking and giving back memory, and a reader that checks what was there before.
  const load =
    "while [ -e /tmp/go ]; do dd if=/dev/zero of=/tmp/a bs=1M count=12; rm /tmp/a; md5sum -c /tmp/sum || touch /tmp/bad; done";
  await guest.run("touch /tmp/go");
  guest.send(`( ${load} ) </dev/null >/dev/null 2>&1 &\n`);
  for (const target of [128, 320, 192]) await change(target * MIB);
  const { stdout } = await guest.run(
    "rm /tmp/go; wait; ls /tmp; md5sum -c /tmp/sum; dmesg | grep -E 'Out of memory|BUG:|WARNING:|Oops'",
  );
  assert.doesNotMatch(stdout, /bad|Out of memory|BUG|WARN|Oops/);
  assert.match(stdout, /random: OK/);
});

test("it does not get more than its target by itself", { skip, timeout: 120_000 }, async () => {
  // A guest can write a target of its own; the hypervisor's maximum is ours.
  await guest.run("echo 262144 > /sys/devices/system/xen_memory/xen_memory0/target_kb; sleep 1");
  const { current, maximum } = guest.domain.memory;
  assert.equal(maximum, 193 * MIB);
  assert.ok(current <= 193 * MIB, `${current}`);
  // `xl mem-max` lets it.
  guest.domain.setMaximumMemory(256 * MIB);
  for (let tries = 0; tries < 100 && guest.domain.memory.current < 256 * MIB; tries++) await guest.run("sleep 0.2");
  assert.equal(guest.domain.memory.current, 256 * MIB);
  assert.equal((await inGuest()).current, 256 * MIB);
});
