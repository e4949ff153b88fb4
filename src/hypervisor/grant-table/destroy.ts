/** Grants of a domain that ends: what it mapped, and what it granted. */
import { GNTMAP_device_map, GNTMAP_host_map, GNTMAP_readonly } from "../../abi/grant_table.ts";
import { DOMID_INVALID } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { freeSharedFrame } from "../mm/domain-frames.ts";
import { forEachMapping, freeMaptrack, putHandle } from "./maptrack.ts";
import { releaseFrame, unpin } from "./pin.ts";
import { forEachPinned, freeGrantTables, sharedFrame, statusFrame } from "./table.ts";

/**
 * Ends what a domain has mapped. Entries in its page tables drop their own references when those
 * are taken apart, before or after this.
 */
export function releaseMappings(domain: Domain): void {
  forEachMapping(domain, (handle, entry) => {
    const { flags, domid, ref, mfn } = entry;
    const readonly = (flags & GNTMAP_readonly) !== 0;
    const granter = domain.hypervisor.domains.get(domid);
    if ((flags & GNTMAP_device_map) !== 0) {
      releaseFrame(domain, mfn, readonly);
      if (granter !== undefined) unpin(granter, ref, "device", readonly);
    }
    if ((flags & GNTMAP_host_map) !== 0 && granter !== undefined) unpin(granter, ref, "host", readonly);
    putHandle(domain, handle);
  });
}

/**
 * Gives back a domain's grant table, after its page tables are gone and its registered frames
 * (destroyEventChannels) released. Mappings that others have of its frames stay valid until they unmap them.
 */
export function destroyGrantTable(domain: Domain): void {
  const hv = domain.hypervisor;
  const record = domain.record.grant;
  if (record.shared === 0) return;
  releaseMappings(domain);
  hv.hostDomain?.domainDestroyed(domain.id);
  // Whoever has mapped something of it keeps the frame, and a handle that leads to nobody.
  const grantees = new Set<number>();
  forEachPinned(domain, (_ref, active) => grantees.add(active.domid));
  for (const domid of grantees) {
    const grantee = hv.domains.get(domid);
    if (grantee === undefined || grantee === domain) continue;
    forEachMapping(grantee, (_handle, entry) => {
      if (entry.domid === domain.id) entry.domid = DOMID_INVALID;
    });
  }
  for (let i = 0; i < record.nr_status_frames; i++) freeSharedFrame(domain, statusFrame(domain, i));
  record.nr_status_frames = 0;
  for (let i = 0; i < record.nr_frames; i++) freeSharedFrame(domain, sharedFrame(domain, i));
  freeMaptrack(domain);
  freeGrantTables(domain);
}
