/** Pins: who uses a granted frame, and how. The active entry counts; the frame itself is held by references. */
import {
  GNTST,
  type GrantStatus,
  GTF_reading,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
  grantEntryV1,
  grantEntryV2,
} from "../../abi/grant_table.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { PageType } from "../mm/frame-table.ts";
import { getPage, getPageType, putPage, putPageType } from "../mm/page-type.ts";
import { clearStatus, setStatus } from "./status.ts";
import { activeEntryOf, isPinned, makeActiveEntry, nrGrantEntries, sharedEntryAddress } from "./table.ts";

/** Far more than there can be mappings of one entry. */
const PIN_LIMIT = 0x00ff_ffff;

export type PinKind = "host" | "device";

function pinField(
  kind: PinKind,
  readonly: boolean,
): "host_readers" | "host_writers" | "device_readers" | "device_writers" {
  if (kind === "host") return readonly ? "host_readers" : "host_writers";
  return readonly ? "device_readers" : "device_writers";
}

/** The frame, and the part of it, that an entry is for. */
export interface Granted {
  readonly mfn: number;
  readonly start: number;
  readonly length: number;
}

function readEntry(granter: Domain, ref: number): Granted {
  const { memory } = granter.hypervisor;
  const address = sharedEntryAddress(granter, ref);
  if (granter.record.grant.version !== 2) {
    return { mfn: grantEntryV1.at(memory, address).frame, start: 0, length: PAGE_SIZE };
  }
  const entry = grantEntryV2.at(memory, address);
  const { frame } = entry.full_page;
  const mfn = frame < BigInt(memory.frames) ? Number(frame) : memory.frames;
  if ((entry.hdr.flags & GTF_sub_page) === 0) return { mfn, start: 0, length: PAGE_SIZE };
  return { mfn, start: entry.sub_page.page_off, length: entry.sub_page.length };
}

/** A transitive entry of version 2: the frame is granted to the granter by somebody else. */
export function transitiveTarget(granter: Domain, ref: number): { domid: number; ref: number } | undefined {
  if (granter.record.grant.version !== 2) return undefined;
  const { hdr, transitive } = grantEntryV2.at(granter.hypervisor.memory, sharedEntryAddress(granter, ref));
  if ((hdr.flags & GTF_type_mask) !== GTF_transitive) return undefined;
  return { domid: transitive.trans_domid, ref: transitive.gref };
}

/** What to do with a granted frame. */
export interface Use {
  /** The grantee. */
  readonly domid: number;
  readonly readonly: boolean;
  readonly mapping: boolean;
  /** "host" and "device" are counted apart; a mapping may be both at once. */
  readonly kinds: readonly PinKind[];
  /** For a transitive entry, which names no frame itself: the one it leads to. */
  readonly frame?: Granted;
}

/** Pins entry `ref` of `granter`. With GNTST.okay the active entry says which frame it is; no reference is taken on it. */
export function pin(granter: Domain, ref: number, use: Use): GrantStatus {
  if (ref >= nrGrantEntries(granter)) return GNTST.bad_gntref;
  if (!makeActiveEntry(granter, ref)) return GNTST.general_error;
  const active = activeEntryOf(granter, ref);
  const pinned = isPinned(active);
  // A second grantee, or one who maps what can only be copied, cannot share the entry with the first.
  if (pinned && (active.domid !== use.domid || (use.mapping && active.is_sub_page !== 0))) return GNTST.general_error;
  for (const kind of use.kinds) {
    if (active[pinField(kind, use.readonly)] >= PIN_LIMIT) return GNTST.general_error;
  }
  const written = active.host_writers !== 0 || active.device_writers !== 0;
  if (!pinned || (!use.readonly && !written)) {
    const status = setStatus(granter, ref, { ...use, pinned });
    if (status !== GNTST.okay) return status;
    if (!pinned) {
      const granted = use.frame ?? readEntry(granter, ref);
      if (use.frame === undefined && !ownsFrame(granter, granted.mfn)) {
        clearStatus(granter, ref, GTF_reading | GTF_writing);
        return GNTST.bad_page;
      }
      active.mfn = granted.mfn;
      active.domid = use.domid;
      active.start = granted.start;
      active.length = granted.length;
      active.is_sub_page = use.frame === undefined && granted.start === 0 && granted.length === PAGE_SIZE ? 0 : 1;
    }
  }
  for (const kind of use.kinds) active[pinField(kind, use.readonly)]++;
  return GNTST.okay;
}

function ownsFrame(granter: Domain, mfn: number): boolean {
  const { frames } = granter.hypervisor;
  return frames.valid(mfn) && frames.refCount(mfn) > 0 && frames.owner(mfn) === granter.id;
}

/** Undoes one pin of `kind`; the granter sees its entry become free with the last one. */
export function unpin(granter: Domain, ref: number, kind: PinKind, readonly: boolean): void {
  const active = activeEntryOf(granter, ref);
  const field = pinField(kind, readonly);
  if (active[field] === 0) throw new Error(`grant ${ref} of domain ${granter.id} is not pinned`);
  active[field]--;
  if (!readonly && active.host_writers === 0 && active.device_writers === 0) clearStatus(granter, ref, GTF_writing);
  if (!isPinned(active)) clearStatus(granter, ref, GTF_reading);
}

/** References that a mapping of a frame of `granter` holds: one to keep it, one to keep it writable. */
export function holdFrame(granter: Domain, mfn: number, readonly: boolean): boolean {
  if (!getPage(granter, mfn)) return false;
  if (readonly || getPageType(granter, mfn, PageType.Writable) === 0) return true;
  putPage(granter.hypervisor, mfn);
  return false;
}

export function releaseFrame(granter: Domain, mfn: number, readonly: boolean): void {
  if (!readonly) putPageType(granter, mfn);
  putPage(granter.hypervisor, mfn);
}
