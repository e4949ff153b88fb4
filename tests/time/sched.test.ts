import assert from "node:assert/strict";
import { test } from "node:test";
import { EEXIST, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from "../../src/abi/errno.ts";
import * as abi from "../../src/abi/sched.ts";
import { bindIpi } from "../../src/hypervisor/event-channel/bind.ts";
import { sendPort } from "../../src/hypervisor/event-channel/deliver.ts";
import { sharedInfo, vcpuInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { schedOp, schedOpCompat } from "../../src/hypervisor/sched/op.ts";
import { isRunnable, pauseVcpu, unpauseVcpu } from "../../src/hypervisor/sched/wake.ts";
import { nextTimerDeadline, runTimers } from "../../src/hypervisor/time/timers.ts";
import { type TestGuest, TestMachine } from "../event-channel/machine.ts";

const OP = abi.SCHEDOP;

function quiet(): TestGuest {
  const guest = new TestMachine().guest(1);
  guest.vcpu.record.time.periodic_period = 0n;
  return guest;
}

function poll(guest: TestGuest, ports: number[], timeout = 0n, count = ports.length): number {
  const list = guest.page(10);
  new Uint32Array(list.buffer, list.byteOffset, ports.length).set(ports);
  guest.argument(abi.schedPoll, (v) => {
    v.ports = guest.va(10);
    v.nr_ports = count;
    v.timeout = timeout;
  });
  return guest.call(schedOp, [OP.poll, undefined]);
}

test("block unmasks events and sleeps; not if one is pending", () => {
  const guest = quiet();
  const info = vcpuInfo(guest.vcpu);
  const port = bindIpi(guest.domain, 0);
  assert.equal(guest.call(schedOp, [OP.block]), 0);
  assert.equal(info.evtchn_upcall_mask, 0);
  assert.ok(!isRunnable(guest.vcpu));
  sendPort(guest.domain, port);
  assert.ok(isRunnable(guest.vcpu));
  info.evtchn_upcall_mask = 1;
  assert.equal(guest.call(schedOp, [OP.block]), 0);
  assert.ok(isRunnable(guest.vcpu));
});

test("poll waits for its ports, masked or not, and for no others", () => {
  const guest = quiet();
  const [one, two, three] = [bindIpi(guest.domain, 0), bindIpi(guest.domain, 0), bindIpi(guest.domain, 0)];
  const shared = sharedInfo(guest.domain);
  shared.evtchn_mask.set(0, ~0n & 0xffff_ffff_ffff_ffffn);
  assert.equal(poll(guest, [two]), 0);
  assert.ok(!isRunnable(guest.vcpu));
  sendPort(guest.domain, one);
  assert.ok(!isRunnable(guest.vcpu));
  sendPort(guest.domain, two);
  assert.ok(isRunnable(guest.vcpu));
  assert.equal(poll(guest, [two]), 0);
  assert.ok(isRunnable(guest.vcpu), "it is pending already");
  shared.evtchn_pending.set(0, 0n);
  assert.equal(poll(guest, [one, three]), 0);
  assert.ok(!isRunnable(guest.vcpu));
  sendPort(guest.domain, three);
  assert.ok(isRunnable(guest.vcpu));
});

test("poll: timeouts, and what is refused", () => {
  const guest = quiet();
  const { machine } = guest;
  const port = bindIpi(guest.domain, 0);
  assert.equal(poll(guest, [port], 5_000_000n), 0);
  assert.equal(nextTimerDeadline(machine.hv), 5_000_000);
  machine.clock.skipTo(5_000_000);
  runTimers(machine.hv);
  assert.ok(isRunnable(guest.vcpu));
  assert.equal(nextTimerDeadline(machine.hv), undefined);
  assert.equal(poll(guest, [port], 0n, 129), -EINVAL);
  assert.equal(poll(guest, [99_999]), -EINVAL);
  assert.ok(isRunnable(guest.vcpu));
  guest.argument(abi.schedPoll, (v) => {
    v.ports = 0xffff_8000_0000_0000n;
    v.nr_ports = 1;
  });
  assert.equal(guest.call(schedOp, [OP.poll, undefined]), -EFAULT);
  // A poll of nothing with a timeout is a sleep; an event ends it early, and its timer with it.
  assert.equal(poll(guest, [], 9_000_000n), 0);
  assert.ok(!isRunnable(guest.vcpu));
  sendPort(guest.domain, port);
  assert.ok(isRunnable(guest.vcpu));
  assert.equal(nextTimerDeadline(machine.hv), undefined);
});

test("shutdown, in both forms, and its code", () => {
  for (const form of ["sched_op", "compat"]) {
    const guest = quiet();
    guest.argument(abi.schedShutdown, (v) => {
      v.reason = 2;
    });
    if (form === "compat") assert.equal(guest.call(schedOpCompat, [2, 2]), 0);
    else assert.equal(guest.call(schedOp, [OP.shutdown, undefined, 1234]), 0);
    assert.ok(guest.domain.isShutDown && !isRunnable(guest.vcpu));
    assert.equal(guest.domain.record.shutdown_code, 2);
  }
});

test("yield and what does not exist", () => {
  const guest = quiet();
  assert.equal(guest.call(schedOp, [OP.yield]), 0);
  assert.equal(guest.vcpu.record.sched.yielded, 1);
  assert.equal(guest.call(schedOp, [8]), -ENOSYS);
  assert.equal(guest.call(schedOp, [OP.pin_override, undefined]), -EPERM);
  assert.equal(guest.call(schedOpCompat, [3, 0]), -ENOSYS);
  assert.equal(guest.call(schedOpCompat, [0]), 0);
});

test("remote_shutdown is for privileged domains", () => {
  const guest = quiet();
  const shutdown = (domid: number): number => {
    guest.argument(abi.schedRemoteShutdown, (v) => {
      v.domain_id = domid;
      v.reason = 3;
    });
    return guest.call(schedOp, [OP.remote_shutdown, undefined]);
  };
  guest.machine.guest(2);
  assert.equal(shutdown(2), -EPERM);
  assert.equal(shutdown(9), -ESRCH);
});

test("watchdogs", () => {
  const guest = quiet();
  const { machine, domain } = guest;
  const watchdog = (id: number, timeout: number): number => {
    guest.argument(abi.schedWatchdog, (v) => {
      v.id = id;
      v.timeout = timeout;
    });
    return guest.call(schedOp, [OP.watchdog, undefined]);
  };
  assert.equal(watchdog(0, 10), 1);
  assert.equal(watchdog(0, 20), 2);
  assert.equal(watchdog(0, 30), -EEXIST);
  assert.equal(watchdog(3, 10), -EINVAL);
  machine.clock.skipTo(9e9);
  assert.equal(watchdog(1, 10), 0);
  assert.equal(nextTimerDeadline(machine.hv), 19e9);
  machine.clock.skipTo(18e9);
  runTimers(machine.hv);
  assert.ok(!domain.isShutDown);
  assert.equal(watchdog(1, 0), 0);
  assert.equal(watchdog(1, 5), -EINVAL, "it is stopped");
  machine.clock.skipTo(20e9);
  runTimers(machine.hv);
  assert.ok(domain.isShutDown);
  assert.equal(domain.record.shutdown_code, abi.SHUTDOWN.watchdog);
});

test("pauses nest", () => {
  const { vcpu } = quiet();
  pauseVcpu(vcpu);
  pauseVcpu(vcpu);
  unpauseVcpu(vcpu);
  assert.ok(!isRunnable(vcpu));
  unpauseVcpu(vcpu);
  assert.ok(isRunnable(vcpu));
  assert.throws(() => unpauseVcpu(vcpu));
});
