/**
 * A further PV console, by xenbus: device/console/N, Linux's hvc1 and up.
 *
 * The frontend writes `ring-ref` (a grant of its ring page) and `port`. (The first
 * console has no handshake: its page and port come with the domain.)
 */
import type { DriverDomain } from "../driver-domain.ts";
import { connectRing, type DeviceDriver } from "../xenbus.ts";
import type { Console } from "./console.ts";

/** Connects `console` to the guest's device once the guest has set it up. */
export function consoleDriver(driverDomain: DriverDomain, console: Console): DeviceDriver {
  let release = (): void => {};
  return {
    connect(frontend) {
      const connection = connectRing(
        driverDomain,
        frontend.domid,
        frontend.readNumber("ring-ref"),
        frontend.readNumber("port"),
        () => console.onEvent(),
      );
      release = () => connection.release();
      console.connect(connection);
    },
    disconnect() {
      console.disconnect();
      release();
    },
  };
}
