/** GNTTABOP_map_grant_ref: a frame of another domain, put into the caller's page tables. */
import {
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GNTST,
  type GrantStatus,
  type gnttabMapGrantRef,
} from "../../abi/grant_table.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { createGrantMapping } from "../mm/grant-mapping.ts";
import type { Vcpu } from "../vcpu.ts";
import { getHandle, maptrackAt, putHandle } from "./maptrack.ts";
import { holdFrame, type PinKind, pin, releaseFrame, unpin } from "./pin.ts";
import { activeEntryOf } from "./table.ts";

type MapOp = ReturnType<typeof gnttabMapGrantRef.at>;

/** The kinds of mapping that the flags ask for. */
function kindsOf(flags: number): PinKind[] {
  const kinds: PinKind[] = [];
  if ((flags & GNTMAP_device_map) !== 0) kinds.push("device");
  if ((flags & GNTMAP_host_map) !== 0) kinds.push("host");
  return kinds;
}

/** One element: fills in status, and with GNTST.okay handle and bus address. */
export function mapOne(vcpu: Vcpu, op: MapOp): GrantStatus {
  const mapper = vcpu.domain;
  const kinds = kindsOf(op.flags);
  if (kinds.length === 0) return GNTST.bad_gntref;
  const granter = mapper.hypervisor.domains.get(op.dom);
  // The host grants nothing.
  if (op.dom === mapper.hypervisor.hostDomain?.id) return GNTST.bad_gntref;
  if (granter === undefined || granter.isDying) return GNTST.bad_domain;
  const handle = getHandle(mapper);
  if (handle === undefined) return GNTST.no_device_space;
  const readonly = (op.flags & GNTMAP_readonly) !== 0;
  const status = pin(granter, op.ref, { domid: mapper.id, readonly, mapping: true, kinds });
  if (status !== GNTST.okay) {
    putHandle(mapper, handle);
    return status;
  }
  const { mfn } = activeEntryOf(granter, op.ref);
  const result = mapFrame(vcpu, granter, mfn, op);
  if (result !== GNTST.okay) {
    for (const kind of kinds) unpin(granter, op.ref, kind, readonly);
    putHandle(mapper, handle);
    return result;
  }
  const entry = maptrackAt(mapper, handle);
  entry.ref = op.ref;
  entry.domid = op.dom;
  entry.mfn = mfn;
  entry.flags = op.flags & 0xffff;
  op.handle = handle;
  op.dev_bus_addr = BigInt(mfn * PAGE_SIZE);
  return GNTST.okay;
}

/**
 * Takes the references of the mappings, and writes the page-table entry. The entry owns the
 * references of a host mapping: whoever removes it drops them. Those of a device mapping are ours.
 */
function mapFrame(vcpu: Vcpu, granter: Domain, mfn: number, op: MapOp): GrantStatus {
  const readonly = (op.flags & GNTMAP_readonly) !== 0;
  const device = (op.flags & GNTMAP_device_map) !== 0;
  if (device && !holdFrame(granter, mfn, readonly)) return GNTST.general_error;
  if ((op.flags & GNTMAP_host_map) === 0) return GNTST.okay;
  let status: GrantStatus = GNTST.general_error;
  if (holdFrame(granter, mfn, readonly)) {
    status = createGrantMapping(vcpu, op.host_addr, mfn, op.flags);
    if (status === GNTST.okay) return status;
    releaseFrame(granter, mfn, readonly);
  }
  if (device) releaseFrame(granter, mfn, readonly);
  return status;
}
