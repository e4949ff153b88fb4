/** GNTTABOP_unmap_grant_ref and unmap_and_replace. */
import { GNTMAP_device_map, GNTMAP_host_map, GNTMAP_readonly, GNTST, type GrantStatus } from "../../abi/grant_table.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import { removeGrantMapping, replaceGrantMapping } from "../mm/grant-mapping.ts";
import type { Vcpu } from "../vcpu.ts";
import { type MaptrackEntry, maptrackAt, maptrackLimit, putHandle } from "./maptrack.ts";
import { type PinKind, releaseFrame, unpin } from "./pin.ts";

/** What to unmap. A host or device mapping whose address is 0 stays. */
export interface Unmap {
  readonly handle: number;
  readonly host_addr: bigint;
  readonly dev_bus_addr: bigint;
  /** unmap_and_replace: the mapping to be moved to host_addr. */
  readonly new_addr?: bigint;
}

/** One element. The caller flushes the TLB once when it has done them all. */
export function unmapOne(vcpu: Vcpu, op: Unmap): GrantStatus {
  const mapper = vcpu.domain;
  if (op.handle >= maptrackLimit(mapper)) return GNTST.bad_handle;
  const entry = maptrackAt(mapper, op.handle);
  const { flags, mfn } = entry;
  if (flags === 0) return GNTST.bad_handle;
  const host = op.host_addr !== 0n && (flags & GNTMAP_host_map) !== 0;
  const device = op.dev_bus_addr !== 0n && (flags & GNTMAP_device_map) !== 0;
  if (device && op.dev_bus_addr !== BigInt(mfn * PAGE_SIZE)) return GNTST.general_error;
  if (host) {
    const status =
      op.new_addr === undefined
        ? removeGrantMapping(vcpu, op.host_addr, mfn, flags)
        : replaceGrantMapping(vcpu, op.host_addr, mfn, op.new_addr, flags);
    if (status !== GNTST.okay) return status;
    finish(vcpu, entry, "host");
    entry.flags &= ~GNTMAP_host_map;
  }
  if (device) {
    finish(vcpu, entry, "device");
    entry.flags &= ~GNTMAP_device_map;
  }
  if ((entry.flags & (GNTMAP_host_map | GNTMAP_device_map)) === 0) putHandle(mapper, op.handle);
  return GNTST.okay;
}

/** Drops the references and the pin of one mapping. */
function finish(vcpu: Vcpu, entry: MaptrackEntry, kind: PinKind): void {
  const readonly = (entry.flags & GNTMAP_readonly) !== 0;
  releaseFrame(vcpu.domain, entry.mfn, readonly);
  // Absent: the granter has gone, and its table with it.
  const granter = vcpu.domain.hypervisor.domains.get(entry.domid);
  if (granter !== undefined) unpin(granter, entry.ref, kind, readonly);
}
