/**
 * A virtual processor: typed views over its record in the hypervisor's heap.
 *
 * While it is loaded its architectural state is in the processor's own block;
 * otherwise in the copy inside its record.
 */
import { struct, u32, u64 } from "../abi/struct.ts";
import { type CpuState, cpuState } from "../machine/x86/state.ts";
import type { Domain } from "./domain.ts";
import { vcpuEvtchn } from "./event-channel/record.ts";
import { vcpuMm } from "./mm/record.ts";
import { vcpuSched } from "./sched/record.ts";
import { vcpuTime } from "./time/record.ts";
import { vcpuTraps } from "./traps/record.ts";

/** Bits of `vcpuRecord.flags`. */
export const VCPU_INITIALISED = 1 << 0;
/** Only the selectors are set: their descriptors must be loaded when the vCPU runs first. */
export const VCPU_SEGMENTS_STALE = 1 << 1;

export const vcpuRecord = struct("vcpu", {
  id: u32,
  domain_id: u32,
  /** VCPU_*. */
  flags: u32,
  pad0: u32,
  traps: vcpuTraps,
  mm: vcpuMm,
  evtchn: vcpuEvtchn,
  time: vcpuTime,
  sched: vcpuSched,
  /** Hypercalls made, of all kinds. */
  hypercalls: u64,
  /** Saved architectural state. */
  state: cpuState,
});

export type VcpuRecord = ReturnType<typeof vcpuRecord.at>;

export class Vcpu {
  readonly id: number;
  readonly domain: Domain;
  readonly record: VcpuRecord;
  /** Parts of `record`, at hand because every exit needs them. */
  readonly traps: ReturnType<typeof vcpuTraps.at>;
  readonly mm: ReturnType<typeof vcpuMm.at>;
  readonly sched: ReturnType<typeof vcpuSched.at>;
  readonly time: ReturnType<typeof vcpuTime.at>;
  /** The copy of the state that holds while this vCPU is not loaded. */
  readonly saved: CpuState;
  readonly #savedGpr: BigUint64Array;
  readonly #u8: Uint8Array;
  /** Address of traps.kernel_mode. */
  readonly #kernelMode: number;

  constructor(domain: Domain, id: number, address: number) {
    const memory = domain.hypervisor.memory;
    this.id = id;
    this.domain = domain;
    this.record = vcpuRecord.at(memory, address);
    this.record.id = id;
    this.record.domain_id = domain.id;
    this.traps = this.record.traps;
    this.#u8 = memory.u8;
    this.#kernelMode = this.traps.address + vcpuTraps.offset.kernel_mode;
    this.mm = this.record.mm;
    this.sched = this.record.sched;
    this.time = this.record.time;
    this.saved = this.record.state;
    this.#savedGpr = new BigUint64Array(memory.u8.buffer, this.saved.address + cpuState.offset.gpr, 17);
  }

  /** This vCPU's state is on the processor. */
  get loaded(): boolean {
    return this.domain.hypervisor.current === this;
  }

  /** Architectural state: the processor's block while this vCPU is loaded, else its saved copy. */
  get state(): CpuState {
    return this.loaded ? this.domain.hypervisor.cpu.state : this.saved;
  }

  /** The general registers of `state`, by encoding number. */
  get gpr(): BigUint64Array {
    return this.loaded ? this.domain.hypervisor.cpu.gpr : this.#savedGpr;
  }

  /** Guest kernel mode (TF_kernel_mode): selects root, GS base, hypercall or system call. */
  get kernelMode(): boolean {
    return this.#u8[this.#kernelMode] !== 0;
  }
  set kernelMode(value: boolean) {
    this.#u8[this.#kernelMode] = value ? 1 : 0;
  }

  get initialised(): boolean {
    return (this.record.flags & VCPU_INITIALISED) !== 0;
  }
}
