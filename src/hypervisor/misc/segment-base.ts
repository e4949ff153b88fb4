/** set_segment_base: FS and GS bases of 64-bit guests. */
import { EINVAL } from "../../abi/errno.ts";
import { SEGBASE_FS, SEGBASE_GS_KERNEL, SEGBASE_GS_USER, SEGBASE_GS_USER_SEL } from "../../abi/xen.ts";
import { FS, GS } from "../../machine/x86/state.ts";
import type { Hypercall } from "../hypercall.ts";
import { isCanonical } from "../traps/guest-words.ts";
import { baseOf, loadDataSegment, setBase } from "../traps/segments.ts";
import type { Vcpu } from "../vcpu.ts";
import { done, firstArgument } from "./operation.ts";

/** GS of the user: the selector, and its base into the inactive slot. A selector that cannot be loaded is taken as null. */
function loadUserGs(vcpu: Vcpu, selector: number): void {
  const kernelBase = baseOf(vcpu, GS);
  if (loadDataSegment(vcpu, GS, selector) !== 0) loadDataSegment(vcpu, GS, 0);
  vcpu.state.kernel_gs_base = baseOf(vcpu, GS);
  setBase(vcpu, GS, kernelBase);
}

export const setSegmentBase: Hypercall = {
  number: 25,
  name: "set_segment_base",
  arity: 2,
  operations: {
    [SEGBASE_FS]: done("fs"),
    [SEGBASE_GS_USER]: done("gs_user"),
    [SEGBASE_GS_KERNEL]: done("gs_kernel"),
    [SEGBASE_GS_USER_SEL]: done("gs_user_sel"),
  },
  operationOf: firstArgument,
  handler(_hv, vcpu, args) {
    const base = args[1] ?? 0n;
    switch (firstArgument(args)) {
      case SEGBASE_FS:
        if (!isCanonical(base)) return -EINVAL;
        setBase(vcpu, FS, base);
        return 0;
      case SEGBASE_GS_USER:
        if (!isCanonical(base)) return -EINVAL;
        // The caller is in kernel mode, where the user's base is the inactive one.
        vcpu.state.kernel_gs_base = base;
        return 0;
      case SEGBASE_GS_KERNEL:
        if (!isCanonical(base)) return -EINVAL;
        setBase(vcpu, GS, base);
        return 0;
      case SEGBASE_GS_USER_SEL:
        loadUserGs(vcpu, Number(base & 0xffffn));
        return 0;
      default:
        return -EINVAL;
    }
  },
};
