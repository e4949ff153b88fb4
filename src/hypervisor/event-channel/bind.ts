/** Making channels: unbound, interdomain, IPI, virtual interrupt. */
import { EEXIST, EINVAL, ENOENT, ESRCH } from "../../abi/errno.ts";
import { NR_VIRQS, VIRQ } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import { raisePort } from "./deliver.ts";
import { evtchnFromPort, getFreePort, guestPort, openPort, portIsValid } from "./port.ts";
import { ECS } from "./record.ts";

/** EVTCHNOP_alloc_unbound: a port of `domain` that `remoteDomid` may bind. */
export function allocUnbound(domain: Domain, remoteDomid: number): number {
  const port = getFreePort(domain);
  openPort(domain, port, ECS.unbound).remote_domid = remoteDomid;
  return port;
}

/** A domain may bind a port of another one: it is unbound, and waits for this domain. */
export function mayBind(remote: Domain, remotePort: number, domid: number): boolean {
  if (!portIsValid(remote, remotePort)) return false;
  const channel = evtchnFromPort(remote, remotePort);
  return channel.state === ECS.unbound && channel.remote_domid === domid;
}

/** EVTCHNOP_bind_interdomain. */
export function bindInterdomain(domain: Domain, remoteDomid: number, remotePort: number): number {
  const hv = domain.hypervisor;
  const remote = hv.domains.get(remoteDomid);
  const host = remote === undefined && hv.hostDomain?.id === remoteDomid ? hv.hostDomain : undefined;
  if (remote === undefined && host === undefined) throw new HypercallError(ESRCH);
  const port = getFreePort(domain);
  if (remote !== undefined && !mayBind(remote, remotePort, domain.id)) throw new HypercallError(EINVAL);
  const channel = openPort(domain, port, ECS.interdomain);
  channel.remote_domid = remoteDomid;
  channel.remote_port = remotePort;
  if (remote !== undefined) {
    const other = evtchnFromPort(remote, remotePort);
    other.state = ECS.interdomain;
    other.remote_domid = domain.id;
    other.remote_port = port;
  } else if (!host?.connect(remotePort, domain.id, port)) {
    channel.state = ECS.free;
    domain.record.evtchn.active_evtchns--;
    throw new HypercallError(EINVAL);
  }
  // The other side may have sent events while it was alone: assume so.
  raisePort(domain, port, channel);
  return port;
}

/** EVTCHNOP_bind_ipi: a port that this domain sends to itself. */
export function bindIpi(domain: Domain, vcpuId: number): number {
  if (domain.vcpus[vcpuId] === undefined) throw new HypercallError(ENOENT);
  const port = getFreePort(domain);
  openPort(domain, port, ECS.ipi).notify_vcpu_id = vcpuId;
  return port;
}

/** Each vCPU binds its own; of the others there is one in a domain. */
export function virqIsPerVcpu(virq: number): boolean {
  return virq === VIRQ.TIMER || virq === VIRQ.DEBUG || virq === VIRQ.XENOPROF || virq === VIRQ.XENPMU;
}

/** EVTCHNOP_bind_virq. */
export function bindVirq(domain: Domain, virq: number, vcpuId: number): number {
  if (virq >= NR_VIRQS) throw new HypercallError(EINVAL);
  if (!virqIsPerVcpu(virq) && vcpuId !== 0) throw new HypercallError(EINVAL);
  const vcpu = domain.vcpus[vcpuId];
  if (vcpu === undefined) throw new HypercallError(ENOENT);
  const bound = vcpu.record.evtchn.virq_to_evtchn;
  if (bound.get(virq) !== 0) throw new HypercallError(EEXIST);
  const port = getFreePort(domain);
  const channel = openPort(domain, port, ECS.virq);
  channel.notify_vcpu_id = vcpuId;
  channel.virq = virq;
  bound.set(virq, port);
  return port;
}

/** EVTCHNOP_bind_vcpu: which vCPU a port notifies. IPIs and per-vCPU interrupts stay where they are. */
export function bindVcpu(domain: Domain, port: number, vcpuId: number): void {
  if (domain.vcpus[vcpuId] === undefined) throw new HypercallError(ENOENT);
  const channel = guestPort(domain, port);
  const movable =
    channel.state === ECS.unbound ||
    channel.state === ECS.interdomain ||
    channel.state === ECS.pirq ||
    (channel.state === ECS.virq && !virqIsPerVcpu(channel.virq));
  if (!movable) throw new HypercallError(EINVAL);
  channel.notify_vcpu_id = vcpuId;
}
