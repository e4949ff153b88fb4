/** Closing channels. */
import { EINVAL } from "../../abi/errno.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import { destroyFifo } from "./fifo-control.ts";
import { evtchnFromPort, freePort, guestPort } from "./port.ts";
import { ECS, type Evtchn } from "./record.ts";

/** EVTCHNOP_close. The other end of an interdomain channel becomes unbound: it stays, and can be bound again. */
export function closePort(domain: Domain, port: number): void {
  const channel = guestPort(domain, port);
  if (channel.state === ECS.free) throw new HypercallError(EINVAL);
  closeChannel(domain, port, channel);
}

function closeChannel(domain: Domain, port: number, channel: Evtchn): void {
  if (channel.state === ECS.interdomain) unbindRemote(domain, channel);
  if (channel.state === ECS.virq) {
    for (const vcpu of domain.vcpus) {
      const bound = vcpu.record.evtchn.virq_to_evtchn;
      if (bound.get(channel.virq) === port) bound.set(channel.virq, 0);
    }
  }
  freePort(domain, port, channel);
}

function unbindRemote(domain: Domain, channel: Evtchn): void {
  const hv = domain.hypervisor;
  const remote = hv.domains.get(channel.remote_domid);
  if (remote !== undefined) {
    const other = evtchnFromPort(remote, channel.remote_port);
    other.state = ECS.unbound;
    other.remote_domid = domain.id;
    other.remote_port = 0;
  } else if (hv.hostDomain?.id === channel.remote_domid) hv.hostDomain.disconnected(channel.remote_port);
}

/** EVTCHNOP_reset: closes all ports and goes back to the 2-level ABI. */
export function resetPorts(domain: Domain): void {
  for (let port = 1; port < domain.record.evtchn.valid_evtchns; port++) {
    const channel = evtchnFromPort(domain, port);
    if (channel.state !== ECS.free) closeChannel(domain, port, channel);
  }
  destroyFifo(domain);
}
