/** Loading all selectors of a vCPU anew: after VCPUOP_initialise, which gives selectors only. */
import { CS, DS, ES, FS, GS, SS } from "../../machine/x86/state.ts";
import type { Vcpu } from "../vcpu.ts";
import { bounceFailsafe } from "./bounce.ts";
import { injectException } from "./inject.ts";
import { MASKS_FAILSAFE } from "./record.ts";
import {
  baseOf,
  loadCodeSegment,
  loadDataSegment,
  loadStackSegment,
  selectorOf,
  setBase,
  setSegment,
} from "./segments.ts";

const DATA_SEGMENTS = [DS, ES, FS, GS] as const;

/**
 * Loads the hidden parts by the selectors that are there. Bases of FS and GS are kept: in 64-bit
 * guests they are set apart from the selectors. A data selector that cannot be loaded becomes
 * null, and the guest is told by its failsafe callback; CS and SS fault where the vCPU goes.
 */
export function reloadSegments(vcpu: Vcpu): void {
  const selectors = DATA_SEGMENTS.map((segment) => selectorOf(vcpu, segment)) as [number, number, number, number];
  let failed = false;
  DATA_SEGMENTS.forEach((segment, i) => {
    const base = baseOf(vcpu, segment);
    if (loadDataSegment(vcpu, segment, selectors[i] ?? 0) !== 0) {
      setSegment(vcpu, segment, 0, 0, 0, 0n);
      failed = true;
    }
    if (segment === FS || segment === GS) setBase(vcpu, segment, base);
  });
  const cs = selectorOf(vcpu, CS);
  const ss = selectorOf(vcpu, SS);
  const fault = loadCodeSegment(vcpu, cs) || loadStackSegment(vcpu, ss);
  if (failed) bounceFailsafe(vcpu, selectors, (vcpu.traps.callback_masks & MASKS_FAILSAFE) !== 0);
  else if (fault !== 0) injectException(vcpu, fault >>> 16, fault & 0xffff);
}
