/** Grants in tests: filling in entries, and making grant hypercalls. */
import * as abi from "../../src/abi/grant_table.ts";
import { grantTableOp } from "../../src/hypervisor/grant-table/op.ts";
import { sharedEntryAddress, statusAddress } from "../../src/hypervisor/grant-table/table.ts";
import type { TestGuest } from "../event-channel/machine.ts";

export const OP = abi.GNTTABOP;
export const ST = abi.GNTST;
export const { GTF_permit_access: PERMIT, GTF_readonly: RO, GTF_reading: READING, GTF_writing: WRITING } = abi;
export const { GNTMAP_host_map: HOST, GNTMAP_device_map: DEVICE, GNTMAP_readonly: MAP_RO } = abi;

/** Fills in a version 1 entry for a data page (or any frame) of `guest`. */
export function grant(guest: TestGuest, ref: number, to: number, page: number, flags = PERMIT): void {
  grantFrame(guest, ref, to, guest.data[page]!, flags);
}

export function grantFrame(guest: TestGuest, ref: number, to: number, mfn: number, flags = PERMIT): void {
  const entry = abi.grantEntryV1.at(guest.machine.hv.memory, sharedEntryAddress(guest.domain, ref));
  entry.domid = to;
  entry.frame = mfn;
  entry.flags = flags;
}

/** Flags of an entry as the granter sees them. */
export function flagsOf(guest: TestGuest, ref: number): number {
  return guest.machine.hv.memory.u16[sharedEntryAddress(guest.domain, ref) >>> 1]!;
}

/** `reading` and `writing`, wherever the version keeps them. */
export function inUse(guest: TestGuest, ref: number): number {
  return guest.machine.hv.memory.u16[statusAddress(guest.domain, ref) >>> 1]! & (READING | WRITING);
}

export interface Mapped {
  readonly result: number;
  readonly status: number;
  readonly handle: number;
  readonly bus: bigint;
}

export function map(guest: TestGuest, dom: number, ref: number, hostAddr: bigint, flags: number): Mapped {
  const op = guest.argument(abi.gnttabMapGrantRef, (v) => {
    v.host_addr = hostAddr;
    v.flags = flags;
    v.ref = ref;
    v.dom = dom;
  });
  const result = guest.call(grantTableOp, [OP.map_grant_ref, undefined, 1]);
  return { result, status: op.status, handle: op.handle, bus: op.dev_bus_addr };
}

export function unmap(guest: TestGuest, handle: number, hostAddr: bigint, bus = 0n): number {
  const op = guest.argument(abi.gnttabUnmapGrantRef, (v) => {
    v.host_addr = hostAddr;
    v.dev_bus_addr = bus;
    v.handle = handle;
  });
  const result = guest.call(grantTableOp, [OP.unmap_grant_ref, undefined, 1]);
  return result < 0 ? result : op.status;
}

/** One side of a copy: a grant of another domain, or a page of the caller. */
export type Side = { dom: number; ref: number; offset?: number } | { mfn: number; offset?: number; dom?: number };

export function copy(guest: TestGuest, source: Side, dest: Side, len: number): number {
  let flags = 0;
  const op = guest.argument(abi.gnttabCopy, (v) => {
    for (const [side, pointer, flag] of [
      [source, v.source, abi.GNTCOPY_source_gref],
      [dest, v.dest, abi.GNTCOPY_dest_gref],
    ] as const) {
      pointer.offset = side.offset ?? 0;
      pointer.domid = side.dom ?? 0x7ff0;
      if ("ref" in side) {
        pointer.u.ref = side.ref;
        flags |= flag;
      } else pointer.u.gmfn = BigInt(side.mfn);
    }
    v.len = len;
    v.flags = flags;
  });
  const result = guest.call(grantTableOp, [OP.copy, undefined, 1]);
  return result < 0 ? result : op.status;
}

/** What the frame table knows of a frame: references and type references. */
export function counts(guest: TestGuest, mfn: number): { references: number; types: number } {
  const { frames } = guest.machine.hv;
  return { references: frames.refCount(mfn), types: frames.typeCount(mfn) };
}

export function setVersion(guest: TestGuest, version: number): { result: number; version: number } {
  const op = guest.argument(abi.gnttabSetVersion, (v) => {
    v.version = version;
  });
  const result = guest.call(grantTableOp, [OP.set_version, undefined, 1]);
  return { result, version: op.version };
}
