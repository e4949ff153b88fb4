/** Every hypercall with every operation, and the shape of its arguments. */

import { callbackRegister, xennmiCallback } from "../../src/abi/callback.ts";
import * as evtchn from "../../src/abi/event_channel.ts";
import * as gnt from "../../src/abi/grant_table.ts";
import * as mem from "../../src/abi/memory.ts";
import * as phys from "../../src/abi/physdev.ts";
import * as sched from "../../src/abi/sched.ts";
import type { StructDef, struct } from "../../src/abi/struct.ts";
import * as vcpu from "../../src/abi/vcpu.ts";
import { XENVER, xenFeatureInfo } from "../../src/abi/version.ts";
import { HYPERVISOR, MMUEXT, mmuextOpStruct, mmuUpdateStruct, vcpuGuestContext } from "../../src/abi/xen.ts";
import type { Arguments } from "./arguments.ts";
import type { FuzzMachine } from "./machine.ts";

type AnyStruct = StructDef<Parameters<typeof struct>[1]>;
/** Arguments of one hypercall. */
type Shape = () => readonly bigint[];

const n = (value: number): bigint => BigInt(value);

/** Structures of operations; undefined: none, an address that may be anything. */
const EVTCHN: Readonly<Record<number, unknown>> = {
  0: evtchn.evtchnBindInterdomain,
  1: evtchn.evtchnBindVirq,
  2: evtchn.evtchnBindPirq,
  3: evtchn.evtchnClose,
  4: evtchn.evtchnSend,
  5: evtchn.evtchnStatus,
  6: evtchn.evtchnAllocUnbound,
  7: evtchn.evtchnBindIpi,
  8: evtchn.evtchnBindVcpu,
  9: evtchn.evtchnUnmask,
  10: evtchn.evtchnReset,
  11: evtchn.evtchnInitControl,
  12: evtchn.evtchnExpandArray,
  13: evtchn.evtchnSetPriority,
};
const GNTTAB: Readonly<Record<number, unknown>> = {
  0: gnt.gnttabMapGrantRef,
  1: gnt.gnttabUnmapGrantRef,
  2: gnt.gnttabSetupTable,
  4: gnt.gnttabTransfer,
  5: gnt.gnttabCopy,
  6: gnt.gnttabQuerySize,
  7: gnt.gnttabUnmapAndReplace,
  8: gnt.gnttabSetVersion,
  9: gnt.gnttabGetStatusFrames,
  10: gnt.gnttabGetVersion,
  11: gnt.gnttabSwapGrantRef,
  12: gnt.gnttabCacheFlush,
};
const VCPU: Readonly<Record<number, unknown>> = {
  0: vcpuGuestContext,
  5: vcpu.vcpuRegisterArea,
  6: vcpu.vcpuSetPeriodicTimer,
  8: vcpu.vcpuSetSingleshotTimer,
  10: vcpu.vcpuRegisterVcpuInfo,
  13: vcpu.vcpuRegisterArea,
};
const SCHED: Readonly<Record<number, unknown>> = {
  2: sched.schedShutdown,
  3: sched.schedPoll,
  4: sched.schedRemoteShutdown,
  5: sched.schedShutdown,
  6: sched.schedWatchdog,
  7: sched.schedPinOverride,
};
const MEMORY: Readonly<Record<number, unknown>> = {
  0: mem.xenMemoryReservation,
  1: mem.xenMemoryReservation,
  5: mem.xenMachphysMfnList,
  6: mem.xenMemoryReservation,
  9: mem.xenMemoryMap,
  11: mem.xenMemoryExchange,
};
const PHYSDEV: Readonly<Record<number, unknown>> = {
  6: phys.physdevSetIopl,
  7: phys.physdevSetIobitmap,
  17: phys.physdevPirqEoiGmfn,
  22: phys.physdevGetNrPirqs,
  28: phys.physdevPirqEoiGmfn,
};

/** By number. Those that are not here get five words of anything. */
export function hypercallShapes(machine: FuzzMachine, make: Arguments): ReadonlyMap<number, Shape> {
  const { random } = machine;
  const command = (limit: number): number => (random.oneIn(30) ? make.small() : random.below(limit));
  const argument = (structures: Readonly<Record<number, unknown>>, op: number): bigint => {
    const def = structures[op] as AnyStruct | undefined;
    return def === undefined || random.oneIn(20) ? make.address() : make.struct(def);
  };
  const operation = (structures: Readonly<Record<number, unknown>>, limit: number): Shape => {
    return () => {
      const op = command(limit);
      return [n(op), argument(structures, op), make.any(), make.any(), make.any()];
    };
  };
  const foreigndom = (): bigint => (random.oneIn(8) ? make.any() : 0x7ff0n);
  const pdone = (): bigint => (random.oneIn(3) ? make.address() : 0n);
  const count = (): number => (random.oneIn(10) ? make.small() : 1 + random.below(4));
  const descriptor = (): bigint => {
    // Present or not, of any type; base and limit do not matter.
    const access = n(random.below(256)) << 40n;
    return random.oneIn(8) ? random.word() : access | (n(random.below(16)) << 52n) | 0xffffn;
  };

  const shapes: [number, Shape][] = [
    [
      HYPERVISOR.set_trap_table,
      () => {
        if (random.oneIn(6)) return [0n];
        const list: bigint[] = [];
        for (let i = random.below(6); i > 0; i--) list.push(random.word() & 0xffff_ffffn, make.address());
        return [random.oneIn(8) ? make.address() : make.words([...list, 0n, 0n])];
      },
    ],
    [
      HYPERVISOR.mmu_update,
      () => {
        const items = count();
        for (let i = 0; i < Math.min(items, 16); i++) {
          const ptr = (make.pointer() & ~7n) | n(random.pick([0, 0, 0, 1, 2, 3, 4]));
          make.words([ptr, make.entry()], i * mmuUpdateStruct.sizeof);
        }
        return [machine.guest.va(3), n(items), pdone(), foreigndom()];
      },
    ],
    [
      HYPERVISOR.set_gdt,
      () => [
        make.words([n(make.frame()), n(make.frame()), n(make.frame())]),
        n(random.pick([0, 1, 16, 512, 513, 1536, 7168, 7169])),
      ],
    ],
    [HYPERVISOR.stack_switch, () => [n(random.below(0x10000)), make.address()]],
    [HYPERVISOR.set_callbacks, () => [make.address(), make.address(), make.address(), make.address()]],
    [HYPERVISOR.fpu_taskswitch, () => [n(random.below(2))]],
    [HYPERVISOR.set_debugreg, () => [n(random.below(9)), make.any()]],
    [HYPERVISOR.get_debugreg, () => [n(random.below(9))]],
    [HYPERVISOR.update_descriptor, () => [make.pointer(), descriptor()]],
    [
      HYPERVISOR.memory_op,
      () => {
        const op = command(29);
        if (op === 0 || op === 1 || op === 6 || op === 11) {
          make.words([n(make.frame()), n(make.frame())], 0x800);
          make.words([n(make.frame()), n(make.frame())], 0x900);
        }
        const at = argument(MEMORY, op);
        // Lists where something is, few extents, one's own domain: else hardly any gets further than its arguments.
        if (op === 0 || op === 1 || op === 6) make.words([machine.guest.va(3, 0x800), n(random.below(3))]);
        if (op === 11 && random.below(4) > 0) {
          const domid = 0x7ff0n;
          make.words([machine.guest.va(3, 0x800), n(1 + random.below(2)), 0n, domid]);
          make.words([machine.guest.va(3, 0x900), n(1 + random.below(2)), 0n, domid, 0n], 32);
        }
        return [n(op + (random.oneIn(20) ? random.below(100) * 64 : 0)), at];
      },
    ],
    [
      HYPERVISOR.update_va_mapping,
      () => [make.address(), make.entry(), random.oneIn(8) ? make.any() : n(random.below(7))],
    ],
    [
      HYPERVISOR.update_va_mapping_otherdomain,
      () => [make.address(), make.entry(), n(random.below(7)), n(make.domid())],
    ],
    [HYPERVISOR.set_timer_op, () => [make.field("timeout")]],
    [
      HYPERVISOR.xen_version,
      () => {
        const op = command(11);
        return [
          n(op),
          op === XENVER.get_features ? make.struct(xenFeatureInfo as unknown as AnyStruct) : make.address(),
        ];
      },
    ],
    [HYPERVISOR.console_io, () => [n(command(3)), n(make.small()), make.address()]],
    [
      HYPERVISOR.grant_table_op,
      () => {
        const op = command(13);
        const def = GNTTAB[op] as AnyStruct | undefined;
        if (random.oneIn(2)) make.grant();
        const items = count();
        if (def === undefined) return [n(op), make.address(), n(items)];
        return [n(op), make.array(def, Math.min(items, 8)), n(random.oneIn(3) ? items : 1)];
      },
    ],
    [HYPERVISOR.vm_assist, () => [n(command(3)), n(random.pick([0, 1, 2, 2, 2, 3, 4, 5, 6, 32]))]],
    [
      HYPERVISOR.vcpu_op,
      () => {
        const op = command(15);
        return [n(op), make.field("vcpu"), argument(VCPU, op)];
      },
    ],
    [HYPERVISOR.set_segment_base, () => [n(command(5)), random.oneIn(2) ? make.address() : n(random.below(0x10000))]],
    [
      HYPERVISOR.mmuext_op,
      () => {
        const items = count();
        for (let i = 0; i < Math.min(items, 8); i++) {
          const op = random.oneIn(20) ? make.small() : random.below(22);
          const linear = op === MMUEXT.SET_LDT || (op >= MMUEXT.INVLPG_LOCAL && op <= MMUEXT.INVLPG_ALL);
          const second = op === MMUEXT.SET_LDT ? n(random.pick([0, 8, 512, 8192, 8193])) : make.any();
          make.words([n(op), linear ? make.page() : n(make.frame()), second], i * mmuextOpStruct.sizeof);
        }
        return [machine.guest.va(3), n(items), pdone(), foreigndom()];
      },
    ],
    [
      HYPERVISOR.nmi_op,
      () => {
        const op = command(3);
        return [n(op), argument({ 0: xennmiCallback }, op)];
      },
    ],
    [HYPERVISOR.sched_op, operation(SCHED, 8)],
    [HYPERVISOR.sched_op_compat, () => [n(command(3)), n(make.small())]],
    [HYPERVISOR.callback_op, operation({ 0: callbackRegister, 1: callbackRegister }, 2)],
    [HYPERVISOR.event_channel_op, operation(EVTCHN, 14)],
    [HYPERVISOR.physdev_op, operation(PHYSDEV, 32)],
  ];
  const known = new Map(shapes);
  for (let number = 0; number < 60; number++) {
    if (number === HYPERVISOR.multicall || number === HYPERVISOR.iret || known.has(number)) continue;
    known.set(number, () => [make.any(), make.any(), make.any(), make.any(), make.any()]);
  }
  known.set(HYPERVISOR.multicall, () => {
    const plain = [...known.keys()];
    const items = 1 + random.below(4);
    const entries: bigint[][] = [];
    for (let i = 0; i < items; i++) {
      const number = random.oneIn(20) ? HYPERVISOR.iret : random.pick(plain);
      const args = known.get(number)?.() ?? [];
      entries.push([n(number), 0n, ...Array.from({ length: 6 }, (_, j) => args[j] ?? 0n)]);
    }
    // Behind the entries' own arguments, which share the start of the page.
    return [make.words(entries.flat(), 0xa00), n(random.oneIn(15) ? make.small() : items)];
  });
  return known;
}
