import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { VirtualClock } from "../../src/hypervisor/time/clock.ts";
import { createDefaultPlatform } from "../../src/platform/default.ts";
import type { Platform } from "../../src/platform/types.ts";
import { RunLoop } from "../../src/toolstack/run-loop.ts";

type Slice = ReturnType<Hypervisor["runSlice"]>;

/** A platform whose time passes only while somebody sleeps. */
class FakePlatform implements Platform {
  random(): bigint {
    return 0n;
  }

  time = 0;
  yields = 0;
  readonly sleeps: number[] = [];
  #wake: (() => void) | undefined;

  now = (): number => this.time;
  wallclock = (): bigint => 0n;
  yield(): Promise<void> {
    this.yields++;
    return Promise.resolve();
  }
  after(nanoseconds: number, callback: () => void): () => void {
    this.sleeps.push(nanoseconds);
    this.#wake = () => {
      this.time += nanoseconds;
      callback();
    };
    return () => {
      this.#wake = undefined;
    };
  }
  /** The timer that somebody sleeps for is over. */
  fire(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function setUp(slices: Slice[], virtual?: VirtualClock) {
  const platform = new FakePlatform();
  let run = 0;
  const hypervisor = {
    clock: virtual ?? { now: () => platform.time },
    runSlice: () => slices[run++] ?? { state: "ended" },
  } as unknown as Hypervisor;
  const loop = new RunLoop(hypervisor, platform, virtual, () => {});
  return { platform, loop, run: () => run };
}

const turns = async (n = 20): Promise<void> => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};

test("a busy machine takes turns with the host", async () => {
  const { platform, loop, run } = setUp([{ state: "runnable" }, { state: "runnable" }]);
  await loop.run();
  assert.equal(run(), 3);
  assert.equal(platform.yields, 3);
  assert.deepEqual(platform.sleeps, []);
});

test("a blocked machine sleeps until its timer", async () => {
  const { platform, loop, run } = setUp([{ state: "blocked", wakeAt: 5e6 }]);
  const done = loop.run();
  await turns();
  assert.equal(run(), 1);
  assert.deepEqual(platform.sleeps, [5e6]);
  platform.fire();
  await done;
  assert.equal(run(), 2);
});

test("an event from outside ends the sleep", async () => {
  const { platform, loop, run } = setUp([{ state: "blocked" }]);
  const done = loop.run();
  await turns();
  assert.equal(run(), 1);
  assert.equal(platform.sleeps.length, 1, "something keeps the process alive");
  loop.wake();
  await done;
});

test("an event between the slice and the sleep is not lost", async () => {
  const { platform, loop } = setUp([]);
  const slices: Slice[] = [{ state: "blocked" }];
  const hypervisor = {
    clock: { now: () => 0 },
    runSlice: () => {
      other.wake();
      return slices.shift() ?? { state: "ended" };
    },
  } as unknown as Hypervisor;
  const other = new RunLoop(hypervisor, platform, undefined, () => {});
  await other.run();
  assert.deepEqual(platform.sleeps, []);
  loop.stop();
});

test("timers too near to sleep for are waited for by turns", async () => {
  const { platform, loop } = setUp([{ state: "blocked", wakeAt: 100_000 }]);
  await loop.run();
  assert.deepEqual(platform.sleeps, []);
});

test("for a real-time guest the host wakes early, and waits for the rest by turns", async () => {
  const { platform, loop } = setUp([
    { state: "blocked", wakeAt: 5_000_000, realTime: true },
    { state: "blocked", wakeAt: 5_000_000, realTime: true },
  ]);
  const done = loop.run();
  await turns();
  assert.deepEqual(platform.sleeps, [3_500_000]);
  platform.time += 100_000;
  platform.fire();
  await done;
  assert.deepEqual(platform.sleeps, [3_500_000]);
});

test("virtual time jumps to the next timer instead of sleeping", async () => {
  const clock = new VirtualClock(() => 0);
  const { platform, loop } = setUp([{ state: "blocked", wakeAt: 3e9 }], clock);
  await loop.run();
  assert.equal(clock.now(), 3e9);
  assert.deepEqual(platform.sleeps, []);
});

test("what the hypervisor throws ends the loop", async () => {
  const hypervisor = {
    clock: { now: () => 0 },
    runSlice: () => {
      throw new Error("a bug");
    },
  } as unknown as Hypervisor;
  await assert.rejects(new RunLoop(hypervisor, new FakePlatform(), undefined, () => {}).run(), /a bug/);
});

test("the default platform: time, turns, timers that can be cancelled", async () => {
  const platform = createDefaultPlatform();
  const start = platform.now();
  await platform.yield();
  let fired = 0;
  const cancel = platform.after(1e6, () => fired++);
  cancel();
  await new Promise<void>((resolve) => platform.after(5e6, resolve));
  assert.equal(fired, 0);
  assert.ok(platform.now() - start >= 4e6);
  assert.ok(Math.abs(Number(platform.wallclock() / 1_000_000n) - Date.now()) < 2000);
});
