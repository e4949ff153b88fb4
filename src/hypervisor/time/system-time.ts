/**
 * What guests see of time: vcpu_time_info (system time, from the TSC) and the wall clock.
 *
 * The TSC runs at 1 GHz from machine reset, as system time does, so both are the same number.
 * Readers retry while a version is odd, or has changed.
 */
import { vcpuInfoStruct, vcpuTimeInfo, XEN_PVCLOCK_TSC_STABLE_BIT } from "../../abi/xen.ts";
import type { Domain } from "../domain.ts";
import { sharedInfo, vcpuInfoAddress } from "../event-channel/vcpu-info.ts";
import type { Vcpu } from "../vcpu.ts";
import { writeGuestArea } from "./area.ts";
import { systemTime } from "./now.ts";

/** (tsc << 1) * 2^31 / 2^32 = tsc. */
const TSC_TO_SYSTEM_MUL = 0x8000_0000;
const TSC_SHIFT = 1;

const NANOSECONDS = 1_000_000_000n;

/** The odd version that follows `version`, whatever the guest has made of it. */
function beginUpdate(version: number): number {
  return ((version + 1) | 1) >>> 0;
}

function endUpdate(version: number): number {
  return (version + 1) >>> 0;
}

/** Refreshes both copies of a vCPU's vcpu_time_info. */
export function updateTimeInfo(vcpu: Vcpu): void {
  const hv = vcpu.domain.hypervisor;
  const { width } = vcpu.domain;
  const address = vcpuInfoAddress(vcpu) + vcpuInfoStruct.for(width).offset.time;
  const info = vcpuTimeInfo.for(width).at(hv.memory, address);
  const now = systemTime(hv);
  const version = beginUpdate(info.version);
  info.version = version;
  info.tsc_timestamp = now;
  info.system_time = now;
  info.tsc_to_system_mul = TSC_TO_SYSTEM_MUL;
  info.tsc_shift = TSC_SHIFT;
  info.flags = XEN_PVCLOCK_TSC_STABLE_BIT;
  info.version = endUpdate(version);
  updateTimeArea(vcpu);
}

/** Writes the second copy, where VCPUOP_register_vcpu_time_memory_area wanted it. */
export function updateTimeArea(vcpu: Vcpu): void {
  const area = vcpu.record.time.time_area;
  if (area === 0n || !vcpu.loaded) return;
  const { memory } = vcpu.domain.hypervisor;
  const { width } = vcpu.domain;
  const layout = vcpuTimeInfo.for(width);
  const address = vcpuInfoAddress(vcpu) + vcpuInfoStruct.for(width).offset.time;
  const copy = memory.u8.slice(address, address + layout.size);
  const info = layout.at({ u8: copy, dv: new DataView(copy.buffer) }, 0);
  const version = info.version;
  info.version = (version - 1) >>> 0;
  const written = writeGuestArea(vcpu, area, copy);
  if (written) {
    info.version = version;
    writeGuestArea(vcpu, area, copy.subarray(0, 4));
  }
  vcpu.record.time.time_area_stale = !written && !vcpu.kernelMode ? 1 : 0;
}

/** Says what time it was on the wall (nanoseconds since 1970) at system time 0. */
export function setWallclock(domain: Domain, epochNanoseconds: bigint): void {
  domain.record.time.wallclock_base = epochNanoseconds;
  updateWallclock(domain);
}

/** Writes the wall clock into shared_info. */
export function updateWallclock(domain: Domain): void {
  const base = domain.record.time.wallclock_base;
  const info = sharedInfo(domain);
  const seconds = base / NANOSECONDS;
  const version = beginUpdate(info.wc_version);
  info.wc_version = version;
  info.wc_sec = Number(BigInt.asUintN(32, seconds));
  info.wc_nsec = Number(base % NANOSECONDS);
  const high = Number(BigInt.asUintN(32, seconds >> 32n));
  if (domain.width === 64) info.wc_sec_hi = high;
  else info.arch.wc_sec_hi = high;
  info.wc_version = endUpdate(version);
}
