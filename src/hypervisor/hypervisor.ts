import type { MachineMemory } from "../machine/memory.ts";
import type { Clock, Processor } from "../machine/processor.ts";
import type { Domain } from "./domain.ts";
import type { Vcpu } from "./vcpu.ts";

/** Skeleton, owned by the hypervisor core. */
export interface Hypervisor {
  readonly memory: MachineMemory;
  readonly cpu: Processor;
  readonly clock: Clock;
  readonly domains: ReadonlyMap<number, Domain>;
  /** The vCPU whose state is on the processor. */
  readonly current: Vcpu | undefined;
}
