/**
 * Domain 0 in TypeScript: the domain that back ends run in.
 *
 * It sees guests as a real dom0 would: event channels that a guest allocated for it, and frames
 * that a guest granted to it, with the same checks and the same accounting. It has no vCPU;
 * what is notified to it is queued, and handled by the run loop between slices of guests.
 */
import { EINVAL, ENOSPC, ESRCH } from "../abi/errno.ts";
import { EVTCHN_FIFO_NR_CHANNELS } from "../abi/event_channel.ts";
import { allocUnbound as allocUnboundIn, mayBind } from "./event-channel/bind.ts";
import { raisePort } from "./event-channel/deliver.ts";
import { evtchnFromPort } from "./event-channel/port.ts";
import { ECS } from "./event-channel/record.ts";
import { copyForHost, type HostCopy } from "./grant-table/host-copy.ts";
import { type GrantMapping, type HostMapped, HostMappings, type MapOptions } from "./grant-table/host-mapping.ts";
import { HypercallError } from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";

export const HOST_DOMID = 0;

/** One end of an event channel, in the host. */
export interface HostPort {
  readonly port: number;
  /** Raises the other end; nothing happens while there is none. */
  notify(): void;
  close(): void;
}

/** What a channel has done by the domain that it is in. */
interface ChannelOwner {
  notify(channel: Channel): void;
  close(channel: Channel): void;
}

class Channel implements HostPort {
  readonly port: number;
  readonly onEvent: () => void;
  /** Who is, or may become, the other end. */
  readonly remoteDomid: number;
  /** 0 = unbound. */
  remotePort: number;
  pending = false;
  /** Whoever still holds it must not touch the next one with its number. */
  closed = false;
  readonly #owner: ChannelOwner;

  constructor(owner: ChannelOwner, port: number, remoteDomid: number, remotePort: number, onEvent: () => void) {
    this.#owner = owner;
    this.port = port;
    this.remoteDomid = remoteDomid;
    this.remotePort = remotePort;
    this.onEvent = onEvent;
  }

  notify(): void {
    if (!this.closed) this.#owner.notify(this);
  }

  close(): void {
    if (!this.closed) this.#owner.close(this);
  }
}

export class HostDomain {
  readonly id = HOST_DOMID;
  readonly #hv: Hypervisor;
  readonly #channels = new Map<number, Channel>();
  readonly #mappings: HostMappings;
  /** Ports that are pending, in the order they were raised. */
  readonly #queue: number[] = [];
  /** No port below it is free. */
  #lowestFree = 1;
  readonly #channelOwner: ChannelOwner = {
    notify: (channel) => this.#notify(channel),
    close: (channel) => this.#close(channel),
  };

  constructor(hv: Hypervisor) {
    if (hv.hostDomain !== undefined || hv.domains.has(HOST_DOMID)) throw new Error("there is a domain 0 already");
    this.#hv = hv;
    this.#mappings = new HostMappings(hv, HOST_DOMID);
    hv.hostDomain = this;
  }

  /** Binds a port that a guest allocated for domain 0. Throws HypercallError as the hypercall would fail. */
  bindInterdomain(domid: number, remotePort: number, onEvent: () => void): HostPort {
    const remote = this.#hv.domains.get(domid);
    if (remote === undefined) throw new HypercallError(ESRCH, `there is no domain ${domid}`);
    if (!mayBind(remote, remotePort, this.id)) {
      throw new HypercallError(EINVAL, `port ${remotePort} of domain ${domid} does not wait for domain 0`);
    }
    const channel = this.#open(domid, remotePort, onEvent);
    const other = evtchnFromPort(remote, remotePort);
    other.state = ECS.interdomain;
    other.remote_domid = this.id;
    other.remote_port = channel.port;
    // The guest may have sent events while it was alone: assume so.
    this.raise(channel.port);
    return channel;
  }

  /** Allocates a port here that a guest may bind. */
  allocUnbound(domid: number, onEvent: () => void): HostPort {
    return this.#open(domid, 0, onEvent);
  }

  /** Allocates a port in a guest that `remoteDomid` may bind, as the toolstack does for console and xenstore. */
  allocUnboundFor(domid: number, remoteDomid = this.id): number {
    const domain = this.#hv.domains.get(domid);
    if (domain === undefined) throw new HypercallError(ESRCH, `there is no domain ${domid}`);
    return allocUnboundIn(domain, remoteDomid);
  }

  /** Maps a frame that a guest granted to domain 0. Throws GrantError with the status a real dom0 would get. */
  mapGrant(domid: number, ref: number, options: MapOptions): GrantMapping {
    return this.#mappings.map(domid, ref, options);
  }

  /** GNTTABOP_copy between a granted frame and a buffer here. */
  copyGrant(copy: HostCopy): void {
    copyForHost(this.#hv, this.id, copy);
  }

  /** Number of ports in use. */
  get openPorts(): number {
    return this.#channels.size;
  }

  /** Number of grants mapped now. */
  get mappedGrants(): number {
    return this.#mappings.count;
  }

  /** The grants mapped now, for checks. */
  grantMappings(): Iterable<HostMapped> {
    return this.#mappings.all();
  }

  /**
   * Runs the callbacks of ports raised so far, for the run loop. Returns whether there were any.
   * What callbacks raise waits for the next time; if one throws, those behind it are not lost.
   */
  deliverEvents(): boolean {
    const count = this.#queue.length;
    // What is done here for a guest is on the account of the one that runs.
    if (count > 0) this.#hv.timersChanged = true;
    for (let i = 0; i < count; i++) {
      const channel = this.#channels.get(this.#queue.shift() ?? 0);
      // Closed meanwhile, or closed and opened again.
      if (channel === undefined || !channel.pending) continue;
      channel.pending = false;
      const began = this.#hv.clock.now();
      channel.onEvent();
      // Whoever asks for work pays for it, or could take the processor from others that way.
      const client = this.#hv.domains.get(channel.remoteDomid);
      if (client !== undefined) this.#hv.scheduler.chargeWork(client, this.#hv.clock.now() - began);
    }
    return count > 0;
  }

  /** `deliverEvents` has something to do. */
  get eventsPending(): boolean {
    return this.#queue.length > 0;
  }

  // What the event-channel code of the hypervisor calls.

  /** A guest binds a port allocated here for it. */
  connect(port: number, domid: number, remotePort: number): boolean {
    const channel = this.#channels.get(port);
    if (channel === undefined || channel.remotePort !== 0 || channel.remoteDomid !== domid) return false;
    channel.remotePort = remotePort;
    return true;
  }

  /** The guest has closed its end: this one becomes unbound. */
  disconnected(port: number): void {
    const channel = this.#channels.get(port);
    if (channel !== undefined) channel.remotePort = 0;
  }

  /** The guest has sent an event. */
  raise(port: number): void {
    const channel = this.#channels.get(port);
    if (channel === undefined || channel.pending) return;
    channel.pending = true;
    this.#queue.push(port);
  }

  /** A domain goes away: its frames must not be looked at any more. Its ports have been closed before. */
  domainDestroyed(domid: number): void {
    this.#mappings.releaseAll(domid);
  }

  #open(remoteDomid: number, remotePort: number, onEvent: () => void): Channel {
    for (let port = this.#lowestFree; port < EVTCHN_FIFO_NR_CHANNELS; port++) {
      if (this.#channels.has(port)) continue;
      const channel = new Channel(this.#channelOwner, port, remoteDomid, remotePort, onEvent);
      this.#channels.set(port, channel);
      this.#lowestFree = port + 1;
      return channel;
    }
    throw new HypercallError(ENOSPC, "domain 0 has no free port");
  }

  #notify(channel: Channel): void {
    const remote = this.#hv.domains.get(channel.remoteDomid);
    if (channel.remotePort === 0 || remote === undefined) return;
    raisePort(remote, channel.remotePort, evtchnFromPort(remote, channel.remotePort));
  }

  #close(channel: Channel): void {
    const { port } = channel;
    channel.closed = true;
    this.#channels.delete(port);
    this.#lowestFree = Math.min(this.#lowestFree, port);
    if (channel.pending) this.#queue.splice(this.#queue.indexOf(port), 1);
    const remote = this.#hv.domains.get(channel.remoteDomid);
    if (channel.remotePort === 0 || remote === undefined) return;
    const other = evtchnFromPort(remote, channel.remotePort);
    other.state = ECS.unbound;
    other.remote_domid = this.id;
    other.remote_port = 0;
  }
}
