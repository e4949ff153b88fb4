/** A domain as its owner sees it: consoles, the end, and how to bring it about. */
import { Console } from "../backends/console/console.ts";
import { readableConsole, writableConsole } from "../backends/console/streams.ts";
import type { Domain as HypervisorDomain } from "../hypervisor/domain.ts";
import { sendNmi } from "../hypervisor/traps/deliver.ts";
import { type DomainInfo, domainInfo, type VcpuStatus, vcpuStatus } from "./domain-info.ts";
import type { DomainMemoryInfo, MemoryControl } from "./memory-control.ts";
import { DomainScheduler } from "./scheduling.ts";
import type { ShutdownKind, ShutdownRequest, ShutdownStatus } from "./shutdown-request.ts";

/** Why a domain has ended: what it asked for, or what happened to it. */
export type EndReason = "poweroff" | "reboot" | "suspend" | "crash" | "watchdog" | "destroyed";

export interface DomainEnd {
  readonly reason: EndReason;
  /** For a crash: registers, backtrace and last hypercalls, as text for people. */
  readonly report?: string;
}

/** What the machine does for its domains. */
export interface DomainOwner {
  requestShutdown(domain: Domain, how: ShutdownKind): ShutdownRequest;
  /** @throws RangeError if the name is not good or in use */
  rename(domain: Domain, name: string): void;
  sysrq(domain: Domain, letter: string): void;
  /** Something has changed for its vCPUs: a sleeping machine looks at them. */
  wake(): void;
  requestVcpus(domain: Domain, count: number): void;
  /** Takes the domain away at once. */
  destroy(domain: Domain): void;
  memory(domain: Domain): MemoryControl;
}

interface Waiting {
  resolve(end: DomainEnd): void;
  reject(error: unknown): void;
}

/** One console of a domain, as byte streams. */
export class DomainConsole {
  /** The console itself, for flow control of one's own. */
  readonly raw: Console;
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array | string> | undefined;

  constructor(raw: Console) {
    this.raw = raw;
  }

  /** What the guest writes. Until it is read, only the newest output is kept. */
  get readable(): ReadableStream<Uint8Array> {
    this.#readable ??= readableConsole(this.raw);
    return this.#readable;
  }

  /** What the guest is to read: bytes, or text. */
  get writable(): WritableStream<Uint8Array | string> {
    this.#writable ??= writableConsole(this.raw);
    return this.#writable;
  }
}

export class Domain {
  readonly id: number;
  readonly uuid: string;
  /** The first console (hvc0), then further ones. */
  readonly consoles: readonly DomainConsole[];
  /** The hypervisor's own object, for debuggers. */
  readonly hypervisorDomain: HypervisorDomain;
  /** Its share of the processor. */
  readonly scheduler: DomainScheduler;
  readonly #owner: DomainOwner;
  /** Those who wait for its end. */
  #waiting: Waiting[] | undefined;
  #end: DomainEnd | undefined;
  #failure: { readonly error: unknown } | undefined;
  #shutdown: ShutdownRequest | undefined;
  #name: string;

  constructor(
    hypervisorDomain: HypervisorDomain,
    { name, uuid }: { readonly name: string; readonly uuid: string },
    consoles: readonly DomainConsole[],
    owner: DomainOwner,
  ) {
    this.id = hypervisorDomain.id;
    this.#name = name;
    this.uuid = uuid;
    this.consoles = consoles;
    this.hypervisorDomain = hypervisorDomain;
    this.scheduler = new DomainScheduler(hypervisorDomain);
    this.#owner = owner;
  }

  get name(): string {
    return this.#name;
  }

  /** The first console, hvc0. */
  get console(): DomainConsole {
    const [first] = this.consoles;
    if (first === undefined) throw new Error("a domain without a console");
    return first;
  }

  /** How the domain has ended, if it has. */
  get end(): DomainEnd | undefined {
    return this.#end;
  }

  /** Resolves when the domain has ended. Rejects only if the machine itself fails. */
  wait(): Promise<DomainEnd> {
    if (this.#end !== undefined) return Promise.resolve(this.#end);
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const ended = new Promise<DomainEnd>((resolve, reject) => {
      this.#waiting ??= [];
      this.#waiting.push({ resolve, reject });
    });
    // Whoever does not look at it need not handle a failure of the machine.
    ended.catch(() => {});
    return ended;
  }

  /** State and times of its vCPUs, at this moment; none when it is gone. */
  get vcpus(): readonly VcpuStatus[] {
    return this.#gone ? [] : vcpuStatus(this.hypervisorDomain);
  }

  /**
   * Asks the guest to have `count` vCPUs online, as `xl vcpu-set` does; it may take its time.
   * @throws RangeError beyond the `maxVcpus` that it was made with
   */
  setVcpus(count: number): void {
    if (this.#end === undefined) this.#owner.requestVcpus(this, count);
  }

  /**
   * Asks the guest to shut itself down, as `xl shutdown` does; a guest may take its time, or ignore it. One that has
   * taken the request, but is still there after some seconds, is asked again.
   */
  shutdown(how: ShutdownKind = "poweroff"): void {
    if (this.#end !== undefined) return;
    this.#shutdown?.cancel();
    this.#shutdown = this.#owner.requestShutdown(this, how);
  }

  /** The last request to shut down, if there was one and the domain is still there. */
  get shutdownStatus(): ShutdownStatus | undefined {
    return this.#shutdown?.status;
  }

  /** Keeps its vCPUs from running until `unpause`. No more happens if it is paused already. */
  pause(): void {
    if (!this.paused) this.hypervisorDomain.pause();
  }

  /** Lets its vCPUs run (again). */
  unpause(): void {
    if (!this.paused) return;
    this.hypervisorDomain.unpause();
    this.#owner.wake();
  }

  get paused(): boolean {
    return this.hypervisorDomain.record.pause_count > 0;
  }

  /** Gives it another name, in xenstore, too. @throws RangeError if the name is not good or in use */
  rename(name: string): void {
    this.#owner.rename(this, name);
    this.#name = name;
  }

  /** Presses a key of Linux's magic SysRq, as `xl sysrq` does. @throws RangeError if it is not one letter or digit */
  sysrq(letter: string): void {
    if (!/^[0-9A-Za-z]$/.test(letter)) throw new RangeError(`not a SysRq key: ${JSON.stringify(letter)}`);
    this.#owner.sysrq(this, letter);
  }

  /** Sends an NMI to a vCPU, as `xl trigger DOMAIN nmi` does. @throws RangeError if there is no such vCPU */
  triggerNmi(vcpu = 0): void {
    const target = this.hypervisorDomain.vcpus[vcpu];
    if (target === undefined) throw new RangeError(`domain ${this.name} has no vCPU ${vcpu}`);
    sendNmi(target);
    this.#owner.wake();
  }

  /** What can be seen of it from outside, at this moment. */
  info(): DomainInfo {
    return { name: this.name, uuid: this.uuid, ...domainInfo(this.hypervisorDomain) };
  }

  /** How much memory it has, and should have. @throws Error when the domain is gone */
  get memory(): DomainMemoryInfo {
    return this.#memory().info();
  }

  /**
   * Asks the guest to balloon to this amount, and lets it have no more, as `xl mem-set` does.
   * @param size bytes, or a size such as "512M"; at most what it was made for (`maxMemory`)
   * @throws RangeError; Error when the domain is gone
   */
  setMemoryTarget(size: number | string): void {
    this.#memory().setTarget(size);
    this.#owner.wake();
  }

  /**
   * Lets the guest take memory up to this amount by itself, as `xl mem-max` does. It can be lowered below
   * what the guest has: then it gets no more before it is below.
   * @param size bytes, or a size such as "512M"; at least the target
   * @throws RangeError; Error when the domain is gone
   */
  setMaximumMemory(size: number | string): void {
    this.#memory().setMaximum(size);
  }

  #memory(): MemoryControl {
    if (this.#gone) throw new Error(`domain ${this.id} (${this.name}) is gone`);
    return this.#owner.memory(this);
  }

  /** It has ended, and was not preserved. */
  get #gone(): boolean {
    const { hypervisor } = this.hypervisorDomain;
    return hypervisor.domains.get(this.id) !== this.hypervisorDomain;
  }

  /** Ends the domain at once, as `xl destroy` does. */
  destroy(): void {
    this.#owner.destroy(this);
  }

  /** For the machine: the domain is over. */
  finish(end: DomainEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#endRequest();
    for (const { raw } of this.consoles) raw.end();
    for (const { resolve } of this.#waiting ?? []) resolve(end);
    this.#waiting = undefined;
  }

  /** For the machine: it cannot go on. */
  fail(error: unknown): void {
    this.#endRequest();
    for (const { raw } of this.consoles) raw.end();
    this.#failure = { error };
    for (const { reject } of this.#waiting ?? []) reject(error);
    this.#waiting = undefined;
  }

  #endRequest(): void {
    this.#shutdown?.cancel();
    this.#shutdown = undefined;
  }
}

export function newConsoles(count: number, limit: number, onInput: () => void): DomainConsole[] {
  return Array.from({ length: count }, () => new DomainConsole(new Console(limit, onInput)));
}
