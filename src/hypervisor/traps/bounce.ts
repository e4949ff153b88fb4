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
  cpuState,
  FLAG_AC,
  FLAG_DF,
  FLAG_IF,
  FLAG_IOPL,
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
import { join, writeWords } from "./guest-words.ts";
import { toggleGuestMode } from "./mode.ts";
import { guestEntry, vcpuTraps } from "./record.ts";
import { loadFlatKernelSegments, selectorOf } from "./segments.ts";

export const NO_ERROR_CODE = -1;
// Options of an entry.
/** Sets the upcall mask. */
export const MASK_EVENTS = 1 << 0;
/** Clears RFLAGS.DF, as the SYSCALL mask does. */
export const CLEAR_DIRECTION = 1 << 1;

/** Words of the largest frame: failsafe. */
const frame = new Uint32Array(11 * 2);

const KERNEL_SP = vcpuTraps.offset.kernel_sp;
const FAILSAFE = vcpuTraps.offset.failsafe + guestEntry.offset.handler;
const GPR = cpuState.offset.gpr >>> 2;
const RIP = cpuState.offset.rip >>> 2;
const RFLAGS_SYSTEM = cpuState.offset.rflags_system >>> 2;

/** Flags that entering a handler clears. */
export const CLEARED_ON_ENTRY = FLAG_AC | FLAG_VM | FLAG_RF | FLAG_NT | FLAG_TF;
/** IF and IOPL are the guest's own virtual ones in frames. */
export const NOT_IN_FRAMES = FLAG_IF | FLAG_IOPL;

/** RFLAGS as the guest is to see it: virtual IF, virtual IOPL. */
function guestFlags(vcpu: Vcpu, mask: number): number {
  let flags = Number(vcpu.domain.hypervisor.cpu.rflags) & ~NOT_IN_FRAMES;
  if (mask === 0) flags |= FLAG_IF;
  if (vcpu.domain.vmAssist(VMASST_TYPE_architectural_iopl)) flags |= (vcpu.traps.iopl & 3) << 12;
  return flags;
}

/** Puts the word at index `from` of `u32` into the frame as word `n`. */
function push(n: number, u32: Uint32Array, from: number): void {
  frame[n * 2] = u32[from]!;
  frame[n * 2 + 1] = u32[from + 1]!;
}

function pushNumber(n: number, low: number, high = 0): void {
  frame[n * 2] = low;
  frame[n * 2 + 1] = high;
}

/**
 * The words of every frame from rip on, and the entry by it. `n` words are in the frame already.
 * @param handler where the handler's address is, in machine memory
 */
function enterHandler(vcpu: Vcpu, n: number, cs: number, ss: number, handler: number, options: number): void {
  const { u32 } = vcpu.domain.hypervisor.memory;
  const state = vcpu.state.address >>> 2;
  const rsp = state + GPR + RSP * 2;
  const mask = upcallMask(vcpu);
  push(n, u32, state + RIP);
  pushNumber(n + 1, vcpu.kernelMode ? cs & 0xfffc : cs, mask);
  pushNumber(n + 2, guestFlags(vcpu, mask));
  push(n + 3, u32, rsp);
  pushNumber(n + 4, ss);
  const words = n + 5;
  const stack = vcpu.kernelMode ? rsp : (vcpu.traps.address + KERNEL_SP) >>> 2;
  if (!vcpu.kernelMode) toggleGuestMode(vcpu);
  const top = (u32[stack]! & ~0xf) >>> 0;
  const low = (top - words * 8) >>> 0;
  const high = low > top ? (u32[stack + 1]! - 1) >>> 0 : u32[stack + 1]!;
  if (!writeWords(vcpu, low, high, words, frame)) {
    vcpu.domain.crash(`cannot write a frame of ${words} words at 0x${join(low, high).toString(16)}`);
  }
  u32[rsp] = low;
  u32[rsp + 1] = high;
  loadFlatKernelSegments(vcpu);
  u32[state + RIP] = u32[handler >>> 2]!;
  u32[state + RIP + 1] = u32[(handler >>> 2) + 1]!;
  // None of them is an arithmetic flag.
  u32[state + RFLAGS_SYSTEM]! &= ~(CLEARED_ON_ENTRY | ((options & CLEAR_DIRECTION) !== 0 ? FLAG_DF : 0));
  if ((options & MASK_EVENTS) !== 0) setUpcallMask(vcpu, 1);
}

/** There is no address at `handler`. */
export function hasNoHandler(vcpu: Vcpu, handler: number): boolean {
  const { u32 } = vcpu.domain.hypervisor.memory;
  return u32[handler >>> 2] === 0 && u32[(handler >>> 2) + 1] === 0;
}

/** RCX and R11, with which each frame begins. */
function begin(vcpu: Vcpu): void {
  const { u32 } = vcpu.domain.hypervisor.memory;
  const gpr = (vcpu.state.address >>> 2) + GPR;
  push(0, u32, gpr + RCX * 2);
  push(1, u32, gpr + R11 * 2);
}

/**
 * Enters the guest kernel with a frame that returns to the current context.
 * @param handler where the handler's address is, in machine memory
 * @param errorCode pushed unless it is NO_ERROR_CODE
 * @param options MASK_EVENTS, CLEAR_DIRECTION
 * @param cs, ss what the frame shows instead of the current selectors (SYSCALL does not save them)
 */
export function bounce(
  vcpu: Vcpu,
  handler: number,
  errorCode: number,
  options: number,
  cs = selectorOf(vcpu, CS),
  ss = selectorOf(vcpu, SS),
): void {
  if (hasNoHandler(vcpu, handler)) vcpu.domain.crash("the guest has no handler for it");
  begin(vcpu);
  let n = 2;
  if (errorCode !== NO_ERROR_CODE) pushNumber(n++, errorCode);
  enterHandler(vcpu, n, cs, ss, handler, options);
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
  const handler = vcpu.traps.address + FAILSAFE;
  if (hasNoHandler(vcpu, handler))
    vcpu.domain.crash("a segment selector cannot be loaded and there is no failsafe callback");
  begin(vcpu);
  let n = 2;
  for (const selector of selectors) pushNumber(n++, selector);
  enterHandler(vcpu, n, selectorOf(vcpu, CS), selectorOf(vcpu, SS), handler, maskEvents ? MASK_EVENTS : 0);
}
