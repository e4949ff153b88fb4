/**
 * The iret hypercall (23): how a 64-bit guest kernel returns, to user mode or within the kernel,
 * with its virtual interrupt flag set from RFLAGS.IF in the same step.
 */
import { FLAT_USER_CS32, iretContext, VGCF_in_syscall } from "../../abi/arch-x86.ts";
import { VMASST_TYPE_architectural_iopl } from "../../abi/xen.ts";
import { CS, EXC_GP, FLAG_FIXED, FLAG_IF, R11, RCX, RSP, SS } from "../../machine/x86/state.ts";
import { setUpcallMask } from "../event-channel/vcpu-info.ts";
import type { Hypercall } from "../hypercall.ts";
import type { Vcpu } from "../vcpu.ts";
import { isCanonical, readWords } from "./guest-words.ts";
import { injectException } from "./inject.ts";
import { toggleGuestMode } from "./mode.ts";
import { in64BitCode, loadCodeSegment, loadFlatUserSegments, loadStackSegment, setSegment } from "./segments.ts";

const WORDS = iretContext.sizeof / 8;
/** CF PF AF ZF SF TF DF OF NT RF AC ID: what the guest may set. IF is forced, VM and IOPL are dropped. */
const GUEST_FLAGS = 0x0025_4dd5n;
const frame = new BigUint64Array(WORDS);

/** Attributes of a segment that could not be loaded: unusable, but the mode is still 64-bit code. */
const UNUSABLE_CODE = 0xafb;

function selectorFault(vcpu: Vcpu, fault: number, cs: number, ss: number): void {
  // As hardware would report it: raised where the guest wanted to go, with the selectors it gave.
  setSegment(vcpu, CS, cs, UNUSABLE_CODE, 0xffff_ffff, 0n);
  setSegment(vcpu, SS, ss, 0xcf3, 0xffff_ffff, 0n);
  injectException(vcpu, fault >>> 16, fault & 0xffff);
}

/** Returns by the frame at RSP. The result is the new RAX. */
export function doIret(vcpu: Vcpu): bigint {
  const gpr = vcpu.gpr;
  const sp = gpr[RSP] ?? 0n;
  if (!readWords(vcpu, sp, WORDS, frame)) vcpu.domain.crash(`cannot read the iret frame at 0x${sp.toString(16)}`);
  const rax = frame[0] ?? 0n;
  const rip = frame[4] ?? 0n;
  const csWord = frame[5] ?? 0n;
  const rflags = frame[6] ?? 0n;
  const rsp = frame[7] ?? 0n;
  const cs = Number(csWord & 0xffffn) | 3;
  const ss = Number((frame[8] ?? 0n) & 0xffffn) | 3;

  if ((csWord & 3n) === 3n) toggleGuestMode(vcpu);
  if (vcpu.domain.vmAssist(VMASST_TYPE_architectural_iopl)) vcpu.traps.iopl = Number((rflags >> 12n) & 3n);
  setUpcallMask(vcpu, (rflags & BigInt(FLAG_IF)) === 0n ? 1 : 0);
  vcpu.traps.nmi_masked = 0;

  const newFlags = (rflags & GUEST_FLAGS) | BigInt(FLAG_IF | FLAG_FIXED);
  vcpu.domain.hypervisor.cpu.rflags = newFlags;
  vcpu.state.rip = rip;
  gpr[RSP] = rsp;

  if ((Number((frame[3] ?? 0n) & 0xffffn) & VGCF_in_syscall) !== 0) {
    gpr[RCX] = rip;
    gpr[R11] = newFlags;
    loadFlatUserSegments(vcpu, cs === FLAT_USER_CS32);
  } else {
    gpr[RCX] = frame[2] ?? 0n;
    gpr[R11] = frame[1] ?? 0n;
    const fault = loadCodeSegment(vcpu, cs) || loadStackSegment(vcpu, ss);
    if (fault !== 0) {
      selectorFault(vcpu, fault, cs, ss);
      return rax;
    }
  }
  if (in64BitCode(vcpu)) {
    if (!isCanonical(rip)) injectException(vcpu, EXC_GP, 0);
  } else {
    vcpu.state.rip = rip & 0xffff_ffffn;
    gpr[RSP] = rsp & 0xffff_ffffn;
  }
  return rax;
}

export const iret: Hypercall = {
  number: 23,
  name: "iret",
  handler: (_hv, vcpu) => doIret(vcpu),
};
