/**
 * Domain 0's services for a new domain: its directory in xenstore, its connection
 * to the store, its consoles.
 */
import { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE } from "../abi/grant_table.ts";
import { DEFAULT_CONSOLE_LIMIT } from "../backends/console/console.ts";
import { consoleDriver } from "../backends/console/device.ts";
import type { DriverDomain } from "../backends/driver-domain.ts";
import { connectRing, XenbusDevice } from "../backends/xenbus.ts";
import type { DomainConsole } from "./domain.ts";
import {
  type DomainDirectory,
  removeDomainDirectory,
  writeDeviceDirectories,
  writeDomainDirectory,
} from "./domain-directory.ts";
import type { Xenstore } from "./xenstore/xenstore.ts";

export interface ServedDomain extends DomainDirectory {
  readonly consoles: readonly DomainConsole[];
  /** Called when the first console has had something to do. */
  onConsole(): void;
}

/** Connects everything. Returns how to disconnect it, which takes what is left in the consoles' rings. */
export function connectServices(xenstore: Xenstore, driverDomain: DriverDomain, domain: ServedDomain): () => void {
  const cleanup: (() => void)[] = [];
  const disconnect = (): void => {
    for (const undo of cleanup.splice(0).reverse()) undo();
  };
  try {
    // The store forgets the domain when its directory is gone: there is next to nothing left to look for then.
    let disconnectStore = (): void => {};
    cleanup.push(() => disconnectStore());
    writeDomainDirectory(xenstore, domain);
    cleanup.push(() => removeDomainDirectory(xenstore, domain.domid, domain.uuid));
    disconnectStore = connectStore(xenstore, driverDomain, domain);
    const [first, ...more] = domain.consoles;
    if (first !== undefined) cleanup.push(connectFirstConsole(driverDomain, domain, first));
    for (const [i, console] of more.entries())
      cleanup.push(addConsole(xenstore, driverDomain, domain.domid, i + 1, console));
  } catch (error) {
    disconnect();
    throw error;
  }
  return disconnect;
}

function connectStore(xenstore: Xenstore, driverDomain: DriverDomain, { domid, store }: ServedDomain): () => void {
  const connection = connectRing(driverDomain, domid, GNTTAB_RESERVED_XENSTORE, store.port, () => ring.onEvent());
  const ring = xenstore.introduce(domid, connection);
  return () => {
    xenstore.release(domid);
    connection.release();
  };
}

function connectFirstConsole(driverDomain: DriverDomain, domain: ServedDomain, { raw }: DomainConsole): () => void {
  const { domid, console } = domain;
  const connection = connectRing(driverDomain, domid, GNTTAB_RESERVED_CONSOLE, console.port, () => {
    raw.onEvent();
    domain.onConsole();
  });
  raw.connect(connection);
  return () => {
    raw.disconnect();
    connection.release();
  };
}

/** Console `id` (from 1): a device that the guest's driver finds in xenstore. */
function addConsole(
  xenstore: Xenstore,
  driverDomain: DriverDomain,
  domid: number,
  id: number,
  { raw }: DomainConsole,
): () => void {
  const address = { domid, type: "console", id };
  writeDeviceDirectories(xenstore, address, {
    frontend: { protocol: "vt100", type: "xenconsoled", limit: String(DEFAULT_CONSOLE_LIMIT), tty: "" },
    backend: { protocol: "vt100" },
  });
  const device = new XenbusDevice(xenstore, address, consoleDriver(driverDomain, raw));
  return () => device.close();
}
