/** The memory of a domain from its making to its end. */
import type { Domain } from "../domain.ts";
import type { Vcpu } from "../vcpu.ts";
import { claimPages } from "./claim.ts";
import {
  destroyGdt,
  destroyLdt,
  freeDomainWindows,
  initDescriptorTables,
  initDomainWindows,
} from "./descriptor-window.ts";
import { framesOf, freeDomainFrame } from "./domain-frames.ts";
import { FRAME_ALLOCATED, FRAME_PARTIAL, FRAME_PINNED, PageType } from "./frame-table.ts";
import { freeMemoryMap } from "./memory-map.ts";
import { putPageAndType, putPartialTable } from "./page-type.ts";
import { dropRoots } from "./roots.ts";
import { flushTlb } from "./tlb.ts";

/** Prepares a new domain's record. Its frames are allocated by the builder, up to `maxPages`. */
export function initDomainMemory(domain: Domain, maxPages: number, maxVcpus: number): void {
  domain.record.mm.max_pages = maxPages;
  initDomainWindows(domain, maxVcpus);
}

/** Prepares a new vCPU: descriptor tables without guest entries. */
export function initVcpuMemory(vcpu: Vcpu): void {
  initDescriptorTables(vcpu);
}

/** What a vCPU holds on frames: its roots and descriptor tables. */
export function releaseVcpuMemory(vcpu: Vcpu): void {
  destroyGdt(vcpu);
  destroyLdt(vcpu);
  dropRoots(vcpu);
  vcpu.mm.old_guest_table = 0;
}

/**
 * Takes all memory from a dying domain, whose vCPUs will not run again and whose grants are unmapped
 * as far as they can be. Frames that others still map stay on its list, and are freed with their last mapping.
 * @returns the number of those
 */
export function relinquishMemory(domain: Domain): number {
  const hv = domain.hypervisor;
  const { frames } = hv;
  for (const vcpu of domain.vcpus) releaseVcpuMemory(vcpu);
  flushTlb(hv);

  const owned = framesOf(domain);
  // Tables go from the top, so that each one is taken apart by its last user.
  for (let level = PageType.L4 as number; level >= PageType.L1; level--) {
    for (const mfn of owned) {
      if (frames.type(mfn) !== level || frames.owner(mfn) !== domain.id) continue;
      if (frames.hasFlag(mfn, FRAME_PARTIAL)) putPartialTable(domain, mfn);
      if (frames.hasFlag(mfn, FRAME_PINNED)) {
        frames.clearFlag(mfn, FRAME_PINNED);
        putPageAndType(domain, mfn);
      }
    }
  }
  for (const mfn of owned) {
    if (frames.owner(mfn) === domain.id && frames.hasFlag(mfn, FRAME_ALLOCATED)) freeDomainFrame(domain, mfn);
  }
  claimPages(domain, 0);
  freeMemoryMap(domain);
  freeDomainWindows(domain);
  return domain.record.mm.tot_pages;
}
