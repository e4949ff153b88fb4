import assert from "node:assert/strict";
import { test } from "node:test";
import * as abi from "../../src/abi/event_channel.ts";
import { EVTCHNSTAT } from "../../src/abi/event_channel.ts";
import { allocUnbound, bindInterdomain } from "../../src/hypervisor/event-channel/bind.ts";
import { closePort } from "../../src/hypervisor/event-channel/close.ts";
import { portIsPending, sendPort } from "../../src/hypervisor/event-channel/deliver.ts";
import { destroyEventChannels } from "../../src/hypervisor/event-channel/lifecycle.ts";
import { eventChannelOp } from "../../src/hypervisor/event-channel/op.ts";
import { sharedInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { destroyGrantTable } from "../../src/hypervisor/grant-table/destroy.ts";
import { GrantError } from "../../src/hypervisor/grant-table/host-mapping.ts";
import { HostDomain } from "../../src/hypervisor/host-domain.ts";
import { HypercallError } from "../../src/hypervisor/hypercall.ts";
import { type TestGuest, TestMachine } from "../event-channel/machine.ts";
import { counts, flagsOf, grant, grantFrame, inUse, PERMIT, READING, RO, ST, WRITING } from "./grants.ts";

function withHost(): { machine: TestMachine; host: HostDomain; guest: TestGuest } {
  const machine = new TestMachine();
  const host = new HostDomain(machine.hv);
  return { machine, host, guest: machine.guest(1) };
}

function status(guest: TestGuest, port: number): number {
  const op = guest.argument(abi.evtchnStatus, (v) => {
    v.dom = 0x7ff0;
    v.port = port;
  });
  assert.equal(guest.call(eventChannelOp, [abi.EVTCHNOP.status, undefined]), 0);
  return op.status;
}

test("a port that the guest allocated: bound, notified both ways, closed", () => {
  const { host, guest, machine } = withHost();
  const port = allocUnbound(guest.domain, 0);
  const events: string[] = [];
  assert.throws(() => host.bindInterdomain(1, port + 1, () => {}), HypercallError);
  assert.throws(() => host.bindInterdomain(7, port, () => {}), HypercallError);
  const channel = host.bindInterdomain(1, port, () => events.push("event"));
  assert.throws(() => host.bindInterdomain(1, port, () => {}), HypercallError);
  assert.equal(status(guest, port), EVTCHNSTAT.interdomain);
  assert.ok(host.eventsPending, "one event at once: some may have been missed");
  assert.ok(host.deliverEvents());
  assert.deepEqual(events, ["event"]);
  sendPort(guest.domain, port);
  sendPort(guest.domain, port);
  assert.deepEqual(events, ["event"], "never within a hypercall");
  assert.ok(host.deliverEvents());
  assert.equal(events.length, 2, "once for two notifications");
  assert.ok(!host.deliverEvents());
  channel.notify();
  assert.ok(portIsPending(guest.domain, port));
  channel.close();
  assert.equal(status(guest, port), EVTCHNSTAT.unbound);
  sendPort(guest.domain, port);
  sharedInfo(guest.domain).evtchn_pending.set(0, 0n);
  channel.notify();
  channel.close();
  assert.ok(!portIsPending(guest.domain, port));
  assert.ok(host.bindInterdomain(1, port, () => {}).port > 0, "a restarted back end binds again");
  assert.equal(machine.hv.hostDomain, host);
});

test("a port that the host allocated for a guest", () => {
  const { host, guest, machine } = withHost();
  const other = machine.guest(2);
  let events = 0;
  const channel = host.allocUnbound(1, () => events++);
  assert.throws(() => bindInterdomain(other.domain, 0, channel.port), HypercallError);
  const port = bindInterdomain(guest.domain, 0, channel.port);
  assert.throws(() => bindInterdomain(guest.domain, 0, channel.port), HypercallError);
  sendPort(guest.domain, port);
  host.deliverEvents();
  assert.equal(events, 1);
  closePort(guest.domain, port);
  channel.notify();
  assert.ok(bindInterdomain(guest.domain, 0, channel.port) > 0);
});

test("a callback may send, close and throw", () => {
  const { host, guest } = withHost();
  const [one, two] = [allocUnbound(guest.domain, 0), allocUnbound(guest.domain, 0)];
  let seen = 0;
  const first = host.bindInterdomain(1, one, () => {
    if (seen++ === 0) throw new Error("a broken back end");
    first.close();
  });
  let other = 0;
  host.bindInterdomain(1, two, () => other++);
  assert.throws(() => host.deliverEvents(), /broken/);
  host.deliverEvents();
  assert.equal(other, 1);
  sendPort(guest.domain, one);
  sendPort(guest.domain, two);
  host.deliverEvents();
  assert.deepEqual([seen, other], [2, 2]);
  assert.equal(status(guest, one), EVTCHNSTAT.unbound);
});

test("a grant mapped by the host: same bits, same references, same refusals", () => {
  const { host, guest } = withHost();
  const mfn = guest.data[3]!;
  const before = counts(guest, mfn);
  grant(guest, 20, 0, 3);
  const mapping = host.mapGrant(1, 20, { readonly: false });
  assert.equal(flagsOf(guest, 20), PERMIT | READING | WRITING);
  assert.deepEqual(counts(guest, mfn), { references: before.references + 1, types: before.types + 1 });
  mapping.bytes.set([1, 2, 3]);
  assert.deepEqual([...guest.page(3).subarray(0, 3)], [1, 2, 3]);
  const second = host.mapGrant(1, 20, { readonly: true });
  mapping.unmap();
  assert.equal(inUse(guest, 20), READING);
  second.unmap();
  second.unmap();
  assert.equal(inUse(guest, 20), 0);
  assert.deepEqual(counts(guest, mfn), before);
  assert.throws(() => mapping.bytes, /has ended/);
  assert.equal(host.mappedGrants, 0);

  const fails = (ref: number, readonly: boolean, expected: number): void => {
    assert.throws(
      () => host.mapGrant(1, ref, { readonly }),
      (error) => error instanceof GrantError && error.status === expected,
    );
  };
  grant(guest, 21, 0, 3, PERMIT | RO);
  fails(21, false, ST.general_error);
  grant(guest, 22, 2, 3);
  fails(22, true, ST.general_error);
  fails(512, true, ST.bad_gntref);
  grantFrame(guest, 23, 0, 5);
  fails(23, true, ST.bad_page);
  grantFrame(guest, 24, 0, guest.l1);
  fails(24, false, ST.general_error);
  assert.throws(() => host.mapGrant(2, 20, { readonly: true }), /bad_domain/);
  for (const ref of [20, 21, 22, 23, 24]) assert.equal(inUse(guest, ref), 0);
});

test("copies for the host", () => {
  const { host, guest } = withHost();
  grant(guest, 20, 0, 3);
  grant(guest, 21, 0, 3, PERMIT | RO);
  const data = new Uint8Array(100).fill(7);
  host.copyGrant({ direction: "to-guest", domid: 1, ref: 20, offset: 50, buffer: data });
  const back = new Uint8Array(100);
  host.copyGrant({ direction: "from-guest", domid: 1, ref: 21, offset: 50, buffer: back });
  assert.deepEqual(back, data);
  const copy = { direction: "to-guest", domid: 1, ref: 20, offset: 4000, buffer: data } as const;
  assert.throws(() => host.copyGrant(copy), /bad_copy_arg/);
  assert.throws(() => host.copyGrant({ ...copy, ref: 21, offset: 0 }), /general_error/);
  assert.throws(() => host.copyGrant({ ...copy, domid: 5 }), /bad_domain/);
  assert.equal(inUse(guest, 20) | inUse(guest, 21), 0);
});

test("a guest that ends takes its mappings with it", () => {
  const { host, guest, machine } = withHost();
  grant(guest, 20, 0, 3);
  const before = counts(guest, guest.data[3]!);
  const mapping = host.mapGrant(1, 20, { readonly: false });
  const port = allocUnbound(guest.domain, 0);
  const channel = host.bindInterdomain(1, port, () => {});
  destroyEventChannels(guest.domain);
  destroyGrantTable(guest.domain);
  machine.hv.domains.delete(1);
  assert.deepEqual(counts(guest, guest.data[3]!), before);
  assert.throws(() => mapping.bytes);
  mapping.unmap();
  channel.notify();
  channel.close();
});
