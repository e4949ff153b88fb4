/**
 * Page-table roots of a vCPU: one for guest kernel mode, one for guest user mode. Each holds a
 * reference and an L4 type reference on its table. Kernel memory is out of the reach of user code
 * for one reason only: the user root does not map it.
 */
import { EINVAL, ERESTART } from "../../abi/errno.ts";
import { VMASST_TYPE_m2p_strict } from "../../abi/xen.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import type { Vcpu } from "../vcpu.ts";
import { PageType } from "./frame-table.ts";
import { getPageAndType, type MmuOperation, putPageAndType, UNPREEMPTED } from "./page-type.ts";
import { flushTlb, switchRoot } from "./tlb.ts";
import { hideM2p, showM2p } from "./xen-area.ts";

/** The root of the mode that the vCPU is in; 0 if it has none. */
export function currentRoot(vcpu: Vcpu): number {
  return vcpu.kernelMode ? vcpu.mm.kernel_root : vcpu.mm.user_root;
}

/** Drops a root's references. What a preempted put leaves is finished by a later hypercall. */
function putRoot(domain: Domain, mfn: number, operation: MmuOperation): void {
  if (mfn !== 0 && putPageAndType(domain, mfn, operation) === -ERESTART) operation.abandoned = mfn;
}

/**
 * Installs the kernel root (MMUEXT_NEW_BASEPTR, mov to CR3, the domain builder). Loads it at once if
 * the vCPU runs on it, and flushes the TLB.
 * @returns 0, -EINVAL if the frame is not and cannot become an L4, or -ERESTART: call again
 */
export function newBasePtr(vcpu: Vcpu, mfn: number, operation = UNPREEMPTED): number {
  const { domain, mm } = vcpu;
  const hv = domain.hypervisor;
  const old = mm.kernel_root;
  if (old !== mfn) {
    if (mfn === 0) return -EINVAL;
    const result = getPageAndType(domain, mfn, PageType.L4, operation);
    if (result !== 0) return result;
    showM2p(domain, mfn);
    mm.kernel_root = mfn;
  }
  if (hv.current === vcpu && vcpu.kernelMode) {
    flushTlb(hv);
    switchRoot(hv, mfn, 0);
  }
  if (old !== mfn) putRoot(domain, old, operation);
  return 0;
}

/** Installs the user root (MMUEXT_NEW_USER_BASEPTR); 0 for none. It is loaded when the guest goes to user mode. */
export function newUserBasePtr(vcpu: Vcpu, mfn: number, operation = UNPREEMPTED): number {
  const { domain, mm } = vcpu;
  const old = mm.user_root;
  if (old === mfn) return 0;
  if (mfn !== 0) {
    const result = getPageAndType(domain, mfn, PageType.L4, operation);
    if (result !== 0) return result;
    if (domain.vmAssist(VMASST_TYPE_m2p_strict)) {
      hideM2p(domain, mfn);
      // It may be the kernel's root as well.
      if (mfn === mm.kernel_root) domain.hypervisor.cpu.flushTlb();
    }
  }
  mm.user_root = mfn;
  putRoot(domain, old, operation);
  return 0;
}

/** Takes a vCPU's roots away: it will not run again. */
export function dropRoots(vcpu: Vcpu): void {
  const { domain, mm } = vcpu;
  const hv = domain.hypervisor;
  if (hv.current === vcpu) hv.cpu.loadCr3(hv.frames.state.idle_root * PAGE_SIZE, 0, false);
  for (const root of [mm.kernel_root, mm.user_root]) putRoot(domain, root, UNPREEMPTED);
  mm.kernel_root = mm.user_root = 0;
}
