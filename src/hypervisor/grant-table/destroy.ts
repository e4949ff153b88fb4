/** Grants of a domain that ends: what it mapped, and what it granted. */
import { GNTMAP_device_map, GNTMAP_host_map, GNTMAP_readonly } from "../../abi/grant_table.ts";
import { DOMID_INVALID } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { unshareWithGuest } from "../mm/domain-frames.ts";
import { forEachMapping, putHandle } from "./maptrack.ts";
import { releaseFrame, unpin } from "./pin.ts";
import { removeStatusFrames, sharedFrame, tableGet } from "./table.ts";

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
  for (const other of hv.domains.values()) {
    if (other === domain || other.record.grant.shared === 0) continue;
    forEachMapping(other, (_handle, entry) => {
      if (entry.domid === domain.id) entry.domid = DOMID_INVALID;
    });
  }
  if (!removeStatusFrames(domain)) throw new Error(`domain ${domain.id} ends with its status frames mapped`);
  for (let i = 0; i < record.nr_frames; i++) {
    const mfn = sharedFrame(domain, i);
    if (!unshareWithGuest(hv, mfn)) throw new Error(`domain ${domain.id} ends with its grant table mapped`);
    hv.heap.freeFrames(mfn, 1);
  }
  freeTable(domain, record.active, record.nr_active_frames);
  freeTable(domain, record.maptrack, record.nr_maptrack_frames);
  hv.heap.freeFrames(record.shared / PAGE_SIZE, 1);
  hv.heap.freeFrames(record.status / PAGE_SIZE, 1);
  record.shared = record.status = record.active = record.maptrack = 0;
  record.nr_frames = record.nr_active_frames = record.nr_maptrack_frames = 0;
}

/** Frees a table of frame addresses, and the frames. */
function freeTable(domain: Domain, table: number, frames: number): void {
  const { heap } = domain.hypervisor;
  for (let i = 0; i < frames; i++) heap.freeFrames(tableGet(domain, table, i) / PAGE_SIZE, 1);
  heap.freeFrames(table / PAGE_SIZE, 1);
}
