/** The machine-to-physical table: for each machine frame the PFN that its owner knows it by. */
import type { Hypervisor } from "../hypervisor.ts";

/** Notes that its owner knows `mfn` as `pfn`. Entries have 8 bytes; a number fills the lower 4. */
export function setM2p(hv: Hypervisor, mfn: number, pfn: bigint | number): void {
  const entry = hv.frames.state.m2p / 8 + mfn;
  if (typeof pfn === "bigint") {
    hv.memory.u64[entry] = pfn;
  } else {
    hv.memory.u32[entry * 2] = pfn;
    hv.memory.u32[entry * 2 + 1] = 0;
  }
}

/** PFN of `mfn`, or INVALID_M2P_ENTRY. */
export function getM2p(hv: Hypervisor, mfn: number): bigint {
  return hv.memory.u64[hv.frames.state.m2p / 8 + mfn] ?? 0n;
}
