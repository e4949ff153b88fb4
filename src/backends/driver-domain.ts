/**
 * What a backend is given: the services a driver domain has in Xen, and nothing
 * else. A backend sees its guest only through granted frames, event channels and
 * xenstore, so that a real dom0's driver could take its place.
 */

/** A frame that a guest has granted us. */
export interface GrantMapping {
  readonly bytes: Uint8Array;
  unmap(): void;
}

/** Our end of an event channel. */
export interface EventPort {
  /** Raises the other end. */
  notify(): void;
  close(): void;
}

/** The hypercalls of a driver domain. */
export interface DriverDomain {
  /** @throws if the guest has not granted that frame to us, or not for writing */
  mapGrant(domid: number, reference: number, options: { readonly: boolean }): GrantMapping;
  /** @throws if the guest has no such port that waits for us */
  bindInterdomain(domid: number, remotePort: number, onEvent: () => void): EventPort;
}

/** The part of xenstore that drivers need. */
export interface DeviceStore {
  read(path: string): string | undefined;
  write(path: string, value: string): void;
  /** Calls `listener` now and after each change at or beneath `path`. Returns how to stop. */
  watch(path: string, listener: () => void): () => void;
}
