/** Frames of a guest that the hypervisor itself writes to: event arrays, control blocks, vcpu_info. */
import { EINVAL } from "../../abi/errno.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import { PageType } from "../mm/frame-table.ts";
import { getPageAndType, putPageAndType } from "../mm/page-type.ts";

/** Takes a frame that `domain` owns and could write to itself, so that it cannot become a page table or go away. */
export function holdGuestFrame(domain: Domain, mfn: bigint): number {
  const frame = mfn < BigInt(domain.hypervisor.memory.frames) ? Number(mfn) : -1;
  if (frame < 0 || getPageAndType(domain, frame, PageType.Writable) !== 0) throw new HypercallError(EINVAL);
  return frame;
}

export function releaseGuestFrame(domain: Domain, frame: number): void {
  putPageAndType(domain, frame);
}
