/** set_trap_table: the virtual IDT of a vCPU. */

import { FLAT_KERNEL_CS64, trapInfo } from "../../abi/arch-x86.ts";
import { EINVAL } from "../../abi/errno.ts";
import { CONTINUATION, type Hypercall, HypercallError } from "../hypercall.ts";
import { guestArrayAddress, guestStruct } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";
import { isCanonical } from "./guest-words.ts";

/** Entries done in one go. A table need not end: the same page may be mapped everywhere. */
const BATCH = 1024;

/** Code selector that handlers are entered with: at least RPL 3 in 64-bit guests, 1 in 32-bit ones; none is the flat one. */
export function fixCodeSelector(vcpu: Vcpu, cs: number): number {
  const rpl = vcpu.domain.width === 64 ? 3 : 1;
  if ((cs & 0xfffc) === 0) return FLAT_KERNEL_CS64;
  return (cs & 3) >= rpl ? cs : (cs & ~3) | rpl;
}

/** Sets one vector. */
export function setTrap(vcpu: Vcpu, info: { vector: number; flags: number; cs: number; handler: bigint }): void {
  const entry = vcpu.traps.trap_table.get(info.vector);
  entry.vector = info.vector;
  entry.flags = info.flags;
  entry.cs = fixCodeSelector(vcpu, info.cs);
  entry.handler = info.handler;
}

export function clearTrapTable(vcpu: Vcpu): void {
  const { u8 } = vcpu.domain.hypervisor.memory;
  const start = vcpu.traps.trap_table.address;
  u8.fill(0, start, start + 256 * trapInfo.sizeof);
}

export const setTrapTable: Hypercall = {
  number: 0,
  name: "set_trap_table",
  handler(_hv, vcpu, args) {
    const traps = args[0] ?? 0n;
    if (traps === 0n) {
      clearTrapTable(vcpu);
      return 0;
    }
    const size = trapInfo.for(vcpu.domain.width).size;
    for (let i = 0; i < BATCH; i++) {
      const info = guestStruct(vcpu, trapInfo, guestArrayAddress(traps, i, size));
      if (info.handler === 0n) return 0;
      if (!isCanonical(info.handler)) throw new HypercallError(EINVAL);
      setTrap(vcpu, info);
    }
    args[0] = guestArrayAddress(traps, BATCH, size);
    return CONTINUATION;
  },
};
