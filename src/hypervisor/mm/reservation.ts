/**
 * Changes of a domain's reservation: the memory it owns. All three take a list of extents of 2^order
 * frames and return how many they have done; a short count is the only error there is. A preempted call
 * continues with the number done in the upper bits of the command.
 */
import { MEMOP_EXTENT_SHIFT, XENMEM, XENMEMF_address_bits_mask, xenMemoryReservation } from "../../abi/memory.ts";
import type { Domain } from "../domain.ts";
import { CONTINUATION, type HypercallArguments, HypercallError, type HypercallResult } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { allocDomainExtent, freeDomainFrame } from "./domain-frames.ts";
import { targetDomain } from "./foreign.ts";
import { guestArrayAddress, guestLong, guestStruct, putGuestLong } from "./guest-access.ts";
import { setM2p } from "./m2p.ts";
import { guestOperation } from "./operation.ts";

/** Largest extent of an unprivileged domain: 2 MiB. */
export const DOMU_MAX_ORDER = 9;
/** Of a privileged one. */
const PRIVILEGED_MAX_ORDER = 12;
/** What a frame that is taken or given back is worth to `preempt`: it is scrubbed. */
export const FRAME_STEPS = 4;
/** More extents than this do not fit a continuation's command. */
const MAX_EXTENTS = 0xffff_ffff >>> MEMOP_EXTENT_SHIFT;

export function maxOrder(domain: Domain): number {
  return domain.privileged ? PRIVILEGED_MAX_ORDER : DOMU_MAX_ORDER;
}

type Reservation = ReturnType<typeof xenMemoryReservation.at>;

/** First frame number that `mem_flags` rules out. */
export function frameLimit(memFlags: number): number {
  const bits = memFlags & XENMEMF_address_bits_mask;
  return bits === 0 ? Number.POSITIVE_INFINITY : 2 ** Math.max(bits - 12, 0);
}

interface Extent {
  readonly vcpu: Vcpu;
  readonly target: Domain;
  readonly order: number;
  readonly limit: number;
  /** Guest address of its element in the list; undefined if the guest gave no list. */
  readonly element: bigint | undefined;
}

/** New frames; their MFNs go to the list, if there is one. They have no PFN yet. */
function increase({ vcpu, target, order, limit, element }: Extent): boolean {
  const mfn = allocDomainExtent(target, order, limit);
  if (mfn < 0) return false;
  if (element !== undefined) putGuestLong(vcpu, element, BigInt(mfn));
  return true;
}

/** New frames for given PFNs; MFNs replace the PFNs in the list. */
function populate({ vcpu, target, order, limit, element }: Extent): boolean {
  if (element === undefined) return false;
  const pfn = guestLong(vcpu, element);
  const mfn = allocDomainExtent(target, order, limit);
  if (mfn < 0) return false;
  for (let i = 0; i < 2 ** order; i++) setM2p(target.hypervisor, mfn + i, pfn + BigInt(i));
  putGuestLong(vcpu, element, BigInt(mfn));
  return true;
}

/**
 * Frames given back. One that is still mapped or granted goes from the domain's allocation now, and is
 * free with its last reference.
 */
function decrease({ vcpu, target, order, element }: Extent): boolean {
  if (element === undefined) return false;
  const first = guestLong(vcpu, element);
  if (first >= BigInt(target.hypervisor.frames.count)) return false;
  for (let i = 0; i < 2 ** order; i++) {
    if (!freeDomainFrame(target, Number(first) + i)) return false;
  }
  return true;
}

const OPERATIONS: Readonly<Record<number, (extent: Extent) => boolean>> = {
  [XENMEM.increase_reservation]: increase,
  [XENMEM.decrease_reservation]: decrease,
  [XENMEM.populate_physmap]: populate,
};

/** @param start extents that are done already */
export function changeReservation(
  hv: Hypervisor,
  vcpu: Vcpu,
  args: HypercallArguments,
  command: number,
  start: number,
): HypercallResult {
  const prepared = prepare(vcpu, args[1] ?? 0n, start);
  const one = OPERATIONS[command];
  if (prepared === undefined || one === undefined) return start;
  const { target, reservation, count } = prepared;
  const { extent_order: order, extent_start: list } = reservation;
  if (order > maxOrder(vcpu.domain)) return start;
  const limit = frameLimit(reservation.mem_flags);
  const operation = guestOperation(hv);
  for (let i = start; i < count; i++) {
    if (i > start && operation.preempt(FRAME_STEPS * 2 ** order)) {
      args[0] = BigInt(command + i * 2 ** MEMOP_EXTENT_SHIFT);
      return CONTINUATION;
    }
    const element = list === 0n ? undefined : guestArrayAddressOrNone(list, i, vcpu.domain.width / 8);
    if (!attempt(() => one({ vcpu, target, order, limit, element }))) return i;
  }
  return count;
}

/** What the call is about; undefined if it cannot be done at all. */
function prepare(
  vcpu: Vcpu,
  argument: bigint,
  start: number,
): { target: Domain; reservation: Reservation; count: number } | undefined {
  try {
    const reservation = guestStruct(vcpu, xenMemoryReservation, argument);
    if (reservation.nr_extents > BigInt(MAX_EXTENTS) || BigInt(start) >= reservation.nr_extents) return undefined;
    return { target: targetDomain(vcpu.domain, reservation.domid), reservation, count: Number(reservation.nr_extents) };
  } catch (error) {
    if (error instanceof HypercallError) return undefined;
    throw error;
  }
}

function guestArrayAddressOrNone(list: bigint, index: number, size: number): bigint | undefined {
  let address: bigint | undefined;
  attempt(() => {
    address = guestArrayAddress(list, index, size);
    return true;
  });
  // -EFAULT on use: a list that cannot be reached is not the same as none.
  return address ?? -1n;
}

function attempt(step: () => boolean): boolean {
  try {
    return step();
  } catch (error) {
    if (error instanceof HypercallError) return false;
    throw error;
  }
}
