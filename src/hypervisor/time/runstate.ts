/** Runstates: how long a vCPU has been running, runnable, blocked and offline. */
import { RUNSTATE, type Runstate, vcpuRunstateInfo, XEN_RUNSTATE_UPDATE } from "../../abi/vcpu.ts";
import { VMASST_TYPE_runstate_update_flag } from "../../abi/xen.ts";
import type { Vcpu } from "../vcpu.ts";
import { writeGuestArea } from "./area.ts";
import { systemTime } from "./now.ts";

/** Stolen time (nanoseconds) at which the guest is told at once. */
const SEEN_AT = 1_000_000;
const STATES = Object.values(RUNSTATE);

/** A new vCPU is offline, from now on. */
export function initRunstate(vcpu: Vcpu, state: Runstate): void {
  const record = vcpu.time;
  record.state = state;
  record.state_entry_time = systemTime(vcpu.domain.hypervisor);
}

/** Enters a state; the registered area is written if the vCPU's page tables are loaded. */
export function setRunstate(vcpu: Vcpu, state: Runstate): void {
  const record = vcpu.time;
  if (record.state === state) return;
  const now = systemTime(vcpu.domain.hypervisor);
  const spent = now - record.state_entry_time;
  if (spent > 0n) {
    const time = record.time_in_state;
    time.set(record.state, time.get(record.state) + spent);
    record.state_entry_time = now;
  }
  record.state = state;
  updateRunstateArea(vcpu);
}

/**
 * A vCPU that counts as running did not run between two times: the host had other things to do. The area
 * is written with the next change, or when there is a millisecond that the guest does not know of.
 */
export function accountStolen(vcpu: Vcpu, from: number, to: number): void {
  const record = vcpu.time;
  if (record.state !== RUNSTATE.running || to <= from) return;
  const [start, end] = [BigInt(from), BigInt(to)];
  // It was put there meanwhile.
  if (start < record.state_entry_time) return;
  const time = record.time_in_state;
  time.set(RUNSTATE.running, time.get(RUNSTATE.running) + (start - record.state_entry_time));
  time.set(RUNSTATE.runnable, time.get(RUNSTATE.runnable) + (end - start));
  record.state_entry_time = end;
  record.unseen_stolen += to - from;
  if (record.unseen_stolen >= SEEN_AT) updateRunstateArea(vcpu);
}

/** Nanoseconds in one RUNSTATE_*, up to a time: the present state goes on. */
function timeInState({ time }: Vcpu, state: number, now: bigint): bigint {
  const past = time.time_in_state.get(state);
  if (time.state !== state) return past;
  const present = now - time.state_entry_time;
  return present > 0n ? past + present : past;
}

/** Nanoseconds on the processor, up to now. */
export function runningTime(vcpu: Vcpu): number {
  return Number(timeInState(vcpu, RUNSTATE.running, systemTime(vcpu.domain.hypervisor)));
}

/** Nanoseconds in each RUNSTATE_*, up to now. */
export function runstateTimes(vcpu: Vcpu): number[] {
  const now = systemTime(vcpu.domain.hypervisor);
  return STATES.map((state) => Number(timeInState(vcpu, state, now)));
}

/** vcpu_runstate_info as it is in this moment, the time in the present state included. */
export function runstateBytes(vcpu: Vcpu, upToNow: boolean): Uint8Array {
  const record = vcpu.time;
  const layout = vcpuRunstateInfo.for(vcpu.domain.width);
  const u8 = new Uint8Array(layout.size);
  const info = layout.at({ u8, dv: new DataView(u8.buffer) }, 0);
  info.state = record.state;
  info.state_entry_time = record.state_entry_time;
  const until = upToNow ? systemTime(vcpu.domain.hypervisor) : record.state_entry_time;
  for (const state of STATES) info.time.set(state, timeInState(vcpu, state, until));
  return u8;
}

/**
 * Writes the registered area. With the runstate_update_flag assist, the top bit of state_entry_time
 * is set first and cleared last, so that another vCPU can tell a half-written area.
 */
export function updateRunstateArea(vcpu: Vcpu): void {
  const record = vcpu.time;
  const area = record.runstate_area;
  if (area === 0n || !vcpu.loaded) return;
  const written = writeRunstate(vcpu, area);
  record.unseen_stolen = 0;
  record.runstate_area_stale = !written && !vcpu.kernelMode ? 1 : 0;
}

function writeRunstate(vcpu: Vcpu, area: bigint): boolean {
  const data = runstateBytes(vcpu, false);
  if (!vcpu.domain.vmAssist(VMASST_TYPE_runstate_update_flag)) return writeGuestArea(vcpu, area, data);
  const flagByte = vcpuRunstateInfo.for(vcpu.domain.width).offset.state_entry_time + 7;
  const flag = Number(XEN_RUNSTATE_UPDATE >> 56n);
  const entryTop = data[flagByte] ?? 0;
  data[flagByte] = entryTop | flag;
  if (!writeGuestArea(vcpu, area + BigInt(flagByte), data.subarray(flagByte, flagByte + 1))) return false;
  if (!writeGuestArea(vcpu, area, data)) return false;
  data[flagByte] = entryTop;
  return writeGuestArea(vcpu, area + BigInt(flagByte), data.subarray(flagByte, flagByte + 1));
}
