/** memory_op: a domain's memory reservation, its map, and the machine-to-physical table. */
import { EACCES, EINVAL, ENOMEM, ENOSYS, EOPNOTSUPP, EPERM } from "../../abi/errno.ts";
import {
  MEMOP_CMD_MASK,
  MEMOP_EXTENT_SHIFT,
  XENMEM,
  xenMachphysMapping,
  xenMachphysMfnList,
  xenMemoryMap,
  xenMemoryReservation,
} from "../../abi/memory.ts";
import { HYPERVISOR, MACH2PHYS_VIRT_END, MACH2PHYS_VIRT_START, sharedInfoStruct } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import {
  type Hypercall,
  type HypercallArguments,
  HypercallError,
  type HypercallResult,
  type Operation,
} from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { claimPages } from "./claim.ts";
import { exchange } from "./exchange.ts";
import { targetDomain } from "./foreign.ts";
import {
  copyFromGuest,
  copyToGuest,
  guestArrayAddress,
  guestStruct,
  putGuestLong,
  putGuestStruct,
} from "./guest-access.ts";
import { memoryMapBytes } from "./memory-map.ts";
import { changeReservation } from "./reservation.ts";

interface Call {
  readonly hv: Hypervisor;
  readonly vcpu: Vcpu;
  readonly args: HypercallArguments;
  /** Address of the operation's structure. */
  readonly argument: bigint;
  readonly command: number;
  readonly start: number;
}

const reservation = ({ hv, vcpu, args, command, start }: Call): HypercallResult =>
  changeReservation(hv, vcpu, args, command, start);

/** The domain whose id is at the argument. */
function domainAt({ vcpu, argument }: Call): Domain {
  const domid = new DataView(copyFromGuest(vcpu, argument, 2).buffer).getUint16(0, true);
  return targetDomain(vcpu.domain, domid);
}

/** PV guests tell their highest PFN themselves, for the tools, in shared_info (as a count). */
function maximumGpfn(domain: Domain): bigint {
  const { memory } = domain.hypervisor;
  const { max_pfn } = sharedInfoStruct.for(domain.width).at(memory, Number(domain.record.shared_info)).arch;
  return max_pfn === 0n ? 0n : max_pfn - 1n;
}

function memoryMap({ vcpu, argument }: Call): number {
  const { domain } = vcpu;
  const request = guestStruct(vcpu, xenMemoryMap, argument);
  if (domain.record.mm.memory_map_entries === 0) return -ENOSYS;
  const count = Math.min(request.nr_entries, domain.record.mm.memory_map_entries);
  copyToGuest(vcpu, request.buffer, memoryMapBytes(domain, count));
  request.nr_entries = count;
  putGuestStruct(vcpu, xenMemoryMap, argument, request);
  return 0;
}

function machphysMapping({ hv, vcpu, argument }: Call): number {
  const layout = xenMachphysMapping.for(vcpu.domain.width);
  const u8 = new Uint8Array(layout.size);
  const mapping = layout.at({ u8, dv: new DataView(u8.buffer) }, 0);
  mapping.v_start = MACH2PHYS_VIRT_START;
  mapping.v_end = MACH2PHYS_VIRT_END;
  mapping.max_mfn = BigInt(hv.frames.count - 1);
  copyToGuest(vcpu, argument, u8);
  return 0;
}

/** MFNs of the M2P itself, one for each 2 MiB of it. */
function machphysMfnList({ hv, vcpu, argument }: Call): number {
  const request = guestStruct(vcpu, xenMachphysMfnList, argument);
  const { m2p } = hv.frames.state;
  const chunks = Math.ceil((hv.frames.count * 8) / (512 * PAGE_SIZE));
  const count = Math.min(request.max_extents, chunks);
  for (let i = 0; i < count; i++) {
    const element = guestArrayAddress(request.extent_start, i, vcpu.domain.width / 8);
    putGuestLong(vcpu, element, BigInt(m2p / PAGE_SIZE + i * 512));
  }
  request.nr_extents = count;
  putGuestStruct(vcpu, xenMachphysMfnList, argument, request);
  return 0;
}

/** For domains that manage others. */
function privilegedOnly({ vcpu }: Call): number {
  return vcpu.domain.privileged ? -ENOSYS : -EPERM;
}

/** For whoever builds domains: see claim.ts. No list, no order; the number of extents is the claim. */
function claim(call: Call): number {
  const { vcpu, argument } = call;
  if (!vcpu.domain.privileged) return -EPERM;
  const { extent_start, extent_order, nr_extents, mem_flags, domid } = guestStruct(
    vcpu,
    xenMemoryReservation,
    argument,
  );
  if (extent_start !== 0n || extent_order !== 0 || mem_flags !== 0) return -EINVAL;
  if (nr_extents > BigInt(call.hv.frames.count)) return -ENOMEM;
  return claimPages(targetDomain(vcpu.domain, domid), Number(nr_extents));
}

/** Xen reads the argument before it looks at rights: a pointer that is wrong comes first. */
const afterReading =
  (run: (call: Call) => number) =>
  (call: Call): number => {
    copyFromGuest(call.vcpu, call.argument, 4);
    return run(call);
  };

interface Handler {
  readonly name: string;
  readonly run: (call: Call) => HypercallResult;
  readonly status?: Operation["status"];
  readonly note?: string;
}

const translatedOnly = { run: afterReading(() => -EACCES), note: "for translated guests" } as const;
const management = { run: afterReading(privilegedOnly), status: "missing", note: "privileged domains only" } as const;

const HANDLERS: Readonly<Record<number, Handler>> = {
  [XENMEM.increase_reservation]: { name: "increase_reservation", run: reservation },
  [XENMEM.decrease_reservation]: { name: "decrease_reservation", run: reservation },
  [XENMEM.populate_physmap]: { name: "populate_physmap", run: reservation },
  [XENMEM.exchange]: { name: "exchange", run: ({ hv, vcpu, argument }) => exchange(hv, vcpu, argument) },
  [XENMEM.maximum_ram_page]: { name: "maximum_ram_page", run: ({ hv }) => hv.frames.count },
  [XENMEM.current_reservation]: { name: "current_reservation", run: (call) => domainAt(call).record.mm.tot_pages },
  [XENMEM.maximum_reservation]: { name: "maximum_reservation", run: (call) => domainAt(call).record.mm.max_pages },
  [XENMEM.maximum_gpfn]: { name: "maximum_gpfn", run: (call) => maximumGpfn(domainAt(call)) },
  [XENMEM.memory_map]: { name: "memory_map", run: memoryMap },
  [XENMEM.machphys_mapping]: { name: "machphys_mapping", run: machphysMapping },
  [XENMEM.machphys_mfn_list]: { name: "machphys_mfn_list", run: machphysMfnList },
  [XENMEM.add_to_physmap]: { name: "add_to_physmap", ...translatedOnly },
  [XENMEM.add_to_physmap_batch]: { name: "add_to_physmap_batch", ...translatedOnly },
  [XENMEM.remove_from_physmap]: { name: "remove_from_physmap", ...translatedOnly },
  [XENMEM.machine_memory_map]: { name: "machine_memory_map", ...management, run: privilegedOnly },
  [XENMEM.set_memory_map]: { name: "set_memory_map", ...management },
  [XENMEM.set_pod_target]: { name: "set_pod_target", ...management },
  [XENMEM.get_pod_target]: { name: "get_pod_target", ...management },
  [XENMEM.claim_pages]: { name: "claim_pages", run: afterReading(claim), note: "privileged domains only" },
  [XENMEM.acquire_resource]: { name: "acquire_resource", ...management },
  // There is no sharing of equal pages between domains.
  [XENMEM.get_sharing_freed_pages]: { name: "get_sharing_freed_pages", run: () => 0 },
  [XENMEM.get_sharing_shared_pages]: { name: "get_sharing_shared_pages", run: () => 0 },
  [XENMEM.get_vnumainfo]: { name: "get_vnumainfo", run: afterReading(() => -EOPNOTSUPP), note: "no virtual NUMA" },
};

const operations: Readonly<Record<number, Operation>> = Object.fromEntries(
  Object.entries(HANDLERS).map(([command, { name, status = "done", note }]) => [
    command,
    note === undefined ? { name, status } : { name, status, note },
  ]),
);

export const memoryOp: Hypercall = {
  number: HYPERVISOR.memory_op,
  name: "memory_op",
  operations,
  operationOf: (args) => Number((args[0] ?? 0n) & BigInt(MEMOP_CMD_MASK)),
  handler(hv, vcpu, args) {
    const word = Number(BigInt.asUintN(32, args[0] ?? 0n));
    const command = word & MEMOP_CMD_MASK;
    const start = word >>> MEMOP_EXTENT_SHIFT;
    const handler = HANDLERS[command];
    if (handler === undefined) throw new HypercallError(ENOSYS);
    // Only operations on extents can be continued in the middle.
    if (start !== 0 && handler.run !== reservation) throw new HypercallError(EINVAL);
    return handler.run({ hv, vcpu, args, argument: args[1] ?? 0n, command, start });
  },
};
