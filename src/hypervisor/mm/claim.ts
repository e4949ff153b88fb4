/**
 * Claims: frames that are promised to a domain before it has them (XENMEM_claim_pages), so that building
 * a large one cannot fail half-way because another took the memory meanwhile. What is claimed stays free,
 * but is given to nobody else.
 */
import { EINVAL, ENOMEM } from "../../abi/errno.ts";
import type { Domain } from "../domain.ts";

/** `n` frames for `domain` leave enough for the claims of others. */
export function isUnclaimed(domain: Domain, n: number): boolean {
  const { free_frames, outstanding_claims } = domain.hypervisor.frames.state;
  return n + outstanding_claims <= free_frames || n <= domain.record.mm.outstanding_pages;
}

/** The domain gets `n` frames, which are taken from those that it has claimed, if it has. */
export function useClaim(domain: Domain, n: number): void {
  const { mm } = domain.record;
  const used = Math.min(n, mm.outstanding_pages);
  if (used === 0) return;
  mm.outstanding_pages -= used;
  domain.hypervisor.frames.state.outstanding_claims -= used;
}

/**
 * Claims what is missing until the domain has `pages` frames; 0 ends its claim.
 * @returns 0; -EINVAL if it has a claim, has as many, or may not have as many; -ENOMEM
 */
export function claimPages(domain: Domain, pages: number): number {
  const { mm } = domain.record;
  const { state } = domain.hypervisor.frames;
  if (pages === 0) {
    state.outstanding_claims -= mm.outstanding_pages;
    mm.outstanding_pages = 0;
    return 0;
  }
  if (domain.isDying || mm.outstanding_pages !== 0 || pages <= mm.tot_pages || pages > mm.max_pages) return -EINVAL;
  const missing = pages - mm.tot_pages;
  if (missing > state.free_frames - state.outstanding_claims) return -ENOMEM;
  mm.outstanding_pages = missing;
  state.outstanding_claims += missing;
  return 0;
}
