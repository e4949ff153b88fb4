import assert from "node:assert/strict";
import { test } from "node:test";
import { EFAULT, EINVAL, ENOENT, ENOSYS, ENXIO } from "../../src/abi/errno.ts";
import * as abi from "../../src/abi/vcpu.ts";
import { VIRQ } from "../../src/abi/xen.ts";
import { bindVirq } from "../../src/hypervisor/event-channel/bind.ts";
import { sendGuestVirq } from "../../src/hypervisor/event-channel/deliver.ts";
import { vcpuInfo, vcpuInfoAddress } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { vcpuOp } from "../../src/hypervisor/sched/vcpu-op.ts";
import { isRunnable } from "../../src/hypervisor/sched/wake.ts";
import { NEVER } from "../../src/hypervisor/time/record.ts";
import { VCPU_INITIALISED } from "../../src/hypervisor/vcpu.ts";
import { type TestGuest, TestMachine } from "../event-channel/machine.ts";

const OP = abi.VCPUOP;
const MS = 1_000_000n;

function registerVcpuInfo(guest: TestGuest, vcpu: number, mfn: number, offset: number): number {
  guest.argument(abi.vcpuRegisterVcpuInfo, (v) => {
    v.mfn = BigInt(mfn);
    v.offset = offset;
  });
  return guest.call(vcpuOp, [OP.register_vcpu_info, vcpu, undefined]);
}

test("is_up, up, down", () => {
  const guest = new TestMachine().guest(1, { vcpus: 2 });
  const [first, second] = guest.domain.vcpus;
  assert.equal(guest.call(vcpuOp, [OP.is_up, 0]), 1);
  assert.equal(guest.call(vcpuOp, [OP.is_up, 1]), 0);
  assert.equal(guest.call(vcpuOp, [OP.is_up, 2]), -ENOENT);
  assert.equal(guest.call(vcpuOp, [OP.is_up, 0xffff_ffff]), -ENOENT);
  assert.equal(guest.call(vcpuOp, [77, 0]), -ENOSYS);
  second!.record.flags &= ~VCPU_INITIALISED;
  assert.equal(guest.call(vcpuOp, [OP.up, 1]), -EINVAL);
  second!.record.flags |= VCPU_INITIALISED;
  assert.equal(guest.call(vcpuOp, [OP.up, 1]), 0);
  assert.ok(isRunnable(second!));
  assert.equal(second!.record.time.state, abi.RUNSTATE.runnable);
  assert.equal(guest.call(vcpuOp, [OP.initialise, 1, guest.va(10)]), -17, "it has been");
  assert.equal(guest.call(vcpuOp, [OP.down, 1]), 0);
  assert.ok(!isRunnable(second!));
  assert.equal(second!.record.time.state, abi.RUNSTATE.offline);
  assert.equal(guest.call(vcpuOp, [OP.up, 1]), 0);
  assert.equal(guest.call(vcpuOp, [OP.down, 0]), 0);
  assert.ok(!isRunnable(first!) && isRunnable(second!));
  assert.ok(!guest.domain.isShutDown);
  assert.equal(guest.call(vcpuOp, [OP.down, 1]), 0);
  assert.ok(guest.domain.isShutDown, "the last one has gone");
  assert.equal(guest.domain.record.shutdown_code, 0);
});

test("is_up is cheap: guests ask for thousands of vCPUs", () => {
  const guest = new TestMachine().guest(1);
  const begin = performance.now();
  for (let id = 0; id < 8192; id++) assert.equal(guest.call(vcpuOp, [OP.is_up, id]), id === 0 ? 1 : -ENOENT);
  assert.ok(performance.now() - begin < 1000);
});

test("register_vcpu_info moves it, once, and raises everything", () => {
  const guest = new TestMachine().guest(1, { vcpus: 2 });
  const { vcpu } = guest;
  const port = bindVirq(guest.domain, VIRQ.DEBUG, 0);
  vcpuInfo(vcpu).arch.cr2 = 0x1234n;
  for (const [mfn, offset] of [
    [guest.data[3]!, 4096 - 63],
    [guest.data[3]!, 0xffff_ffff],
    [guest.l1, 0],
    [3, 0],
    [2 ** 40, 0],
  ] as const) {
    assert.equal(registerVcpuInfo(guest, 0, mfn, offset), offset === 0 ? -EINVAL : -ENXIO);
  }
  assert.equal(registerVcpuInfo(guest, 0, guest.data[3]!, 4096 - 64), 0);
  assert.equal(vcpuInfoAddress(vcpu), guest.data[3]! * 4096 + 4096 - 64);
  const info = vcpuInfo(vcpu);
  assert.equal(info.arch.cr2, 0x1234n);
  assert.equal(info.evtchn_upcall_mask, 1);
  assert.equal(info.evtchn_upcall_pending, 1);
  assert.equal(info.evtchn_pending_sel, 0xffff_ffff_ffff_ffffn);
  assert.equal(registerVcpuInfo(guest, 0, guest.data[4]!, 0), -EINVAL);
  info.evtchn_upcall_pending = 0;
  info.evtchn_pending_sel = 0n;
  sendGuestVirq(vcpu, VIRQ.DEBUG);
  assert.equal(info.evtchn_pending_sel, 1n);
  assert.ok(port > 0);
  assert.equal(registerVcpuInfo(guest, 1, guest.data[4]!, 128), 0, "for another one that is down");
});

test("of a vCPU that runs only itself can move the vcpu_info; later vCPUs have none at first", () => {
  const guest = new TestMachine().guest(1, { vcpus: 34 });
  guest.call(vcpuOp, [OP.up, 1]);
  assert.equal(registerVcpuInfo(guest, 1, guest.data[4]!, 0), -EINVAL);
  const late = guest.domain.vcpus[33]!;
  late.record.flags &= ~VCPU_INITIALISED;
  assert.equal(guest.call(vcpuOp, [OP.initialise, 33, guest.va(10)]), -EINVAL);
  assert.equal(registerVcpuInfo(guest, 33, guest.data[5]!, 64), 0);
  assert.deepEqual([vcpuInfo(late).evtchn_upcall_mask, vcpuInfo(late).evtchn_upcall_pending], [1, 1]);
});

test("one-shot timer", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1, { vcpus: 2 });
  machine.clock.skipTo(10_000_000);
  const set = (timeout: bigint, flags: number, vcpu = 0): number => {
    guest.argument(abi.vcpuSetSingleshotTimer, (v) => {
      v.timeout_abs_ns = timeout;
      v.flags = flags;
    });
    return guest.call(vcpuOp, [OP.set_singleshot_timer, vcpu, undefined]);
  };
  const { time } = guest.vcpu.record;
  assert.equal(set(20n * MS, abi.VCPU_SSHOTTMR_future), 0);
  assert.equal(time.singleshot_deadline, 20n * MS);
  assert.equal(set(9n * MS, abi.VCPU_SSHOTTMR_future), 0, "the flag has no effect");
  assert.equal(time.singleshot_deadline, 9n * MS);
  assert.equal(set(8n * MS, 0), 0);
  assert.equal(set(20n * MS, 0, 1), -EINVAL, "of another vCPU");
  assert.equal(guest.call(vcpuOp, [OP.stop_singleshot_timer, 1]), -EINVAL);
  assert.equal(guest.call(vcpuOp, [OP.stop_singleshot_timer, 0]), 0);
  assert.equal(time.singleshot_deadline, NEVER);
  assert.equal(guest.call(vcpuOp, [OP.set_singleshot_timer, 0, 0xffff_8000_0000_0000n]), -EFAULT);
});

test("periodic timer", () => {
  const guest = new TestMachine().guest(1);
  const set = (period: bigint): number => {
    guest.argument(abi.vcpuSetPeriodicTimer, (v) => {
      v.period_ns = period;
    });
    return guest.call(vcpuOp, [OP.set_periodic_timer, 0, undefined]);
  };
  assert.equal(set(MS - 1n), -EINVAL);
  assert.equal(set(1n << 63n), -EINVAL);
  assert.equal(set(4n * MS), 0);
  assert.equal(guest.vcpu.record.time.periodic_period, 4n * MS);
  assert.equal(guest.call(vcpuOp, [OP.stop_periodic_timer, 0]), 0);
  assert.equal(guest.vcpu.record.time.periodic_period, 0n);
});

test("runstate: asked for, and registered", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1, { vcpus: 2 });
  machine.clock.skipTo(1000);
  const info = guest.argument(abi.vcpuRunstateInfo, () => {});
  assert.equal(guest.call(vcpuOp, [OP.get_runstate_info, 1, undefined]), 0);
  assert.deepEqual([info.state, info.time.get(3)], [abi.RUNSTATE.offline, 1000n]);
  const register = (op: number, vcpu: number, address: bigint): number => {
    guest.argument(abi.vcpuRegisterArea, (v) => {
      v.addr = address;
    });
    return guest.call(vcpuOp, [op, vcpu, undefined]);
  };
  assert.equal(register(OP.register_runstate_memory_area, 0, 0xffff_8000_0000_0000n), -EFAULT);
  assert.equal(register(OP.register_runstate_memory_area, 0, 1n << 47n), -EFAULT);
  assert.equal(register(OP.register_runstate_memory_area, 0, 0xffff_ffff_ffff_fff0n), -EFAULT, "around the end");
  assert.equal(register(OP.register_runstate_memory_area, 0, 0x7000_0000_0000n), 0, "it may be mapped later");
  assert.equal(register(OP.register_runstate_memory_area, 1, guest.va(3)), 0);
  const area = abi.vcpuRunstateInfo.at(machine.hv.memory, guest.data[3]! * 4096);
  assert.deepEqual([area.state, area.time.get(3)], [abi.RUNSTATE.offline, 1000n]);
  assert.equal(register(OP.register_vcpu_time_memory_area, 0, guest.va(4)), 0);
  assert.equal(register(OP.register_vcpu_time_memory_area, 0, 0xffff_8000_0000_0000n), -EFAULT);
  assert.equal(guest.call(vcpuOp, [OP.get_physid, 0, undefined]), -EINVAL);
  assert.equal(guest.call(vcpuOp, [OP.send_nmi, 0, undefined]), -EINVAL);
  assert.equal(guest.call(vcpuOp, [OP.send_nmi, 0, 0]), 0);
});
