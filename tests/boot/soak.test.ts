/**
 * A long run does not grow: an hour of virtual time of processes, files and programs, of which new
 * copies are made all the time, so that code comes and goes. Off unless it is asked for:
 *
 *     npm run test:long
 *     TYPERVISOR_SOAK_MINUTES=15 npm test -- tests/boot/soak.test.ts
 *     TYPERVISOR_SOAK_LOG=soak.jsonl       what was measured, a line a round
 */
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { GuestShell, noGuest } from "./guest-shell.ts";

const MINUTES = Number(process.env.TYPERVISOR_SOAK_MINUTES ?? 0);
const LOG = process.env.TYPERVISOR_SOAK_LOG;
const MIB = 2 ** 20;
/** As in src/machine/jit: compiled regions that may live at one time. */
const MOST_REGIONS = 8000;
/** Guest time from which on measurements are compared: caches have filled by then. */
const WARM = Math.min(10, MINUTES / 3);
const skip = MINUTES > 0 ? await noGuest() : "takes long: npm run test:long";

/** Works for about a second, and sleeps. Different text each time, and programs in new frames. */
const round = (number: number): string => `
set -e
mkdir -p /tmp/soak; cd /tmp/soak
cp /bin/busybox .
n=0; while [ $n -lt 25 ]; do ./busybox true; ./busybox cat /proc/self/status >/dev/null; n=$((n + 1)); done
./busybox awk 'BEGIN { srand(${number}); for (i = 0; i < 4000; i++) printf "%08d line %d of %s\\n", rand() * 1e8, i, rand() }' >text
./busybox sort -n text >sorted
./busybox gzip -c sorted >sorted.gz; gzip -dc sorted.gz | cmp - sorted
./busybox tar c text sorted | ./busybox tar x -O sorted | ./busybox md5sum >sum1; md5sum <sorted >sum2; cmp sum1 sum2
./busybox sed 's/line/LINE/' text | grep -c 'LINE 1' >count
for f in 1 2 3 4 5 6 7 8 9 10 11 12; do echo $f | ./busybox sh -c 'read x; echo $x$x' >file$f; mv file$f dir$f; done
./busybox find /proc -maxdepth 2 -name 'st*' >/dev/null 2>&1 || true
(./busybox sleep 1 & ./busybox sleep 2 & wait)
./busybox dd if=/dev/urandom of=noise bs=64k count=4 2>/dev/null; ./busybox gzip noise
cd /; rm -r /tmp/soak
sleep 17
`;

interface Measurement {
  readonly round: number;
  readonly guestMinutes: number;
  readonly hostMinutes: number;
  readonly instructions: number;
  /** Of this process, MiB. */
  readonly rss: number;
  readonly jsHeap: number;
  readonly arrayBuffers: number;
  /** Compiled regions: alive, made, dropped. */
  readonly liveRegions: number;
  readonly compiled: number;
  readonly dropped: number;
  /** Decoded code, MiB, and how often all of it was dropped. */
  readonly code: number;
  readonly codeFlushes: number;
  /** Machine frames that nobody owns: the hypervisor's heap takes from them. */
  readonly freeFrames: number;
  /** What the guest has left, MiB. */
  readonly guestFree: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function measure(guest: GuestShell, number: number, started: number): Promise<Measurement> {
  const { stdout } = await guest.run("awk '/^MemAvailable/ { print $2 }' /proc/meminfo");
  collectGarbage();
  const { cpu, clock, frames } = guest.machine.hypervisor;
  const { regions, code } = cpu.statistics;
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const rounded = (n: number): number => Math.round(n * 10) / 10;
  const measurement: Measurement = {
    round: number,
    guestMinutes: rounded(clock.now() / 60e9),
    hostMinutes: rounded((performance.now() - started) / 60e3),
    instructions: cpu.retired,
    rss: rounded(rss / MIB),
    jsHeap: rounded(heapUsed / MIB),
    arrayBuffers: rounded(arrayBuffers / MIB),
    liveRegions: (regions?.compiled ?? 0) - (regions?.dropped ?? 0),
    compiled: regions?.compiled ?? 0,
    dropped: regions?.dropped ?? 0,
    code: rounded(code.bytesUsed / MIB),
    codeFlushes: code.flushes,
    freeFrames: frames.state.free_frames,
    guestFree: rounded(Number(stdout) / 1024),
  };
  if (LOG !== undefined) appendFileSync(LOG, `${JSON.stringify(measurement)}\n`);
  return measurement;
}

test(`${MINUTES} minutes of guest time: nothing grows`, { skip, timeout: 6 * 3_600_000 }, async (t) => {
  const started = performance.now();
  const guest = await GuestShell.boot({ virtualTime: true, memory: "128M" });
  // A guest that is still there keeps this process alive.
  t.after(() => guest.domain.destroy());
  const measurements: Measurement[] = [];
  for (let number = 1; ; number++) {
    const { stdout, stderr, status } = await guest.run(round(number));
    assert.deepEqual({ stdout, stderr, status }, { stdout: "", stderr: "", status: 0 }, `round ${number}`);
    const now = await measure(guest, number, started);
    measurements.push(now);
    if (now.guestMinutes >= MINUTES) break;
  }
  const { stdout: warnings } = await guest.run("dmesg | grep -E 'WARNING|BUG|Oops|Call Trace|stalled|segfault|oom'");

  assert.equal(warnings, "");
  // Caches fill and are emptied: what counts are the peaks of one half and of the other.
  const middle = (WARM + MINUTES) / 2;
  const early = measurements.filter(({ guestMinutes }) => guestMinutes >= WARM && guestMinutes < middle);
  const late = measurements.filter(({ guestMinutes }) => guestMinutes >= middle);
  const grows = (what: "rss" | "jsHeap" | "arrayBuffers" | "code"): number => {
    const peak = (half: Measurement[]): number => Math.max(...half.map((measurement) => measurement[what]));
    t.diagnostic(`${what}: up to ${peak(early)} MiB, then up to ${peak(late)} MiB`);
    return peak(late) - peak(early);
  };
  const shrinks = (what: "guestFree" | "freeFrames"): number => {
    const least = (half: Measurement[]): number => Math.min(...half.map((measurement) => measurement[what]));
    t.diagnostic(`${what}: down to ${least(early)}, then down to ${least(late)}`);
    return least(early) - least(late);
  };
  for (const [what, limit] of [
    ["rss", 64],
    ["jsHeap", 16],
    ["arrayBuffers", 2],
    ["code", 4],
  ] as const) {
    const growth = grows(what);
    assert.ok(growth < limit, `${what} has grown by ${growth} MiB`);
  }
  assert.ok(shrinks("guestFree") < 8, "the guest has lost memory");
  assert.ok(shrinks("freeFrames") < 64, "the hypervisor has taken more frames");
  const most = Math.max(...measurements.map(({ liveRegions }) => liveRegions));
  assert.ok(most <= MOST_REGIONS, `${most} compiled regions were alive at one time`);
  const dropped = (late.at(-1)?.dropped ?? 0) - (early[0]?.dropped ?? 0);
  assert.ok(dropped > 0, "no region was ever dropped: the test does not test that");
});
