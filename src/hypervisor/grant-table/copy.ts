/**
 * GNTTABOP_copy: bytes from one frame to another, each named by a grant or, if it is the caller's
 * own, by its MFN. Each frame is pinned while it is copied, so that an entry that changes under
 * our hands changes nothing.
 */
import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTST,
  type GrantStatus,
  type gnttabCopy,
} from "../../abi/grant_table.ts";
import { DOMID_SELF } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { holdFrame, pin, releaseFrame, transitiveTarget, unpin } from "./pin.ts";
import { activeEntryOf, isPinned, nrGrantEntries } from "./table.ts";

/** A frame that may be read, or written, until it is released. */
export interface ClaimedFrame {
  readonly mfn: number;
  /** The part of the frame that was granted. */
  readonly start: number;
  readonly length: number;
  release(): void;
}

const COPY_KINDS = ["host"] as const;

/**
 * Claims the frame behind a grant for a copy.
 * @param follow a transitive grant may lead to another domain's grant, once
 */
export function claimGrant(
  hv: Hypervisor,
  granterId: number,
  ref: number,
  grantee: number,
  readonly: boolean,
  follow = true,
): ClaimedFrame | GrantStatus {
  const granter = hv.domains.get(granterId);
  if (granter === undefined) return granterId === hv.hostDomain?.id ? GNTST.bad_gntref : GNTST.bad_domain;
  if (ref >= nrGrantEntries(granter)) return GNTST.bad_gntref;
  const target = transitiveTarget(granter, ref);
  if (target !== undefined)
    return follow ? claimTransitive(hv, granter, ref, target, grantee, readonly) : GNTST.general_error;
  const use = { domid: grantee, readonly, mapping: false, kinds: COPY_KINDS };
  const status = pin(granter, ref, use);
  if (status !== GNTST.okay) return status;
  const { mfn, start, length } = activeEntryOf(granter, ref);
  if (!holdFrame(granter, mfn, readonly)) {
    unpin(granter, ref, "host", readonly);
    return GNTST.general_error;
  }
  return {
    mfn,
    start,
    length,
    release() {
      releaseFrame(granter, mfn, readonly);
      unpin(granter, ref, "host", readonly);
    },
  };
}

/** The granter passes on what a third domain granted to it. */
function claimTransitive(
  hv: Hypervisor,
  granter: Domain,
  ref: number,
  target: { domid: number; ref: number },
  grantee: number,
  readonly: boolean,
): ClaimedFrame | GrantStatus {
  if (target.domid === granter.id) return GNTST.general_error;
  const claimed = claimGrant(hv, target.domid, target.ref, granter.id, readonly, false);
  if (typeof claimed === "number") return claimed === GNTST.bad_domain ? GNTST.general_error : claimed;
  // In use already: as what it was then, not as what it leads to now (XSA-226).
  const active = activeEntryOf(granter, ref);
  if (isPinned(active) && active.mfn !== claimed.mfn) {
    claimed.release();
    return GNTST.eagain;
  }
  // The middle entry is pinned for the grantee's domid; which frame it names is the target's affair.
  const status = pin(granter, ref, { domid: grantee, readonly, mapping: false, kinds: COPY_KINDS, frame: claimed });
  if (status !== GNTST.okay) {
    claimed.release();
    return status;
  }
  return {
    ...claimed,
    release() {
      unpin(granter, ref, "host", readonly);
      claimed.release();
    },
  };
}

/** Claims a frame of the caller by its MFN. */
function claimOwn(domain: Domain, gmfn: bigint, readonly: boolean): ClaimedFrame | GrantStatus {
  const { frames } = domain.hypervisor;
  const mfn = gmfn < BigInt(frames.count) ? Number(gmfn) : -1;
  if (!frames.valid(mfn) || frames.owner(mfn) !== domain.id) return GNTST.bad_page;
  if (!holdFrame(domain, mfn, readonly)) return GNTST.general_error;
  return { mfn, start: 0, length: PAGE_SIZE, release: () => releaseFrame(domain, mfn, readonly) };
}

type CopyOp = ReturnType<typeof gnttabCopy.at>;

function claimBuffer(
  caller: Domain,
  pointer: CopyOp["source"],
  byReference: boolean,
  readonly: boolean,
): ClaimedFrame | GrantStatus {
  const { domid } = pointer;
  if (!byReference && domid !== DOMID_SELF) return GNTST.permission_denied;
  const granter = domid === DOMID_SELF ? caller.id : domid;
  if (byReference) return claimGrant(caller.hypervisor, granter, pointer.u.ref, caller.id, readonly);
  return claimOwn(caller, pointer.u.gmfn, readonly);
}

/** One element of GNTTABOP_copy. */
export function copyOne(caller: Domain, op: CopyOp): GrantStatus {
  const { memory, cpu } = caller.hypervisor;
  const { len, flags } = op;
  const from = op.source.offset;
  const to = op.dest.offset;
  const source = claimBuffer(caller, op.source, (flags & GNTCOPY_source_gref) !== 0, true);
  if (typeof source === "number") return source;
  const dest = claimBuffer(caller, op.dest, (flags & GNTCOPY_dest_gref) !== 0, false);
  if (typeof dest === "number") {
    source.release();
    return dest;
  }
  const status = checkRange(source, from, len) || checkRange(dest, to, len);
  if (status === GNTST.okay) {
    const at = source.mfn * PAGE_SIZE + from;
    memory.u8.copyWithin(dest.mfn * PAGE_SIZE + to, at, at + len);
    cpu.frameWritten(dest.mfn);
  }
  dest.release();
  source.release();
  return status;
}

/** The bytes are in one frame, and in the part of it that was granted. */
export function checkRange(frame: ClaimedFrame, offset: number, length: number): GrantStatus {
  if (offset + length > PAGE_SIZE) return GNTST.bad_copy_arg;
  const granted = offset >= frame.start && offset + length <= frame.start + frame.length;
  return granted ? GNTST.okay : GNTST.general_error;
}
