import assert from "node:assert/strict";
import { test } from "node:test";
import { EEXIST, EINVAL, ENOENT, ENOSPC, ENOSYS, EPERM, ESRCH } from "../../src/abi/errno.ts";
import * as abi from "../../src/abi/event_channel.ts";
import { VIRQ } from "../../src/abi/xen.ts";
import { sendGuestGlobalVirq, sendGuestVirq, sendPort } from "../../src/hypervisor/event-channel/deliver.ts";
import { destroyEventChannels } from "../../src/hypervisor/event-channel/lifecycle.ts";
import { eventChannelOp, eventChannelOpCompat } from "../../src/hypervisor/event-channel/op.ts";
import { eventPending, sharedInfo, vcpuInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { HypercallError } from "../../src/hypervisor/hypercall.ts";
import { blockVcpu, isRunnable } from "../../src/hypervisor/sched/wake.ts";
import { type TestGuest, TestMachine } from "./machine.ts";

const OP = abi.EVTCHNOP;

function allocUnbound(guest: TestGuest, remote: number, dom = 0x7ff0): number {
  const op = guest.argument(abi.evtchnAllocUnbound, (v) => {
    v.dom = dom;
    v.remote_dom = remote;
  });
  const result = guest.call(eventChannelOp, [OP.alloc_unbound, undefined]);
  return result < 0 ? result : op.port;
}

function bindInterdomain(guest: TestGuest, remote: number, port: number): number {
  const op = guest.argument(abi.evtchnBindInterdomain, (v) => {
    v.remote_dom = remote;
    v.remote_port = port;
  });
  const result = guest.call(eventChannelOp, [OP.bind_interdomain, undefined]);
  return result < 0 ? result : op.local_port;
}

function bindVirq(guest: TestGuest, virq: number, vcpu = 0): number {
  const op = guest.argument(abi.evtchnBindVirq, (v) => {
    v.virq = virq;
    v.vcpu = vcpu;
  });
  const result = guest.call(eventChannelOp, [OP.bind_virq, undefined]);
  return result < 0 ? result : op.port;
}

function bindIpi(guest: TestGuest, vcpu: number): number {
  const op = guest.argument(abi.evtchnBindIpi, (v) => {
    v.vcpu = vcpu;
  });
  const result = guest.call(eventChannelOp, [OP.bind_ipi, undefined]);
  return result < 0 ? result : op.port;
}

function portOp(guest: TestGuest, command: number, port: number): number {
  guest.argument(abi.evtchnSend, (v) => {
    v.port = port;
  });
  return guest.call(eventChannelOp, [command, undefined]);
}

function status(guest: TestGuest, port: number, dom = 0x7ff0): { result: number; status: number; vcpu: number } {
  const op = guest.argument(abi.evtchnStatus, (v) => {
    v.dom = dom;
    v.port = port;
  });
  const result = guest.call(eventChannelOp, [OP.status, undefined]);
  return { result, status: op.status, vcpu: op.vcpu };
}

/** Forgets everything pending, as a guest's handler would. */
function acknowledge(guest: TestGuest): void {
  const info = sharedInfo(guest.domain);
  for (let i = 0; i < 64; i++) info.evtchn_pending.set(i, 0n);
  for (const vcpu of guest.domain.vcpus) {
    const view = vcpuInfo(vcpu);
    view.evtchn_pending_sel = 0n;
    view.evtchn_upcall_pending = 0;
  }
}

function isPending(guest: TestGuest, port: number): boolean {
  return ((sharedInfo(guest.domain).evtchn_pending.get(port >> 6) >> BigInt(port & 63)) & 1n) !== 0n;
}

test("ports begin at 1, lowest first", () => {
  const guest = new TestMachine().guest(1);
  assert.equal(allocUnbound(guest, 0), 1);
  assert.equal(allocUnbound(guest, 0), 2);
  assert.equal(portOp(guest, OP.close, 1), 0);
  assert.equal(allocUnbound(guest, 0), 1);
});

test("port 0 and ports out of range are refused by every operation", () => {
  const guest = new TestMachine().guest(1);
  allocUnbound(guest, 0);
  for (const port of [0, 100_000, 0xffff_ffff]) {
    assert.equal(portOp(guest, OP.close, port), -EINVAL);
    assert.equal(portOp(guest, OP.send, port), -EINVAL);
  }
  assert.equal(portOp(guest, OP.unmask, 100_000), -EINVAL);
  assert.equal(guest.call(eventChannelOp, [99, undefined]), -ENOSYS);
  assert.equal(guest.call(eventChannelOp, [OP.close, 0xffff_8000_0000_0000n]), -14);
});

test("the limit of ports is -ENOSPC, and lies within what the ABI can express", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1, { maxPort: 10 });
  for (let port = 1; port <= 10; port++) assert.equal(allocUnbound(guest, 0), port);
  assert.equal(allocUnbound(guest, 0), -ENOSPC);
  const wide = machine.guest(2, { maxPort: 1_000_000 });
  let last = 0;
  while (last >= 0) last = allocUnbound(wide, 0);
  assert.equal(last, -ENOSPC);
  assert.equal(wide.domain.record.evtchn.active_evtchns, 4096);
});

test("interdomain: bind raises the binder's side, send the other; close leaves the peer unbound", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  const portA = allocUnbound(a, 2);
  assert.equal(status(a, portA).status, abi.EVTCHNSTAT.unbound);
  assert.equal(bindInterdomain(b, 1, portA + 1), -EINVAL);
  assert.equal(bindInterdomain(b, 7, portA), -ESRCH);
  const portB = bindInterdomain(b, 1, portA);
  assert.ok(portB > 0);
  assert.ok(isPending(b, portB));
  assert.ok(!isPending(a, portA));
  assert.equal(bindInterdomain(b, 1, portA), -EINVAL, "it is bound already");
  acknowledge(b);
  assert.equal(portOp(b, OP.send, portB), 0);
  assert.ok(isPending(a, portA));
  assert.equal(portOp(a, OP.send, portA), 0);
  assert.ok(isPending(b, portB));
  const bound = a.argument(abi.evtchnStatus, (v) => {
    v.dom = 0x7ff0;
    v.port = portA;
  });
  assert.equal(a.call(eventChannelOp, [OP.status, undefined]), 0);
  assert.equal(bound.status, abi.EVTCHNSTAT.interdomain);
  assert.deepEqual([bound.u.interdomain.dom, bound.u.interdomain.port], [2, portB]);

  assert.equal(portOp(b, OP.close, portB), 0);
  assert.equal(status(a, portA).status, abi.EVTCHNSTAT.unbound);
  assert.equal(status(b, portB).status, abi.EVTCHNSTAT.closed);
  assert.ok(!isPending(b, portB), "closing clears what was pending");
  assert.equal(portOp(a, OP.send, portA), 0, "nobody listens, which is no error");
  assert.ok(bindInterdomain(b, 1, portA) > 0, "it can be bound again");
});

test("a port waits for one domain only", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  machine.guest(2);
  const c = machine.guest(3);
  const port = allocUnbound(a, 2);
  assert.equal(bindInterdomain(c, 1, port), -EINVAL);
  assert.equal(status(c, port, 1).result, -EPERM);
  assert.equal(allocUnbound(c, 2, 1), -EPERM);
  assert.equal(allocUnbound(c, 2, 77), -ESRCH);
});

test("a domain can bind to itself", () => {
  const guest = new TestMachine().guest(1);
  const port = allocUnbound(guest, 0x7ff0);
  const other = bindInterdomain(guest, 0x7ff0, port);
  assert.ok(other > 0 && other !== port);
  acknowledge(guest);
  portOp(guest, OP.send, port);
  assert.ok(isPending(guest, other) && !isPending(guest, port));
  assert.equal(portOp(guest, OP.close, port), 0);
  assert.equal(status(guest, other).status, abi.EVTCHNSTAT.unbound);
});

test("delivery: pending bit, then selector, then upcall; the mask stops it, unmask makes up for it", () => {
  const guest = new TestMachine().guest(1);
  const port = bindIpi(guest, 0);
  const shared = sharedInfo(guest.domain);
  const info = vcpuInfo(guest.vcpu);
  assert.equal(info.evtchn_upcall_mask, 1, "events are masked at the start");
  shared.evtchn_mask.set(0, 1n << BigInt(port));
  assert.equal(portOp(guest, OP.send, port), 0);
  assert.ok(isPending(guest, port));
  assert.equal(info.evtchn_pending_sel, 0n);
  assert.equal(info.evtchn_upcall_pending, 0);
  assert.equal(portOp(guest, OP.unmask, port), 0);
  assert.equal(shared.evtchn_mask.get(0), 0n);
  assert.equal(info.evtchn_pending_sel, 1n);
  assert.equal(info.evtchn_upcall_pending, 1);
  assert.ok(!eventPending(guest.vcpu));
  info.evtchn_upcall_mask = 0;
  assert.ok(eventPending(guest.vcpu));
  // Unmasking what is not masked raises nothing again.
  info.evtchn_upcall_pending = 0;
  info.evtchn_pending_sel = 0n;
  assert.equal(portOp(guest, OP.unmask, port), 0);
  assert.equal(info.evtchn_upcall_pending, 0);
});

test("a port high up selects its own word", () => {
  const guest = new TestMachine().guest(1, { maxPort: 4095 });
  let port = 0;
  while (port < 200) port = bindIpi(guest, 0);
  portOp(guest, OP.send, port);
  assert.ok(isPending(guest, port));
  assert.equal(vcpuInfo(guest.vcpu).evtchn_pending_sel, 1n << 3n);
});

test("an event wakes a blocked vCPU", () => {
  const guest = new TestMachine().guest(1);
  const port = bindIpi(guest, 0);
  blockVcpu(guest.vcpu);
  assert.ok(!isRunnable(guest.vcpu));
  sendPort(guest.domain, port);
  assert.ok(isRunnable(guest.vcpu));
});

test("virtual interrupts: per vCPU and global ones", () => {
  const guest = new TestMachine().guest(1, { vcpus: 2 });
  const timer0 = bindVirq(guest, VIRQ.TIMER, 0);
  const timer1 = bindVirq(guest, VIRQ.TIMER, 1);
  assert.ok(timer0 > 0 && timer1 > timer0);
  assert.equal(bindVirq(guest, VIRQ.TIMER, 1), -EEXIST);
  assert.equal(bindVirq(guest, VIRQ.TIMER, 2), -ENOENT);
  assert.equal(bindVirq(guest, 24, 0), -EINVAL);
  assert.equal(bindVirq(guest, VIRQ.DOM_EXC, 1), -EINVAL, "a global one is bound by vCPU 0");
  const global = bindVirq(guest, VIRQ.DOM_EXC, 0);
  sendGuestVirq(guest.domain.vcpus[1]!, VIRQ.TIMER);
  assert.ok(isPending(guest, timer1) && !isPending(guest, timer0));
  assert.equal(vcpuInfo(guest.domain.vcpus[1]!).evtchn_upcall_pending, 1);
  assert.equal(vcpuInfo(guest.vcpu).evtchn_upcall_pending, 0);
  assert.equal(portOp(guest, OP.send, timer1), -EINVAL, "a guest cannot send a virtual interrupt");
  // Global ones may be notified elsewhere; IPIs and timers not.
  const bind = (port: number, vcpu: number): number => {
    guest.argument(abi.evtchnBindVcpu, (v) => {
      v.port = port;
      v.vcpu = vcpu;
    });
    return guest.call(eventChannelOp, [OP.bind_vcpu, undefined]);
  };
  assert.equal(bind(global, 1), 0);
  assert.equal(bind(timer0, 1), -EINVAL);
  assert.equal(bind(bindIpi(guest, 0), 1), -EINVAL);
  assert.equal(bind(global, 5), -ENOENT);
  acknowledge(guest);
  sendGuestGlobalVirq(guest.domain, VIRQ.DOM_EXC);
  assert.equal(vcpuInfo(guest.domain.vcpus[1]!).evtchn_upcall_pending, 1);
  assert.equal(portOp(guest, OP.close, timer1), 0);
  assert.ok(bindVirq(guest, VIRQ.TIMER, 1) > 0, "closing frees the interrupt");
});

test("reset closes everything", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  const port = bindInterdomain(b, 1, allocUnbound(a, 2));
  bindVirq(b, VIRQ.TIMER);
  b.argument(abi.evtchnReset, (v) => {
    v.dom = 0x7ff0;
  });
  assert.equal(b.call(eventChannelOp, [OP.reset, undefined]), 0);
  assert.equal(status(b, port).status, abi.EVTCHNSTAT.closed);
  assert.equal(b.domain.record.evtchn.active_evtchns, 1);
  assert.equal(status(a, 1).status, abi.EVTCHNSTAT.unbound);
  b.argument(abi.evtchnReset, (v) => {
    v.dom = 1;
  });
  assert.equal(b.call(eventChannelOp, [OP.reset, undefined]), -EPERM);
});

test("set_priority and expand_array belong to the FIFO ABI; a domain has no physical interrupts", () => {
  const guest = new TestMachine().guest(1);
  const port = bindIpi(guest, 0);
  guest.argument(abi.evtchnSetPriority, (v) => {
    v.port = port;
    v.priority = 3;
  });
  assert.equal(guest.call(eventChannelOp, [OP.set_priority, undefined]), -ENOSYS);
  guest.argument(abi.evtchnExpandArray, (v) => {
    v.array_gfn = BigInt(guest.data[0]!);
  });
  assert.equal(guest.call(eventChannelOp, [OP.expand_array, undefined]), -95);
  assert.equal(guest.call(eventChannelOp, [OP.bind_pirq, undefined]), -EPERM);
});

test("the compat form has its command in memory", () => {
  const guest = new TestMachine().guest(1);
  guest.argument(abi.evtchnClose, (v) => {
    v.port = OP.bind_ipi;
  });
  const op = guest.argument(abi.evtchnBindIpi, () => {}, 31, 4);
  assert.equal(eventChannelOpCompat(guest.vcpu, guest.va(31)), 0);
  assert.equal(op.port, 1);
  guest.argument(abi.evtchnClose, (v) => {
    v.port = OP.init_control;
  });
  assert.equal(eventChannelOpCompat(guest.vcpu, guest.va(31)), -ENOSYS);
  assert.throws(() => eventChannelOpCompat(guest.vcpu, 0xffff_8000_0000_0000n), HypercallError);
});

test("the end of a domain leaves its peers unbound and gives all frames back", () => {
  const machine = new TestMachine();
  const a = machine.guest(1);
  const b = machine.guest(2);
  const free = machine.hv.frames.state.free_frames;
  bindInterdomain(b, 1, allocUnbound(a, 2));
  destroyEventChannels(b.domain);
  machine.hv.domains.delete(2);
  assert.equal(status(a, 1).status, abi.EVTCHNSTAT.unbound);
  assert.equal(portOp(a, OP.send, 1), 0);
  assert.ok(machine.hv.frames.state.free_frames >= free - 1);
});
