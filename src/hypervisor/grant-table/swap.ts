/** GNTTABOP_swap_grant_ref: two entries change places, provided neither is in use. */
import { GNTST, type GrantStatus, grantEntryV1, grantEntryV2 } from "../../abi/grant_table.ts";
import type { Domain } from "../domain.ts";
import { activeEntryOf, isPinned, nrGrantEntries, sharedEntryAddress, statusAddress } from "./table.ts";

export function swapOne(domain: Domain, a: number, b: number): GrantStatus {
  const entries = nrGrantEntries(domain);
  if (a >= entries || b >= entries) return GNTST.bad_gntref;
  if (a === b) return GNTST.okay;
  if (isPinned(activeEntryOf(domain, a)) || isPinned(activeEntryOf(domain, b))) return GNTST.eagain;
  const v2 = domain.record.grant.version === 2;
  const size = v2 ? grantEntryV2.sizeof : grantEntryV1.sizeof;
  swapBytes(domain, sharedEntryAddress(domain, a), sharedEntryAddress(domain, b), size);
  if (v2) swapBytes(domain, statusAddress(domain, a), statusAddress(domain, b), 2);
  return GNTST.okay;
}

function swapBytes(domain: Domain, a: number, b: number, size: number): void {
  const { u8 } = domain.hypervisor.memory;
  const first = u8.slice(a, a + size);
  u8.copyWithin(a, b, b + size);
  u8.set(first, b);
}
