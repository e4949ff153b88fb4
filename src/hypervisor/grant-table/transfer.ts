/** GNTTABOP_transfer: the caller gives a frame away, to a domain whose grant entry accepts one from it. */
import {
  GNTST,
  type GrantStatus,
  GTF_accept_transfer,
  GTF_transfer_committed,
  GTF_transfer_completed,
  type gnttabTransfer,
  grantEntryV1,
  grantEntryV2,
} from "../../abi/grant_table.ts";
import { INVALID_M2P_ENTRY } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { listFrame, unlistFrame } from "../mm/domain-frames.ts";
import { FRAME_ALLOCATED, FRAME_XENHEAP } from "../mm/frame-table.ts";
import { setM2p } from "../mm/m2p.ts";
import { nrGrantEntries, sharedEntryAddress } from "./table.ts";

/** One element. The caller flushes the TLB after the last one: the frame had mappings once. */
export function transferOne(giver: Domain, op: ReturnType<typeof gnttabTransfer.at>): GrantStatus {
  const hv = giver.hypervisor;
  const { frames } = hv;
  const mfn = op.mfn < BigInt(frames.count) ? Number(op.mfn) : -1;
  if (!mayGive(giver, mfn)) return GNTST.bad_page;
  const taker = hv.domains.get(op.domid);
  if (taker === undefined || taker.isDying) return GNTST.bad_domain;
  if (taker.record.mm.tot_pages >= taker.record.mm.max_pages) return GNTST.general_error;
  const entry = commit(taker, op.ref, giver.id);
  if (entry === undefined) return GNTST.general_error;
  unlistFrame(giver, mfn);
  frames.setOwner(mfn, taker.id);
  listFrame(taker, mfn);
  hv.cpu.frameWritten(mfn);
  setM2p(hv, mfn, INVALID_M2P_ENTRY);
  if (taker.record.grant.version === 2) grantEntryV2.at(hv.memory, entry).full_page.frame = BigInt(mfn);
  else grantEntryV1.at(hv.memory, entry).frame = mfn;
  // The frame number is in place before the taker can see that it is.
  Atomics.or(hv.memory.u16, entry >>> 1, GTF_transfer_completed);
  return GNTST.okay;
}

/** The domain owns the frame, by allocation, and nothing refers to it any more. */
function mayGive(giver: Domain, mfn: number): boolean {
  const { frames } = giver.hypervisor;
  if (!frames.valid(mfn) || frames.owner(mfn) !== giver.id) return false;
  if (!frames.hasFlag(mfn, FRAME_ALLOCATED) || frames.hasFlag(mfn, FRAME_XENHEAP)) return false;
  return frames.refCount(mfn) === 1 && frames.typeCount(mfn) === 0;
}

/** Marks the taker's entry, which cannot be withdrawn from then on. Returns its address. */
function commit(taker: Domain, ref: number, giverId: number): number | undefined {
  if (ref >= nrGrantEntries(taker)) return undefined;
  const { i32 } = taker.hypervisor.memory;
  const entry = sharedEntryAddress(taker, ref);
  const accepting = GTF_accept_transfer | (giverId << 16);
  const committed = accepting | GTF_transfer_committed;
  return Atomics.compareExchange(i32, entry >>> 2, accepting, committed) === accepting ? entry : undefined;
}
