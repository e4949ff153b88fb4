/** GNTTABOP_copy for the host domain: between a granted frame and a buffer of the host. */
import { GNTST } from "../../abi/grant_table.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { checkRange, claimGrant } from "./copy.ts";
import { GrantError } from "./host-mapping.ts";

export interface HostCopy {
  readonly direction: "from-guest" | "to-guest";
  readonly domid: number;
  readonly ref: number;
  /** In the granted frame; the copy must not leave it. */
  readonly offset: number;
  readonly buffer: Uint8Array;
}

/** Copies the whole buffer. Throws GrantError with the status that a real dom0 would get. */
export function copyForHost(hv: Hypervisor, self: number, copy: HostCopy): void {
  const { domid, ref, offset, buffer } = copy;
  const what = `copy ${copy.direction} of grant ${ref} of domain ${domid}`;
  const readonly = copy.direction === "from-guest";
  const frame = claimGrant(hv, domid, ref, self, readonly);
  if (typeof frame === "number") throw new GrantError(frame, what);
  try {
    const status = checkRange(frame, offset, buffer.length);
    if (status !== GNTST.okay) throw new GrantError(status, what);
    const at = frame.mfn * PAGE_SIZE + offset;
    if (readonly) buffer.set(hv.memory.u8.subarray(at, at + buffer.length));
    else {
      hv.memory.u8.set(buffer, at);
      hv.cpu.frameWritten(frame.mfn);
    }
  } finally {
    frame.release();
  }
}
