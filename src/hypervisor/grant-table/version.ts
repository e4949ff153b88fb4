/**
 * GNTTABOP_set_version: from one layout of entries to the other. All entries are lost but the
 * first eight, which the toolstack filled in and whose users (console, xenstore) must not notice.
 */
import { EBUSY, EINVAL, ERANGE } from "../../abi/errno.ts";
import {
  GNTTAB_NR_RESERVED_ENTRIES,
  GTF_permit_access,
  GTF_reading,
  GTF_sub_page,
  GTF_type_mask,
  GTF_writing,
  gnttabSetVersion,
  grantEntryV1,
  grantEntryV2,
} from "../../abi/grant_table.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import { guestStruct, putGuestStruct } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";
import {
  activeEntryOf,
  addStatusFrames,
  isPinned,
  nrGrantEntries,
  removeStatusFrames,
  sharedEntryAddress,
  sharedFrame,
  statusAddress,
} from "./table.ts";

const IN_USE = GTF_reading | GTF_writing;

/** A reserved entry, in no version's layout. */
interface Reserved {
  readonly flags: number;
  readonly domid: number;
  readonly frame: bigint;
}

export function setVersion(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, gnttabSetVersion, argument);
  const record = vcpu.domain.record.grant;
  const wanted = op.version;
  let failed: unknown;
  try {
    if (wanted !== 1 && wanted !== 2) throw new HypercallError(EINVAL);
    if (wanted !== record.version) changeVersion(vcpu.domain, wanted);
  } catch (error) {
    failed = error;
  }
  // The guest learns which version it has, also from a failure.
  op.version = record.version;
  putGuestStruct(vcpu, gnttabSetVersion, argument, op);
  if (failed !== undefined) throw failed;
}

function changeVersion(domain: Domain, version: 1 | 2): void {
  const record = domain.record.grant;
  const entries = nrGrantEntries(domain);
  for (let ref = GNTTAB_NR_RESERVED_ENTRIES; ref < entries; ref++) {
    if (isPinned(activeEntryOf(domain, ref))) throw new HypercallError(EBUSY);
  }
  const reserved = readReserved(domain);
  if (version === 2) {
    record.version = 2;
    try {
      addStatusFrames(domain);
    } catch (error) {
      record.version = 1;
      removeStatusFrames(domain);
      throw error;
    }
  } else {
    if (!removeStatusFrames(domain)) throw new HypercallError(EBUSY);
    record.version = 1;
  }
  const { memory, cpu } = domain.hypervisor;
  for (let i = 0; i < record.nr_frames; i++) {
    memory.frame(sharedFrame(domain, i)).fill(0);
    cpu.frameWritten(sharedFrame(domain, i));
  }
  for (const [ref, entry] of reserved.entries()) writeReserved(domain, ref, entry);
}

function readReserved(domain: Domain): Reserved[] {
  const { memory } = domain.hypervisor;
  const v2 = domain.record.grant.version === 2;
  const reserved: Reserved[] = [];
  for (let ref = 0; ref < Math.min(GNTTAB_NR_RESERVED_ENTRIES, nrGrantEntries(domain)); ref++) {
    const address = sharedEntryAddress(domain, ref);
    if (!v2) {
      const { flags, domid, frame } = grantEntryV1.at(memory, address);
      reserved.push({ flags, domid, frame: BigInt(frame) });
      continue;
    }
    const { hdr, full_page } = grantEntryV2.at(memory, address);
    const type = hdr.flags & GTF_type_mask;
    const plain = type === GTF_permit_access && (hdr.flags & GTF_sub_page) === 0 && full_page.frame <= 0xffff_ffffn;
    // Version 1 cannot say what such an entry says.
    if (type !== 0 && !plain) throw new HypercallError(ERANGE);
    const inUse = memory.u16[statusAddress(domain, ref) >>> 1] ?? 0;
    reserved.push({ flags: hdr.flags | (inUse & IN_USE), domid: hdr.domid, frame: full_page.frame });
  }
  return reserved;
}

function writeReserved(domain: Domain, ref: number, { flags, domid, frame }: Reserved): void {
  const { memory } = domain.hypervisor;
  const address = sharedEntryAddress(domain, ref);
  if (domain.record.grant.version === 1) {
    const entry = grantEntryV1.at(memory, address);
    entry.flags = flags;
    entry.domid = domid;
    entry.frame = Number(frame);
    return;
  }
  const entry = grantEntryV2.at(memory, address);
  entry.hdr.flags = flags & ~IN_USE;
  entry.hdr.domid = domid;
  entry.full_page.frame = frame;
  memory.u16[statusAddress(domain, ref) >>> 1] = flags & IN_USE;
}
