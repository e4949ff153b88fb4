/**
 * All hypercalls, at random, through the dispatcher: two to four guests with two vCPUs each and the host share
 * a small machine. After each step everything must add up, and nothing may have been thrown but DomainCrash.
 *
 *     SEED=7 FUZZ_STEPS=100000 npm test -- tests/fuzz
 *     FUZZ_HYPERCALLS=10000000 npm test -- tests/fuzz/hypercalls.test.ts     long: until so many have been made
 *
 * The long mode checks every 100 steps; a round that fails is run again, with a check after each step, which
 * says which one it was.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { dispatchHypercall } from "../../src/hypervisor/dispatch.ts";
import { handleExit } from "../../src/hypervisor/exits.ts";
import { GrantError } from "../../src/hypervisor/grant-table/host-mapping.ts";
import { HypercallError } from "../../src/hypervisor/hypercall.ts";
import { isRunnable } from "../../src/hypervisor/sched/wake.ts";
import { runTimers } from "../../src/hypervisor/time/timers.ts";
import { deliverPending } from "../../src/hypervisor/traps/deliver.ts";
import { Access, ExitReason } from "../../src/machine/processor.ts";
import { R8, R10, RAX, RDI, RDX, RSI, RSP } from "../../src/machine/x86/state.ts";
import { Arguments } from "./arguments.ts";
import { hypercallShapes } from "./hypercalls.ts";
import { CODE, FuzzMachine, KERNEL_STACK, STACK } from "./machine.ts";
import { Random } from "./random.ts";

const SEED = Number(process.env["SEED"] ?? 1);
const STEPS = Number(process.env["FUZZ_STEPS"] ?? 1500);
const LONG = Number(process.env["FUZZ_HYPERCALLS"] ?? 0);
/** Steps of one machine. */
const ROUND = LONG > 0 ? 5000 : 250;
const CHECK_EVERY = LONG > 0 ? 100 : 1;

/** Those with most to get wrong. */
const BUSY = [
  HYPERVISOR.mmu_update,
  HYPERVISOR.mmuext_op,
  HYPERVISOR.update_va_mapping,
  HYPERVISOR.memory_op,
  HYPERVISOR.grant_table_op,
  HYPERVISOR.event_channel_op,
  HYPERVISOR.vcpu_op,
  HYPERVISOR.multicall,
];

class Fuzzer {
  readonly random: Random;
  readonly machine: FuzzMachine;
  readonly make: Arguments;
  readonly shapes: ReturnType<typeof hypercallShapes>;
  readonly outcomes: Map<string, number>;
  #last = "";

  constructor(seed: number, outcomes: Map<string, number>, checkEvery: number) {
    this.random = new Random(seed);
    this.machine = new FuzzMachine(this.random, { guests: 2 + (seed % 3), checkEvery });
    this.make = new Arguments(this.machine);
    this.shapes = hypercallShapes(this.machine, this.make);
    this.outcomes = outcomes;
    const { frames, heap } = this.machine.hv;
    // Some machines have hardly any memory left.
    if (seed % 4 === 0) while (frames.state.free_frames > 4) heap.allocFrames(1);
  }

  run(seed: number): void {
    for (let step = 0; step < ROUND; step++) {
      try {
        this.machine.step(() => this.#step());
      } catch (error) {
        throw new Error(`seed ${seed}, step ${step}, ${this.#last}: ${(error as Error).stack}`, { cause: error });
      }
    }
    this.machine.check();
  }

  /** Hypercalls made so far, those in multicalls included. */
  get hypercalls(): number {
    return this.machine.hv.statistics.hypercalls.reduce((all, n) => all + n, 0);
  }

  #step(): void {
    const { random, machine, make } = this;
    const { hv, cpu } = machine;
    this.#last = "something else";
    switch (random.below(24)) {
      case 0: {
        const guest = random.pick(machine.guests);
        machine.switchTo(guest, random.pick(guest.domain.vcpus));
        return;
      }
      case 1:
        machine.pressure = random.pick([0, 0, 30, 90]);
        return;
      case 2:
        cpu.translate(make.address(), random.pick([Access.Read, Access.Write]), true);
        return;
      case 3: {
        // The guest writes to its memory.
        const at = cpu.translate(make.address() & ~7n, Access.Write, true);
        if (at > 0) hv.memory.dv.setBigUint64(at, make.any(), true);
        return;
      }
      case 4:
        runTimers(hv);
        return;
      case 5:
        this.#last = "events";
        if (isRunnable(machine.vcpu)) deliverPending(machine.vcpu);
        return;
      case 6:
        this.#host();
        return;
      case 7:
        this.#last = "user mode";
        this.#iret(true);
        return;
      default:
        this.#hypercall();
    }
  }

  /** Domain 0 does its own things; among them, it ends domains. */
  #host(): void {
    const { random, machine } = this;
    if (random.oneIn(40)) {
      machine.replace(random.pick(machine.guests));
      return;
    }
    try {
      const { id } = random.pick(machine.guests).domain;
      if (random.oneIn(2)) {
        const mapping = machine.host.mapGrant(id, random.below(12), { readonly: random.oneIn(2) });
        if (random.oneIn(2)) mapping.unmap();
      } else {
        const port = machine.host.bindInterdomain(id, random.below(12), () => {});
        port.notify();
        if (random.oneIn(2)) port.close();
      }
    } catch (error) {
      if (!(error instanceof GrantError || error instanceof HypercallError)) throw error;
    }
  }

  #kernel(): void {
    const { machine } = this;
    if (!machine.vcpu.kernelMode) {
      machine.vcpu.state.rip = machine.guest.va(CODE, 2);
      handleExit(machine.hv, machine.vcpu, ExitReason.Syscall);
    }
    // Somewhere sensible again, or the guest ends with its next frame.
    machine.vcpu.gpr[RSP] = machine.guest.va(STACK, 0x800);
  }

  #hypercall(): void {
    const { random, machine } = this;
    this.#last = "system call";
    if (!machine.guest.domain.schedulable) return;
    this.#kernel();
    const number = random.oneIn(2) ? random.pick(BUSY) : random.pick([...this.shapes.keys()]);
    const name = machine.hv.hypercalls[number]?.name ?? "unknown";
    this.#last = name;
    const args = this.shapes.get(number)!();
    this.#last = `${name}(${args.map((arg) => `0x${arg.toString(16)}`).join(", ")})`;
    if (number === HYPERVISOR.sched_op && args[0] === 2n && !random.oneIn(10)) return;
    const { gpr, state } = machine.vcpu;
    [RDI, RSI, RDX, R10, R8].forEach((register, i) => {
      gpr[register] = args[i] ?? 0n;
    });
    const after = machine.guest.va(CODE, 2);
    let outcome = "preempted for ever";
    for (let times = 0; times < 200; times++) {
      gpr[RAX] = BigInt(number);
      state.rip = after;
      dispatchHypercall(machine.hv, machine.vcpu);
      if (state.rip !== after - 2n) {
        const result = BigInt.asIntN(64, gpr[RAX]);
        outcome = result < 0n && result > -4096n ? String(result) : "ok";
        break;
      }
      // A guest need not come back to a preempted call.
      if (random.oneIn(20)) {
        outcome = "given up";
        break;
      }
    }
    const key = `${name} ${outcome}`;
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1);
  }

  /** Returns by a frame that is right, or nearly. */
  #iret(toUser: boolean): void {
    const { random, machine, make } = this;
    if (!machine.guest.domain.schedulable) return;
    this.#kernel();
    const { hv, vcpu, guest } = machine;
    const cs = toUser ? 0xe033n : 0xe030n;
    const frame = [0n, 0n, 0n, 0n, guest.va(CODE), cs, 0x202n, guest.va(STACK, 0x700), 0xe02bn];
    if (random.oneIn(2)) frame[random.below(9)] = make.any();
    machine.writeWords(KERNEL_STACK, 0x100, frame);
    vcpu.gpr[RSP] = guest.va(KERNEL_STACK, 0x100);
    vcpu.gpr[RAX] = BigInt(HYPERVISOR.iret);
    dispatchHypercall(hv, vcpu);
  }
}

/** One machine's life. Returns the hypercalls made. */
function round(seed: number, outcomes: Map<string, number>): number {
  const fuzzer = new Fuzzer(seed, outcomes, CHECK_EVERY);
  try {
    fuzzer.run(seed);
  } catch (error) {
    if (CHECK_EVERY > 1) new Fuzzer(seed, new Map(), 1).run(seed);
    throw error;
  }
  return fuzzer.hypercalls;
}

test(LONG > 0 ? `${LONG} random hypercalls` : `${STEPS} random steps with all hypercalls`, () => {
  const outcomes = new Map<string, number>();
  let hypercalls = 0;
  let seed = SEED * 1000;
  if (LONG > 0) while (hypercalls < LONG) hypercalls += round(seed++, outcomes);
  else for (let i = 0; i < STEPS; i += ROUND) hypercalls += round(seed++, outcomes);
  if (process.env["VERBOSE"] !== undefined) {
    console.log(Object.fromEntries([...outcomes].sort()));
    console.log(`${hypercalls} hypercalls, seeds ${SEED * 1000} to ${seed - 1}`);
  }
  for (const name of ["mmu_update", "mmuext_op", "grant_table_op", "event_channel_op", "multicall", "memory_op"]) {
    assert.ok((outcomes.get(`${name} ok`) ?? 0) > 0, `no ${name} ever succeeded`);
  }
});
