import type { Vcpu } from "../vcpu.ts";
import { updateRunstateArea } from "./runstate.ts";
import { updateTimeArea } from "./system-time.ts";

/** For every entry to guest kernel mode: writes the registered areas that user mode's page tables did not map. */
export function updateStaleAreas(vcpu: Vcpu): void {
  const record = vcpu.time;
  if (record.runstate_area_stale !== 0) updateRunstateArea(vcpu);
  if (record.time_area_stale !== 0) updateTimeArea(vcpu);
}
