/**
 * vcpu_info and shared_info: where they are, and the upcall flag in them.
 *
 * The first 32 vCPUs have their vcpu_info in shared_info until they register another place
 * (VCPUOP_register_vcpu_info); later ones have a private one that the guest never sees until then.
 *
 *     evtchn_upcall_pending  set here, cleared by the guest
 *     evtchn_upcall_mask     the guest's virtual interrupt flag, inverted
 *     evtchn_pending_sel     bits set here, cleared by the guest (2-level ABI)
 */
import { EINVAL, ENXIO } from "../../abi/errno.ts";
import { sharedInfoStruct, vcpuInfoStruct, XEN_LEGACY_MAX_VCPUS } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import { VPF_down } from "../sched/record.ts";
import { wakeVcpu } from "../sched/wake.ts";
import { type Vcpu, vcpuRecord } from "../vcpu.ts";
import { holdGuestFrame, releaseGuestFrame } from "./guest-frame.ts";
import { vcpuEvtchn } from "./record.ts";

const VCPU_INFO_FIELD = vcpuRecord.offset.evtchn + vcpuEvtchn.offset.vcpu_info;
/** The same in both widths. */
const PENDING = vcpuInfoStruct.offset.evtchn_upcall_pending;
const MASK = vcpuInfoStruct.offset.evtchn_upcall_mask;

export type VcpuInfo = ReturnType<typeof vcpuInfoStruct.at>;
export type SharedInfo = ReturnType<typeof sharedInfoStruct.at>;

/** Machine address of the vcpu_info in use. */
export function vcpuInfoAddress(vcpu: Vcpu): number {
  return vcpu.domain.hypervisor.memory.dv.getUint32(vcpu.record.address + VCPU_INFO_FIELD, true);
}

/** The vcpu_info in use. */
export function vcpuInfo(vcpu: Vcpu): VcpuInfo {
  return vcpuInfoStruct.for(vcpu.domain.width).at(vcpu.domain.hypervisor.memory, vcpuInfoAddress(vcpu));
}

export function sharedInfo(domain: Domain): SharedInfo {
  return sharedInfoStruct.for(domain.width).at(domain.hypervisor.memory, Number(domain.record.shared_info));
}

/** An upcall is due: the event callback must be entered before guest code goes on. */
export function eventPending(vcpu: Vcpu): boolean {
  const { u8 } = vcpu.domain.hypervisor.memory;
  const info = vcpuInfoAddress(vcpu);
  return u8[info + PENDING] !== 0 && u8[info + MASK] === 0;
}

export function upcallMask(vcpu: Vcpu): number {
  return vcpu.domain.hypervisor.memory.u8[vcpuInfoAddress(vcpu) + MASK] ?? 0;
}

export function setUpcallMask(vcpu: Vcpu, mask: 0 | 1): void {
  vcpu.domain.hypervisor.memory.u8[vcpuInfoAddress(vcpu) + MASK] = mask;
}

/** Raises the upcall flag; a blocked vCPU wakes, even with upcalls masked, as in Xen. */
export function markEventsPending(vcpu: Vcpu): void {
  const { u8 } = vcpu.domain.hypervisor.memory;
  if (Atomics.or(u8, vcpuInfoAddress(vcpu) + PENDING, 1) !== 0) return;
  wakeVcpu(vcpu);
}

/** First vcpu_info of a vCPU: events masked, as a guest expects at its start. */
export function initVcpuInfo(vcpu: Vcpu): void {
  const { domain } = vcpu;
  const { heap } = domain.hypervisor;
  const size = vcpuInfoStruct.sizeof;
  vcpu.record.evtchn.vcpu_info =
    vcpu.id < XEN_LEGACY_MAX_VCPUS ? Number(domain.record.shared_info) + vcpu.id * size : heap.allocBytes(size, size);
  vcpu.record.evtchn.vcpu_info_mfn = 0;
  setUpcallMask(vcpu, 1);
}

/** Gives back what the vcpu_info occupies: the guest's frame, or the private one. */
export function releaseVcpuInfo(vcpu: Vcpu): void {
  const record = vcpu.record.evtchn;
  if (record.vcpu_info_mfn !== 0) {
    releaseGuestFrame(vcpu.domain, record.vcpu_info_mfn);
    record.vcpu_info_mfn = 0;
  } else if (record.vcpu_info !== 0 && vcpu.id >= XEN_LEGACY_MAX_VCPUS) {
    vcpu.domain.hypervisor.heap.freeBytes(record.vcpu_info, vcpuInfoStruct.sizeof, vcpuInfoStruct.sizeof);
  }
  record.vcpu_info = 0;
}

/** The vCPU has no vcpu_info that the guest can see. */
export function lacksVcpuInfo(vcpu: Vcpu): boolean {
  return vcpu.id >= XEN_LEGACY_MAX_VCPUS && vcpu.record.evtchn.vcpu_info_mfn === 0;
}

/** VCPUOP_register_vcpu_info: moves the vcpu_info into a frame of the guest, once. */
export function registerVcpuInfo(caller: Vcpu, vcpu: Vcpu, mfn: bigint, offset: number): void {
  const { domain } = vcpu;
  const { memory, heap } = domain.hypervisor;
  const size = vcpuInfoStruct.sizeof;
  const record = vcpu.record.evtchn;
  if (offset > PAGE_SIZE - size) throw new HypercallError(ENXIO);
  if (record.vcpu_info_mfn !== 0) throw new HypercallError(EINVAL);
  // Nobody else may be using the old one meanwhile.
  if (vcpu !== caller && (vcpu.record.sched.pause_flags & VPF_down) === 0) throw new HypercallError(EINVAL);
  const frame = holdGuestFrame(domain, mfn);
  const from = record.vcpu_info;
  const to = frame * PAGE_SIZE + offset;
  memory.u8.copyWithin(to, from, from + size);
  if (vcpu.id >= XEN_LEGACY_MAX_VCPUS) heap.freeBytes(from, size, size);
  record.vcpu_info = to;
  record.vcpu_info_mfn = frame;
  // Events may have been raised in the old one after the guest last looked: have it look at everything.
  const info = vcpuInfo(vcpu);
  info.evtchn_pending_sel = 0xffff_ffff_ffff_ffffn;
  info.evtchn_upcall_pending = 1;
  domain.hypervisor.cpu.frameWritten(frame);
}
