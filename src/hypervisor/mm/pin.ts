/** Pins: type references that a guest holds by request, so that a table stays valid while it is not in use. */
import { EINVAL, ERESTART } from "../../abi/errno.ts";
import type { Domain } from "../domain.ts";
import { FRAME_PINNED, type PageType } from "./frame-table.ts";
import { getPage, getPageAndType, type MmuOperation, putPage, putPageAndType, UNPREEMPTED } from "./page-type.ts";

/** Validates `mfn` as a table of `level` and keeps it so. @returns 0, -errno, or -ERESTART: call again */
export function pinTable(domain: Domain, mfn: number, level: PageType, operation = UNPREEMPTED): number {
  const { frames } = domain.hypervisor;
  const result = getPageAndType(domain, mfn, level, operation);
  if (result !== 0) return result;
  if (frames.hasFlag(mfn, FRAME_PINNED)) {
    putPageAndType(domain, mfn);
    return -EINVAL;
  }
  frames.setFlag(mfn, FRAME_PINNED);
  return 0;
}

/** Drops the pin. A put that is preempted becomes `operation.abandoned`. */
export function unpinTable(domain: Domain, mfn: number, operation: MmuOperation = UNPREEMPTED): number {
  const { frames } = domain.hypervisor;
  if (!getPage(domain, mfn)) return -EINVAL;
  let result = 0;
  if (!frames.hasFlag(mfn, FRAME_PINNED)) result = -EINVAL;
  else {
    frames.clearFlag(mfn, FRAME_PINNED);
    if (putPageAndType(domain, mfn, operation) === -ERESTART) operation.abandoned = mfn;
  }
  putPage(domain.hypervisor, mfn);
  return result;
}

/** For the domain builder: pins, or throws. */
export function builderPin(domain: Domain, mfn: number, level: PageType): void {
  const result = pinTable(domain, mfn, level);
  if (result !== 0) throw new Error(`frame ${mfn} is not a valid L${level} table (${result})`);
}
