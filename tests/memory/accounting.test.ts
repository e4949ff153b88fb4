/**
 * A domain that ends leaves nothing behind, whatever state it is in. Two domains are made, brought into random
 * states by hypercalls (with each other and with domain 0), and destroyed in a random order; all counters must
 * be what they were before.
 *
 *     TYPERVISOR_LIVES=10000 npm test -- tests/memory/accounting.test.ts
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { EVTCHNOP, evtchnExpandArray, evtchnInitControl } from "../../src/abi/event_channel.ts";
import { HYPERVISOR, MMUEXT } from "../../src/abi/xen.ts";
import { dispatchHypercall } from "../../src/hypervisor/dispatch.ts";
import { DOMAIN_PRIVILEGED, type Domain } from "../../src/hypervisor/domain.ts";
import { GrantError } from "../../src/hypervisor/grant-table/host-mapping.ts";
import type { HostPort } from "../../src/hypervisor/host-domain.ts";
import { DomainCrash, HypercallError } from "../../src/hypervisor/hypercall.ts";
import { claimPages } from "../../src/hypervisor/mm/claim.ts";
import { allocDomainFrames } from "../../src/hypervisor/mm/domain-frames.ts";
import { runTimers } from "../../src/hypervisor/time/timers.ts";
import { R8, R10, RAX, RDI, RDX, RSI, RSP } from "../../src/machine/x86/state.ts";
import { Arguments } from "../fuzz/arguments.ts";
import { hypercallShapes } from "../fuzz/hypercalls.ts";
import { CODE, DATA_PAGES, FuzzGuest, FuzzMachine, STACK } from "../fuzz/machine.ts";
import { Random } from "../fuzz/random.ts";
import { dirtyFrame, resources } from "./resources.ts";

const LIVES = Number(process.env["TYPERVISOR_LIVES"] ?? 300);
const SEED = Number(process.env["SEED"] ?? 1);

class Lives {
  readonly random: Random;
  readonly machine: FuzzMachine;
  readonly make: Arguments;
  readonly shapes: ReturnType<typeof hypercallShapes>;
  /** Domains that are not ready yet. */
  readonly building: Domain[] = [];
  /** How often each state was reached. */
  readonly reached = new Map<string, number>();

  constructor(seed: number) {
    this.random = new Random(seed);
    this.machine = new FuzzMachine(this.random);
    this.make = new Arguments(this.machine);
    this.shapes = hypercallShapes(this.machine, this.make);
    this.#destroyAll();
  }

  get hv(): FuzzMachine["hv"] {
    return this.machine.hv;
  }

  /** One life of two domains. */
  live(life: number): void {
    const { machine, random, hv } = this;
    machine.pressure = 0;
    // Ids come round again.
    hv.frames.state.last_domid = 100;
    const first = 1 + (life % 20) * 2;
    machine.guests.push(new FuzzGuest(hv, first), new FuzzGuest(hv, first + 1));
    if (random.oneIn(4)) machine.guests[0]!.domain.record.flags |= DOMAIN_PRIVILEGED;
    const states = Object.entries(STATES);
    for (let i = 0; i < 6; i++) {
      const [name, enter] = random.pick(states);
      this.#enter(name, () => enter(this));
      this.noise(random.below(12));
    }
    this.#destroyAll();
  }

  #enter(name: string, enter: () => void): void {
    const guest = this.random.pick(this.machine.guests);
    if (!guest.domain.schedulable) return;
    this.machine.switchTo(guest);
    if (this.hv.current?.domain !== guest.domain || !this.#hasArguments()) return;
    this.#allow(enter);
    this.reached.set(name, (this.reached.get(name) ?? 0) + 1);
  }

  /** Does what a guest may cause. */
  #allow(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof DomainCrash) this.machine.guest.domain.shutdown(3);
      else if (!(error instanceof HypercallError || error instanceof GrantError)) throw error;
    }
  }

  /** The guest has not given away the pages that we write arguments into, behind its back. */
  #hasArguments(): boolean {
    const { guest } = this.machine;
    const { frames } = this.hv;
    return [3, 4].every((page) => frames.owner(guest.mfns[page]!) === guest.domain.id);
  }

  /** A few hypercalls at random. */
  noise(steps: number): void {
    const { machine, random } = this;
    for (let i = 0; i < steps; i++) {
      if (!machine.guest.domain.schedulable || !this.#hasArguments()) return;
      const number = random.pick([...this.shapes.keys()]);
      if (number === HYPERVISOR.sched_op && random.oneIn(2)) continue;
      this.#allow(() => this.hypercall(number, ...this.shapes.get(number)!()));
      machine.host.deliverEvents();
      this.hv.runNotices();
    }
  }

  /** Makes a hypercall, and comes back to it at most `times` times if it is preempted. */
  hypercall(number: number, ...args: readonly (bigint | number)[]): bigint {
    const { vcpu, guest } = this.machine;
    const { gpr, state } = vcpu;
    vcpu.kernelMode = true;
    gpr[RSP] = guest.va(STACK, 0x800);
    [RDI, RSI, RDX, R10, R8].forEach((register, i) => {
      gpr[register] = BigInt.asUintN(64, BigInt(args[i] ?? 0));
    });
    const after = guest.va(CODE, 2);
    for (let times = 1 + this.random.below(4); times > 0; times--) {
      gpr[RAX] = BigInt(number);
      state.rip = after;
      dispatchHypercall(this.hv, vcpu);
      if (state.rip !== after - 2n) break;
    }
    return BigInt.asIntN(64, gpr[RAX]!);
  }

  /** The partner of the current guest. */
  get other(): FuzzGuest {
    return this.machine.guests.find((guest) => guest !== this.machine.guest)!;
  }

  #destroyAll(): void {
    const { machine, random, hv } = this;
    machine.pressure = 0;
    const domains = [...this.building.splice(0), ...machine.guests.splice(0).map(({ domain }) => domain)];
    if (random.oneIn(2)) domains.reverse();
    for (const domain of domains) {
      hv.destroyDomain(domain);
      if (random.oneIn(2)) hv.runNotices();
    }
    hv.runNotices();
    machine.host.deliverEvents();
    // Domain 0's ends of channels are its own: its drivers close them.
    for (const port of this.hostPorts.splice(0)) port.close();
  }
  readonly hostPorts: HostPort[] = [];
}

/** What a domain can be in the middle of. */
const STATES: Readonly<Record<string, (lives: Lives) => void>> = {
  building({ hv, random, building }) {
    const domain = hv.createDomain({ memoryFrames: 40, maxMemoryFrames: 80 });
    building.push(domain);
    claimPages(domain, random.below(60));
    allocDomainFrames(domain, random.below(40));
  },
  paused: ({ machine }) => machine.guest.domain.pause(),
  blocked(lives) {
    lives.hypercall(
      HYPERVISOR.sched_op,
      3,
      lives.make.words([lives.machine.guest.va(4), 1n, BigInt(lives.machine.now + 1e9)]),
    );
  },
  "shut down": ({ machine, random }) => machine.guest.domain.shutdown(random.below(5)),
  "with timers"(lives) {
    const soon = BigInt(lives.machine.now + lives.random.below(2_000_000));
    lives.hypercall(HYPERVISOR.vcpu_op, 8, 0, lives.make.words([soon, 0n]));
    lives.hypercall(HYPERVISOR.vcpu_op, 6, 0, lives.make.words([1_000_000n]));
    lives.hypercall(HYPERVISOR.sched_op, 6, lives.make.words([30n << 32n]));
    lives.machine.now += lives.random.below(3_000_000);
    runTimers(lives.hv);
  },
  "with ports"(lives) {
    const { machine, make, other } = lives;
    const self = 0x7ff0n;
    lives.hypercall(
      HYPERVISOR.event_channel_op,
      EVTCHNOP.alloc_unbound,
      make.words([self | (BigInt(other.domain.id) << 16n)]),
    );
    lives.hypercall(HYPERVISOR.event_channel_op, EVTCHNOP.bind_virq, make.words([0n, 0n]));
    lives.hypercall(HYPERVISOR.event_channel_op, EVTCHNOP.bind_ipi, make.words([0n]));
    for (let port = 1n; port < 6n; port++) {
      lives.hypercall(
        HYPERVISOR.event_channel_op,
        EVTCHNOP.bind_interdomain,
        make.words([BigInt(other.domain.id) | (port << 32n), 0n]),
      );
    }
    const { id } = machine.guest.domain;
    const port = machine.host.allocUnboundFor(id);
    lives.hostPorts.push(machine.host.bindInterdomain(id, port, () => {}));
    lives.hostPorts.push(machine.host.allocUnbound(id, () => {}));
  },
  "with FIFO events"(lives) {
    const { hv, machine } = lives;
    const page = BigInt(machine.guest.mfns[5]!);
    const init = evtchnInitControl.at(hv.memory, machine.guest.mfns[3]! * 4096);
    init.control_gfn = page;
    init.offset = init.vcpu = 0;
    lives.hypercall(HYPERVISOR.event_channel_op, EVTCHNOP.init_control, machine.guest.va(3));
    evtchnExpandArray.at(hv.memory, machine.guest.mfns[3]! * 4096).array_gfn = BigInt(machine.guest.mfns[6]!);
    lives.hypercall(HYPERVISOR.event_channel_op, EVTCHNOP.expand_array, machine.guest.va(3));
  },
  "with grants of the other mapped"(lives) {
    const { machine, other, random, make } = lives;
    const granter = machine.guest;
    make.grant();
    for (let i = 0; i < 4; i++) make.grant();
    machine.switchTo(other);
    if (machine.guest !== other) return;
    for (let ref = 0n; ref < 12n; ref++) {
      const flags = random.pick([2n, 2n | 4n, 1n, 3n]);
      const words = [other.va(6 + Number(ref)), flags | (ref << 32n), BigInt(granter.domain.id), 0n];
      lives.hypercall(HYPERVISOR.grant_table_op, 0, make.words(words), 1);
    }
  },
  "with grants mapped by domain 0"({ machine, random, make }) {
    make.grant();
    for (let ref = 0; ref < 12; ref++) {
      try {
        machine.host.mapGrant(machine.guest.domain.id, ref, { readonly: random.oneIn(2) });
      } catch (error) {
        if (!(error instanceof GrantError)) throw error;
      }
    }
  },
  "with a table of version 2"(lives) {
    lives.hypercall(HYPERVISOR.grant_table_op, 8, lives.make.words([2n]), 1);
    lives.hypercall(
      HYPERVISOR.grant_table_op,
      2,
      lives.make.words([0x7ff0n | (4n << 32n), 0n, lives.machine.guest.va(4)]),
      1,
    );
  },
  "with pinned tables"(lives) {
    const { machine, make, random } = lives;
    const [root, l3, l2, l1] = machine.guest.mfns.slice(DATA_PAGES).map(BigInt) as [bigint, bigint, bigint, bigint];
    const levels: [number, bigint][] = [
      [MMUEXT.PIN_L4_TABLE, root],
      [MMUEXT.PIN_L3_TABLE, l3],
      [MMUEXT.PIN_L2_TABLE, l2],
      [MMUEXT.PIN_L1_TABLE, l1],
    ];
    for (const [op, mfn] of levels) {
      if (random.oneIn(2)) lives.hypercall(HYPERVISOR.mmuext_op, make.words([BigInt(op), mfn, 0n]), 1, 0, 0x7ff0);
    }
  },
  "with a hypercall to be continued"(lives) {
    const { machine, make, random } = lives;
    machine.pressure = 100;
    const unpin = random.oneIn(2) ? MMUEXT.UNPIN_TABLE : MMUEXT.NEW_USER_BASEPTR;
    const table = BigInt(machine.guest.mfns[DATA_PAGES + (random.oneIn(2) ? 0 : 4)]!);
    lives.hypercall(
      HYPERVISOR.mmuext_op,
      make.words([BigInt(unpin), unpin === MMUEXT.UNPIN_TABLE ? table : 0n, 0n]),
      1,
      0,
      0x7ff0,
    );
    machine.pressure = 0;
  },
  "in a multicall"(lives) {
    lives.machine.pressure = 60;
    lives.noise(1);
    lives.hypercall(HYPERVISOR.multicall, ...lives.shapes.get(HYPERVISOR.multicall)!());
    lives.machine.pressure = 0;
  },
  ballooned(lives) {
    const { machine, make, random } = lives;
    const reservation = (count: bigint): bigint => make.words([machine.guest.va(4), count, 0n, 0x7ff0n]);
    const list = machine.guest.mfns[4]! * 4096;
    const pages = Array.from({ length: 8 }, () => BigInt(random.pick(machine.guest.mfns.slice(8, DATA_PAGES))));
    for (const [i, mfn] of pages.entries()) lives.hv.memory.dv.setBigUint64(list + i * 8, mfn, true);
    lives.hypercall(HYPERVISOR.memory_op, 1, reservation(8n));
    lives.hypercall(HYPERVISOR.memory_op, 6, reservation(BigInt(random.below(300))));
    lives.hypercall(HYPERVISOR.memory_op, 0, reservation(BigInt(random.below(8))));
  },
  "with a registered vcpu_info"(lives) {
    lives.hypercall(HYPERVISOR.vcpu_op, 10, 1, lives.make.words([BigInt(lives.machine.guest.mfns[7]!), 0n]));
  },
};

test(`${LIVES} lives leave nothing behind`, { timeout: 3_600_000 }, () => {
  const lives = new Lives(SEED);
  const before = resources(lives.hv);
  assert.equal(dirtyFrame(lives.hv), -1);
  for (let life = 0; life < LIVES; life++) {
    try {
      lives.live(life);
      assert.deepEqual(resources(lives.hv), before);
      if (life % 10 === 0) assert.equal(dirtyFrame(lives.hv), -1, "a free frame holds something");
    } catch (error) {
      throw new Error(`seed ${SEED}, life ${life}: ${(error as Error).stack}`, { cause: error });
    }
  }
  for (const state of Object.keys(STATES)) assert.ok((lives.reached.get(state) ?? 0) > 0, `never ${state}`);
});
