/** fpu_taskswitch: CR0.TS by hypercall. */
import { CR0_TS } from "../../machine/x86/state.ts";
import type { Hypercall } from "../hypercall.ts";

export const fpuTaskswitch: Hypercall = {
  number: 5,
  name: "fpu_taskswitch",
  arity: 1,
  handler(_hv, vcpu, args) {
    const state = vcpu.state;
    state.cr0 = BigInt.asUintN(32, args[0] ?? 0n) !== 0n ? state.cr0 | CR0_TS : state.cr0 & ~CR0_TS;
    return 0;
  },
};
