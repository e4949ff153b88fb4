/** Frames of domains: allocation, release, sharing of the hypervisor's own frames. */
import { EINVAL, ENOMEM } from "../../abi/errno.ts";
import { DOMID_XEN, INVALID_M2P_ENTRY } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { isUnclaimed, useClaim } from "./claim.ts";
import { FRAME_ALLOCATED, FRAME_VALIDATED, FRAME_XENHEAP, PageType } from "./frame-table.ts";
import { setM2p } from "./m2p.ts";
import { getPage, putPage, putPageType } from "./page-type.ts";
import { flushTlb } from "./tlb.ts";

/** Allocates `n` zeroed frames for a domain, ascending and as contiguous as there are. -ENOMEM beyond its maximum. */
export function allocDomainFrames(domain: Domain, n: number): number[] {
  const { frames } = domain.hypervisor;
  const { mm } = domain.record;
  if (domain.isDying || mm.tot_pages + n > mm.max_pages || !isUnclaimed(domain, n)) throw new HypercallError(ENOMEM);
  const found = frames.findHigh(n);
  if (found === undefined) throw new HypercallError(ENOMEM);
  assign(domain, found);
  return found;
}

/**
 * Allocates 2^order contiguous, aligned frames for a domain.
 * @param limit MFNs from here on are not wanted (address-limited DMA buffers)
 * @returns the first MFN, or -1
 */
export function allocDomainExtent(domain: Domain, order: number, limit = Number.POSITIVE_INFINITY): number {
  const { frames } = domain.hypervisor;
  const { mm } = domain.record;
  const n = 2 ** order;
  if (domain.isDying || mm.tot_pages + n > mm.max_pages || !isUnclaimed(domain, n)) return -1;
  const first = order === 0 ? (frames.findHigh(1, Math.min(limit, frames.count))?.[0] ?? -1) : frames.findRun(n, n);
  if (first < 0 || first + n > limit) return -1;
  assign(
    domain,
    Array.from({ length: n }, (_, i) => first + i),
  );
  return first;
}

/** Gives free frames to a domain. When one is built they are tens of thousands: its record is looked at once. */
function assign(domain: Domain, mfns: readonly number[]): void {
  const hv = domain.hypervisor;
  const { mm } = domain.record;
  useClaim(domain, mfns.length);
  let list = mm.page_list;
  for (const mfn of mfns) {
    hv.frames.take(mfn, domain.id, 0);
    list = hv.frames.link(list, mfn);
    setM2p(hv, mfn, INVALID_M2P_ENTRY);
  }
  mm.page_list = list;
  mm.tot_pages += mfns.length;
}

/** Notes that a frame is the domain's. */
export function listFrame(domain: Domain, mfn: number): void {
  const { mm } = domain.record;
  mm.page_list = domain.hypervisor.frames.link(mm.page_list, mfn);
  mm.tot_pages++;
}

/** Notes that a frame is the domain's no more. */
export function unlistFrame(domain: Domain, mfn: number): void {
  const { mm } = domain.record;
  mm.page_list = domain.hypervisor.frames.unlink(mm.page_list, mfn);
  mm.tot_pages--;
}

/** The frames that a domain owns, as they are now. */
export function framesOf(domain: Domain): number[] {
  const { frames } = domain.hypervisor;
  const owned: number[] = [];
  for (let mfn = domain.record.mm.page_list; mfn !== 0; mfn = frames.next(mfn)) owned.push(mfn);
  return owned;
}

/**
 * Drops the domain's own reference on a frame. It is free, scrubbed and gone from the M2P as soon
 * as nothing refers to it any more. @returns false if the domain does not own it
 */
export function freeDomainFrame(domain: Domain, mfn: number): boolean {
  const hv = domain.hypervisor;
  if (!getPage(domain, mfn)) return false;
  const allocated = hv.frames.hasFlag(mfn, FRAME_ALLOCATED) && !hv.frames.hasFlag(mfn, FRAME_XENHEAP);
  if (allocated) {
    hv.frames.clearFlag(mfn, FRAME_ALLOCATED);
    putPage(hv, mfn);
  }
  putPage(hv, mfn);
  return allocated;
}

/**
 * Lets `domain` map a frame of the hypervisor's heap: shared_info, grant frames. Read-only ones can
 * get no writable type.
 */
export function shareWithGuest(domain: Domain, mfn: number, writable: boolean): void {
  const { frames } = domain.hypervisor;
  if (frames.owner(mfn) !== DOMID_XEN || !frames.hasFlag(mfn, FRAME_XENHEAP)) {
    throw new Error(`frame ${mfn} is not the hypervisor's to share`);
  }
  frames.setOwner(mfn, domain.id);
  frames.setType(mfn, writable ? PageType.Writable : PageType.None);
  frames.setTypeCount(mfn, 1);
  frames.setFlag(mfn, FRAME_VALIDATED);
}

/**
 * Takes a shared frame back. @returns false, and changes nothing, if the guest still maps it
 * (a v2 grant table's status frames may not go while they are mapped: XSA-255)
 */
export function unshareWithGuest(hv: Hypervisor, mfn: number): boolean {
  const { frames } = hv;
  if (!frames.hasFlag(mfn, FRAME_XENHEAP)) throw new Error(`frame ${mfn} is not a shared heap frame`);
  if (frames.owner(mfn) === DOMID_XEN) return true;
  if (frames.refCount(mfn) !== 1) return false;
  frames.setTypeCount(mfn, 0);
  frames.setType(mfn, PageType.None);
  frames.clearFlag(mfn, FRAME_VALIDATED);
  frames.setTlbStamp(mfn, 0);
  frames.setOwner(mfn, DOMID_XEN);
  // The guest may have given it a PFN (MMU_MACHPHYS_UPDATE).
  setM2p(hv, mfn, INVALID_M2P_ENTRY);
  // The guest may still have a translation, and code in it may have been run.
  flushTlb(hv);
  hv.cpu.frameWritten(mfn);
  return true;
}

/**
 * Frees a frame that was shared with a domain which ends. If another domain (a privileged one) still maps it,
 * it becomes an ordinary frame of the dead domain, and is free with its last mapping.
 */
export function freeSharedFrame(domain: Domain, mfn: number): void {
  const hv = domain.hypervisor;
  const { frames } = hv;
  if (unshareWithGuest(hv, mfn)) {
    hv.heap.freeFrames(mfn, 1);
    return;
  }
  frames.clearFlag(mfn, FRAME_XENHEAP);
  listFrame(domain, mfn);
  putPageType(domain, mfn);
  freeDomainFrame(domain, mfn);
}

/** Throws -EINVAL unless `mfn` can be a frame number here. */
export function checkedMfn(hv: Hypervisor, mfn: bigint): number {
  if (mfn < 0n || mfn >= BigInt(hv.frames.count)) throw new HypercallError(EINVAL);
  return Number(mfn);
}
