/** The hypervisor: the machine's resources, its domains, and the loop that runs them. */
import type { MemoryLayout } from "../machine/layout.ts";
import type { MachineMemory } from "../machine/memory.ts";
import type { Clock, Processor } from "../machine/processor.ts";
import type { Domain } from "./domain.ts";
import { buryDomain, createDomain, type DomainOptions, destroyDomain } from "./domain-lifecycle.ts";
import { CpuPolicy } from "./emulate/cpu-policy.ts";
import { FastPaths } from "./fast-paths/index.ts";
import type { HostDomain } from "./host-domain.ts";
import type { Hypercall } from "./hypercall.ts";
import { hypercallTable } from "./hypercalls.ts";
import { unlistFrame } from "./mm/domain-frames.ts";
import { FrameTable } from "./mm/frame-table.ts";
import { Heap } from "./mm/heap.ts";
import { initXenMappings } from "./mm/xen-area.ts";
import type { Profiler } from "./profiler.ts";
import { RunLoop, type SliceLimits, type SliceResult } from "./run-loop.ts";
import { Scheduler } from "./sched/scheduler.ts";
import { Statistics } from "./statistics.ts";
import { Timers } from "./time/timers.ts";
import { HypercallTrace } from "./trace.ts";
import type { Vcpu } from "./vcpu.ts";

/** What the host wants to hear. All are called from the run loop, never within a hypercall. */
export interface HypervisorHooks {
  /** console_io write of a domain. Without it the hypercall returns -EPERM, as a release build of Xen does. */
  onConsole?(domain: Domain, text: Uint8Array): void;
  /** A domain has shut down (`domain.record.shutdown_code`) or crashed. */
  onShutdown?(domain: Domain): void;
  /** A domain crashed: the report, for a log. Called before `onShutdown`. */
  onCrash?(domain: Domain, report: string): void;
  /** Name of a guest's code address, for crash reports. */
  symbolize?(domain: Domain, address: bigint): string | undefined;
}

/** A processor may say what it implements; names as in emulate/features.ts. */
interface KnowsFeatures {
  readonly features?: ReadonlySet<string>;
}

export interface HypervisorOptions extends HypervisorHooks {
  readonly memory: MachineMemory;
  readonly layout: MemoryLayout;
  readonly cpu: Processor & KnowsFeatures;
  readonly clock: Clock;
  /** CPUID features to offer. Default: the processor's. */
  readonly features?: ReadonlySet<string>;
  /** Serve frequent exits in WebAssembly, where the processor can; default true. Nothing else depends on it. */
  readonly fastPaths?: boolean;
}

/**
 * Steps of one hypercall after which it lets others go first: some milliseconds. A step is about half a
 * microsecond; a check of a page table is worth many.
 */
const STEPS_PER_HYPERCALL = 16384;
/** Steps of however many hypercalls after which the run loop must look at its clock: about half a millisecond. */
const STEPS_PER_CLOCK = 1024;

export class Hypervisor {
  readonly memory: MachineMemory;
  readonly layout: MemoryLayout;
  readonly cpu: Processor;
  readonly clock: Clock;
  /** Who owns each machine frame, and what it is used as. */
  readonly frames: FrameTable;
  /** The hypervisor's own memory. */
  readonly heap: Heap;
  readonly hooks: HypervisorHooks;
  /** What CPUID answers. */
  readonly policy: CpuPolicy;
  /** Hypercalls by number. */
  readonly hypercalls: readonly (Hypercall | undefined)[] = hypercallTable();
  readonly statistics: Statistics;
  readonly trace: HypercallTrace;
  /** Exits that are served in WebAssembly. */
  readonly fastPaths: FastPaths;
  readonly domains = new Map<number, Domain>();
  /** Domains that have ended, but for frames that others still map. Their ids are not free before those are. */
  readonly zombies = new Map<number, Domain>();
  /** Domain 0, if there is one; it registers itself. */
  hostDomain: HostDomain | undefined;
  /**
   * A deadline of a timer or of the scheduler has come nearer, or time has passed that the guest's instructions do not
   * show: the run loop looks at its clock before it goes on.
   */
  timersChanged = true;
  /** Who gets the processor. */
  readonly scheduler: Scheduler;
  readonly timers = new Timers();
  /** While a profile is being taken. */
  profiler: Profiler | undefined;
  #current: Vcpu | undefined;
  readonly #loop = new RunLoop(this);
  #notices: (() => void)[] = [];
  #steps = 0;
  #stepsSinceClock = 0;

  constructor(options: HypervisorOptions) {
    this.memory = options.memory;
    this.layout = options.layout;
    this.cpu = options.cpu;
    this.clock = options.clock;
    this.hooks = options;
    const features = options.features ?? options.cpu.features;
    this.policy = new CpuPolicy(features === undefined ? {} : { features });
    this.frames = new FrameTable(options.memory, options.layout.heapBase);
    this.heap = new Heap(this.frames);
    this.scheduler = new Scheduler(this);
    initXenMappings(this);
    this.fastPaths = new FastPaths(this, options.fastPaths !== false);
    const counters = this.fastPaths.record.address;
    this.statistics = new Statistics(this.hypercalls, options.memory.memory.buffer, counters);
    this.trace = new HypercallTrace(options.memory, counters);
  }

  /** The vCPU whose state is on the processor. */
  get current(): Vcpu | undefined {
    return this.#current;
  }
  set current(vcpu: Vcpu | undefined) {
    this.#current = vcpu;
    this.fastPaths.serve(vcpu);
  }

  createDomain(options: DomainOptions): Domain {
    return createDomain(this, options);
  }

  destroyDomain(domain: Domain): void {
    destroyDomain(this, domain);
  }

  /** A frame of `owner` has lost its last reference. */
  frameFreed(owner: number, mfn: number): void {
    const domain = this.domains.get(owner) ?? this.zombies.get(owner);
    if (domain === undefined) return;
    unlistFrame(domain, mfn);
    if (domain.record.mm.tot_pages === 0 && this.zombies.get(owner) === domain) buryDomain(this, domain);
  }

  /** Runs domains for a slice, by default about 5 ms: see RunLoop. */
  runSlice(limits?: SliceLimits): SliceResult {
    this.profiler?.sliceBegins();
    try {
      return this.#loop.runSlice(limits);
    } finally {
      this.profiler?.sliceEnds();
    }
  }

  // What the parts of the hypervisor tell it.

  /** Has `notice` called from the run loop, outside of any hypercall. */
  notify(notice: () => void): void {
    this.#notices.push(notice);
  }

  /** Calls what `notify` collected. */
  runNotices(): void {
    while (this.#notices.length > 0) {
      const notices = this.#notices;
      this.#notices = [];
      for (const notice of notices) notice();
    }
  }

  /** A domain has just set DOMAIN_SHUT_DOWN. */
  domainShutDown(domain: Domain): void {
    this.notify(() => this.hooks.onShutdown?.(domain));
  }

  consoleWrite(domain: Domain, text: Uint8Array): void {
    this.notify(() => this.hooks.onConsole?.(domain, text));
  }

  /** " <name+offset>" for reports, or nothing. */
  symbolize(domain: Domain, address: bigint): string {
    const name = this.hooks.symbolize?.(domain, address);
    return name === undefined ? "" : ` <${name}>`;
  }

  /** A hypercall begins. */
  beginHypercall(): void {
    this.#steps = 0;
  }

  /**
   * Asked by long hypercalls before each of their parts, which is worth `steps`: they should stop and go on
   * later. Counts steps and not time, so that a run in virtual time can be repeated.
   */
  preempted(steps = 1): boolean {
    this.#steps += steps;
    this.#stepsSinceClock += steps;
    if (this.#stepsSinceClock >= STEPS_PER_CLOCK) {
      this.#stepsSinceClock = 0;
      this.timersChanged = true;
    }
    return this.#steps > STEPS_PER_HYPERCALL;
  }
}
