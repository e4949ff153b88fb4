/**
 * References and type references of frames (Xen's get_page, get_page_type and their puts).
 *
 * A frame may be used in one way at a time: as page table of one level, as segment-descriptor
 * page, or written to. Each use holds a *type reference*; the first one of a table validates what
 * it contains, the last one to go gives back what validation took. So a guest can be let read its
 * own page tables and let the MMU walk them, since no mapping of them is writable.
 *
 * Validation may be preempted. A frame is then FRAME_PARTIAL: entries below its partial index hold
 * references, and the frame itself holds one type reference and one reference. Whoever wants the
 * type next goes on with it; whoever drops it goes on backwards. An operation that returns
 * -ERESTART has handed its reference over to the frame.
 *
 * TLB (of processors without a TrackedTlb, see tlb.ts): a translation may outlive its mapping until the guest flushes. So when a frame that was
 * written to changes its type, or a frame is given back, the TLB is flushed, unless it was since
 * the last mapping went.
 */
import { EINVAL, ERESTART } from "../../abi/errno.ts";
import { INVALID_M2P_ENTRY } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { COUNT_LIMIT, FRAME_PARTIAL, FRAME_VALIDATED, FRAME_XENHEAP, PageType } from "./frame-table.ts";
import { setM2p } from "./m2p.ts";
import { ENTRIES } from "./pte.ts";
import { flushTlb } from "./tlb.ts";
import { devalidate, validate } from "./validate.ts";

/** How far an operation may go on, and what it had to leave behind. */
export interface MmuOperation {
  /** There is something more urgent: stop at the next good point. */
  preempt(steps?: number): boolean;
  /** A partial table that nobody will ask for again, to be taken apart later; 0 if none. */
  abandoned: number;
}

/** For callers that cannot be preempted. */
export const UNPREEMPTED: MmuOperation = { preempt: () => false, abandoned: 0 };

/** Flushes if the frame's last mapping went since the last flush. Its type count must be 0. */
function flushTlbFor(hv: Hypervisor, mfn: number): void {
  if (hv.frames.tlbStamp(mfn) === hv.frames.state.tlb_clock) flushTlb(hv);
}

/** Takes a reference on a frame of `domain`. */
export function getPage(domain: Domain, mfn: number): boolean {
  return domain.hypervisor.frames.getPage(mfn, domain.id);
}

/** Drops a reference; the frame is free with the last one. */
export function putPage(hv: Hypervisor, mfn: number): void {
  const { frames } = hv;
  const count = frames.refCount(mfn);
  if (count === 0) throw new Error(`frame ${mfn} has no reference to drop`);
  if (frames.typeCount(mfn) === 0) frames.setTlbStamp(mfn, frames.state.tlb_clock);
  frames.setRefCount(mfn, count - 1);
  if (count === 1) freeFrame(hv, mfn);
}

/** The last reference to a domain's frame is gone. */
function freeFrame(hv: Hypervisor, mfn: number): void {
  const { frames, memory, cpu } = hv;
  if (frames.hasFlag(mfn, FRAME_XENHEAP)) throw new Error(`heap frame ${mfn} lost its last reference`);
  if (frames.typeCount(mfn) !== 0) throw new Error(`frame ${mfn} is freed with type references`);
  flushTlbFor(hv, mfn);
  const owner = frames.owner(mfn);
  memory.clearFrame(mfn);
  cpu.frameWritten(mfn);
  setM2p(hv, mfn, INVALID_M2P_ENTRY);
  hv.frameFreed(owner, mfn);
  frames.release(mfn);
}

/**
 * Takes a type reference on a frame of `domain` that the caller holds a reference on.
 * @returns 0, -EINVAL if the frame is in use as something else or its content is not valid (or
 *   another error of validation), -ERESTART if preempted: the caller's reference is then the frame's
 */
export function getPageType(domain: Domain, mfn: number, type: PageType, operation = UNPREEMPTED): number {
  const { frames } = domain.hypervisor;
  const count = frames.typeCount(mfn);
  if (count !== 0) {
    if (frames.type(mfn) !== type || count >= COUNT_LIMIT) return -EINVAL;
    if (frames.hasFlag(mfn, FRAME_PARTIAL)) return resumeValidation(domain, mfn, type, operation);
    if (!frames.hasFlag(mfn, FRAME_VALIDATED)) return -EINVAL;
    frames.setTypeCount(mfn, count + 1);
    return 0;
  }
  const old = frames.type(mfn);
  if (old !== type) {
    if (old === PageType.Writable) flushTlbFor(domain.hypervisor, mfn);
    frames.clearFlag(mfn, FRAME_VALIDATED);
    frames.setType(mfn, type);
  }
  frames.setTypeCount(mfn, 1);
  if (type === PageType.Writable || type === PageType.None) {
    frames.setFlag(mfn, FRAME_VALIDATED);
    return 0;
  }
  frames.setPartialIndex(mfn, 0);
  frames.setLinearCount(mfn, 0);
  return runValidation(domain, mfn, type, operation);
}

function resumeValidation(domain: Domain, mfn: number, type: PageType, operation: MmuOperation): number {
  const { hypervisor } = domain;
  hypervisor.frames.clearFlag(mfn, FRAME_PARTIAL);
  const result = runValidation(domain, mfn, type, operation);
  // The reference that the frame held on itself; if it is partial again, the caller's has replaced it.
  putPage(hypervisor, mfn);
  return result;
}

/** Validates from the partial index on. The frame's type count is 1. */
function runValidation(domain: Domain, mfn: number, type: PageType, operation: MmuOperation): number {
  const { frames } = domain.hypervisor;
  const result = validate(domain, mfn, type, operation);
  if (result === 0) {
    frames.setFlag(mfn, FRAME_VALIDATED);
    frames.setPartialIndex(mfn, 0);
    return 0;
  }
  if (result === -ERESTART) {
    frames.setFlag(mfn, FRAME_PARTIAL);
    return result;
  }
  // Entries before the bad one hold references, which may take long to give back.
  if (devalidate(domain, mfn, type, frames.partialIndex(mfn), operation) === -ERESTART) {
    frames.setFlag(mfn, FRAME_PARTIAL);
    frames.setRefCount(mfn, frames.refCount(mfn) + 1);
    operation.abandoned = mfn;
  } else {
    if (operation !== UNPREEMPTED) operation.abandoned = 0;
    endType(domain.hypervisor, mfn);
    frames.setType(mfn, PageType.None);
  }
  return result;
}

/** The type count becomes 0. */
function endType(hv: Hypervisor, mfn: number): void {
  const { frames } = hv;
  if (frames.type(mfn) !== PageType.Writable) frames.clearFlag(mfn, FRAME_VALIDATED | FRAME_PARTIAL);
  frames.setTypeCount(mfn, 0);
  frames.setTlbStamp(mfn, frames.state.tlb_clock);
}

/**
 * Drops a type reference. `domain` owns the table that the reference comes from (and the frame, if
 * that is a table).
 * @returns 0, or -ERESTART if preempted: the caller's type reference and reference are then the frame's
 */
export function putPageType(domain: Domain, mfn: number, operation = UNPREEMPTED): number {
  const { frames } = domain.hypervisor;
  const count = frames.typeCount(mfn);
  if (count === 0) throw new Error(`frame ${mfn} has no type reference to drop`);
  if (count > 1) {
    frames.setTypeCount(mfn, count - 1);
    return 0;
  }
  const type = frames.type(mfn);
  if (type !== PageType.Writable && type !== PageType.None) {
    // Before its tables go, be it bit by bit.
    if (type === PageType.L4) domain.hypervisor.cpu.trackedTlb?.rootGone(mfn);
    if (devalidate(domain, mfn, type, ENTRIES, operation) === -ERESTART) {
      frames.clearFlag(mfn, FRAME_VALIDATED);
      frames.setFlag(mfn, FRAME_PARTIAL);
      return -ERESTART;
    }
  }
  endType(domain.hypervisor, mfn);
  return 0;
}

/**
 * Goes on taking a partial table apart. Does nothing if it is not partial any more: someone has
 * validated it to the end, and its reference with it.
 */
export function putPartialTable(domain: Domain, mfn: number, operation = UNPREEMPTED): number {
  const { frames } = domain.hypervisor;
  if (!frames.hasFlag(mfn, FRAME_PARTIAL) || frames.owner(mfn) !== domain.id) return 0;
  const result = devalidate(domain, mfn, frames.type(mfn), frames.partialIndex(mfn), operation);
  if (result !== 0) return result;
  endType(domain.hypervisor, mfn);
  putPage(domain.hypervisor, mfn);
  return 0;
}

/** getPage and getPageType in one; nothing is held after an error. */
export function getPageAndType(domain: Domain, mfn: number, type: PageType, operation = UNPREEMPTED): number {
  if (!getPage(domain, mfn)) return -EINVAL;
  const result = getPageType(domain, mfn, type, operation);
  if (result !== 0 && result !== -ERESTART) putPage(domain.hypervisor, mfn);
  return result;
}

/** putPageType and putPage in one. */
export function putPageAndType(domain: Domain, mfn: number, operation = UNPREEMPTED): number {
  const result = putPageType(domain, mfn, operation);
  if (result === 0) putPage(domain.hypervisor, mfn);
  return result;
}
