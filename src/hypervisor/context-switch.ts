/** Putting vCPUs on the processor and taking them off. */
import { PAGE_SIZE } from "../machine/memory.ts";
import { cpuState } from "../machine/x86/state.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { switchRoot } from "./mm/tlb.ts";
import { vcpuScheduledIn, vcpuScheduledOut } from "./sched/wake.ts";
import { updateTimeInfo } from "./time/system-time.ts";
import { PCID_KERNEL, PCID_USER } from "./traps/mode.ts";
import { reloadSegments } from "./traps/reload-segments.ts";
import { VCPU_SEGMENTS_STALE, type Vcpu } from "./vcpu.ts";

/** What belongs to the vCPU comes first in the block; what is behind it is the processor's own. */
const VCPU_PART = cpuState.offset.exit_reason;

function copyState(hv: Hypervisor, to: number, from: number): void {
  const { u8, dv } = hv.memory;
  // CR3 is what the processor has loaded, until loadCr3.
  const cr3 = dv.getBigUint64(to + cpuState.offset.cr3, true);
  u8.copyWithin(to, from, from + VCPU_PART);
  dv.setBigUint64(to + cpuState.offset.cr3, cr3, true);
}

/** Loads the vCPU's root for the mode that it is in. */
function loadRoot(hv: Hypervisor, vcpu: Vcpu): void {
  const mfn = vcpu.kernelMode ? vcpu.mm.kernel_root : vcpu.mm.user_root;
  if (mfn === 0) {
    hv.cpu.loadCr3(hv.frames.state.idle_root * PAGE_SIZE, PCID_KERNEL, false);
    vcpu.domain.crash(`vCPU ${vcpu.id} has no page-table root`);
  }
  switchRoot(hv, mfn, vcpu.kernelMode ? PCID_KERNEL : PCID_USER);
}

/** Makes `next` the current vCPU; undefined: none, with page tables that no guest owns. */
export function switchTo(hv: Hypervisor, next: Vcpu | undefined): void {
  const previous = hv.current;
  if (previous === next) {
    // It may have been blocked and woken without leaving the processor.
    if (next !== undefined) vcpuScheduledIn(next);
    return;
  }
  const { cpu } = hv;
  if (previous !== undefined) {
    vcpuScheduledOut(previous);
    copyState(hv, previous.saved.address, cpu.state.address);
    hv.current = undefined;
  }
  if (next === undefined) {
    cpu.loadCr3(hv.frames.state.idle_root * PAGE_SIZE, PCID_KERNEL, false);
    return;
  }
  hv.statistics.contextSwitches++;
  copyState(hv, cpu.state.address, next.saved.address);
  hv.current = next;
  loadRoot(hv, next);
  vcpuScheduledIn(next);
  updateTimeInfo(next);
  if ((next.record.flags & VCPU_SEGMENTS_STALE) !== 0) {
    next.record.flags &= ~VCPU_SEGMENTS_STALE;
    reloadSegments(next);
  }
}
