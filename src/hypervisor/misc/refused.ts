/**
 * Hypercalls of the control domain and of builds with other options: what an unprivileged
 * domain gets for them, so that probing guests and tools see what they would see on Xen.
 */
import { EACCES, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from "../../abi/errno.ts";
import { struct, u16, u32 } from "../../abi/struct.ts";
import { DOMID_SELF, HYPERVISOR } from "../../abi/xen.ts";
import type { Hypercall } from "../hypercall.ts";
import { copyFromGuest, guestStruct } from "../mm/guest-access.ts";

const XEN_DOMCTL_INTERFACE_VERSION = 0x15;
const XEN_SYSCTL_INTERFACE_VERSION = 0x15;
const XENPF_INTERFACE_VERSION = 0x0300_0001;

/** All three start alike; only domctl names a domain. */
const controlHeader = struct("control_header", { cmd: u32, interface_version: u32, domain: u16 });

/** Versioned control interfaces: the version is checked before the privilege. */
function control(number: number, name: string, version: number, namesDomain: boolean): Hypercall {
  return {
    number,
    name,
    note: "Refused: `-EPERM`, or `-EACCES` for another version of the interface.",
    handler(hv, vcpu, args) {
      const header = guestStruct(vcpu, controlHeader, args[0] ?? 0n);
      if (header.interface_version !== version) return -EACCES;
      const domid = header.domain;
      const exists = domid === DOMID_SELF || hv.domains.has(domid) || hv.hostDomain?.id === domid;
      if (namesDomain && !exists) return -ESRCH;
      return -EPERM;
    },
  };
}

const always = (number: number, name: string, errno: number, error: string): Hypercall => ({
  number,
  name,
  note: `Refused: \`-${error}\`.`,
  handler: () => -errno,
});

/** dm_op is for the device models of translated guests; no domain may be its own. */
const dmOp: Hypercall = {
  number: HYPERVISOR.dm_op,
  name: "dm_op",
  note: "Refused: no domain has a device model.",
  handler(hv, vcpu, args) {
    const domid = Number((args[0] ?? 0n) & 0xffffn);
    if (domid === DOMID_SELF || domid === vcpu.domain.id) return -EPERM;
    return hv.domains.has(domid) ? -EINVAL : -ESRCH;
  },
};

const HVMOP_set_param = 0;
const HVMOP_get_param = 1;

/** hvm_op knows no paravirtual domains. */
const hvmOp: Hypercall = {
  number: HYPERVISOR.hvm_op,
  name: "hvm_op",
  note: "Refused: `-EINVAL` for parameters, else `-ENOSYS`.",
  handler(_hv, vcpu, args) {
    const op = Number(BigInt.asUintN(32, args[0] ?? 0n));
    if (op !== HVMOP_set_param && op !== HVMOP_get_param) return -ENOSYS;
    copyFromGuest(vcpu, args[1] ?? 0n, 4);
    return -EINVAL;
  },
};

export const refusedHypercalls: readonly Hypercall[] = [
  control(HYPERVISOR.platform_op, "platform_op", XENPF_INTERFACE_VERSION, false),
  control(HYPERVISOR.sysctl, "sysctl", XEN_SYSCTL_INTERFACE_VERSION, false),
  control(HYPERVISOR.domctl, "domctl", XEN_DOMCTL_INTERFACE_VERSION, true),
  always(HYPERVISOR.kexec_op, "kexec_op", EPERM, "EPERM"),
  always(HYPERVISOR.hypfs_op, "hypfs_op", EPERM, "EPERM"),
  always(HYPERVISOR.mca, "mca", EPERM, "EPERM"),
  // Without the XSM, transcendent-memory, Argo and Xenoprof options.
  always(HYPERVISOR.xsm_op, "xsm_op", ENOSYS, "ENOSYS"),
  always(HYPERVISOR.tmem_op, "tmem_op", ENOSYS, "ENOSYS"),
  always(HYPERVISOR.argo_op, "argo_op", ENOSYS, "ENOSYS"),
  always(HYPERVISOR.xenoprof_op, "xenoprof_op", ENOSYS, "ENOSYS"),
  // No virtual performance counters: guests print a line and do without.
  always(HYPERVISOR.xenpmu_op, "xenpmu_op", EOPNOTSUPP, "EOPNOTSUPP"),
  hvmOp,
  dmOp,
];
