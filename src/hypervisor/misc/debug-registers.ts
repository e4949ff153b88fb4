/** set_debugreg and get_debugreg; MOV to and from debug registers are emulated with the same functions. */
import { EINVAL, ENODEV, EPERM } from "../../abi/errno.ts";
import { CR4_DE } from "../../machine/x86/state.ts";
import { type Hypercall, HypercallError } from "../hypercall.ts";
import { guestAddress } from "../traps/guest-words.ts";
import type { Vcpu } from "../vcpu.ts";
import { firstArgument } from "./operation.ts";

/** DR6 after reset (SDM vol. 3 §17.2.3): bits 4..11 and 16..31 read as 1. */
export const DR6_RESET = 0xffff_0ff0n;
/** DR7 after reset: bit 10 reads as 1. */
export const DR7_RESET = 0x400n;
/** Bit 12 reads as 0. */
const DR6_ZERO = 0x1000n;
/** Bits 11, 12, 14 and 15 read as 0. */
const DR7_ZERO = 0xd800n;
const DR7_GENERAL_DETECT = 0x2000n;
/** Any of the four breakpoints is enabled. */
const DR7_ACTIVE = 0xffn;
/** R/W field of a breakpoint: I/O accesses, with CR4.DE only. */
const DR_IO = 2n;

/** DR4 and DR5 are other names of DR6 and DR7 unless CR4.DE says that they do not exist. */
function resolve(vcpu: Vcpu, register: number): number {
  if (register > 7) throw new HypercallError(ENODEV);
  if (register !== 4 && register !== 5) return register;
  if ((vcpu.traps.cr4 & CR4_DE) !== 0n) throw new HypercallError(ENODEV);
  return register + 2;
}

export function setDebugRegister(vcpu: Vcpu, register: number, value: bigint): void {
  const number = resolve(vcpu, register);
  const dr = vcpu.state.dr;
  if (number < 4) {
    // A breakpoint inside the hypervisor's part would be the hypervisor's.
    if (!guestAddress(value)) throw new HypercallError(EPERM);
    dr.set(number, value);
    return;
  }
  if (value >> 32n !== 0n) throw new HypercallError(EINVAL);
  if (number === 6) {
    dr.set(6, (value & ~DR6_ZERO) | DR6_RESET);
  } else {
    const fixed = (value & ~DR7_ZERO) | DR7_RESET;
    if ((fixed & DR7_GENERAL_DETECT) !== 0n) throw new HypercallError(EPERM);
    if ((fixed & DR7_ACTIVE) !== 0n && (vcpu.traps.cr4 & CR4_DE) === 0n) {
      for (let shift = 16n; shift < 32n; shift += 4n) {
        if (((fixed >> shift) & 3n) === DR_IO) throw new HypercallError(EPERM);
      }
    }
    dr.set(7, fixed);
  }
}

export function getDebugRegister(vcpu: Vcpu, register: number): bigint {
  return vcpu.state.dr.get(resolve(vcpu, register));
}

export const setDebugreg: Hypercall = {
  number: 8,
  name: "set_debugreg",
  handler(_hv, vcpu, args) {
    setDebugRegister(vcpu, firstArgument(args), args[1] ?? 0n);
    return 0;
  },
};

export const getDebugreg: Hypercall = {
  number: 9,
  name: "get_debugreg",
  handler: (_hv, vcpu, args) => getDebugRegister(vcpu, firstArgument(args)),
};
