/**
 * A request to shut down, and what becomes of it.
 *
 * The toolstack writes "poweroff" or "reboot" to control/shutdown. The guest's driver takes the request by emptying the
 * node, and hands it on to user space, where it can get lost. Linux (drivers/xen/manage.c) starts /sbin/poweroff: while it
 * boots, that may not be there yet, or may tell an init that does not listen yet. And at some moments of the boot
 * the driver itself has nothing for it but a line in the log. So a guest that took the request some seconds ago, and is
 * still there, is asked again, up to four times. One that is at it already loses nothing by that.
 *
 * A request that has not been taken needs no help: the driver finds it in the node when it begins to watch. A second
 * "reboot" has no effect on Linux, which takes no request after the first of those: it stays in the node then.
 */
import type { Alarms } from "./alarms.ts";
import type { Xenstore } from "./xenstore/xenstore.ts";

export type ShutdownKind = "poweroff" | "reboot";

export interface ShutdownStatus {
  readonly how: ShutdownKind;
  /** The guest's driver has seen it. */
  readonly taken: boolean;
  /** How often it has been asked. */
  readonly requests: number;
}

/** Nanoseconds from the taking of each request to the next one. */
const PATIENCE = [5e9, 10e9, 20e9, 40e9] as const;

export interface ShutdownSurroundings {
  readonly store: Xenstore;
  /** The node: control/shutdown of the domain. */
  readonly path: string;
  readonly alarms: Alarms;
  /** The machine's clock. */
  now(): number;
  /** There is something new in the store. */
  wake(): void;
}

export class ShutdownRequest {
  readonly #surroundings: ShutdownSurroundings;
  readonly #how: ShutdownKind;
  readonly #unwatch: () => void;
  #requests = 0;
  #taken = false;
  #stopWaiting: () => void = () => {};

  constructor(surroundings: ShutdownSurroundings, how: ShutdownKind) {
    this.#surroundings = surroundings;
    this.#how = how;
    this.#ask();
    this.#unwatch = surroundings.store.watch(surroundings.path, () => this.#changed());
  }

  get status(): ShutdownStatus {
    return { how: this.#how, taken: this.#taken, requests: this.#requests };
  }

  /** The domain has ended, or is asked for something else. */
  cancel(): void {
    this.#stopWaiting();
    this.#unwatch();
  }

  #ask(): void {
    const { store, path, wake } = this.#surroundings;
    this.#requests++;
    store.write(path, this.#how);
    wake();
  }

  #changed(): void {
    const { store, path, alarms, now } = this.#surroundings;
    this.#stopWaiting();
    if (store.read(path) !== "") return;
    this.#taken = true;
    const patience = PATIENCE[this.#requests - 1];
    if (patience !== undefined) this.#stopWaiting = alarms.set(now() + patience, () => this.#ask());
  }
}
