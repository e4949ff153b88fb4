/**
 * `reading` and `writing` of a grant entry: how the granter can see that its frame is in use.
 *
 * In version 1 they are bits of the entry that the guest writes, too, so they are set by an atomic
 * exchange of flags and domid together: the entry must still be valid at the moment they are set.
 * In version 2 they are in the status frames; they are set first, then the entry is looked at again.
 */
import {
  GNTST,
  type GrantStatus,
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
} from "../../abi/grant_table.ts";
import type { MachineMemory } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { sharedEntryAddress, statusAddress } from "./table.ts";

export interface Claim {
  /** Who wants the frame. */
  readonly domid: number;
  readonly readonly: boolean;
  /** Wants to map it: a sub-page or transitive grant will not do. */
  readonly mapping: boolean;
  /** The entry is in use already: what it says now does not count, but for `readonly`. */
  readonly pinned: boolean;
}

/** An honest guest changes its entry at most a few times while we look. */
const ATTEMPTS = 5;

/** Sets `reading`, and `writing` unless read-only, provided the entry grants that. */
export function setStatus(granter: Domain, ref: number, claim: Claim): GrantStatus {
  const { memory } = granter.hypervisor;
  const entry = sharedEntryAddress(granter, ref);
  return granter.record.grant.version === 2
    ? setStatusV2(memory, entry, statusAddress(granter, ref), claim)
    : setStatusV1(memory, entry, claim);
}

function setStatusV1(memory: MachineMemory, entry: number, claim: Claim): GrantStatus {
  const { i32 } = memory;
  const mask = GTF_type_mask | (claim.mapping ? GTF_sub_page : 0);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const old = Atomics.load(i32, entry >>> 2);
    if (!claim.pinned && ((old & mask) !== GTF_permit_access || old >>> 16 !== claim.domid)) return GNTST.general_error;
    if (!claim.readonly && (old & GTF_readonly) !== 0) return GNTST.general_error;
    const next = old | GTF_reading | (claim.readonly ? 0 : GTF_writing);
    if (Atomics.compareExchange(i32, entry >>> 2, old, next) === old) return GNTST.okay;
  }
  return GNTST.general_error;
}

function setStatusV2(memory: MachineMemory, entry: number, status: number, claim: Claim): GrantStatus {
  const { i32, u16 } = memory;
  const grants = (): boolean => {
    const word = Atomics.load(i32, entry >>> 2);
    if (!claim.readonly && (word & GTF_readonly) !== 0) return false;
    if (claim.pinned) return true;
    const type = word & (GTF_type_mask | (claim.mapping ? GTF_sub_page : 0));
    const granted = type === GTF_permit_access || (!claim.mapping && type === GTF_transitive);
    return granted && word >>> 16 === claim.domid;
  };
  if (!grants()) return GNTST.general_error;
  const bits = GTF_reading | (claim.readonly ? 0 : GTF_writing);
  const before = Atomics.or(u16, status >>> 1, bits);
  if (grants()) return GNTST.okay;
  // Withdrawn meanwhile: leave what others hold.
  Atomics.and(u16, status >>> 1, ~(bits & ~before) & 0xffff);
  return GNTST.general_error;
}

/** Clears `reading` or `writing` when the last user of that kind has gone. */
export function clearStatus(granter: Domain, ref: number, bits: number): void {
  Atomics.and(granter.hypervisor.memory.u16, statusAddress(granter, ref) >>> 1, ~bits & 0xffff);
}
