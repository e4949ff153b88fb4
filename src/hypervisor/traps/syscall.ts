/** SYSCALL and SYSENTER from guest user mode: bounced to the callbacks that the guest kernel registered. */
import { FLAT_KERNEL_CS64, FLAT_KERNEL_SS64, FLAT_USER_CS32, FLAT_USER_SS } from "../../abi/arch-x86.ts";
import { RSP } from "../../machine/x86/state.ts";
import type { Vcpu } from "../vcpu.ts";
import { bounce, CLEAR_DIRECTION, hasNoHandler, MASK_EVENTS, NO_ERROR_CODE } from "./bounce.ts";
import { injectGeneralProtection, injectInvalidOpcode } from "./inject.ts";
import { guestEntry, MASKS_SYSCALL, MASKS_SYSCALL32, MASKS_SYSENTER, vcpuTraps } from "./record.ts";
import { in64BitCode } from "./segments.ts";

// Where the handlers are in a vCPU's record.
const HANDLER = guestEntry.offset.handler;
const SYSCALL = vcpuTraps.offset.syscall + HANDLER;
const SYSCALL32 = vcpuTraps.offset.syscall32 + HANDLER;
const SYSENTER = vcpuTraps.offset.sysenter + HANDLER;

/** Both instructions are two bytes long. */
const LENGTH = 2n;

/**
 * SYSCALL: RCX and R11 hold what hardware put there. The hypervisor knows the user's selectors
 * no more (SYSCALL does not save them), so the frame shows flat ones.
 */
export function guestSyscall(vcpu: Vcpu): void {
  const traps = vcpu.traps;
  const wide = in64BitCode(vcpu);
  const handler = traps.address + (wide ? SYSCALL : SYSCALL32);
  if (hasNoHandler(vcpu, handler)) {
    vcpu.state.rip = BigInt.asUintN(64, vcpu.state.rip - LENGTH);
    injectInvalidOpcode(vcpu);
    return;
  }
  vcpu.domain.hypervisor.statistics.countGuestSyscall();
  const masks = (traps.callback_masks & (wide ? MASKS_SYSCALL : MASKS_SYSCALL32)) !== 0;
  const options = CLEAR_DIRECTION | (masks ? MASK_EVENTS : 0);
  bounce(vcpu, handler, NO_ERROR_CODE, options, wide ? FLAT_KERNEL_CS64 : FLAT_USER_CS32, FLAT_KERNEL_SS64);
}

/**
 * SYSENTER, which keeps nothing of the caller: rip and rsp of the frame are 0.
 * @param available false where the processor does not have it in long mode (AMD's do not)
 */
export function guestSysenter(vcpu: Vcpu, available: boolean): void {
  const state = vcpu.state;
  if (!available) {
    state.rip = BigInt.asUintN(64, state.rip - LENGTH);
    injectInvalidOpcode(vcpu);
    return;
  }
  const handler = vcpu.traps.address + SYSENTER;
  if (hasNoHandler(vcpu, handler)) {
    state.rip = BigInt.asUintN(64, state.rip - LENGTH);
    injectGeneralProtection(vcpu);
    return;
  }
  state.rip = 0n;
  const gpr = vcpu.gpr;
  gpr[RSP] = 0n;
  const masks = (vcpu.traps.callback_masks & MASKS_SYSENTER) !== 0;
  bounce(vcpu, handler, NO_ERROR_CODE, masks ? MASK_EVENTS : 0, 3, FLAT_USER_SS);
}
