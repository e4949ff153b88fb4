/**
 * Bounce frames: how a guest kernel is entered, be it for an exception, an event or a system call.
 *
 * The frame of 64-bit guests, from lower to higher addresses (public/arch-x86/xen-x86_64.h):
 *
 *     rsp -> rcx
 *            r11
 *           [error code]
 *            rip
 *            cs | saved_upcall_mask << 32
 *            rflags        IF is the inverse of the saved mask; IOPL 0, or the virtual one
 *            rsp
 *            ss
 *
 * The base is aligned down to 16 bytes before the frame is pushed. It goes to the current stack
 * if the guest kernel was interrupted, else to its registered kernel stack. From the kernel the
 * RPL of the pushed CS is cleared, so that guests can tell the modes apart by it.
 */
import { VMASST_TYPE_architectural_iopl } from "../../abi/xen.ts";
import {
  CS,
  FLAG_AC,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  R11,
  RCX,
  RSP,
  SS,
} from "../../machine/x86/state.ts";
import { setUpcallMask, upcallMask } from "../event-channel/vcpu-info.ts";
import type { Vcpu } from "../vcpu.ts";
import { writeWords } from "./guest-words.ts";
import { toggleGuestMode } from "./mode.ts";
import { loadFlatKernelSegments, selectorOf } from "./segments.ts";

export const NO_ERROR_CODE = -1;

const frame = new BigUint64Array(16);

/** Flags that entering a handler clears. */
const CLEARED_ON_ENTRY = BigInt(FLAG_AC | FLAG_VM | FLAG_RF | FLAG_NT | FLAG_TF);
/** IF and IOPL are the guest's own virtual ones in frames. */
const NOT_IN_FRAMES = BigInt(FLAG_IF | (3 << 12));

/** RFLAGS as the guest is to see it: virtual IF, virtual IOPL. */
export function guestFlags(vcpu: Vcpu, mask: number): bigint {
  let flags = vcpu.domain.hypervisor.cpu.rflags & ~NOT_IN_FRAMES;
  if (mask === 0) flags |= BigInt(FLAG_IF);
  if (vcpu.domain.vmAssist(VMASST_TYPE_architectural_iopl)) flags |= BigInt(vcpu.traps.iopl & 3) << 12n;
  return flags;
}

/** Stack pointer for a frame: enters kernel mode if the vCPU is not there. */
function enterKernel(vcpu: Vcpu): bigint {
  if (vcpu.kernelMode) return vcpu.gpr[RSP] ?? 0n;
  const sp = vcpu.traps.kernel_sp;
  toggleGuestMode(vcpu);
  return sp;
}

/** The last steps of every entry. */
function enterHandler(vcpu: Vcpu, sp: bigint, words: number, handler: bigint, maskEvents: boolean): void {
  const address = BigInt.asUintN(64, (sp & ~0xfn) - BigInt(words * 8));
  if (!writeWords(vcpu, address, words, frame)) {
    vcpu.domain.crash(`cannot write a frame of ${words} words at 0x${address.toString(16)}`);
  }
  vcpu.gpr[RSP] = address;
  loadFlatKernelSegments(vcpu);
  vcpu.state.rip = handler;
  const cpu = vcpu.domain.hypervisor.cpu;
  cpu.rflags = cpu.rflags & ~CLEARED_ON_ENTRY;
  if (maskEvents) setUpcallMask(vcpu, 1);
}

/**
 * Enters the guest kernel at `handler` with a frame that returns to the current context.
 * @param errorCode pushed unless it is NO_ERROR_CODE
 * @param cs, ss what the frame shows instead of the current selectors (SYSCALL does not save them)
 */
export function bounce(
  vcpu: Vcpu,
  handler: bigint,
  errorCode: number,
  maskEvents: boolean,
  cs = selectorOf(vcpu, CS),
  ss = selectorOf(vcpu, SS),
): void {
  if (handler === 0n) vcpu.domain.crash("the guest has no handler for it");
  const gpr = vcpu.gpr;
  const mask = upcallMask(vcpu);
  let n = 0;
  frame[n++] = gpr[RCX] ?? 0n;
  frame[n++] = gpr[R11] ?? 0n;
  if (errorCode !== NO_ERROR_CODE) frame[n++] = BigInt(errorCode >>> 0);
  frame[n++] = vcpu.state.rip;
  frame[n++] = BigInt(vcpu.kernelMode ? cs & 0xfffc : cs) | (BigInt(mask) << 32n);
  frame[n++] = guestFlags(vcpu, mask);
  frame[n++] = gpr[RSP] ?? 0n;
  frame[n++] = BigInt(ss);
  enterHandler(vcpu, enterKernel(vcpu), n, handler, maskEvents);
}

/**
 * Enters the failsafe callback, for a selector that could not be loaded when the vCPU returned:
 * the four data selectors stand between r11 and rip.
 */
export function bounceFailsafe(
  vcpu: Vcpu,
  selectors: readonly [number, number, number, number],
  maskEvents: boolean,
): void {
  const handler = vcpu.traps.failsafe.handler;
  if (handler === 0n) vcpu.domain.crash("a segment selector cannot be loaded and there is no failsafe callback");
  const gpr = vcpu.gpr;
  const mask = upcallMask(vcpu);
  const cs = selectorOf(vcpu, CS);
  let n = 0;
  frame[n++] = gpr[RCX] ?? 0n;
  frame[n++] = gpr[R11] ?? 0n;
  for (const selector of selectors) frame[n++] = BigInt(selector);
  frame[n++] = vcpu.state.rip;
  frame[n++] = BigInt(vcpu.kernelMode ? cs & 0xfffc : cs) | (BigInt(mask) << 32n);
  frame[n++] = guestFlags(vcpu, mask);
  frame[n++] = gpr[RSP] ?? 0n;
  frame[n++] = BigInt(selectorOf(vcpu, SS));
  enterHandler(vcpu, enterKernel(vcpu), n, handler, maskEvents);
}
