/** event_channel_op, and its older form with the command in memory. */
import { EACCES, EINVAL, ENOSYS, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  EVTCHN_FIFO_LINK_BITS,
  EVTCHN_OP_COMPAT_ARGUMENT,
  EVTCHNOP,
  EVTCHNSTAT,
  evtchnAllocUnbound,
  evtchnBindInterdomain,
  evtchnBindIpi,
  evtchnBindPirq,
  evtchnBindVcpu,
  evtchnBindVirq,
  evtchnClose,
  evtchnExpandArray,
  evtchnInitControl,
  evtchnReset,
  evtchnSend,
  evtchnSetPriority,
  evtchnStatus,
  evtchnUnmask,
} from "../../abi/event_channel.ts";
import { DOMID_SELF, HYPERVISOR } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { type Hypercall, HypercallError, type Operation } from "../hypercall.ts";
import { copyFromGuest, guestStruct, putGuestStruct } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";
import { allocUnbound, bindInterdomain, bindIpi, bindVcpu, bindVirq } from "./bind.ts";
import { closePort, resetPorts } from "./close.ts";
import { sendPort } from "./deliver.ts";
import { expandArray, initControl } from "./fifo-control.ts";
import { guestPort, notifiedVcpu } from "./port.ts";
import { portOps } from "./port-ops.ts";
import { ECS } from "./record.ts";

/** The domain an operation is for: the caller, or any if the caller is privileged. */
function targetDomain(caller: Domain, domid: number): Domain {
  const target = domid === DOMID_SELF ? caller : caller.hypervisor.domains.get(domid);
  if (target === undefined) throw new HypercallError(domid === caller.hypervisor.hostDomain?.id ? EPERM : ESRCH);
  if (target !== caller && !caller.privileged) throw new HypercallError(EPERM);
  return target;
}

type Handler = (vcpu: Vcpu, argument: bigint) => void;

function opAllocUnbound(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, evtchnAllocUnbound, argument);
  const domain = targetDomain(vcpu.domain, op.dom);
  op.port = allocUnbound(domain, op.remote_dom === DOMID_SELF ? vcpu.domain.id : op.remote_dom);
  putGuestStruct(vcpu, evtchnAllocUnbound, argument, op);
}

function opBindInterdomain(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, evtchnBindInterdomain, argument);
  const remote = op.remote_dom === DOMID_SELF ? vcpu.domain.id : op.remote_dom;
  op.local_port = bindInterdomain(vcpu.domain, remote, op.remote_port);
  putGuestStruct(vcpu, evtchnBindInterdomain, argument, op);
}

function opBindVirq(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, evtchnBindVirq, argument);
  op.port = bindVirq(vcpu.domain, op.virq, op.vcpu);
  putGuestStruct(vcpu, evtchnBindVirq, argument, op);
}

function opBindIpi(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, evtchnBindIpi, argument);
  op.port = bindIpi(vcpu.domain, op.vcpu);
  putGuestStruct(vcpu, evtchnBindIpi, argument, op);
}

/** No domain has been given a physical interrupt. */
function opBindPirq(vcpu: Vcpu, argument: bigint): void {
  guestStruct(vcpu, evtchnBindPirq, argument);
  throw new HypercallError(EPERM);
}

const STATUS_OF_STATE: Readonly<Record<number, number>> = {
  [ECS.free]: EVTCHNSTAT.closed,
  [ECS.unbound]: EVTCHNSTAT.unbound,
  [ECS.interdomain]: EVTCHNSTAT.interdomain,
  [ECS.pirq]: EVTCHNSTAT.pirq,
  [ECS.virq]: EVTCHNSTAT.virq,
  [ECS.ipi]: EVTCHNSTAT.ipi,
};

function opStatus(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, evtchnStatus, argument);
  const channel = guestPort(targetDomain(vcpu.domain, op.dom), op.port);
  op.status = STATUS_OF_STATE[channel.state] ?? EVTCHNSTAT.closed;
  op.vcpu = channel.notify_vcpu_id;
  if (channel.state === ECS.unbound) op.u.unbound.dom = channel.remote_domid;
  if (channel.state === ECS.virq) op.u.virq = channel.virq;
  if (channel.state === ECS.interdomain) {
    op.u.interdomain.dom = channel.remote_domid;
    op.u.interdomain.port = channel.remote_port;
  }
  putGuestStruct(vcpu, evtchnStatus, argument, op);
}

function opUnmask(vcpu: Vcpu, argument: bigint): void {
  const { port } = guestStruct(vcpu, evtchnUnmask, argument);
  const channel = guestPort(vcpu.domain, port);
  const notified = notifiedVcpu(vcpu.domain, channel);
  if (channel.state !== ECS.free && notified !== undefined) portOps(vcpu.domain).unmask(notified, port, channel);
}

function opReset(vcpu: Vcpu, argument: bigint): void {
  const { dom } = guestStruct(vcpu, evtchnReset, argument);
  const domain = targetDomain(vcpu.domain, dom);
  // Another domain may be reset only while it cannot run.
  if (domain !== vcpu.domain && domain.record.pause_count === 0) throw new HypercallError(EINVAL);
  resetPorts(domain);
}

function opInitControl(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, evtchnInitControl, argument);
  initControl(vcpu.domain, op.vcpu, op.control_gfn, op.offset);
  op.link_bits = EVTCHN_FIFO_LINK_BITS;
  putGuestStruct(vcpu, evtchnInitControl, argument, op);
}

function opSetPriority(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, evtchnSetPriority, argument);
  const channel = guestPort(vcpu.domain, op.port);
  const { setPriority } = portOps(vcpu.domain);
  if (setPriority === undefined) throw new HypercallError(ENOSYS);
  if (channel.state === ECS.free) throw new HypercallError(EACCES);
  setPriority(channel, op.priority);
}

const handlers: Readonly<Record<number, Handler>> = {
  [EVTCHNOP.bind_interdomain]: opBindInterdomain,
  [EVTCHNOP.bind_virq]: opBindVirq,
  [EVTCHNOP.bind_pirq]: opBindPirq,
  [EVTCHNOP.close]: (vcpu, argument) => closePort(vcpu.domain, guestStruct(vcpu, evtchnClose, argument).port),
  [EVTCHNOP.send]: (vcpu, argument) => sendPort(vcpu.domain, guestStruct(vcpu, evtchnSend, argument).port),
  [EVTCHNOP.status]: opStatus,
  [EVTCHNOP.alloc_unbound]: opAllocUnbound,
  [EVTCHNOP.bind_ipi]: opBindIpi,
  [EVTCHNOP.bind_vcpu]: (vcpu, argument) => {
    const op = guestStruct(vcpu, evtchnBindVcpu, argument);
    bindVcpu(vcpu.domain, op.port, op.vcpu);
  },
  [EVTCHNOP.unmask]: opUnmask,
  [EVTCHNOP.reset]: opReset,
  [EVTCHNOP.init_control]: opInitControl,
  [EVTCHNOP.expand_array]: (vcpu, argument) =>
    expandArray(vcpu.domain, guestStruct(vcpu, evtchnExpandArray, argument).array_gfn),
  [EVTCHNOP.set_priority]: opSetPriority,
};

function run(vcpu: Vcpu, command: number, argument: bigint): number {
  const handler = handlers[command];
  if (handler === undefined) return -ENOSYS;
  handler(vcpu, argument);
  return 0;
}

const operations: Record<number, Operation> = {};
for (const [name, command] of Object.entries(EVTCHNOP)) operations[command] = { name, status: "done" };
operations[EVTCHNOP.bind_pirq] = {
  name: "bind_pirq",
  status: "done",
  note: "-EPERM: no domain has physical interrupts",
};

/** Command in rdi, its structure at rsi. */
export const eventChannelOp: Hypercall = {
  number: HYPERVISOR.event_channel_op,
  name: "event_channel_op",
  arity: 2,
  operations,
  operationOf: (args) => Number(BigInt.asUintN(32, args[0] ?? 0n)),
  handler: (_hv, vcpu, args) => run(vcpu, Number(BigInt.asUintN(32, args[0] ?? 0n)), args[1] ?? 0n),
};

/** event_channel_op_compat: rdi points at the command, which stands in front of its structure. */
export function eventChannelOpCompat(vcpu: Vcpu, address: bigint): number {
  const command = copyFromGuest(vcpu, address, 4);
  const number = new DataView(command.buffer).getUint32(0, true);
  // Its union ends with unmask: later operations never had this form.
  if (number > EVTCHNOP.unmask) return -ENOSYS;
  return run(vcpu, number, address + BigInt(EVTCHN_OP_COMPAT_ARGUMENT));
}
