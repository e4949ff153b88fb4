/** vm_assist: optional behaviours of the hypervisor. */
import { EINVAL, ENOSYS } from "../../abi/errno.ts";
import {
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
import type { Width } from "../../abi/struct.ts";
import type { Hypercall } from "../hypercall.ts";
import { done, firstArgument } from "./operation.ts";

const COMMON = [
  VMASST_TYPE_4gb_segments,
  VMASST_TYPE_4gb_segments_notify,
  VMASST_TYPE_writable_pagetables,
  VMASST_TYPE_pae_extended_cr3,
  VMASST_TYPE_architectural_iopl,
  VMASST_TYPE_runstate_update_flag,
];

/** Types that a guest of this width may use. */
export function validAssists(width: Width): bigint {
  const types = width === 64 ? [...COMMON, VMASST_TYPE_m2p_strict] : COMMON;
  return types.reduce((mask, type) => mask | (1n << BigInt(type)), 0n);
}

export const vmAssist: Hypercall = {
  number: 21,
  name: "vm_assist",
  operations: { [VMASST_CMD_enable]: done("enable"), [VMASST_CMD_disable]: done("disable") },
  operationOf: firstArgument,
  handler(_hv, vcpu, args) {
    const { record, width } = vcpu.domain;
    const type = BigInt.asUintN(32, args[1] ?? 0n);
    const bit = type < 64n ? 1n << type : 0n;
    if ((validAssists(width) & bit) === 0n) return -EINVAL;
    switch (firstArgument(args)) {
      case VMASST_CMD_enable:
        record.vm_assist |= bit;
        return 0;
      case VMASST_CMD_disable:
        record.vm_assist &= ~bit;
        return 0;
      default:
        return -ENOSYS;
    }
  },
};
