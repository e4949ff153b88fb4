/** What a vCPU is given on its way back to the guest: NMIs, then events. */
import { EXC_NMI } from "../../machine/x86/state.ts";
import { eventPending } from "../event-channel/vcpu-info.ts";
import { wakeVcpu } from "../sched/wake.ts";
import type { Vcpu } from "../vcpu.ts";
import { bounce, hasNoHandler, MASK_EVENTS, NO_ERROR_CODE } from "./bounce.ts";
import { handlerAt } from "./inject.ts";
import { guestEntry, vcpuTraps } from "./record.ts";

const EVENT = vcpuTraps.offset.event + guestEntry.offset.handler;

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
  // The handler is CALLBACKTYPE_nmi or vector 2 of the trap table, which is the same thing to Xen.
  if (nmiDeliverable(vcpu) && !hasNoHandler(vcpu, handlerAt(vcpu, EXC_NMI))) {
    vcpu.traps.nmi_pending = 0;
    vcpu.traps.nmi_masked = 1;
    bounce(vcpu, handlerAt(vcpu, EXC_NMI), NO_ERROR_CODE, MASK_EVENTS);
  }
  if (eventPending(vcpu)) {
    const handler = vcpu.traps.address + EVENT;
    if (hasNoHandler(vcpu, handler)) {
      vcpu.domain.crash(`an event is pending and unmasked on vCPU ${vcpu.id}, but it has no event callback`);
    }
    vcpu.domain.hypervisor.statistics.eventUpcalls++;
    bounce(vcpu, handler, NO_ERROR_CODE, MASK_EVENTS);
  }
}
