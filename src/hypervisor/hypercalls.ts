/** All hypercalls, by number. */

import { HYPERVISOR } from "../abi/hypercall.ts";
import { eventChannelOp, eventChannelOpCompat } from "./event-channel/op.ts";
import { HYPERCALL_COUNT } from "./fast-paths/record.ts";
import { grantTableOp } from "./grant-table/op.ts";
import type { Hypercall } from "./hypercall.ts";
import { consoleIo } from "./misc/console-io.ts";
import { getDebugreg, setDebugreg } from "./misc/debug-registers.ts";
import { fpuTaskswitch } from "./misc/fpu-taskswitch.ts";
import { physdevOp, physdevOpCompat } from "./misc/physdev.ts";
import { refusedHypercalls } from "./misc/refused.ts";
import { setSegmentBase } from "./misc/segment-base.ts";
import { xenVersion } from "./misc/xen-version.ts";
import { setGdtHypercall, updateDescriptorHypercall } from "./mm/descriptors.ts";
import { memoryOp } from "./mm/memory-op.ts";
import { mmuUpdate } from "./mm/mmu-update.ts";
import { mmuextOp } from "./mm/mmuext.ts";
import { updateVaMapping, updateVaMappingOtherdomain } from "./mm/va-mapping.ts";
import { vmAssistOp } from "./mm/vm-assist.ts";
import { multicall } from "./multicall.ts";
import { schedOp, schedOpCompat } from "./sched/op.ts";
import { vcpuOp } from "./sched/vcpu-op.ts";
import { setTimerOp } from "./time/set-timer-op.ts";
import { callbackOp, nmiOp, setCallbacks } from "./traps/callbacks.ts";
import { iret } from "./traps/iret.ts";
import { stackSwitch } from "./traps/stack-switch.ts";
import { setTrapTable } from "./traps/trap-table.ts";

/** The old form of event_channel_op. */
const eventChannelCompat: Hypercall = {
  number: HYPERVISOR.event_channel_op_compat,
  name: "event_channel_op_compat",
  handler: (_hv, vcpu, args) => eventChannelOpCompat(vcpu, args[0] ?? 0n),
};

const ALL: readonly Hypercall[] = [
  setTrapTable,
  stackSwitch,
  setCallbacks,
  iret,
  nmiOp,
  callbackOp,
  multicall,
  mmuUpdate,
  mmuextOp,
  updateVaMapping,
  updateVaMappingOtherdomain,
  memoryOp,
  setGdtHypercall,
  updateDescriptorHypercall,
  vmAssistOp,
  schedOp,
  schedOpCompat,
  vcpuOp,
  setTimerOp,
  eventChannelOp,
  eventChannelCompat,
  grantTableOp,
  xenVersion,
  consoleIo,
  setSegmentBase,
  fpuTaskswitch,
  setDebugreg,
  getDebugreg,
  physdevOp,
  physdevOpCompat,
  ...refusedHypercalls,
];

/** Sparse table by number. */
export function hypercallTable(): (Hypercall | undefined)[] {
  const table: (Hypercall | undefined)[] = new Array<Hypercall | undefined>(HYPERCALL_COUNT).fill(undefined);
  for (const call of ALL) {
    if (table[call.number] !== undefined) throw new Error(`two hypercalls have number ${call.number}`);
    table[call.number] = call;
  }
  return table;
}
