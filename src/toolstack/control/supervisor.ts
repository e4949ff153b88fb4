/**
 * Looks after the domains of a machine that lives: makes them from configurations, and does
 * what those say when they end (on_poweroff, on_reboot, on_watchdog, on_crash).
 */
import { BuildError, ImageError } from "../builder/index.ts";
import { DecompressError } from "../compression/index.ts";
import type { Action } from "../config/actions.ts";
import type { Domain, DomainEnd, EndReason } from "../domain.ts";
import { startUnder } from "../domain-control.ts";
import type { Machine } from "../machine.ts";
import { formatSize } from "../size.ts";
import type { SymbolTable } from "../symbols.ts";
import { ConsoleHub } from "./console-hub.ts";
import type { MessageBuffer } from "./message-buffer.ts";
import { ControlError } from "./protocol.ts";
import { type DomainOutcome, type DomainSpec, HOST_NAME, nameProblem } from "./shapes.ts";

/** What the program around it does for it. */
export interface SupervisorHost {
  /** @throws ControlError */
  readFile(path: string, what: string): Promise<Uint8Array>;
  /** The guest of domains that name no kernel. @throws ControlError */
  defaultGuest(onProgress: (progress: CreateProgress) => void): Promise<DefaultGuest>;
  /** Opens the log of a domain's console. */
  consoleLog(name: string): ConsoleLog;
  after(milliseconds: number, callback: () => void): () => void;
  /** The machine itself cannot go on. */
  failed(error: unknown): void;
}

export interface DefaultGuest {
  readonly kernel: Uint8Array;
  readonly ramdisk: Uint8Array;
  readonly symbols?: SymbolTable;
}

export interface ConsoleLog {
  write(bytes: Uint8Array): void;
  close(): void;
}

export interface CreateProgress {
  readonly stage: string;
  readonly message: string;
  readonly done: number;
  readonly total?: number | undefined;
}

/** A domain that is looked after. */
export interface Supervised {
  readonly domain: Domain;
  readonly spec: DomainSpec;
  readonly console: ConsoleHub;
  /** Resolves when it has ended, and a successor was made if there is one. */
  readonly outcome: Promise<DomainOutcome>;
  /** Milliseconds of the machine's clock. */
  readonly created: number;
}

/** A domain that restarts sooner than this after its creation waits: one that fails at once must not keep the machine busy. */
const RESTART_INTERVAL_MS = 1000;

export class Supervisor {
  readonly machine: Machine;
  readonly messages: MessageBuffer;
  readonly #host: SupervisorHost;
  readonly #supervised = new Map<number, Supervised>();
  /** Names of domains that are being made. */
  readonly #reserved = new Set<string>();
  #stopping = false;

  constructor(machine: Machine, host: SupervisorHost, messages: MessageBuffer) {
    this.machine = machine;
    this.messages = messages;
    this.#host = host;
  }

  /** All domains, in the order of their making. */
  get all(): readonly Supervised[] {
    return [...this.#supervised.values()];
  }

  /** The domain of that id or name. @throws ControlError not-found, unsupported for domain 0 */
  find(domain: string): Supervised {
    if (domain === HOST_NAME || /^0+$/.test(domain)) {
      throw new ControlError("unsupported", "domain 0 is this program itself: it has no vCPUs, and no verb is for it");
    }
    const found = /^\d+$/.test(domain)
      ? this.#supervised.get(Number(domain))
      : this.all.find(({ domain: { name } }) => name === domain);
    if (found === undefined) throw new ControlError("not-found", `there is no domain ${domain}`);
    return found;
  }

  /** Makes a domain. Nothing is left of it if that fails. @throws ControlError */
  async create(
    spec: DomainSpec,
    {
      paused = false,
      onProgress = () => {},
    }: { paused?: boolean; onProgress?: (progress: CreateProgress) => void } = {},
  ): Promise<Supervised> {
    if (this.#stopping) throw new ControlError("unavailable", "the machine is about to stop");
    const problem = nameProblem(spec.name);
    if (problem !== undefined) throw new ControlError("invalid", problem);
    this.checkName(spec.name);
    if (this.all.some(({ domain }) => domain.uuid === spec.uuid)) {
      throw new ControlError("invalid", `the uuid ${spec.uuid} is in use`);
    }
    this.#checkMemory(spec);
    this.#reserved.add(spec.name);
    try {
      return await this.#make(spec, paused, onProgress);
    } catch (error) {
      throw explained(error);
    } finally {
      this.#reserved.delete(spec.name);
    }
  }

  /** @throws ControlError name-in-use */
  checkName(name: string): void {
    const other = this.all.find(({ domain }) => domain.name === name);
    if (other !== undefined) {
      throw new ControlError("name-in-use", `the name ${name} is in use by domain ${other.domain.id}`);
    }
    if (this.#reserved.has(name)) throw new ControlError("name-in-use", `a domain ${name} is being created`);
  }

  /** Ends a domain at once; what its configuration says of its end does not matter. */
  destroy({ domain }: Supervised): void {
    domain.destroy();
    this.#forget(domain);
  }

  /**
   * Asks all guests to shut down, and destroys those that have not within the time.
   * From now on no domain is made.
   */
  async shutDownAll(milliseconds: number): Promise<void> {
    this.#stopping = true;
    const all = this.all.filter(({ domain }) => domain.end === undefined);
    for (const { domain } of all) {
      domain.unpause();
      domain.shutdown();
    }
    const cancel = this.#host.after(milliseconds, () => this.destroyAll());
    await Promise.all(all.map(({ outcome }) => outcome));
    cancel();
    this.destroyAll();
  }

  /** Ends all domains at once. From now on none is made. */
  destroyAll(): void {
    this.#stopping = true;
    for (const supervised of this.all) this.destroy(supervised);
  }

  async #make(spec: DomainSpec, paused: boolean, onProgress: (progress: CreateProgress) => void): Promise<Supervised> {
    const { kernel, ramdisk, symbols } = await this.#load(spec, onProgress);
    if (this.#stopping) throw new ControlError("unavailable", "the machine is about to stop");
    const domain = await this.machine.createDomain({
      name: spec.name,
      ...(spec.uuid !== undefined && { uuid: spec.uuid }),
      kernel,
      ...(ramdisk !== undefined && { ramdisk }),
      ...(symbols !== undefined && { symbols }),
      commandLine:
        spec.commandLine ?? (spec.kernel === undefined ? `console=hvc0 typervisor.hostname=${spec.name}` : ""),
      memory: spec.memoryBytes,
      paused: true,
      preserve: (reason) => keeps(actionFor(spec, reason)) && !this.#stopping,
      ...startUnder(spec),
    });
    const log = this.#host.consoleLog(spec.name);
    const supervised: Supervised = {
      domain,
      // Restarts keep the identity.
      spec: { ...spec, uuid: domain.uuid },
      console: new ConsoleHub(domain.console.raw, (bytes) => log.write(bytes)),
      outcome: this.#lookAfter(domain, () => supervised),
      created: this.#now(),
    };
    this.#supervised.set(domain.id, supervised);
    void supervised.outcome.then(() => log.close());
    this.messages.add(
      `Domain ${domain.id} (${spec.name}) created: ${formatSize(spec.memoryBytes)}, ${spec.vcpus} vCPU${spec.vcpus === 1 ? "" : "s"}`,
    );
    if (!paused) domain.unpause();
    return supervised;
  }

  async #load(
    spec: DomainSpec,
    onProgress: (progress: CreateProgress) => void,
  ): Promise<Partial<DefaultGuest> & { kernel: Uint8Array }> {
    const ramdisk = spec.ramdisk === undefined ? undefined : await this.#host.readFile(spec.ramdisk, "ramdisk");
    if (spec.kernel !== undefined) {
      const kernel = await this.#host.readFile(spec.kernel, "kernel");
      return { kernel, ...(ramdisk !== undefined && { ramdisk }) };
    }
    const guest = await this.#host.defaultGuest(onProgress);
    return { ...guest, ...(ramdisk !== undefined && { ramdisk }) };
  }

  #checkMemory(spec: DomainSpec): void {
    const free = this.machine.memory.free;
    if (spec.memoryBytes <= free) return;
    throw new ControlError(
      "no-memory",
      `not enough memory for ${spec.name}: it needs ${formatSize(spec.memoryBytes)}, ${formatSize(free)} are free`,
    );
  }

  /** Waits for the end of a domain, and does what is to be done then. */
  async #lookAfter(domain: Domain, self: () => Supervised): Promise<DomainOutcome> {
    let end: DomainEnd;
    try {
      end = await domain.wait();
    } catch (error) {
      this.#host.failed(error);
      return { reason: "destroyed" };
    }
    const { spec, created } = self();
    this.#tell(domain, end);
    const action = this.#stopping ? "destroy" : actionFor(spec, end.reason);
    if (!keeps(action)) this.#forget(domain);
    const { reason } = end;
    if (action !== "restart" && action !== "rename-restart") return { reason };
    try {
      const successor = await this.#restart(domain, spec, created, action);
      return { reason, successor: successor.domain.id };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.messages.add(`Domain ${domain.id} (${spec.name}) cannot be restarted: ${message}`);
      return { reason };
    }
  }

  async #restart(domain: Domain, spec: DomainSpec, created: number, action: Action): Promise<Supervised> {
    let next = { ...spec, name: domain.name };
    this.#reserved.add(next.name);
    try {
      if (action === "rename-restart") {
        domain.rename(this.#nameForPreserved(domain.name));
        // The one that is kept keeps its identity, too.
        next = { ...next, uuid: undefined };
      }
      const wait = created + RESTART_INTERVAL_MS - this.#now();
      if (wait > 0) await new Promise<void>((resolve) => this.#host.after(wait, resolve));
    } finally {
      this.#reserved.delete(next.name);
    }
    return await this.create(next);
  }

  /** As xl does it: NAME-YYYYMMDDTHHMMSSZ. */
  #nameForPreserved(name: string): string {
    const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
    const base = `${name.slice(0, 40)}-${time}`;
    const used = new Set(this.all.map(({ domain }) => domain.name));
    let candidate = base;
    for (let n = 2; used.has(candidate); n++) candidate = `${base}.${n}`;
    return candidate;
  }

  /** Its id may be another domain's already. */
  #forget(domain: Domain): void {
    if (this.#supervised.get(domain.id)?.domain === domain) this.#supervised.delete(domain.id);
  }

  #tell(domain: Domain, { reason, report }: DomainEnd): void {
    this.messages.add(`Domain ${domain.id} (${domain.name}) has ended: ${reason}`);
    if (report !== undefined) this.messages.add(report);
  }

  #now(): number {
    return this.machine.hypervisor.clock.now() / 1e6;
  }
}

function actionFor(spec: DomainSpec, reason: EndReason): Action {
  switch (reason) {
    case "poweroff":
      return spec.onPoweroff;
    case "reboot":
      return spec.onReboot;
    case "crash":
      return spec.onCrash;
    case "watchdog":
      return spec.onWatchdog;
    // Nothing can resume a domain that has suspended itself unasked.
    case "suspend":
    case "destroyed":
      return "destroy";
  }
}

/** The domain that has ended stays. */
function keeps(action: Action): boolean {
  return action === "preserve" || action === "rename-restart";
}

/** Errors whose message is one line for the user, as such. */
function explained(error: unknown): unknown {
  if (error instanceof ControlError) return error;
  if (error instanceof ImageError || error instanceof DecompressError)
    return new ControlError("bad-file", error.message);
  if (error instanceof BuildError || error instanceof RangeError) return new ControlError("invalid", error.message);
  return error;
}
