/**
 * A hypervisor on a processor that only lets time pass: an instruction takes a nanosecond, or what the test says. What a
 * vCPU does is a function of the test, so ten seconds of many guests are over in a moment.
 */
import assert from "node:assert/strict";
import type { Domain } from "../../src/hypervisor/domain.ts";
import { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { checkScheduler } from "../../src/hypervisor/sched/invariants.ts";
import { blockVcpu, bringUp } from "../../src/hypervisor/sched/wake.ts";
import { runstateTimes } from "../../src/hypervisor/time/runstate.ts";
import { armVcpuTimers } from "../../src/hypervisor/time/timers.ts";
import { VCPU_INITIALISED, type Vcpu } from "../../src/hypervisor/vcpu.ts";
import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory } from "../../src/machine/memory.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { FakeProcessor } from "../mm/fake-processor.ts";

export const MS = 1_000_000;
export const SECOND = 1000 * MS;

/** Runs for at most `budget` nanoseconds. Returns how long it did; less if it has blocked, or wants to be looked at. */
export type Program = (vcpu: Vcpu, budget: number) => number;

/** Never stops. */
export const spin: Program = (_vcpu, budget) => budget;

export class SchedMachine {
  readonly hv: Hypervisor;
  now = 0;
  /** Called with each vCPU that executes, for a trace. */
  onRun: (vcpu: Vcpu, time: number) => void = () => {};
  /** Nanoseconds that an instruction of a domain takes; else 1. */
  readonly pace = new Map<Domain, number>();
  readonly #programs = new Map<Vcpu, Program>();

  constructor(megabytes = 32) {
    const layout = layOutMemory(megabytes << 20, 1 << 16);
    const memory = new MachineMemory(layout.size);
    const cpu = new FakeProcessor(memory);
    this.hv = new Hypervisor({ memory, layout, cpu, clock: { now: () => this.now } });
    cpu.run = (budget = 0) => {
      const vcpu = this.hv.current!;
      const pace = this.pace.get(vcpu.domain) ?? 1;
      const most = Math.ceil(budget * pace);
      const time = Math.min(most, this.#programs.get(vcpu)!(vcpu, most));
      this.now += time;
      cpu.state.retired += BigInt(Math.floor(time / pace));
      this.onRun(vcpu, time);
      return ExitReason.Budget;
    };
  }

  /** A domain whose vCPUs all execute `program`. */
  domain(program: Program, vcpus = 1): Domain {
    const domain = this.hv.createDomain({ memoryFrames: 1, maxVcpus: vcpus, maxEventChannelPort: 63 });
    for (const vcpu of domain.vcpus) {
      vcpu.record.flags |= VCPU_INITIALISED;
      vcpu.mm.kernel_root = this.hv.frames.state.idle_root;
      vcpu.kernelMode = true;
      vcpu.time.periodic_period = 0n;
      this.#programs.set(vcpu, program);
      bringUp(vcpu);
    }
    domain.unpause();
    return domain;
  }

  destroy(domain: Domain): void {
    for (const vcpu of domain.vcpus) {
      vcpu.mm.kernel_root = 0;
      this.#programs.delete(vcpu);
    }
    this.hv.destroyDomain(domain);
  }

  /** Lets a time pass, idle or not. */
  run(nanoseconds: number): void {
    const end = this.now + nanoseconds;
    while (this.now < end) {
      const { state, wakeAt = end } = this.hv.runSlice({ nanoseconds: Math.min(5 * MS, end - this.now) });
      if (state !== "runnable") this.now = Math.max(this.now, Math.min(wakeAt, end));
    }
  }

  check(): void {
    assert.deepEqual(checkScheduler(this.hv), []);
  }
}

/** Has a vCPU sleep until a time. */
export function sleepUntil(vcpu: Vcpu, time: number): void {
  vcpu.time.poll_deadline = BigInt(time);
  blockVcpu(vcpu);
  armVcpuTimers(vcpu);
}

/** Processor time of a domain so far, in nanoseconds. */
export function processorTime(domain: Domain): number {
  return domain.vcpus.reduce((sum, vcpu) => sum + runstateTimes(vcpu)[0]!, 0);
}

/** A job each period: works, then sleeps until the next one is due. Says for each how late it began and ended. */
export function periodic(
  machine: SchedMachine,
  period: number,
  work: number,
  onJob: (job: { began: number; ended: number }) => void,
): Program {
  let release = Number.NaN;
  let left = work;
  let began = Number.NaN;
  return (vcpu, budget) => {
    if (Number.isNaN(release)) release = machine.now;
    if (Number.isNaN(began)) began = machine.now - release;
    const time = Math.min(budget, left);
    left -= time;
    if (left > 0) return time;
    onJob({ began, ended: machine.now + time - release });
    left = work;
    began = Number.NaN;
    release += period;
    if (release > machine.now + time) sleepUntil(vcpu, release);
    return time;
  };
}
