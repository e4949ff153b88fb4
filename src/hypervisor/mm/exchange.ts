/**
 * XENMEM_exchange: gives back extents of one size and gets as much memory in extents of another,
 * contiguous and below an address limit if asked for (DMA buffers). It goes forward by chunks of the larger
 * size; a chunk is exchanged entirely or not at all.
 */
import { EFAULT, EINVAL, ENOMEM, EPERM } from "../../abi/errno.ts";
import { xenMemoryExchange } from "../../abi/memory.ts";
import type { Domain } from "../domain.ts";
import { CONTINUATION, HypercallError, type HypercallResult } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { allocDomainExtent, freeDomainFrame } from "./domain-frames.ts";
import { targetDomain } from "./foreign.ts";
import { FRAME_ALLOCATED, FRAME_XENHEAP } from "./frame-table.ts";
import { guestArrayAddress, guestLong, guestStruct, putGuestLong } from "./guest-access.ts";
import { setM2p } from "./m2p.ts";
import { guestOperation } from "./operation.ts";
import { FRAME_STEPS, frameLimit, maxOrder } from "./reservation.ts";

/** The domain owns the frame, and nothing else refers to it. */
function isExclusive(domain: Domain, mfn: number): boolean {
  const { frames } = domain.hypervisor;
  return (
    frames.valid(mfn) &&
    frames.owner(mfn) === domain.id &&
    frames.refCount(mfn) === 1 &&
    frames.hasFlag(mfn, FRAME_ALLOCATED) &&
    !frames.hasFlag(mfn, FRAME_XENHEAP)
  );
}

export function exchange(hv: Hypervisor, vcpu: Vcpu, argument: bigint): HypercallResult {
  const { width } = vcpu.domain;
  const request = guestStruct(vcpu, xenMemoryExchange, argument);
  const input = request.in;
  const output = request.out;
  const limitOrder = maxOrder(vcpu.domain);
  if (input.extent_order > limitOrder || output.extent_order > limitOrder) return -EPERM;
  const total = input.nr_extents << BigInt(input.extent_order);
  if (total !== output.nr_extents << BigInt(output.extent_order)) return -EINVAL;
  if (request.nr_exchanged > input.nr_extents) return -EINVAL;
  if (output.domid !== input.domid) return -EINVAL;
  for (const { extent_start, nr_extents } of [input, output]) {
    if (nr_extents > 0n) guestArrayAddress(extent_start, Number(nr_extents - 1n), width / 8);
  }
  // No domain has so many, and from here on numbers are exact.
  if (total > BigInt(hv.frames.count)) return -EINVAL;
  const target = targetDomain(vcpu.domain, input.domid);
  const order = Math.max(input.extent_order, output.extent_order);
  const inChunk = 2 ** (order - input.extent_order);
  const outChunk = 2 ** (order - output.extent_order);
  const chunks = Number(total) / 2 ** order;
  if (!Number.isInteger(chunks)) return -EINVAL;

  const size = width / 8;
  const doneAt = argument + BigInt(xenMemoryExchange.for(width).offset.nr_exchanged);
  const operation = guestOperation(hv);
  let chunk = Math.floor(Number(request.nr_exchanged) / inChunk);
  for (; chunk < chunks; chunk++) {
    if (operation.preempt(FRAME_STEPS * 2 ** (order + 1))) {
      putGuestLong(vcpu, doneAt, BigInt(chunk * inChunk));
      return CONTINUATION;
    }
    const result = exchangeChunk(chunk);
    if (result !== 0) {
      putGuestLong(vcpu, doneAt, BigInt(chunk * inChunk));
      return result;
    }
  }
  putGuestLong(vcpu, doneAt, BigInt(chunks * inChunk));
  return 0;

  function exchangeChunk(index: number): number {
    const given: number[] = [];
    for (let i = 0; i < inChunk; i++) {
      const first = guestLong(vcpu, guestArrayAddress(input.extent_start, index * inChunk + i, size));
      for (let j = 0; j < 2 ** input.extent_order; j++) given.push(Number(first) + j);
    }
    if (new Set(given).size !== given.length || !given.every((mfn) => isExclusive(target, mfn))) return -EINVAL;
    const places: { element: bigint; pfn: bigint }[] = [];
    for (let i = 0; i < outChunk; i++) {
      const element = guestArrayAddress(output.extent_start, index * outChunk + i, size);
      const pfn = guestLong(vcpu, element);
      // A list that cannot be written to is found out before anything is taken.
      putGuestLong(vcpu, element, pfn);
      places.push({ element, pfn });
    }
    return replace(target, given, places);
  }

  function replace(
    domain: Domain,
    given: readonly number[],
    places: readonly { element: bigint; pfn: bigint }[],
  ): number {
    const { mm } = domain.record;
    const taken: number[] = [];
    // The new memory is there before the old one goes, though the domain may be at its maximum.
    const maximum = mm.max_pages;
    mm.max_pages = Math.max(maximum, mm.tot_pages) + given.length;
    try {
      for (const _ of places) {
        const mfn = allocDomainExtent(domain, output.extent_order, frameLimit(output.mem_flags));
        if (mfn < 0) break;
        taken.push(mfn);
      }
    } finally {
      mm.max_pages = maximum;
    }
    const extent = 2 ** output.extent_order;
    if (taken.length < places.length) {
      for (const mfn of taken) for (let j = 0; j < extent; j++) freeDomainFrame(domain, mfn + j);
      return -ENOMEM;
    }
    for (const mfn of given) freeDomainFrame(domain, mfn);
    let result = 0;
    places.forEach(({ element, pfn }, i) => {
      const mfn = taken[i] ?? 0;
      for (let j = 0; j < extent; j++) setM2p(hv, mfn + j, pfn + BigInt(j));
      try {
        putGuestLong(vcpu, element, BigInt(mfn));
      } catch (error) {
        // The list was in the memory that has just been given back.
        if (!(error instanceof HypercallError)) throw error;
        result = -EFAULT;
      }
    });
    return result;
  }
}
