import assert from "node:assert/strict";
import { test } from "node:test";
import { RUNSTATE, vcpuRunstateInfo } from "../../src/abi/vcpu.ts";
import { VIRQ, VMASST_TYPE_runstate_update_flag, vcpuTimeInfo } from "../../src/abi/xen.ts";
import { bindVirq } from "../../src/hypervisor/event-channel/bind.ts";
import { portIsPending } from "../../src/hypervisor/event-channel/deliver.ts";
import { sharedInfo, vcpuInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { VPF_blocked } from "../../src/hypervisor/sched/record.ts";
import { blockVcpu, isRunnable, vcpuScheduledIn, vcpuScheduledOut, wakeVcpu } from "../../src/hypervisor/sched/wake.ts";
import { VirtualClock } from "../../src/hypervisor/time/clock.ts";
import { runstateBytes, setRunstate } from "../../src/hypervisor/time/runstate.ts";
import { setTimerOp } from "../../src/hypervisor/time/set-timer-op.ts";
import { updateStaleAreas } from "../../src/hypervisor/time/stale-areas.ts";
import { setWallclock, updateTimeInfo } from "../../src/hypervisor/time/system-time.ts";
import { nextTimerDeadline, runTimers } from "../../src/hypervisor/time/timers.ts";
import type { Vcpu } from "../../src/hypervisor/vcpu.ts";
import { type TestGuest, TestMachine } from "../event-channel/machine.ts";

const MS = 1_000_000;

test("virtual clock: instructions, and skips that never go back", () => {
  let retired = 0n;
  const clock = new VirtualClock(() => retired, 0.5);
  assert.equal(clock.now(), 0);
  retired = 1001n;
  assert.equal(clock.now(), 500);
  clock.skipTo(2000);
  assert.equal(clock.now(), 2000);
  clock.skipTo(100);
  assert.equal(clock.now(), 2000);
  retired += 10n;
  assert.equal(clock.now(), 2005);
  assert.throws(() => new VirtualClock(() => 0, 0), RangeError);
});

test("vcpu_time_info: an even version, and a formula that gives the clock's time", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  machine.clock.skipTo(123_456_789);
  vcpuInfo(guest.vcpu).time.version = 7;
  updateTimeInfo(guest.vcpu);
  const { version, tsc_timestamp, system_time, tsc_to_system_mul, tsc_shift, flags } = vcpuInfo(guest.vcpu).time;
  assert.equal(version % 2, 0);
  assert.ok(version > 7);
  assert.equal(system_time, 123_456_789n);
  assert.equal(flags, 1);
  const tsc = 5_123_456_789n;
  const time = system_time + ((((tsc - tsc_timestamp) << BigInt(tsc_shift)) * BigInt(tsc_to_system_mul)) >> 32n);
  assert.equal(time, tsc);
  vcpuInfo(guest.vcpu).time.version = 0xffff_ffff;
  updateTimeInfo(guest.vcpu);
  assert.equal(vcpuInfo(guest.vcpu).time.version % 2, 0);
});

test("the second time area follows, while it is mapped", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  guest.vcpu.record.time.time_area = guest.va(3, 0xff0);
  machine.clock.skipTo(1000);
  updateTimeInfo(guest.vcpu);
  // Across two pages.
  const copy = new Uint8Array(32);
  copy.set(guest.page(3).subarray(0xff0), 0);
  copy.set(guest.page(4).subarray(0, 16), 16);
  const info = vcpuTimeInfo.at({ u8: copy, dv: new DataView(copy.buffer) }, 0);
  assert.equal(info.system_time, 1000n);
  assert.equal(info.version, vcpuInfo(guest.vcpu).time.version);
  assert.equal(info.tsc_to_system_mul, 0x8000_0000);
  guest.vcpu.record.time.time_area = 0x7000_0000_0000n;
  updateTimeInfo(guest.vcpu);
  guest.vcpu.record.time.time_area = 0xffff_8000_0000_0000n;
  updateTimeInfo(guest.vcpu);
});

test("the wall clock at system time 0, also after 2106", () => {
  const guest = new TestMachine().guest(1);
  setWallclock(guest.domain, 1_700_000_000_123_456_789n);
  const info = sharedInfo(guest.domain);
  assert.deepEqual(
    [info.wc_sec, info.wc_nsec, info.wc_sec_hi, info.wc_version % 2],
    [1_700_000_000, 123_456_789, 0, 0],
  );
  setWallclock(guest.domain, 5_000_000_000_000_000_001n);
  assert.deepEqual([info.wc_sec, info.wc_nsec, info.wc_sec_hi], [5_000_000_000 - 2 ** 32, 1, 1]);
});

test("runstates add up to the time that has passed", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  const { vcpu } = guest;
  const times = (): bigint[] => {
    const u8 = runstateBytes(vcpu, true);
    const info = vcpuRunstateInfo.at({ u8, dv: new DataView(u8.buffer) }, 0);
    return [0, 1, 2, 3].map((i) => info.time.get(i));
  };
  let now = 0;
  const pass = (ns: number): void => machine.clock.skipTo((now += ns));
  const expected = [0n, 0n, 0n, 0n];
  const steps: [number, () => void][] = [
    [RUNSTATE.running, () => vcpuScheduledIn(vcpu)],
    [RUNSTATE.blocked, () => blockVcpu(vcpu)],
    [RUNSTATE.runnable, () => wakeVcpu(vcpu)],
    [RUNSTATE.running, () => vcpuScheduledIn(vcpu)],
    [RUNSTATE.runnable, () => vcpuScheduledOut(vcpu)],
    [RUNSTATE.running, () => vcpuScheduledIn(vcpu)],
  ];
  for (let i = 0; i < 60; i++) {
    const [state, enter] = steps[i % steps.length]!;
    enter();
    assert.equal(vcpu.record.time.state, state);
    pass(17 * i);
    expected[state]! += BigInt(17 * i);
    assert.deepEqual(times(), expected);
    assert.equal(
      times().reduce((a, b) => a + b),
      BigInt(now),
    );
  }
});

/** The runstate area in page 3. */
function area(guest: TestGuest): ReturnType<typeof vcpuRunstateInfo.at> {
  return vcpuRunstateInfo.at(guest.machine.hv.memory, guest.data[3]! * 4096);
}

test("the runstate area is written at each change, with the update flag if the guest wants it", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  const { vcpu } = guest;
  vcpu.record.time.runstate_area = guest.va(3);
  setRunstate(vcpu, RUNSTATE.running);
  assert.equal(area(guest).state, RUNSTATE.running);
  guest.domain.record.vm_assist |= 1n << BigInt(VMASST_TYPE_runstate_update_flag);
  machine.clock.skipTo(500);
  const seen: bigint[] = [];
  const { frameWritten } = machine.cpu;
  machine.cpu.frameWritten = (mfn) => {
    if (mfn === guest.data[3]) seen.push(area(guest).state_entry_time >> 63n);
    frameWritten.call(machine.cpu, mfn);
  };
  setRunstate(vcpu, RUNSTATE.blocked);
  assert.deepEqual(seen, [1n, 1n, 0n]);
  assert.equal(area(guest).state_entry_time, 500n);
  assert.equal(area(guest).time.get(RUNSTATE.running), 500n);
});

test("an area that is not mapped is the guest's affair; from user mode it waits for the kernel", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  const { vcpu } = guest;
  vcpu.record.time.runstate_area = 0x7000_0000_0000n;
  setRunstate(vcpu, RUNSTATE.running);
  assert.equal(vcpu.record.time.runstate_area_stale, 0);
  vcpu.record.time.runstate_area = guest.va(3);
  vcpu.kernelMode = false;
  const cr3 = Number(machine.cpu.state.cr3);
  machine.cpu.loadCr3(machine.hv.frames.state.idle_root * 4096, 1, false);
  machine.clock.skipTo(10);
  setRunstate(vcpu, RUNSTATE.runnable);
  setRunstate(vcpu, RUNSTATE.running);
  assert.equal(vcpu.record.time.runstate_area_stale, 1);
  assert.equal(area(guest).state_entry_time, 0n);
  vcpu.kernelMode = true;
  machine.cpu.loadCr3(cr3, 0, false);
  updateStaleAreas(vcpu);
  assert.equal(vcpu.record.time.runstate_area_stale, 0);
  assert.equal(area(guest).state_entry_time, 10n);
});

test("another vCPU's page tables are not the place for an area", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  a.vcpu.record.time.runstate_area = a.va(3);
  b.load();
  setRunstate(a.vcpu, RUNSTATE.runnable);
  setRunstate(a.vcpu, RUNSTATE.offline);
  assert.ok(b.page(3).every((byte) => byte === 0));
  assert.ok(a.page(3).every((byte) => byte === 0));
});

/** A guest with its timer interrupt bound and the ticker off. */
function timed(): { machine: TestMachine; guest: TestGuest; vcpu: Vcpu; fired: () => boolean } {
  const machine = new TestMachine();
  const guest = machine.guest(1);
  const { vcpu } = guest;
  const port = bindVirq(guest.domain, VIRQ.TIMER, 0);
  vcpu.record.time.periodic_period = 0n;
  const fired = (): boolean => {
    const pending = portIsPending(guest.domain, port);
    sharedInfo(guest.domain).evtchn_pending.set(0, 0n);
    vcpuInfo(vcpu).evtchn_pending_sel = 0n;
    vcpuInfo(vcpu).evtchn_upcall_pending = 0;
    return pending;
  };
  return { machine, guest, vcpu, fired };
}

test("set_timer_op fires once, at its time, and wakes", () => {
  const { machine, guest, vcpu, fired } = timed();
  assert.equal(nextTimerDeadline(machine.hv), undefined);
  assert.equal(guest.call(setTimerOp, [5 * MS]), 0);
  assert.equal(nextTimerDeadline(machine.hv), 5 * MS);
  blockVcpu(vcpu);
  machine.clock.skipTo(5 * MS - 1);
  runTimers(machine.hv);
  assert.ok(!fired() && !isRunnable(vcpu));
  machine.clock.skipTo(5 * MS);
  runTimers(machine.hv);
  assert.ok(fired() && isRunnable(vcpu));
  assert.equal(nextTimerDeadline(machine.hv), undefined);
  machine.clock.skipTo(50 * MS);
  runTimers(machine.hv);
  assert.ok(!fired());
});

test("set_timer_op: 0 stops, the past fires at once, nonsense in 100 ms", () => {
  const { machine, guest, fired } = timed();
  machine.clock.skipTo(10 * MS);
  guest.call(setTimerOp, [20 * MS]);
  guest.call(setTimerOp, [0]);
  assert.equal(nextTimerDeadline(machine.hv), undefined);
  guest.call(setTimerOp, [1]);
  runTimers(machine.hv);
  assert.ok(fired());
  for (const far of [-5n, 1n << 60n]) {
    guest.call(setTimerOp, [far]);
    assert.equal(nextTimerDeadline(machine.hv), 110 * MS);
  }
});

test("the ticker of 100 Hz is on from the start, but wakes nobody", () => {
  const { machine, vcpu, fired } = timed();
  const fresh = machine.guest(2);
  assert.equal(fresh.vcpu.record.time.periodic_period, 10_000_000n);
  vcpu.record.time.periodic_period = 10_000_000n;
  fresh.vcpu.record.time.periodic_period = 0n;
  machine.clock.skipTo(9 * MS);
  runTimers(machine.hv);
  assert.ok(!fired());
  assert.equal(nextTimerDeadline(machine.hv), 10 * MS);
  machine.clock.skipTo(10 * MS);
  runTimers(machine.hv);
  assert.ok(fired());
  assert.equal(nextTimerDeadline(machine.hv), 20 * MS);
  blockVcpu(vcpu);
  assert.equal(nextTimerDeadline(machine.hv), undefined);
  machine.clock.skipTo(100 * MS);
  runTimers(machine.hv);
  assert.ok(!fired());
  assert.notEqual(vcpu.record.sched.pause_flags & VPF_blocked, 0);
});

test("a domain that has shut down has no timers", () => {
  const { machine, guest, fired } = timed();
  guest.call(setTimerOp, [5 * MS]);
  guest.domain.shutdown(0);
  assert.equal(nextTimerDeadline(machine.hv), undefined);
  machine.clock.skipTo(5 * MS);
  runTimers(machine.hv);
  assert.ok(!fired());
});
