/** All that a hypervisor can have given away: equal before a domain's life and after it, or something is lost. */
import type { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { FRAME_XENHEAP } from "../../src/hypervisor/mm/frame-table.ts";

/** Counters, and the frame table itself. */
export function resources(hv: Hypervisor): Record<string, unknown> {
  const { state, words } = hv.frames;
  const { hostDomain } = hv;
  return {
    freeFrames: state.free_frames,
    claims: state.outstanding_claims,
    slabs: Array.from({ length: state.partial_slabs.length }, (_, i) => state.partial_slabs.get(i)),
    frameTable: hash(words),
    domains: hv.domains.size,
    zombies: hv.zombies.size,
    hostPorts: hostDomain?.openPorts,
    hostMappings: hostDomain?.mappedGrants,
    hostEvents: hostDomain?.eventsPending,
    current: hv.current?.domain.id,
  };
}

/** FNV-1a of the frame table. Of heap frames the chunks in use count, not the order of the free ones. */
function hash(words: Uint32Array): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) {
    const isSlab = i % 4 === 3 && (words[i - 3]! & FRAME_XENHEAP) !== 0;
    value = Math.imul(value ^ (isSlab ? words[i]! >>> 16 : words[i]!), 0x0100_0193);
  }
  return value;
}

/** The first free frame that holds something, or that somebody knows a PFN of; -1 if all are clean. */
export function dirtyFrame(hv: Hypervisor): number {
  const { frames, memory } = hv;
  for (let mfn = 0; mfn < frames.count; mfn++) {
    if (!frames.isFree(mfn)) continue;
    if (memory.u64[frames.state.m2p / 8 + mfn] !== 0xffff_ffff_ffff_ffffn) return mfn;
    if (memory.u32.subarray(mfn * 1024, mfn * 1024 + 1024).some((word) => word !== 0)) return mfn;
  }
  return -1;
}
