/**
 * The 2-level ABI: a pending and a mask bit for each port in shared_info, and in each vcpu_info
 * a selector with one bit for each word of them.
 *
 *     shared_info.evtchn_pending[port]  set here; cleared by the guest when it handles the port
 *     shared_info.evtchn_mask[port]     written by the guest; cleared here by EVTCHNOP_unmask
 */
import { sharedInfoStruct, vcpuInfoStruct } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import type { Vcpu } from "../vcpu.ts";
import { testAndClearBit, testAndSetBit, testBit } from "./bits.ts";
import type { PortOps } from "./port-ops.ts";
import { markEventsPending, vcpuInfoAddress } from "./vcpu-info.ts";

function pendingBits(domain: Domain): number {
  return Number(domain.record.shared_info) + sharedInfoStruct.for(domain.width).offset.evtchn_pending;
}

function maskBits(domain: Domain): number {
  return Number(domain.record.shared_info) + sharedInfoStruct.for(domain.width).offset.evtchn_mask;
}

/** Sets the selector bit of the port's word; raises the upcall if it was clear. */
function select(vcpu: Vcpu, port: number): void {
  const { width, hypervisor } = vcpu.domain;
  const selector = vcpuInfoAddress(vcpu) + vcpuInfoStruct.for(width).offset.evtchn_pending_sel;
  if (!testAndSetBit(hypervisor.memory, selector, Math.floor(port / width))) markEventsPending(vcpu);
}

export const twoLevel: PortOps = {
  init() {},
  setPending(vcpu, port) {
    const { domain } = vcpu;
    const { memory } = domain.hypervisor;
    if (testAndSetBit(memory, pendingBits(domain), port)) return false;
    if (!testBit(memory, maskBits(domain), port)) select(vcpu, port);
    return true;
  },
  clearPending(domain, port) {
    testAndClearBit(domain.hypervisor.memory, pendingBits(domain), port);
  },
  unmask(vcpu, port) {
    const { domain } = vcpu;
    const { memory } = domain.hypervisor;
    if (!testAndClearBit(memory, maskBits(domain), port)) return;
    if (testBit(memory, pendingBits(domain), port)) select(vcpu, port);
  },
  isPending: (domain, port) => testBit(domain.hypervisor.memory, pendingBits(domain), port),
  isMasked: (domain, port) => testBit(domain.hypervisor.memory, maskBits(domain), port),
  isBusy: () => false,
};
