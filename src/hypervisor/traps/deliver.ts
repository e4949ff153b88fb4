/** What a vCPU is given on its way back to the guest: NMIs, then events. */
import { EXC_NMI } from "../../machine/x86/state.ts";
import { eventPending } from "../event-channel/vcpu-info.ts";
import { wakeVcpu } from "../sched/wake.ts";
import type { Vcpu } from "../vcpu.ts";
import { bounce, MASK_EVENTS, NO_ERROR_CODE } from "./bounce.ts";
import { trapHandler } from "./inject.ts";

/** Handler of NMIs: CALLBACKTYPE_nmi, or vector 2 of the trap table, which is the same thing to Xen. */
export function nmiHandler(vcpu: Vcpu): bigint {
  return trapHandler(vcpu, EXC_NMI);
}

/** Raises an NMI on a vCPU. It is not masked by anything but an NMI that is being handled. */
export function sendNmi(vcpu: Vcpu): void {
  vcpu.traps.nmi_pending = 1;
  wakeVcpu(vcpu);
}

/** An NMI waits and may be delivered. */
export function nmiDeliverable(vcpu: Vcpu): boolean {
  return vcpu.traps.nmi_pending !== 0 && vcpu.traps.nmi_masked === 0;
}

/**
 * Called with the vCPU loaded, before each return to the guest. An exception's frame has been
 * built already, so the event's frame, if its handler left events unmasked, comes on top of it.
 */
export function deliverPending(vcpu: Vcpu): void {
  if (nmiDeliverable(vcpu) && nmiHandler(vcpu) !== 0n) {
    vcpu.traps.nmi_pending = 0;
    vcpu.traps.nmi_masked = 1;
    bounce(vcpu, nmiHandler(vcpu), NO_ERROR_CODE, MASK_EVENTS);
  }
  if (eventPending(vcpu)) {
    if (vcpu.traps.event.handler === 0n) {
      vcpu.domain.crash(`an event is pending and unmasked on vCPU ${vcpu.id}, but it has no event callback`);
    }
    vcpu.domain.hypervisor.statistics.eventUpcalls++;
    bounce(vcpu, vcpu.traps.event.handler, NO_ERROR_CODE, MASK_EVENTS);
  }
}
