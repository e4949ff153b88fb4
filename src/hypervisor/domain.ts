/** A domain: typed views over its record in the hypervisor's heap, and its vCPUs. */
import { bytes, struct, u32, u64, type Width } from "../abi/struct.ts";
import { domainEmulate } from "./emulate/record.ts";
import { domainEvtchn } from "./event-channel/record.ts";
import { domainGrant } from "./grant-table/record.ts";
import { DomainCrash } from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { domainMm } from "./mm/record.ts";
import { DEFAULT_WEIGHT } from "./sched/proportional-share.ts";
import { domainSched, XEN_SCHEDULER } from "./sched/record.ts";
import { runnabilityChanged } from "./sched/wake.ts";
import { domainTime } from "./time/record.ts";
import type { Vcpu } from "./vcpu.ts";

/** Bits of `domainRecord.flags`. */
export const DOMAIN_PRIVILEGED = 1 << 0;
/** Has called sched_op shutdown, or crashed: none of its vCPUs runs. */
export const DOMAIN_SHUT_DOWN = 1 << 1;
export const DOMAIN_DYING = 1 << 2;
/** May use cache attributes and I/O memory. */
export const DOMAIN_HAS_IO = 1 << 3;

/** SHUTDOWN_* of public/sched.h that the core itself uses. */
export const SHUTDOWN_CRASH = 3;
/** No reason for a shutdown has been given yet. */
const SHUTDOWN_CODE_INVALID = 0xffff_ffff;

export const domainRecord = struct("domain", {
  id: u32,
  /** DOMAIN_*. */
  flags: u32,
  max_vcpus: u32,
  /** Nested domctl pauses: it runs at 0. */
  pause_count: u32,
  /** SHUTDOWN_*: the first reason that was given, be it before the shutdown (SCHEDOP_shutdown_code). */
  shutdown_code: u32,
  /** Width of its `long`: 64 or 32. */
  width: u32,
  /** Machine address of the shared_info frame. */
  shared_info: u64,
  /** Machine address of the vCPU records, `max_vcpus` in a row. */
  vcpus: u64,
  /** Bit n: VMASST_TYPE n. */
  vm_assist: u64,
  /** UUID, as XENVER_guest_handle reads it. */
  handle: bytes(16),
  mm: domainMm,
  evtchn: domainEvtchn,
  grant: domainGrant,
  time: domainTime,
  emulate: domainEmulate,
  sched: domainSched,
});

const VM_ASSIST = domainRecord.offset.vm_assist;

export type DomainRecord = ReturnType<typeof domainRecord.at>;

export class Domain {
  readonly id: number;
  readonly hypervisor: Hypervisor;
  readonly vcpus: Vcpu[] = [];
  readonly record: DomainRecord;
  /** 64 or 32: fixed when the domain is made. */
  readonly width: Width;

  constructor(hypervisor: Hypervisor, id: number, address: number, width: Width) {
    this.hypervisor = hypervisor;
    this.id = id;
    this.width = width;
    this.record = domainRecord.at(hypervisor.memory, address);
    this.record.id = id;
    this.record.width = width;
    this.record.shutdown_code = SHUTDOWN_CODE_INVALID;
    this.record.sched.scheduler = XEN_SCHEDULER.credit2;
    this.record.sched.weight = DEFAULT_WEIGHT;
  }

  get privileged(): boolean {
    return (this.record.flags & DOMAIN_PRIVILEGED) !== 0;
  }

  get isShutDown(): boolean {
    return (this.record.flags & DOMAIN_SHUT_DOWN) !== 0;
  }

  get isDying(): boolean {
    return (this.record.flags & DOMAIN_DYING) !== 0;
  }

  /** Its vCPUs may run. */
  get schedulable(): boolean {
    return (this.record.flags & (DOMAIN_SHUT_DOWN | DOMAIN_DYING)) === 0 && this.record.pause_count === 0;
  }

  /** Bit `type` of vm_assist. */
  vmAssist(type: number): boolean {
    const word = this.hypervisor.memory.dv.getUint32(this.record.address + VM_ASSIST + (type >>> 5) * 4, true);
    return ((word >>> (type & 31)) & 1) !== 0;
  }

  pause(): void {
    this.record.pause_count++;
    this.#schedulableChanged();
  }

  unpause(): void {
    if (this.record.pause_count === 0) return;
    this.record.pause_count--;
    this.#schedulableChanged();
  }

  /** Stops all vCPUs with a SHUTDOWN_* reason; the toolstack is told from the run loop. */
  shutdown(reason: number): void {
    if (this.isShutDown) return;
    if (this.record.shutdown_code === SHUTDOWN_CODE_INVALID) this.record.shutdown_code = reason;
    this.record.flags |= DOMAIN_SHUT_DOWN;
    this.#schedulableChanged();
    this.hypervisor.domainShutDown(this);
  }

  #schedulableChanged(): void {
    for (const vcpu of this.vcpus) runnabilityChanged(vcpu);
  }

  /** Ends this domain for an error of its own. Unwinds to the run loop, which writes the crash report. */
  crash(message: string): never {
    throw new DomainCrash(message);
  }
}
