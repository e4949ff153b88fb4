/**
 * The iret hypercall (23): how a 64-bit guest kernel returns, to user mode or within the kernel,
 * with its virtual interrupt flag set from RFLAGS.IF in the same step.
 */
import { FLAT_USER_CS32, iretContext, VGCF_in_syscall } from "../../abi/arch-x86.ts";
import { VMASST_TYPE_architectural_iopl } from "../../abi/xen.ts";
import { CS, cpuState, EXC_GP, FLAG_FIXED, FLAG_IF, R11, RAX, RCX, RSP, SS } from "../../machine/x86/state.ts";
import { setUpcallMask } from "../event-channel/vcpu-info.ts";
import { type Hypercall, REGISTERS_SET } from "../hypercall.ts";
import type { Vcpu } from "../vcpu.ts";
import { join, readWords } from "./guest-words.ts";
import { injectException } from "./inject.ts";
import { toggleGuestMode } from "./mode.ts";
import { in64BitCode, loadCodeSegment, loadFlatUserSegments, loadStackSegment, setSegment } from "./segments.ts";

const WORDS = iretContext.sizeof / 8;
/** CF PF AF ZF SF TF DF OF NT RF AC ID: what the guest may set. IF is forced, VM and IOPL are dropped. */
export const GUEST_FLAGS = 0x0025_4dd5;
const frame = new Uint32Array(WORDS * 2);
// Words of the frame.
const FRAME_RAX = 0,
  FRAME_R11 = 1,
  FRAME_RCX = 2,
  FRAME_FLAGS = 3,
  FRAME_RIP = 4,
  FRAME_CS = 5,
  FRAME_RFLAGS = 6,
  FRAME_RSP = 7,
  FRAME_SS = 8;

const GPR = cpuState.offset.gpr >>> 2;
const RIP = cpuState.offset.rip >>> 2;

/** Attributes of a segment that could not be loaded: unusable, but the mode is still 64-bit code. */
const UNUSABLE_CODE = 0xafb;

function selectorFault(vcpu: Vcpu, fault: number, cs: number, ss: number): void {
  // As hardware would report it: raised where the guest wanted to go, with the selectors it gave.
  setSegment(vcpu, CS, cs, UNUSABLE_CODE, 0xffff_ffff, 0n);
  setSegment(vcpu, SS, ss, 0xcf3, 0xffff_ffff, 0n);
  injectException(vcpu, fault >>> 16, fault & 0xffff);
}

/** Puts word `n` of the frame to index `to` of `u32`. */
function pop(n: number, u32: Uint32Array, to: number): void {
  u32[to] = frame[n * 2]!;
  u32[to + 1] = frame[n * 2 + 1]!;
}

/** Low half of word `n` of the frame. */
const low = (n: number): number => frame[n * 2]!;

/** Word `n` of the frame is a canonical address: bits 47..63 are equal. */
function isCanonical(n: number): boolean {
  const high = frame[n * 2 + 1]! | 0;
  return high >> 15 === 0 || high >> 15 === -1;
}

/** Returns by the frame at RSP. */
function doIret(vcpu: Vcpu): void {
  const { cpu, memory } = vcpu.domain.hypervisor;
  const { u32 } = memory;
  const state = vcpu.state.address >>> 2;
  const gpr = state + GPR;
  const rsp = gpr + RSP * 2;
  if (!readWords(vcpu, u32[rsp]!, u32[rsp + 1]!, WORDS, frame)) {
    vcpu.domain.crash(`cannot read the iret frame at 0x${join(u32[rsp]!, u32[rsp + 1]!).toString(16)}`);
  }
  const rflags = low(FRAME_RFLAGS);
  const cs = (low(FRAME_CS) & 0xffff) | 3;
  const ss = (low(FRAME_SS) & 0xffff) | 3;

  if ((low(FRAME_CS) & 3) === 3) toggleGuestMode(vcpu);
  if (vcpu.domain.vmAssist(VMASST_TYPE_architectural_iopl)) vcpu.traps.iopl = (rflags >>> 12) & 3;
  setUpcallMask(vcpu, (rflags & FLAG_IF) === 0 ? 1 : 0);
  vcpu.traps.nmi_masked = 0;

  const newFlags = (rflags & GUEST_FLAGS) | FLAG_IF | FLAG_FIXED;
  cpu.rflags = BigInt(newFlags);
  pop(FRAME_RAX, u32, gpr + RAX * 2);
  pop(FRAME_RIP, u32, state + RIP);
  pop(FRAME_RSP, u32, rsp);

  if ((low(FRAME_FLAGS) & VGCF_in_syscall) !== 0) {
    pop(FRAME_RIP, u32, gpr + RCX * 2);
    u32[gpr + R11 * 2] = newFlags;
    u32[gpr + R11 * 2 + 1] = 0;
    loadFlatUserSegments(vcpu, cs === FLAT_USER_CS32);
  } else {
    pop(FRAME_RCX, u32, gpr + RCX * 2);
    pop(FRAME_R11, u32, gpr + R11 * 2);
    const fault = loadCodeSegment(vcpu, cs) || loadStackSegment(vcpu, ss);
    if (fault !== 0) {
      selectorFault(vcpu, fault, cs, ss);
      return;
    }
  }
  if (in64BitCode(vcpu)) {
    if (!isCanonical(FRAME_RIP)) injectException(vcpu, EXC_GP, 0);
  } else u32[state + RIP + 1] = u32[rsp + 1] = 0;
}

export const iret: Hypercall = {
  number: 23,
  name: "iret",
  arity: 0,
  handler(_hv, vcpu) {
    doIret(vcpu);
    return REGISTERS_SET;
  },
};
