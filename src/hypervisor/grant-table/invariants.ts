/**
 * A check of the accounting of grants, for tests and `--check`: pins counted again from the mappings
 * there are, and what the frame-table check (mm/invariants.ts) needs to know of references from here.
 */

import { EVTCHN_FIFO_WORDS_PER_PAGE } from "../../abi/event_channel.ts";
import {
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GTF_reading,
  GTF_writing,
} from "../../abi/grant_table.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { evtchnFifoDomain } from "../event-channel/record.ts";
import type { Hypervisor } from "../hypervisor.ts";
import type { InvariantOptions, OutsideReference } from "../mm/invariants.ts";
import { forEachMapping } from "./maptrack.ts";
import { activeEntryOf, nrGrantEntries, statusAddress } from "./table.ts";

/** One use of a grant. */
interface Pin {
  readonly field: "host_readers" | "host_writers" | "device_readers" | "device_writers";
  readonly domid: number;
  readonly ref: number;
}

function pinsOf(hv: Hypervisor): Pin[] {
  const pins: Pin[] = [];
  for (const domain of hv.domains.values()) {
    forEachMapping(domain, (_handle, { flags, domid, ref }) => {
      const use = (flags & GNTMAP_readonly) !== 0 ? "readers" : "writers";
      if ((flags & GNTMAP_host_map) !== 0) pins.push({ field: `host_${use}`, domid, ref });
      if ((flags & GNTMAP_device_map) !== 0) pins.push({ field: `device_${use}`, domid, ref });
    });
  }
  for (const { domid, ref, readonly } of hv.hostDomain?.grantMappings() ?? []) {
    pins.push({ field: readonly ? "host_readers" : "host_writers", domid, ref });
  }
  return pins;
}

/** What is wrong, in words; empty if all is well. Between hypercalls only: copies pin for their own time. */
export function checkGrants(hv: Hypervisor): string[] {
  const problems: string[] = [];
  const pins = pinsOf(hv);
  for (const domain of hv.domains.values()) {
    const own = pins.filter((pin) => pin.domid === domain.id);
    for (let ref = 0; ref < nrGrantEntries(domain); ref++) {
      const active = activeEntryOf(domain, ref);
      for (const field of ["host_readers", "host_writers", "device_readers", "device_writers"] as const) {
        const expected = own.filter((pin) => pin.ref === ref && pin.field === field).length;
        if (active[field] !== expected) {
          problems.push(`grant ${ref} of domain ${domain.id}: ${field} is ${active[field]}, there are ${expected}`);
        }
      }
      const writers = active.host_writers + active.device_writers;
      const users = writers + active.host_readers + active.device_readers;
      const bits = hv.memory.u16[statusAddress(domain, ref) >>> 1] ?? 0;
      if (users > 0 && (bits & GTF_reading) === 0)
        problems.push(`grant ${ref} of domain ${domain.id} is read in secret`);
      if (writers > 0 && (bits & GTF_writing) === 0) {
        problems.push(`grant ${ref} of domain ${domain.id} is written to in secret`);
      }
    }
  }
  return problems;
}

/** References of frames that are held here, for `checkInvariants`. */
export function heldByGrantsAndEvents(hv: Hypervisor): InvariantOptions {
  const outside: OutsideReference[] = [];
  for (const domain of hv.domains.values()) {
    forEachMapping(domain, (_handle, { flags, mfn }) => {
      if ((flags & GNTMAP_device_map) !== 0) outside.push({ mfn, writable: (flags & GNTMAP_readonly) === 0 });
    });
    for (const mfn of eventFrames(domain)) outside.push({ mfn, writable: true });
  }
  for (const { mfn, readonly } of hv.hostDomain?.grantMappings() ?? []) outside.push({ mfn, writable: !readonly });
  return { outside, isGranted };
}

/** The domain holds a host mapping that gives this right. */
function isGranted(domain: Domain, mfn: number, writable: boolean): boolean {
  let granted = false;
  forEachMapping(domain, (_handle, entry) => {
    const enough = !writable || (entry.flags & GNTMAP_readonly) === 0;
    if (entry.mfn === mfn && (entry.flags & GNTMAP_host_map) !== 0 && enough) granted = true;
  });
  return granted;
}

/** Frames of a guest that events are written to. */
function eventFrames(domain: Domain): number[] {
  const held: number[] = [];
  if (domain.record.evtchn.pirq_eoi_map_mfn !== 0) held.push(domain.record.evtchn.pirq_eoi_map_mfn);
  for (const vcpu of domain.vcpus) {
    const { vcpu_info_mfn, control_block } = vcpu.record.evtchn;
    if (vcpu_info_mfn !== 0) held.push(vcpu_info_mfn);
    if (control_block !== 0) held.push(Math.floor(control_block / PAGE_SIZE));
  }
  const address = domain.record.evtchn.fifo;
  if (address !== 0) {
    const { num_evtchns, event_array } = evtchnFifoDomain.at(domain.hypervisor.memory, address);
    for (let slot = 0; slot < num_evtchns / EVTCHN_FIFO_WORDS_PER_PAGE; slot++) held.push(event_array.get(slot));
  }
  return held;
}
