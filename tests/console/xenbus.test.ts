import assert from "node:assert/strict";
import { test } from "node:test";
import { xenconsInterface } from "../../src/abi/io/console.ts";
import { Console } from "../../src/backends/console/console.ts";
import { consoleDriver } from "../../src/backends/console/device.ts";
import type { DriverDomain } from "../../src/backends/driver-domain.ts";
import { backendPath, frontendPath, XenbusDevice } from "../../src/backends/xenbus.ts";
import { writeDeviceDirectories } from "../../src/toolstack/domain-directory.ts";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";
import { Client } from "../xenstore/client.ts";

/** Domain 0 with one guest that has granted frame `reference` and offers `port`. */
class FakeDriverDomain implements DriverDomain {
  readonly page = new Uint8Array(4096);
  readonly mapped = new Set<number>();
  readonly bound = new Map<number, () => void>();

  mapGrant(_domid: number, reference: number): { bytes: Uint8Array; unmap(): void } {
    if (reference !== 8) throw new Error(`grant ${reference}: GNTST_bad_gntref`);
    this.mapped.add(reference);
    return { bytes: this.page, unmap: () => this.mapped.delete(reference) };
  }
  bindInterdomain(_domid: number, port: number, onEvent: () => void): { notify(): void; close(): void } {
    if (port !== 5) throw new Error(`port ${port} is not unbound`);
    this.bound.set(port, onEvent);
    return { notify: () => {}, close: () => this.bound.delete(port) };
  }
}

const ADDRESS = { domid: 1, type: "console", id: 1 };

function setUp() {
  const xenstore = new Xenstore();
  const driverDomain = new FakeDriverDomain();
  const guest = new Client(xenstore, 1);
  const console = new Console();
  writeDeviceDirectories(xenstore, ADDRESS, { frontend: { type: "xenconsoled" } });
  const device = new XenbusDevice(xenstore, ADDRESS, consoleDriver(driverDomain, console));
  const front = frontendPath(ADDRESS);
  const announce = (reference: string, port: string): void => {
    guest.write(`${front}/ring-ref`, reference);
    guest.write(`${front}/port`, port);
    guest.write(`${front}/state`, "3");
  };
  const state = (): string => guest.read(`${backendPath(ADDRESS)}/state`);
  return { xenstore, driverDomain, guest, console, device, front, announce, state };
}

test("the handshake of a console: rings mapped, bytes flow, closed, opened again", async () => {
  const { driverDomain, guest, console, front, announce, state } = setUp();
  assert.equal(guest.read("device/console/1/backend"), backendPath(ADDRESS));
  assert.equal(state(), "2");
  announce("8", "5");
  assert.equal(state(), "4");
  guest.write(`${front}/state`, "4");
  assert.equal(driverDomain.mapped.size, 1);

  const page = xenconsInterface.at({ u8: driverDomain.page, dv: new DataView(driverDomain.page.buffer) }, 0);
  page.out.set(new TextEncoder().encode("ready\n"));
  page.out_prod = 6;
  driverDomain.bound.get(5)?.();
  assert.equal(new TextDecoder().decode(await console.output.next()), "ready\n");

  guest.write(`${front}/state`, "5");
  assert.equal(state(), "5");
  assert.equal(driverDomain.mapped.size + driverDomain.bound.size, 0);
  guest.write(`${front}/state`, "6");
  assert.equal(state(), "6");
  guest.write(`${front}/state`, "1");
  assert.equal(state(), "2");
  announce("8", "5");
  assert.equal(state(), "4");
});

test("bad grants, ports and numbers close the device and say why", () => {
  for (const [reference, port, why] of [
    ["9", "5", /bad_gntref/],
    ["8", "6", /port 6/],
    ["-1", "5", /ring-ref is not a number/],
    ["0x8", "5", /ring-ref is not a number/],
    ["99999999999", "5", /ring-ref is not a number/],
    ["8", "", /port is not a number/],
  ] as const) {
    const { driverDomain, guest, announce, state } = setUp();
    announce(reference, port);
    assert.equal(state(), "5");
    assert.match(guest.read(`${backendPath(ADDRESS)}/error`), why);
    assert.equal(driverDomain.mapped.size + driverDomain.bound.size, 0, "nothing is left mapped or bound");
  }
});

test("states in any order, and nonsense for a state", () => {
  const { driverDomain, guest, front, announce, state } = setUp();
  for (const nonsense of ["0", "99", "four", "", "-3", "NaN"]) guest.write(`${front}/state`, nonsense);
  assert.equal(state(), "2");
  guest.write(`${front}/state`, "5");
  guest.write(`${front}/state`, "4");
  assert.equal(state(), "5", "no connection while closing");
  guest.write(`${front}/state`, "1");
  announce("8", "5");
  guest.write(`${front}/state`, "3");
  assert.equal(state(), "4");
  assert.equal(driverDomain.mapped.size, 1, "connected once");
  guest.rm(front);
  assert.equal(state(), "6", "a frontend that is gone is closed");
  assert.equal(driverDomain.mapped.size, 0);
});

test("the backend can end the device by itself", () => {
  const { driverDomain, guest, device, front, announce, state } = setUp();
  announce("8", "5");
  device.close();
  assert.equal(state(), "6");
  assert.equal(driverDomain.mapped.size, 0);
  guest.write(`${front}/state`, "1");
  assert.equal(state(), "6");
});
