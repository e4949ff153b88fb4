/**
 * The back half of a split device: the handshake through xenstore that all of
 * Xen's paravirtual devices share (public/io/xenbus.h).
 *
 *     frontend                         backend
 *     Initialising                     Initialising -> InitWait   features are written
 *     -> Initialised or Connected                                 rings, ports are written
 *                                      -> Connected               rings mapped, ports bound
 *     -> Connected
 *     -> Closing                       -> Closing                 rings unmapped
 *     -> Closed                        -> Closed                  may start again from Initialising
 *
 * Each end writes the state of its own directory and watches the other's. What
 * the frontend writes is the guest's, so it can come in any order and hold
 * anything.
 */
import { XenbusState } from "../abi/io/xenbus.ts";
import type { DeviceStore, DriverDomain, EventPort, GrantMapping } from "./driver-domain.ts";

/** The frontend's directory, as a driver reads it when the device connects. */
export interface Frontend {
  readonly domid: number;
  /** A key of the frontend's directory. */
  read(key: string): string | undefined;
  /** A key that must be a number of 32 bits. @throws DeviceError */
  readNumber(key: string): number;
}

/** What a kind of device adds to the handshake. */
export interface DeviceDriver {
  /** Keys for the backend's directory, written before InitWait. */
  readonly features?: Readonly<Record<string, string>>;
  /** Maps rings and binds ports. @throws to refuse: the device closes, with the message under `error` */
  connect(frontend: Frontend): void;
  /** Releases all that `connect` took; called once for each `connect` that succeeded. */
  disconnect(): void;
}

/** A frontend's fault. */
export class DeviceError extends Error {}

/** Where a device has its two directories. */
export interface DeviceAddress {
  readonly domid: number;
  /** As in paths: "console", "vbd", "vif". */
  readonly type: string;
  readonly id: number;
}

export function frontendPath({ domid, type, id }: DeviceAddress): string {
  return `/local/domain/${domid}/device/${type}/${id}`;
}

export function backendPath({ domid, type, id }: DeviceAddress): string {
  return `/local/domain/0/backend/${type}/${domid}/${id}`;
}

/** One device, from the toolstack's making of its directories to its removal. */
export class XenbusDevice {
  readonly address: DeviceAddress;
  readonly #store: DeviceStore;
  readonly #driver: DeviceDriver;
  readonly #unwatch: () => void;
  #state: XenbusState = XenbusState.Initialising;
  #connected = false;

  constructor(store: DeviceStore, address: DeviceAddress, driver: DeviceDriver) {
    this.#store = store;
    this.address = address;
    this.#driver = driver;
    for (const [key, value] of Object.entries(driver.features ?? {})) {
      store.write(`${backendPath(address)}/${key}`, value);
    }
    this.#switchTo(XenbusState.InitWait);
    this.#unwatch = store.watch(`${frontendPath(address)}/state`, () => this.#frontendChanged());
  }

  get state(): XenbusState {
    return this.#state;
  }

  /** Ends the device without the frontend's consent. Its directories are the toolstack's to remove. */
  close(): void {
    this.#unwatch();
    this.#disconnect();
    this.#switchTo(XenbusState.Closed);
  }

  #frontendChanged(): void {
    const text = this.#store.read(`${frontendPath(this.address)}/state`);
    switch (text === undefined ? XenbusState.Closed : Number(text)) {
      case XenbusState.Initialising:
        // A driver that starts again, as after kexec.
        if (this.#connected || this.#state !== XenbusState.InitWait) {
          this.#disconnect();
          this.#switchTo(XenbusState.InitWait);
        }
        break;
      case XenbusState.Initialised:
      case XenbusState.Connected:
        if (!this.#connected && this.#state === XenbusState.InitWait) this.#connect();
        break;
      case XenbusState.Closing:
        this.#disconnect();
        this.#switchTo(XenbusState.Closing);
        break;
      case XenbusState.Closed:
        this.#disconnect();
        this.#switchTo(XenbusState.Closed);
        break;
    }
  }

  #connect(): void {
    const { domid } = this.address;
    const read = (key: string): string | undefined => this.#store.read(`${frontendPath(this.address)}/${key}`);
    const readNumber = (key: string): number => {
      const text = read(key);
      const value = Number(text);
      if (text === undefined || !/^\d{1,10}$/.test(text) || value > 0xffffffff) {
        throw new DeviceError(`${key} is not a number: ${JSON.stringify(text?.slice(0, 40))}`);
      }
      return value;
    };
    try {
      this.#driver.connect({ domid, read, readNumber });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#store.write(`${backendPath(this.address)}/error`, message);
      this.#switchTo(XenbusState.Closing);
      return;
    }
    this.#connected = true;
    this.#switchTo(XenbusState.Connected);
  }

  #disconnect(): void {
    if (!this.#connected) return;
    this.#connected = false;
    this.#driver.disconnect();
  }

  #switchTo(state: XenbusState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#store.write(`${backendPath(this.address)}/state`, String(state));
  }
}

/** A device's ring page and event channel. */
export class RingConnection {
  readonly page: Uint8Array;
  readonly #mapping: GrantMapping;
  readonly #port: EventPort;

  constructor(mapping: GrantMapping, port: EventPort) {
    this.page = mapping.bytes;
    this.#mapping = mapping;
    this.#port = port;
  }

  notify(): void {
    this.#port.notify();
  }

  release(): void {
    this.#port.close();
    this.#mapping.unmap();
  }
}

/** Maps the frame and binds the port of a device that has one of each; releases both if the second fails. */
export function connectRing(
  driverDomain: DriverDomain,
  domid: number,
  reference: number,
  remotePort: number,
  onEvent: () => void,
): RingConnection {
  const mapping = driverDomain.mapGrant(domid, reference, { readonly: false });
  try {
    return new RingConnection(mapping, driverDomain.bindInterdomain(domid, remotePort, onEvent));
  } catch (error) {
    mapping.unmap();
    throw error;
  }
}
