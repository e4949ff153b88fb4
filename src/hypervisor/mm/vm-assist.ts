/** vm_assist: what a guest wants done for it, or done strictly. */
import { EINVAL, ENOSYS } from "../../abi/errno.ts";
import {
  HYPERVISOR,
  VMASST_CMD_disable,
  VMASST_CMD_enable,
  VMASST_TYPE_4gb_segments,
  VMASST_TYPE_4gb_segments_notify,
  VMASST_TYPE_architectural_iopl,
  VMASST_TYPE_m2p_strict,
  VMASST_TYPE_pae_extended_cr3,
  VMASST_TYPE_runstate_update_flag,
  VMASST_TYPE_writable_pagetables,
} from "../../abi/xen.ts";
import type { Hypercall } from "../hypercall.ts";

const TYPES: readonly number[] = [
  VMASST_TYPE_4gb_segments,
  VMASST_TYPE_4gb_segments_notify,
  VMASST_TYPE_writable_pagetables,
  VMASST_TYPE_pae_extended_cr3,
  VMASST_TYPE_architectural_iopl,
  VMASST_TYPE_runstate_update_flag,
];

/** Kept in `domain.record.vm_assist`. */
export const vmAssistOp: Hypercall = {
  number: HYPERVISOR.vm_assist,
  name: "vm_assist",
  handler(_hv, { domain }, [command = 0n, type = 0n]) {
    const number = Number(BigInt.asUintN(32, type));
    const known = TYPES.includes(number) || (number === VMASST_TYPE_m2p_strict && domain.width === 64);
    if (!known) return -EINVAL;
    const bit = 1n << BigInt(number);
    switch (Number(BigInt.asUintN(32, command))) {
      case VMASST_CMD_enable:
        domain.record.vm_assist |= bit;
        return 0;
      case VMASST_CMD_disable:
        domain.record.vm_assist &= ~bit;
        return 0;
      default:
        return -ENOSYS;
    }
  },
};
