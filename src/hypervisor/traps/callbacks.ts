/** callback_op, set_callbacks and nmi_op: where the guest kernel is entered for other than exceptions. */

import { FLAT_KERNEL_CS64 } from "../../abi/arch-x86.ts";
import {
  CALLBACKF_mask_events,
  CALLBACKOP_register,
  CALLBACKOP_unregister,
  CALLBACKTYPE,
  callbackRegister,
  callbackRegister32,
  callbackUnregister,
  XENNMI_register_callback,
  XENNMI_unregister_callback,
  xennmiCallback,
} from "../../abi/callback.ts";
import { EINVAL, ENOSYS } from "../../abi/errno.ts";
import { EXC_NMI } from "../../machine/x86/state.ts";
import { type Hypercall, HypercallError, type Operation } from "../hypercall.ts";
import { guestStruct } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";
import { isCanonical } from "./guest-words.ts";
import { MASKS_FAILSAFE, MASKS_SYSCALL, MASKS_SYSCALL32, MASKS_SYSENTER } from "./record.ts";
import { setTrap } from "./trap-table.ts";

/** `cs` matters to 32-bit guests only. */
export interface Callback {
  readonly type: number;
  readonly flags: number;
  readonly handler: bigint;
  readonly cs: number;
}

function setMasks(vcpu: Vcpu, bit: number, flags: number): void {
  const masks = vcpu.traps.callback_masks & ~bit;
  vcpu.traps.callback_masks = (flags & CALLBACKF_mask_events) !== 0 ? masks | bit : masks;
}

/** Sets one callback of this vCPU. */
export function registerCallback(vcpu: Vcpu, { type, flags, handler, cs }: Callback): void {
  if (!isCanonical(handler)) throw new HypercallError(EINVAL);
  const traps = vcpu.traps;
  const set = (entry: { handler: bigint; cs: number }, maskBit: number): void => {
    entry.handler = handler;
    entry.cs = cs;
    if (maskBit !== 0) setMasks(vcpu, maskBit, flags);
  };
  switch (type) {
    case CALLBACKTYPE.event:
      // Events are always masked on entry.
      set(traps.event, 0);
      break;
    case CALLBACKTYPE.failsafe:
      set(traps.failsafe, MASKS_FAILSAFE);
      break;
    case CALLBACKTYPE.syscall:
      set(traps.syscall, MASKS_SYSCALL);
      break;
    case CALLBACKTYPE.syscall32:
      set(traps.syscall32, MASKS_SYSCALL32);
      break;
    case CALLBACKTYPE.sysenter:
      set(traps.sysenter, MASKS_SYSENTER);
      break;
    case CALLBACKTYPE.nmi:
      registerNmi(vcpu, handler);
      break;
    default:
      throw new HypercallError(ENOSYS);
  }
}

/** The NMI handler is vector 2 of the trap table. */
function registerNmi(vcpu: Vcpu, handler: bigint): void {
  if (!isCanonical(handler)) throw new HypercallError(EINVAL);
  setTrap(vcpu, { vector: EXC_NMI, flags: 0, cs: FLAT_KERNEL_CS64, handler });
}

function unregisterCallback(vcpu: Vcpu, type: number): void {
  switch (type) {
    case CALLBACKTYPE.nmi:
      registerNmi(vcpu, 0n);
      break;
    case CALLBACKTYPE.event:
    case CALLBACKTYPE.failsafe:
    case CALLBACKTYPE.syscall:
    case CALLBACKTYPE.sysenter:
      throw new HypercallError(EINVAL);
    default:
      throw new HypercallError(ENOSYS);
  }
}

const done = (name: string): Operation => ({ name, status: "done" });

export const callbackOp: Hypercall = {
  number: 30,
  name: "callback_op",
  operations: { [CALLBACKOP_register]: done("register"), [CALLBACKOP_unregister]: done("unregister") },
  operationOf: (args) => Number(BigInt.asUintN(32, args[0] ?? 0n)),
  handler(_hv, vcpu, args) {
    const arg = args[1] ?? 0n;
    switch (Number(BigInt.asUintN(32, args[0] ?? 0n))) {
      case CALLBACKOP_register: {
        if (vcpu.domain.width === 64) {
          const { type, flags, callback } = guestStruct(vcpu, callbackRegister, arg);
          registerCallback(vcpu, { type, flags, handler: callback, cs: FLAT_KERNEL_CS64 });
        } else {
          const { type, flags, cs, eip } = guestStruct(vcpu, callbackRegister32, arg);
          registerCallback(vcpu, { type, flags, handler: BigInt(eip), cs: cs & 0xffff });
        }
        return 0;
      }
      case CALLBACKOP_unregister:
        unregisterCallback(vcpu, guestStruct(vcpu, callbackUnregister, arg).type);
        return 0;
      default:
        return -ENOSYS;
    }
  },
};

/** The older form: event, failsafe and syscall in one call, none of which masks events by choice. */
export const setCallbacks: Hypercall = {
  number: 4,
  name: "set_callbacks",
  handler(_hv, vcpu, args) {
    const [a = 0n, b = 0n, c = 0n, d = 0n] = args;
    const register = (type: number, handler: bigint, cs: number): void =>
      registerCallback(vcpu, { type, flags: 0, handler, cs });
    if (vcpu.domain.width === 64) {
      // One that cannot be is left out, and nobody is told, as in Xen.
      if (isCanonical(a)) register(CALLBACKTYPE.event, a, FLAT_KERNEL_CS64);
      if (isCanonical(b)) register(CALLBACKTYPE.failsafe, b, FLAT_KERNEL_CS64);
      if (isCanonical(c)) register(CALLBACKTYPE.syscall, c, FLAT_KERNEL_CS64);
    } else {
      register(CALLBACKTYPE.event, b & 0xffff_ffffn, Number(a & 0xffffn));
      register(CALLBACKTYPE.failsafe, d & 0xffff_ffffn, Number(c & 0xffffn));
    }
    return 0;
  },
};

/** The older form of CALLBACKTYPE_nmi. */
export const nmiOp: Hypercall = {
  number: 28,
  name: "nmi_op",
  operations: {
    [XENNMI_register_callback]: done("register_callback"),
    [XENNMI_unregister_callback]: done("unregister_callback"),
  },
  operationOf: (args) => Number(BigInt.asUintN(32, args[0] ?? 0n)),
  handler(_hv, vcpu, args) {
    switch (Number(BigInt.asUintN(32, args[0] ?? 0n))) {
      case XENNMI_register_callback:
        registerNmi(vcpu, guestStruct(vcpu, xennmiCallback, args[1] ?? 0n).handler_address);
        return 0;
      case XENNMI_unregister_callback:
        registerNmi(vcpu, 0n);
        return 0;
      default:
        return -ENOSYS;
    }
  },
};
