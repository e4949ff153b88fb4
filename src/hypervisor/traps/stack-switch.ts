/** stack_switch: the stack on which the guest kernel is entered from guest user mode. */
import type { Hypercall } from "../hypercall.ts";
import type { Vcpu } from "../vcpu.ts";

/** Stack selectors have at least the RPL of the guest kernel. */
export function fixStackSelector(vcpu: Vcpu, ss: number): number {
  const rpl = vcpu.domain.width === 64 ? 3 : 1;
  return (ss & 3) >= rpl ? ss : (ss & ~3) | rpl;
}

export const stackSwitch: Hypercall = {
  number: 3,
  name: "stack_switch",
  arity: 2,
  handler(_hv, vcpu, args) {
    vcpu.traps.kernel_ss = BigInt(fixStackSelector(vcpu, Number((args[0] ?? 0n) & 0xffffn)));
    vcpu.traps.kernel_sp = args[1] ?? 0n;
    return 0;
  },
};
