/**
 * A machine: memory, a processor, the hypervisor, and domain 0's services, in one
 * piece. Domains are made on it, run side by side, and end.
 */

import { DEFAULT_CONSOLE_LIMIT } from "../backends/console/console.ts";
import { crashReport } from "../hypervisor/crash-report.ts";
import type { Domain as HypervisorDomain } from "../hypervisor/domain.ts";
import { HostDomain } from "../hypervisor/host-domain.ts";
import { Hypervisor } from "../hypervisor/hypervisor.ts";
import { rateLimit, setRateLimit } from "../hypervisor/sched/parameters.ts";
import { VirtualClock } from "../hypervisor/time/clock.ts";
import { setWallclock } from "../hypervisor/time/system-time.ts";
import { layOutMemory } from "../machine/layout.ts";
import { MachineMemory, PAGE_SIZE } from "../machine/memory.ts";
import type { Clock, Processor } from "../machine/processor.ts";
import { createProcessor, type ProcessorOptions } from "../machine/software-processor.ts";
import { createDefaultPlatform } from "../platform/default.ts";
import type { Platform } from "../platform/types.ts";
import { buildDomain, type LoadedKernel } from "./builder/build.ts";
import type { CpuProfile } from "./cpu-profile.ts";
import { Domain, type DomainEnd, type DomainOwner, type EndReason, newConsoles } from "./domain.ts";
import { writeHostDirectory } from "./domain-directory.ts";
import { connectServices } from "./domain-services.ts";
import { kernelSymbols } from "./kernel-symbols.ts";
import { MemoryControl } from "./memory-control.ts";
import { Milestones } from "./milestones.ts";
import { ProfileRecorder } from "./profile-recorder.ts";
import { RunLoop } from "./run-loop.ts";
import { requestVcpus, type Schedule } from "./scheduling.ts";
import { type ShutdownKind, ShutdownRequest } from "./shutdown-request.ts";
import { formatSize, toBytes } from "./size.ts";
import type { SymbolTable } from "./symbols.ts";
import { randomUuid, uuidBytes } from "./uuid.ts";
import { domainPath } from "./xenstore/path.ts";
import { Xenstore } from "./xenstore/xenstore.ts";

export interface MachineOptions {
  /** Memory for all domains together: bytes, or a size such as "512M". Default 256 MiB. */
  readonly memory?: number | string;
  /** Time passes with the instructions that guests execute: runs can be repeated exactly. Default: real time. */
  readonly virtualTime?: boolean;
  /** In virtual time, the time of day at the start: nanoseconds of UTC since 1970. Default 2026-01-01. */
  readonly epoch?: bigint;
  readonly platform?: Platform;
  /** Options of the software processor. */
  readonly processor?: ProcessorOptions;
  /** Serve frequent exits of guests in WebAssembly; default true. The result of a run is the same. */
  readonly fastPaths?: boolean;
  /** Takes what guests write by console_io, as a debug build of Xen does; without it they are refused. */
  readonly onHypervisorConsole?: (text: Uint8Array, domid: number) => void;
}

export interface DomainConfig {
  /** A Linux bzImage, or an ELF image, with Xen's PV notes. */
  readonly kernel: Uint8Array;
  readonly ramdisk?: Uint8Array;
  readonly commandLine?: string;
  /** Bytes, or a size such as "256M". Default: all memory of the machine. */
  readonly memory?: number | string;
  /** Up to here it can balloon later (xl's `maxmem`): its memory map ends there. Default: `memory`. */
  readonly maxMemory?: number | string;
  /** vCPUs that are online at first. Default 1. */
  readonly vcpus?: number;
  /** vCPUs that it can ever have: see Domain.setVcpus. Default: `vcpus`. */
  readonly maxVcpus?: number;
  /** Its share of the processor. Default: class credit2, weight 256, no cap. */
  readonly scheduler?: Partial<Schedule>;
  readonly name?: string;
  readonly uuid?: string;
  /** Number of consoles: hvc0 and up. Default 1. */
  readonly consoles?: number;
  /** Names for addresses in crash reports and profiles, besides those that a Linux kernel has in itself. */
  readonly symbols?: SymbolTable;
  /** Build it, but don't let it run before `unpause()`. */
  readonly paused?: boolean;
  /**
   * Asked when it has shut down: whether it is to be kept, with its memory, until `destroy()`.
   * Default: it goes.
   */
  readonly preserve?: (reason: EndReason) => boolean;
}

/** Amounts in bytes. */
export interface MachineMemoryInfo {
  /** All that the hypervisor has, for itself and for domains. */
  readonly total: number;
  readonly free: number;
  /** Part of `free` that is promised to domains. */
  readonly outstandingClaims: number;
}

/** Wallclock at the start of machines in virtual time: 2026-01-01 00:00 UTC. */
const VIRTUAL_EPOCH = 1_767_225_600_000_000_000n;
const DEFAULT_MEMORY = 256 << 20;
/** Machine addresses have 32 bits. */
const MACHINE_LIMIT = 2 ** 32;
/** sched_op shutdown reasons (public/sched.h). */
const REASONS: readonly EndReason[] = ["poweroff", "reboot", "suspend", "crash", "watchdog"];

/** What the toolstack keeps of a domain that runs. */
interface Running {
  readonly domain: Domain;
  readonly symbols: SymbolTable | undefined;
  /** Once it is built. */
  kernel: LoadedKernel | undefined;
  /** Its symbols, once they have been asked for; null if it has none. */
  kernelSymbols: SymbolTable | null | undefined;
  readonly preserve: DomainConfig["preserve"];
  /** Ends domain 0's services for it. */
  disconnect: (() => void) | undefined;
  crash: string | undefined;
}

/** Creates a machine. Its memory is fixed from then on. */
export async function createMachine(options: MachineOptions = {}): Promise<Machine> {
  const platform = options.platform ?? createDefaultPlatform();
  const memoryBytes = toBytes(options.memory ?? DEFAULT_MEMORY);
  const layout = layOutMemory(memoryBytes + hypervisorReserve(memoryBytes));
  if (layout.size > MACHINE_LIMIT) {
    throw new RangeError(
      `${formatSize(memoryBytes)} is too much memory: a machine has 4 GiB, of which ${formatSize(layout.size - memoryBytes)} would be its own`,
    );
  }
  const memory = new MachineMemory(layout.size);

  let cpu: Processor | undefined;
  const start = platform.now();
  const virtual = options.virtualTime === true ? new VirtualClock(() => cpu?.retired ?? 0) : undefined;
  const clock: Clock = virtual ?? { now: () => Math.floor(platform.now() - start) };
  cpu = createProcessor(memory, layout, clock, {
    now: () => platform.now() / 1e6,
    ...(virtual === undefined && { random: () => platform.random() }),
    ...options.processor,
  });

  const epoch = virtual === undefined ? platform.wallclock() : (options.epoch ?? VIRTUAL_EPOCH);
  const parts = { memory, layout, cpu, clock };
  const { onHypervisorConsole, fastPaths = true } = options;
  return new Machine(parts, { platform, virtual, epoch, memoryBytes, onHypervisorConsole, fastPaths });
}

export class Machine {
  readonly hypervisor: Hypervisor;
  readonly xenstore = new Xenstore();
  /** Bytes that domains can have together. */
  readonly memoryBytes: number;
  readonly #hostDomain: HostDomain;
  readonly #virtual: VirtualClock | undefined;
  readonly #epoch: bigint;
  readonly #loop: RunLoop;
  readonly #running = new Map<number, Running>();
  /** Removals that wait for the end of a slice. */
  readonly #retired: (() => void)[] = [];
  readonly #owner: DomainOwner = {
    requestShutdown: (domain, how) => this.#requestShutdown(domain, how),
    sysrq: (domain, letter) => this.#sysrq(domain, letter),
    rename: (domain, name) => this.#rename(domain, name),
    wake: () => this.#run(),
    requestVcpus: (domain, count) => this.#requestVcpus(domain, count),
    destroy: (domain) => this.#destroy(domain),
    memory: ({ hypervisorDomain }) => new MemoryControl(this.xenstore, hypervisorDomain),
  };
  readonly #milestones: Milestones;
  readonly #profile: ProfileRecorder;
  readonly #wake = (): void => this.#loop.wake();
  #created = 0;

  constructor(
    parts: Pick<Hypervisor, "memory" | "layout" | "cpu" | "clock">,
    options: {
      platform: Platform;
      virtual: VirtualClock | undefined;
      epoch: bigint;
      memoryBytes: number;
      onHypervisorConsole: MachineOptions["onHypervisorConsole"] | undefined;
      fastPaths: boolean;
    },
  ) {
    this.#virtual = options.virtual;
    this.#epoch = options.epoch;
    this.memoryBytes = options.memoryBytes;
    const { onHypervisorConsole } = options;
    this.hypervisor = new Hypervisor({
      ...parts,
      fastPaths: options.fastPaths,
      ...(onHypervisorConsole && { onConsole: (domain, text) => onHypervisorConsole(text, domain.id) }),
      onShutdown: (domain) => this.#shutDown(domain),
      onCrash: (domain, report) => this.#crashed(domain, report),
      symbolize: (domain, address) => this.#symbols(domain.id, address)?.describe(address),
    });
    this.#hostDomain = new HostDomain(this.hypervisor);
    const start = options.platform.now();
    this.#milestones = new Milestones(this.hypervisor, () => options.platform.now() - start);
    this.#profile = new ProfileRecorder(this.hypervisor, () => options.platform.now());
    this.#loop = new RunLoop(this.hypervisor, options.platform, options.virtual, () => this.#afterSlice());
    writeHostDirectory(this.xenstore);
  }

  /** The domains that there are: those that run, and those that were preserved. */
  get domains(): readonly Domain[] {
    return [...this.#running.values()].map(({ domain }) => domain);
  }

  /**
   * Builds a domain and sets it going.
   * @throws ImageError, BuildError with one clear line when the kernel or the configuration is not good
   * @throws RangeError for a name that is in use
   */
  async createDomain(config: DomainConfig): Promise<Domain> {
    const memoryBytes = toBytes(config.memory ?? this.memoryBytes);
    const maxMemoryBytes = toBytes(config.maxMemory ?? memoryBytes);
    if (maxMemoryBytes < memoryBytes) {
      throw new RangeError(
        `maxMemory (${formatSize(maxMemoryBytes)}) is less than memory (${formatSize(memoryBytes)})`,
      );
    }
    const { vcpus = 1, maxVcpus = vcpus } = config;
    const uuid = config.uuid ?? (this.#virtual === undefined ? randomUuid() : this.#nextUuid());
    const hv = this.hypervisor;
    if (config.name !== undefined) this.#checkName(config.name);
    const hvDomain = hv.createDomain({
      maxVcpus,
      memoryFrames: memoryBytes / PAGE_SIZE,
      maxMemoryFrames: maxMemoryBytes / PAGE_SIZE,
      handle: uuidBytes(uuid),
    });
    const limit = this.#virtual === undefined ? DEFAULT_CONSOLE_LIMIT : Number.POSITIVE_INFINITY;
    const consoles = newConsoles(config.consoles ?? 1, limit, this.#wake);
    const name = config.name ?? `Domain-${hvDomain.id}`;
    const domain = new Domain(hvDomain, { name, uuid }, consoles, this.#owner);
    const running: Running = {
      domain,
      symbols: config.symbols,
      kernel: undefined,
      kernelSymbols: undefined,
      preserve: config.preserve,
      disconnect: undefined,
      crash: undefined,
    };
    this.#running.set(domain.id, running);
    try {
      if (config.scheduler !== undefined) domain.scheduler.set(config.scheduler);
      const built = await buildDomain(hv, hvDomain, {
        kernel: config.kernel,
        ...(config.ramdisk !== undefined && { ramdisk: config.ramdisk }),
        commandLine: config.commandLine ?? "",
        memoryBytes,
      });
      running.kernel = built.kernel;
      setWallclock(hvDomain, this.#epoch);
      running.disconnect = connectServices(this.xenstore, this.#hostDomain, {
        domid: domain.id,
        name,
        uuid,
        memoryBytes,
        maxMemoryBytes,
        vcpus,
        maxVcpus,
        console: built.console,
        store: built.store,
        consoles,
        onConsole: () => {
          if (domain.console.raw.bytesWritten > 0) this.#milestones.consoleOutput();
        },
      });
    } catch (error) {
      this.#remove(running);
      throw error;
    }
    if (config.paused !== true) hvDomain.unpause();
    this.#run();
    return domain;
  }

  /** Microseconds for which a vCPU keeps the processor though others have more credit: `xl sched-credit2 -r`. */
  get schedulerRateLimit(): number {
    return rateLimit(this.hypervisor);
  }

  /** 100 to 500000, or 0 for none. */
  set schedulerRateLimit(microseconds: number) {
    setRateLimit(this.hypervisor, microseconds);
  }

  /** The machine's memory in bytes, as `xl info` shows it. */
  get memory(): MachineMemoryInfo {
    const { frames, layout } = this.hypervisor;
    return {
      total: layout.size - layout.heapBase,
      free: frames.state.free_frames * PAGE_SIZE,
      outstandingClaims: frames.state.outstanding_claims * PAGE_SIZE,
    };
  }

  /** Ends all domains. */
  destroy(): void {
    for (const domain of this.domains) this.#destroy(domain);
    this.#loop.stop();
  }

  /** Everything that is counted, ready for JSON. */
  statistics(): Record<string, unknown> {
    const { cpu, statistics } = this.hypervisor;
    return { milestones: this.#milestones.toJSON(), processor: cpu.statistics, ...statistics.toJSON() };
  }

  /**
   * Begins to take a profile: where the host's time goes while guests run, by symbol, tier and kind of exit.
   * Guests cannot tell. Must not be called while one is being taken.
   * @param interval microseconds between samples
   */
  startProfile({ interval = 250 }: { readonly interval?: number } = {}): void {
    this.#profile.start(interval);
  }

  /**
   * Ends the profile, and returns it in the format of Chrome's DevTools.
   * @throws Error if none has been started
   */
  stopProfile(): CpuProfile {
    for (const running of this.#running.values()) this.#keepNames(running);
    return this.#profile.stop();
  }

  /** In virtual time nothing is random. */
  #nextUuid(): string {
    return `00000000-0000-4000-8000-${String(++this.#created).padStart(12, "0")}`;
  }

  #checkName(name: string, except?: Domain): void {
    const other = this.domains.find((domain) => domain.name === name && domain !== except);
    if (other !== undefined) throw new RangeError(`the name ${name} is in use by domain ${other.id}`);
  }

  #rename(domain: Domain, name: string): void {
    this.#checkName(name, domain);
    this.xenstore.transaction((content) => {
      content.write(`/vm/${domain.uuid}/name`, name);
      content.write(`${domainPath(domain.id)}/name`, name);
    });
  }

  #requestShutdown(domain: Domain, how: ShutdownKind): ShutdownRequest {
    return new ShutdownRequest(
      {
        store: this.xenstore,
        path: `${domainPath(domain.id)}/control/shutdown`,
        alarms: this.#loop.alarms,
        now: () => this.hypervisor.clock.now(),
        wake: this.#wake,
      },
      how,
    );
  }

  #sysrq({ id }: Domain, letter: string): void {
    this.xenstore.write(`${domainPath(id)}/control/sysrq`, letter);
    this.#loop.wake();
  }

  #requestVcpus({ id, hypervisorDomain }: Domain, count: number): void {
    const most = hypervisorDomain.record.max_vcpus;
    this.xenstore.transaction((content) => requestVcpus(content, id, count, most));
    this.#loop.wake();
  }

  #run(): void {
    this.#loop.run().catch((error: unknown) => {
      for (const running of this.#running.values()) {
        this.#keepNames(running);
        running.domain.fail(error);
      }
      this.#running.clear();
    });
  }

  /** Who knows about a code address of a domain: what its owner gave, or its kernel. */
  #symbols(domid: number, address: bigint): SymbolTable | undefined {
    const running = this.#running.get(domid);
    if (running === undefined || running.symbols?.isText(address)) return running?.symbols;
    const { kernel } = running;
    if (kernel === undefined || address < kernel.address) return undefined;
    if (address >= kernel.address + BigInt(kernel.frames.length * 4096)) return undefined;
    if (running.kernelSymbols === undefined) {
      running.kernelSymbols = kernelSymbols(running.domain.hypervisorDomain, kernel) ?? null;
    }
    return running.kernelSymbols ?? undefined;
  }

  /** The profile, if there is one, will want names when the domain is no more. */
  #keepNames({ domain }: Running): void {
    this.#profile.keepNames(domain.id, {
      name: domain.name,
      symbol: (address) => this.#symbols(domain.id, address)?.lookup(address)?.name,
    });
  }

  /** A domain has shut down: from the run loop. */
  #shutDown(hvDomain: HypervisorDomain): void {
    const running = this.#running.get(hvDomain.id);
    if (running === undefined) return;
    const reason = REASONS[hvDomain.record.shutdown_code] ?? "crash";
    const crashed = reason === "crash" || reason === "watchdog";
    const report = crashed ? this.#report(running) : undefined;
    const end = { reason, ...(report !== undefined && { report }) };
    if (running.preserve?.(reason) === true) running.domain.finish(end);
    else this.#retire(running, end);
  }

  #crashed(hvDomain: HypervisorDomain, report: string): void {
    const running = this.#running.get(hvDomain.id);
    if (running !== undefined) running.crash = report;
  }

  /** What is known about a crash: the hypervisor's report, or one of its kind where the guest gave up by itself. */
  #report({ domain, crash }: Running): string {
    const { vcpus } = domain.hypervisorDomain;
    const vcpu = vcpus.find(({ loaded }) => loaded) ?? vcpus[0];
    if (vcpu === undefined) return crash ?? "";
    return crash ?? crashReport(this.hypervisor, vcpu, "the guest has shut itself down for a crash");
  }

  #destroy(domain: Domain): void {
    const running = this.#running.get(domain.id);
    if (running?.domain === domain) this.#retire(running, { reason: "destroyed" });
  }

  /** Takes a domain away: at once, or when the slice that it may be running in is over. */
  #retire(running: Running, end: DomainEnd): void {
    this.#retired.push(() => {
      if (this.#running.get(running.domain.id) !== running) return;
      this.#remove(running);
      running.domain.finish(end);
    });
    if (this.#loop.inSlice) return;
    this.#removeRetired();
    this.#loop.wake();
  }

  #removeRetired(): void {
    for (const remove of this.#retired.splice(0)) remove();
  }

  #afterSlice(): void {
    this.#milestones.observe();
    this.#removeRetired();
  }

  /** Disconnects a domain and gives its memory back. */
  #remove(running: Running): void {
    this.#keepNames(running);
    this.#running.delete(running.domain.id);
    running.disconnect?.();
    this.hypervisor.destroyDomain(running.domain.hypervisorDomain);
  }
}

/** Memory that the hypervisor needs for itself, besides the domains': frame table, M2P, page tables, records. */
function hypervisorReserve(domains: number): number {
  return (17 << 20) + Math.ceil(domains / 64);
}
