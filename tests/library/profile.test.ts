/** Profiles of test guests: what is in them, and that guests cannot tell. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildGuest, guestConfig } from "../../guests/build.ts";
import { type CpuProfile, createMachine, type Machine, readElfSymbols } from "../../src/index.ts";
import { tinyGuest } from "./tiny-guest.ts";

interface Run {
  readonly output: string;
  readonly seen: unknown;
  readonly profile: CpuProfile | undefined;
}

/** All that a guest's run consists of, in virtual time. */
async function run(image: Uint8Array, name: string, profiled: boolean): Promise<Run> {
  const machine = await createMachine({ memory: "16M", virtualTime: true, processor: { jitThreshold: 1 } });
  if (profiled) machine.startProfile({ interval: 10 });
  const domain = await machine.createDomain({ kernel: image, symbols: readElfSymbols(image), ...guestConfig(name) });
  let output = "";
  for await (const chunk of domain.console.readable) output += new TextDecoder().decode(chunk);
  const { reason } = await domain.wait();
  const { cpu, clock } = machine.hypervisor;
  const { exits, hypercalls, exceptions, event_upcalls } = machine.statistics();
  const seen = { reason, retired: cpu.retired, now: clock.now(), exits, hypercalls, exceptions, event_upcalls };
  return { output, seen, profile: profiled ? machine.stopProfile() : undefined };
}

/** Checks the shape that viewers rely on, and returns the stack of each sample, outermost frame first. */
function stacks(profile: CpuProfile): string[][] {
  assert.deepEqual(JSON.parse(JSON.stringify(profile)), profile);
  const { nodes, samples, timeDeltas, startTime, endTime } = profile;
  assert.equal(nodes[0]?.callFrame.functionName, "(root)");
  const paths = new Map<number, string[]>([[nodes[0].id, []]]);
  const hits = new Map<number, number>();
  for (const id of samples) hits.set(id, (hits.get(id) ?? 0) + 1);
  for (const { id, callFrame, hitCount, children } of nodes) {
    assert.deepEqual(Object.keys(callFrame), ["functionName", "scriptId", "url", "lineNumber", "columnNumber"]);
    assert.match(callFrame.scriptId, /^\d+$/);
    assert.equal(hitCount, hits.get(id) ?? 0);
    const path = paths.get(id);
    assert.ok(path, `node ${id} comes before its parent`);
    for (const child of children) {
      const node = nodes.find((n) => n.id === child);
      assert.ok(node && !paths.has(child), `child ${child}`);
      const { url, functionName } = node.callFrame;
      paths.set(child, [...path, url === "" ? functionName : `${functionName} (${url})`]);
    }
  }
  assert.equal(paths.size, nodes.length);
  assert.equal(timeDeltas.length, samples.length);
  assert.ok(timeDeltas.every((delta) => Number.isInteger(delta) && delta >= 0));
  const length = timeDeltas.reduce((a, b) => a + b, 0);
  assert.ok(Number.isInteger(startTime) && endTime >= startTime + length);
  return samples.map((id) => paths.get(id) ?? []);
}

for (const name of ["traps", "timers", "smp"]) {
  test(`${name}: the same with and without a profile`, async (t) => {
    const file = buildGuest(name);
    if (!file) return t.skip("test guests are built with gcc for x86-64, which is not here");
    const image = readFileSync(file);
    const plain = await run(image, name, false);
    const profiled = await run(image, name, true);
    assert.match(plain.output, /Test result: SUCCESS/);
    assert.equal(profiled.output, plain.output);
    assert.deepEqual(profiled.seen, plain.seen);
    assert.ok(profiled.profile);
    const all = stacks(profiled.profile).map((stack) => stack.join(" > "));
    assert.ok(all.length > 100, `${all.length} samples`);
    const some = (pattern: RegExp): boolean => all.some((stack) => pattern.test(stack));
    assert.ok(some(/kernel > \w+ \(kernel\/interpreter\)$/), "a function in the interpreter");
    assert.ok(some(/kernel > \w+ \(kernel\) > .* \(hypervisor\/hypercall\)$/), "a hypercall");
    assert.ok(some(/^hypervisor > run loop \(hypervisor\)$/), "the run loop");
    if (name === "smp") assert.ok(some(/^vCPU 1 > kernel > second_main/), "the second vCPU");
    else assert.ok(!some(/vCPU/), "one vCPU needs no frame");
  });
}

const total = (machine: Machine, profile: CpuProfile, elapsed: number): void => {
  const busy = profile.activities.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);
  assert.ok(busy > 0 && busy <= elapsed, `${busy} of ${elapsed} ns`);
  assert.ok(Math.abs(profile.endTime - profile.startTime - busy / 1000) < 50 * 250, "samples stand for the time");
  assert.equal(machine.hypervisor.profiler, undefined);
};

test("a loop is found at its address, idle time is not in it, and a second profile begins anew", async () => {
  const machine = await createMachine({ memory: "8M" });
  const domain = await machine.createDomain({ kernel: tinyGuest({ prints: "x", ends: "spin" }) });
  for (let i = 0; i < 2; i++) {
    const started = performance.now();
    machine.startProfile();
    assert.throws(() => machine.startProfile(), /already/);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const profile = machine.stopProfile();
    const elapsed = (performance.now() - started) * 1e6;
    total(machine, profile, elapsed);
    const all = stacks(profile).map((stack) => stack.join(" > "));
    const loops = all.filter((stack) => /^kernel > page 0x10100000 \(kernel\/(jit|interpreter)\)$/.test(stack));
    assert.ok(loops.length > all.length / 2, `${loops.length} of ${all.length}`);
  }
  domain.destroy();
  assert.throws(() => machine.stopProfile(), /no profile/);
  assert.throws(() => machine.startProfile({ interval: 1 }), RangeError);
});

test("a guest that waits takes no time", async () => {
  const machine = await createMachine({ memory: "8M" });
  machine.startProfile();
  const domain = await machine.createDomain({ kernel: tinyGuest({ prints: "x", ends: "block" }) });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const { startTime, endTime } = machine.stopProfile();
  domain.destroy();
  assert.ok(endTime - startTime < 100_000, `${endTime - startTime} microseconds`);
});

test("a domain that gets the number of an earlier one is another", async () => {
  const machine = await createMachine({ memory: "8M" });
  machine.startProfile({ interval: 10 });
  const names = ["first", "second"];
  const ids: number[] = [];
  for (const name of names) {
    const kernel = tinyGuest({ prints: name, ends: "spin" });
    // Numbers go round: this is where the next round begins.
    machine.hypervisor.frames.state.last_domid = 0;
    const domain = await machine.createDomain({ kernel, name });
    ids.push(domain.id);
    await new Promise((resolve) => setTimeout(resolve, 50));
    domain.destroy();
  }
  assert.equal(ids[0], ids[1]);
  const outermost = new Set(stacks(machine.stopProfile()).map(([frame]) => frame));
  assert.deepEqual(outermost, new Set(["hypervisor", ...names]));
});
