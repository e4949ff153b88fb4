/** Raising events: on a port, and as a virtual interrupt. */
import { EINVAL } from "../../abi/errno.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import { isRunnable, wakePollers } from "../sched/wake.ts";
import type { Vcpu } from "../vcpu.ts";
import { evtchnFromPort, guestPort, portIsValid } from "./port.ts";
import { portOps } from "./port-ops.ts";
import { ECS, type Evtchn } from "./record.ts";

/** Raises a port on the vCPU that it notifies. */
export function raisePort(domain: Domain, port: number, channel: Evtchn): void {
  const vcpu = domain.vcpus[channel.notify_vcpu_id];
  if (vcpu !== undefined) raiseOn(vcpu, port, channel);
}

function raiseOn(vcpu: Vcpu, port: number, channel: Evtchn): void {
  if (portOps(vcpu.domain).setPending(vcpu, port, channel)) wakePollers(vcpu.domain, port);
}

/** The port has been raised and not yet been handled; false for one that does not exist. */
export function portIsPending(domain: Domain, port: number): boolean {
  return portIsValid(domain, port) && portOps(domain).isPending(domain, port);
}

/** EVTCHNOP_send: notifies the other side of a domain's own port. */
export function sendPort(domain: Domain, port: number): void {
  const channel = guestPort(domain, port);
  switch (channel.state) {
    case ECS.interdomain:
      notifyRemote(domain, channel);
      break;
    case ECS.ipi:
      sendIpi(domain, port, channel);
      break;
    case ECS.unbound:
      break; // Nobody listens yet.
    default:
      throw new HypercallError(EINVAL);
  }
}

function sendIpi(domain: Domain, port: number, channel: Evtchn): void {
  const target = domain.vcpus[channel.notify_vcpu_id];
  if (target === undefined) return;
  const slept = !isRunnable(target);
  raiseOn(target, port, channel);
  domain.hypervisor.scheduler.ipiSent(target, slept);
}

function notifyRemote(domain: Domain, channel: Evtchn): void {
  const hv = domain.hypervisor;
  const remote = hv.domains.get(channel.remote_domid);
  if (remote !== undefined) raisePort(remote, channel.remote_port, evtchnFromPort(remote, channel.remote_port));
  else if (hv.hostDomain?.id === channel.remote_domid) hv.hostDomain.raise(channel.remote_port);
}

/** Raises a per-vCPU virtual interrupt (VIRQ_TIMER...); nothing happens if the guest has not bound it. */
export function sendGuestVirq(vcpu: Vcpu, virq: number): void {
  const port = vcpu.record.evtchn.virq_to_evtchn.get(virq);
  if (port !== 0) raiseOn(vcpu, port, evtchnFromPort(vcpu.domain, port));
}

/** Raises a global virtual interrupt: it is bound through vCPU 0, and may be notified elsewhere. */
export function sendGuestGlobalVirq(domain: Domain, virq: number): void {
  const port = domain.vcpus[0]?.record.evtchn.virq_to_evtchn.get(virq) ?? 0;
  if (port !== 0) raisePort(domain, port, evtchnFromPort(domain, port));
}
