/** The machine-to-physical table: for each machine frame the PFN that its owner knows it by. */
import type { Hypervisor } from "../hypervisor.ts";

/** Notes that its owner knows `mfn` as `pfn`. */
export function setM2p(hv: Hypervisor, mfn: number, pfn: bigint | number): void {
  hv.memory.u64[hv.frames.state.m2p / 8 + mfn] = BigInt(pfn);
}

/** PFN of `mfn`, or INVALID_M2P_ENTRY. */
export function getM2p(hv: Hypervisor, mfn: number): bigint {
  return hv.memory.u64[hv.frames.state.m2p / 8 + mfn] ?? 0n;
}
