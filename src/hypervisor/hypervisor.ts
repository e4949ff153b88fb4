/** The hypervisor: the machine's resources, its domains, and the loop that runs them. */
import type { MemoryLayout } from "../machine/layout.ts";
import type { MachineMemory } from "../machine/memory.ts";
import type { Clock, Processor } from "../machine/processor.ts";
import type { Domain } from "./domain.ts";
import type { HostDomain } from "./host-domain.ts";
import { FrameTable } from "./mm/frame-table.ts";
import { Heap } from "./mm/heap.ts";
import type { Hypercall } from "./hypercall.ts";
import { hypercallTable } from "./hypercalls.ts";
import { Statistics } from "./statistics.ts";
import { HypercallTrace } from "./trace.ts";
import type { Vcpu } from "./vcpu.ts";

/** What the host wants to hear. All are called from the run loop, never within a hypercall. */
export interface HypervisorHooks {
  /** console_io write of a domain. Without it the hypercall returns -EPERM, as a release build of Xen does. */
  onConsole?(domain: Domain, text: Uint8Array): void;
  /** A domain has shut down (`domain.record.shutdown_code`) or crashed. */
  onShutdown?(domain: Domain): void;
  /** A domain crashed: the report, for a log. */
  onCrash?(domain: Domain, report: string): void;
}

export interface HypervisorOptions extends HypervisorHooks {
  readonly memory: MachineMemory;
  readonly layout: MemoryLayout;
  readonly cpu: Processor;
  readonly clock: Clock;
}

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
  /** Hypercalls by number. */
  readonly hypercalls: readonly (Hypercall | undefined)[] = hypercallTable();
  readonly statistics = new Statistics(this.hypercalls);
  readonly trace = new HypercallTrace();
  readonly domains = new Map<number, Domain>();
  /** Domain 0, if it is the one written in TypeScript; it registers itself. */
  hostDomain: HostDomain | undefined;
  /** The vCPU whose state is on the processor. */
  current: Vcpu | undefined;

  constructor(options: HypervisorOptions) {
    this.memory = options.memory;
    this.layout = options.layout;
    this.cpu = options.cpu;
    this.clock = options.clock;
    this.hooks = options;
    this.frames = new FrameTable(options.memory, options.layout.heapBase);
    this.heap = new Heap(this.frames);
  }

  /** A domain has just set DOMAIN_SHUT_DOWN. */
  domainShutDown(domain: Domain): void {
    void domain;
  }
}
