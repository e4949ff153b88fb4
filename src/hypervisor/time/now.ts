import type { Hypervisor } from "../hypervisor.ts";

/** System time in nanoseconds. */
export function systemTime(hv: Hypervisor): bigint {
  return BigInt(Math.floor(hv.clock.now()));
}
