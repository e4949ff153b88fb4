/** GNTTABOP_setup_table, query_size, get_status_frames, get_version: where a table is and how large. */
import { EFAULT, EINVAL, EPERM, ESRCH } from "../../abi/errno.ts";
import {
  GNTST,
  type GrantStatus,
  gnttabGetStatusFrames,
  gnttabGetVersion,
  gnttabQuerySize,
  gnttabSetupTable,
} from "../../abi/grant_table.ts";
import { DOMID_SELF } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import { copyToGuest, guestArrayAddress, guestStruct, putGuestLong, putGuestStruct } from "../mm/guest-access.ts";
import { OutOfHeap } from "../mm/heap.ts";
import type { Vcpu } from "../vcpu.ts";
import { growGrantTable, sharedFrame, statusFrame } from "./table.ts";

/** The domain whose table is meant: the caller's own, or any for a privileged one. */
function tableDomain(caller: Domain, domid: number): Domain | GrantStatus {
  const domain = domid === DOMID_SELF ? caller : caller.hypervisor.domains.get(domid);
  if (domain === undefined) {
    return domid === caller.hypervisor.hostDomain?.id ? GNTST.permission_denied : GNTST.bad_domain;
  }
  return domain === caller || caller.privileged ? domain : GNTST.permission_denied;
}

function onlyOne(count: number): void {
  if (count !== 1) throw new HypercallError(EINVAL);
}

/** A list that the guest cannot take is not an error of the hypercall, but of this element. */
function tryWrite(write: () => void): GrantStatus {
  try {
    write();
    return GNTST.okay;
  } catch (error) {
    if (error instanceof HypercallError && error.errno === EFAULT) return GNTST.bad_virt_addr;
    throw error;
  }
}

export function setupTable(vcpu: Vcpu, argument: bigint, count: number): void {
  onlyOne(count);
  const op = guestStruct(vcpu, gnttabSetupTable, argument);
  op.status = setupOne(vcpu, op.dom, op.nr_frames, op.frame_list);
  putGuestStruct(vcpu, gnttabSetupTable, argument, op);
}

function setupOne(vcpu: Vcpu, domid: number, frames: number, list: bigint): GrantStatus {
  const domain = tableDomain(vcpu.domain, domid);
  if (typeof domain === "number") return domain;
  if (frames > domain.record.grant.max_frames) return GNTST.general_error;
  try {
    growGrantTable(domain, frames);
  } catch (error) {
    if (error instanceof OutOfHeap) return GNTST.general_error;
    throw error;
  }
  const size = vcpu.domain.width / 8;
  return tryWrite(() => {
    for (let i = 0; i < frames; i++) {
      putGuestLong(vcpu, guestArrayAddress(list, i, size), BigInt(sharedFrame(domain, i)));
    }
  });
}

export function getStatusFrames(vcpu: Vcpu, argument: bigint, count: number): void {
  onlyOne(count);
  const op = guestStruct(vcpu, gnttabGetStatusFrames, argument);
  op.status = statusFramesOne(vcpu, op.dom, op.nr_frames, op.frame_list);
  putGuestStruct(vcpu, gnttabGetStatusFrames, argument, op);
}

/** The list is of u64, for guests of any width. */
function statusFramesOne(vcpu: Vcpu, domid: number, frames: number, list: bigint): GrantStatus {
  const domain = tableDomain(vcpu.domain, domid);
  if (typeof domain === "number") return domain;
  if (frames > domain.record.grant.nr_status_frames) return GNTST.general_error;
  const list64 = new BigUint64Array(frames);
  for (let i = 0; i < frames; i++) list64[i] = BigInt(statusFrame(domain, i));
  return tryWrite(() => copyToGuest(vcpu, list, new Uint8Array(list64.buffer)));
}

export function querySize(vcpu: Vcpu, argument: bigint, count: number): void {
  onlyOne(count);
  const op = guestStruct(vcpu, gnttabQuerySize, argument);
  const domain = tableDomain(vcpu.domain, op.dom);
  if (typeof domain === "number") op.status = domain;
  else {
    op.nr_frames = domain.record.grant.nr_frames;
    op.max_nr_frames = domain.record.grant.max_frames;
    op.status = GNTST.okay;
  }
  putGuestStruct(vcpu, gnttabQuerySize, argument, op);
}

export function getVersion(vcpu: Vcpu, argument: bigint): void {
  const op = guestStruct(vcpu, gnttabGetVersion, argument);
  const domain = tableDomain(vcpu.domain, op.dom);
  if (domain === GNTST.bad_domain) throw new HypercallError(ESRCH);
  if (typeof domain === "number") throw new HypercallError(EPERM);
  op.version = domain.record.grant.version;
  putGuestStruct(vcpu, gnttabGetVersion, argument, op);
}
