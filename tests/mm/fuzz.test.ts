/**
 * Random hypercalls of two domains on a small set of frames, so that they collide all the time, with random
 * accesses that fill the TLB and random preemption. After each step everything must add up.
 * SEED and STEPS can be set in the environment.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { XENMEM } from "../../src/abi/memory.ts";
import { DOMID_SELF, MMUEXT, VMASST_TYPE_m2p_strict, VMASST_TYPE_writable_pagetables } from "../../src/abi/xen.ts";
import { CONTINUATION, type Hypercall, HypercallArguments, HypercallError } from "../../src/hypervisor/hypercall.ts";
import { handleLdtFault, ldtWindow } from "../../src/hypervisor/mm/descriptor-window.ts";
import { setGdtHypercall, updateDescriptorHypercall } from "../../src/hypervisor/mm/descriptors.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { checkInvariants } from "../../src/hypervisor/mm/invariants.ts";
import { relinquishMemory } from "../../src/hypervisor/mm/lifecycle.ts";
import { memoryOp } from "../../src/hypervisor/mm/memory-op.ts";
import { mmuUpdate } from "../../src/hypervisor/mm/mmu-update.ts";
import { mmuextOp } from "../../src/hypervisor/mm/mmuext.ts";
import { updateVaMapping } from "../../src/hypervisor/mm/va-mapping.ts";
import { vmAssistOp } from "../../src/hypervisor/mm/vm-assist.ts";
import { Access } from "../../src/machine/processor.ts";
import { assertTlbSound, entry, Guest, newMachine } from "./machine.ts";

const SEED = Number(process.env.SEED ?? 1);
const STEPS = Number(process.env.STEPS ?? 2000);
const PAGES = 40;

/** mulberry32. */
function generator(seed: number): (n: number) => number {
  let a = seed;
  return (n) => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

function fuzz(seed: number, steps: number, outcomes: Record<string, number>): void {
  const random = generator(seed);
  const machine = newMachine(1 << 20);
  const { hv, cpu } = machine;
  const guests = [new Guest(machine, 1, PAGES, { vcpus: 2 }), new Guest(machine, 2, PAGES, { vcpus: 2 })];
  let pressure = 0;
  hv.preempted = () => random(100) < pressure;
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;

  /** A frame number: mostly one's own, sometimes anything. */
  const frame = (guest: Guest): number => {
    if (random(20) === 0) return random(hv.frames.count + 2);
    if (random(20) === 0) return pick(guests[0] === guest ? guests[1]!.mfn : guests[0]!.mfn);
    return guest.mfn[random(3) === 0 ? PAGES - 1 - random(8) : 1 + random(PAGES - 1)]!;
  };
  const flags = (): bigint =>
    BigInt(pick([0, 1, 1, 1, 3, 3, 5, 7, 0x21, 0x63, 0x83, 0x101, 0x11])) | (random(8) === 0 ? 1n << 63n : 0n);
  const value = (guest: Guest): bigint => entry(frame(guest), flags());
  /** Machine address of an entry, mostly in something that was a table at least once. */
  const pointer = (guest: Guest): bigint => {
    const index = pick([1, 1, 2, 5, 255, 256, 260, 273, 511, random(512)]);
    const mfn =
      random(3) === 0 ? frame(guest) : pick([guest.l4, guest.l3, guest.l2, guest.l1[0]!, guest.mfn[6]!, guest.mfn[7]!]);
    return BigInt(mfn) * 4096n + BigInt(index * 8);
  };
  const call = (guest: Guest, name: string, hypercall: Hypercall, list: bigint[]): void => {
    const args = new HypercallArguments(list);
    hv.current = guest.vcpu;
    let outcome = "preempted for ever";
    for (let i = 0; i < 200; i++) {
      try {
        const result = hypercall.handler(hv, guest.vcpu, args);
        if (result === CONTINUATION) {
          // Sometimes a guest never comes back to a preempted call.
          if (random(10) > 0) continue;
          outcome = "given up";
        } else outcome = Number(result) >= 0 ? "ok" : String(result);
      } catch (error) {
        if (!(error instanceof HypercallError)) throw error;
        outcome = String(-error.errno);
      }
      break;
    }
    const key = `${name} ${outcome}`;
    outcomes[key] = (outcomes[key] ?? 0) + 1;
  };

  const actions: readonly ((guest: Guest) => void)[] = [
    (g) => call(g, "update_va_mapping", updateVaMapping, [g.va(1 + random(PAGES + 4)), value(g), BigInt(random(4))]),
    (g) => call(g, "update_va_mapping", updateVaMapping, [g.va(1 + random(PAGES)), value(g), 0n]),
    (g) => {
      // The commonest thing a guest does: write-protect, or the opposite.
      const pfn = 1 + random(PAGES - 1);
      call(g, "protect", updateVaMapping, [g.va(pfn), entry(g.mfn[pfn]!, random(2) === 0 ? 1n : 3n), 0n]);
    },
    (g) => {
      const list: bigint[] = [];
      const n = 1 + random(4);
      for (let i = 0; i < n; i++) list.push(pointer(g) | BigInt(pick([0, 0, 0, 2, 1, 3, 4])), value(g));
      call(g, "mmu_update", mmuUpdate, [g.words(list, 512), BigInt(n), 0n, BigInt(DOMID_SELF)]);
    },
    (g) => {
      const list: bigint[] = [];
      const n = 1 + random(3);
      for (let i = 0; i < n; i++) list.push(BigInt(random(21)), BigInt(frame(g)), BigInt(frame(g)));
      call(g, "mmuext_op", mmuextOp, [g.words(list, 512), BigInt(n), 0n, BigInt(DOMID_SELF)]);
    },
    (g) => {
      const command = pick([
        MMUEXT.PIN_L1_TABLE,
        MMUEXT.PIN_L4_TABLE,
        MMUEXT.PIN_L2_TABLE,
        MMUEXT.PIN_L3_TABLE,
        MMUEXT.UNPIN_TABLE,
      ]);
      call(g, "pin", mmuextOp, [g.words([BigInt(command), BigInt(frame(g)), 0n], 512), 1n, 0n, BigInt(DOMID_SELF)]);
    },
    (g) => {
      // Writes to memory that it may write to: what will be a table some time.
      const at =
        cpu.state.cr3 === BigInt(g.vcpu.mm.kernel_root) << 12n
          ? cpu.translate(g.va(random(PAGES)) + BigInt(random(512) * 8), Access.Write, true)
          : -1;
      if (at > 0) hv.memory.dv.setBigUint64(at, value(g), true);
    },
    (g) => {
      // A small address space of its own, mostly right; then it is pinned, or made a root at once.
      const pfns = [0, 1, 2, 3].map(() => 1 + random(PAGES - 1));
      pfns.forEach((pfn, i) => {
        const mfn = g.mfn[pfn]!;
        const writable = hv.frames.typeCount(mfn) === 0 || hv.frames.type(mfn) === PageType.Writable;
        if (!writable || hv.frames.owner(mfn) !== g.domain.id) return;
        if (random(2) === 0) hv.memory.u64.fill(0n, mfn * 512, mfn * 512 + 512);
        const child = i < 3 ? g.mfn[pfns[i + 1]!]! : frame(g);
        g.poke(mfn, random(4), entry(child, BigInt(pick([1, 3, 7]))));
        if (i === 0) g.poke(mfn, 272, g.peek(g.l4, 272));
        if (random(6) === 0) g.poke(mfn, random(512), value(g));
        call(g, "protect", updateVaMapping, [g.va(pfn), entry(mfn, 1n), 0n]);
      });
      const level = random(4);
      const commands = [MMUEXT.PIN_L4_TABLE, MMUEXT.PIN_L3_TABLE, MMUEXT.PIN_L2_TABLE, MMUEXT.PIN_L1_TABLE];
      const command =
        level > 0 || random(2) === 0 ? commands[level]! : pick([MMUEXT.NEW_BASEPTR, MMUEXT.NEW_USER_BASEPTR]);
      const request = [BigInt(command), BigInt(g.mfn[pfns[level]!]!), 0n];
      call(g, `tree ${command}`, mmuextOp, [g.words(request, 512), 1n, 0n, BigInt(DOMID_SELF)]);
    },
    () => void cpu.translate(guests[0]!.va(random(PAGES)), pick([Access.Read, Access.Write]), true),
    (g) => {
      const frames = [BigInt(frame(g)), BigInt(frame(g))];
      call(g, "set_gdt", setGdtHypercall, [g.words(frames, 512), BigInt(pick([0, 16, 512, 1024, 7169]))]);
    },
    (g) =>
      call(g, "update_descriptor", updateDescriptorHypercall, [
        pointer(g),
        random(2) === 0 ? 0x00cf_9b00_0000_ffffn : value(g),
      ]),
    (g) => {
      const ldt = [BigInt(MMUEXT.SET_LDT), g.va(random(PAGES)), BigInt(pick([0, 8, 1024]))];
      call(g, "set_ldt", mmuextOp, [g.words(ldt, 512), 1n, 0n, BigInt(DOMID_SELF)]);
      handleLdtFault(g.vcpu, ldtWindow(g.vcpu) + BigInt(random(3) * 4096));
    },
    (g) => {
      const list = g.words([BigInt(frame(g)), BigInt(frame(g))], 640);
      const command = pick([XENMEM.increase_reservation, XENMEM.decrease_reservation, XENMEM.populate_physmap]);
      const argument = g.words([list, 1n + BigInt(random(2)), 0n, BigInt(DOMID_SELF)], 512);
      if (command === XENMEM.decrease_reservation && random(3) > 0) return;
      call(g, `memory_op ${command}`, memoryOp, [BigInt(command), argument]);
      // Memory that it gets takes the place of what it gave back.
      const mfn = Number(g.peek(g.mfn[0]!, 80));
      if (command === XENMEM.populate_physmap && hv.frames.valid(mfn) && hv.frames.owner(mfn) === g.domain.id) {
        const lost = g.mfn.findIndex((m, pfn) => pfn > 0 && hv.frames.owner(m) !== g.domain.id);
        if (lost > 0) g.mfn[lost] = mfn;
      }
    },
    (g) =>
      call(g, "vm_assist", vmAssistOp, [
        BigInt(random(2)),
        BigInt(pick([VMASST_TYPE_m2p_strict, VMASST_TYPE_writable_pagetables, 9])),
      ]),
    () => {
      pressure = pick([0, 0, 30, 90]);
    },
    (g) => {
      // The other domain's turn.
      const next = g === guests[0] ? guests[1]! : guests[0]!;
      next.run();
    },
  ];

  const strict = (): void => {
    const problems = checkInvariants(hv, { skipFreeFrames: true });
    if (problems.length > 0) assert.fail(problems.join("\n"));
    assertTlbSound(machine);
  };
  for (let step = 0; step < steps; step++) {
    const guest = guests.find((g) => g.vcpu === hv.current) ?? guests[0]!;
    const action = random(actions.length);
    actions[action]!(guest);
    try {
      strict();
    } catch (error) {
      throw new Error(`seed ${seed}, step ${step}, action ${action}: ${String(error)}`, { cause: error });
    }
  }
  for (const guest of guests) {
    guest.run();
    guest.domain.record.flags |= 1 << 2;
    assert.equal(relinquishMemory(guest.domain), 0, "frames left");
    hv.current = undefined;
    hv.domains.delete(guest.domain.id);
    assert.equal(guest.domain.record.mm.tot_pages, 0);
  }
  assert.deepEqual(checkInvariants(hv), []);
}

test(`${STEPS} random steps keep all invariants`, () => {
  const outcomes: Record<string, number> = {};
  // New domains from time to time: in the end each one has made itself unable to go on.
  for (let i = 0; i < STEPS; i += 250) fuzz(SEED * 1000 + i, 250, outcomes);
  if (process.env.VERBOSE !== undefined) console.log(outcomes);
  for (const name of ["update_va_mapping", "mmu_update", "mmuext_op", "pin", "set_gdt"]) {
    assert.ok((outcomes[`${name} ok`] ?? 0) > 0, `no ${name} ever succeeded`);
  }
});
