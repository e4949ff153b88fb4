/** physdev_op: I/O privilege, and the interrupts of real devices, which an unprivileged domain does not have. */
import { EBUSY, EINVAL, ENOSPC, ENOSYS, EPERM } from "../../abi/errno.ts";
import {
  PHYSDEVOP,
  physdevOpCompatStruct,
  physdevPirqEoiGmfn,
  physdevSetIobitmap,
  physdevSetIopl,
} from "../../abi/physdev.ts";
import { holdGuestFrame, releaseGuestFrame } from "../event-channel/guest-frame.ts";
import { type Hypercall, HypercallArguments, HypercallError, type HypercallResult } from "../hypercall.ts";
import { copyFromGuest, guestStruct, isGuestRange } from "../mm/guest-access.ts";
import type { Vcpu } from "../vcpu.ts";
import { done, firstArgument, refused } from "./operation.ts";

function setIopl(vcpu: Vcpu, va: bigint): HypercallResult {
  const { iopl } = guestStruct(vcpu, physdevSetIopl, va);
  if (iopl > 3) throw new HypercallError(EINVAL);
  vcpu.traps.iopl = iopl;
  return 0;
}

function setIobitmap(vcpu: Vcpu, va: bigint): HypercallResult {
  const { bitmap, nr_ports } = guestStruct(vcpu, physdevSetIobitmap, va);
  if (nr_ports > 65536 || !isGuestRange(bitmap, Math.ceil(nr_ports / 8))) throw new HypercallError(EINVAL);
  vcpu.traps.iobmp = bitmap;
  vcpu.traps.iobmp_limit = nr_ports;
  return 0;
}

/** Where the guest wants to read which physical interrupts need an EOI: none does. */
function setPirqEoiMap(vcpu: Vcpu, va: bigint): HypercallResult {
  const { domain } = vcpu;
  const { gmfn } = guestStruct(vcpu, physdevPirqEoiGmfn, va);
  const frame = holdGuestFrame(domain, gmfn);
  if (domain.record.evtchn.pirq_eoi_map_mfn !== 0) {
    releaseGuestFrame(domain, frame);
    return -EBUSY;
  }
  domain.record.evtchn.pirq_eoi_map_mfn = frame;
  return 0;
}

const control = "control domain only: -EPERM";
const noPirqs = "the domain has no physical interrupts: -EINVAL";

export const physdevOp: Hypercall = {
  number: 33,
  name: "physdev_op",
  operations: {
    [PHYSDEVOP.irq_unmask_notify]: done("irq_unmask_notify"),
    [PHYSDEVOP.irq_status_query]: refused("irq_status_query", noPirqs),
    [PHYSDEVOP.set_iopl]: done("set_iopl"),
    [PHYSDEVOP.set_iobitmap]: done("set_iobitmap"),
    [PHYSDEVOP.apic_read]: refused("apic_read", control),
    [PHYSDEVOP.apic_write]: refused("apic_write", control),
    [PHYSDEVOP.alloc_irq_vector]: refused("alloc_irq_vector", control),
    [PHYSDEVOP.free_irq_vector]: refused("free_irq_vector"),
    [PHYSDEVOP.eoi]: refused("eoi", noPirqs),
    [PHYSDEVOP.map_pirq]: refused("map_pirq", control),
    [PHYSDEVOP.unmap_pirq]: refused("unmap_pirq", noPirqs),
    [PHYSDEVOP.manage_pci_add]: refused("manage_pci_add", control),
    [PHYSDEVOP.manage_pci_remove]: refused("manage_pci_remove", control),
    [PHYSDEVOP.pirq_eoi_gmfn_v1]: done("pirq_eoi_gmfn_v1"),
    [PHYSDEVOP.restore_msi]: refused("restore_msi", control),
    [PHYSDEVOP.manage_pci_add_ext]: refused("manage_pci_add_ext", control),
    [PHYSDEVOP.setup_gsi]: refused("setup_gsi", control),
    [PHYSDEVOP.get_nr_pirqs]: refused("get_nr_pirqs", "-ENOSYS: Xen dropped it"),
    [PHYSDEVOP.get_free_pirq]: refused("get_free_pirq", "the domain has no physical interrupts: -ENOSPC"),
    [PHYSDEVOP.pci_mmcfg_reserved]: refused("pci_mmcfg_reserved", control),
    [PHYSDEVOP.pci_device_add]: refused("pci_device_add", control),
    [PHYSDEVOP.pci_device_remove]: refused("pci_device_remove", control),
    [PHYSDEVOP.restore_msi_ext]: refused("restore_msi_ext", control),
    [PHYSDEVOP.pirq_eoi_gmfn_v2]: done("pirq_eoi_gmfn_v2"),
    [PHYSDEVOP.dbgp_op]: refused("dbgp_op", control),
    [PHYSDEVOP.prepare_msix]: refused("prepare_msix", control),
    [PHYSDEVOP.release_msix]: refused("release_msix", control),
  },
  operationOf: firstArgument,
  handler(_hv, vcpu, args) {
    const va = args[1] ?? 0n;
    switch (firstArgument(args)) {
      case PHYSDEVOP.irq_unmask_notify:
        return 0;
      case PHYSDEVOP.set_iopl:
        return setIopl(vcpu, va);
      case PHYSDEVOP.set_iobitmap:
        return setIobitmap(vcpu, va);
      case PHYSDEVOP.pirq_eoi_gmfn_v1:
      case PHYSDEVOP.pirq_eoi_gmfn_v2:
        return setPirqEoiMap(vcpu, va);
      case PHYSDEVOP.get_free_pirq:
        return -ENOSPC;
      case PHYSDEVOP.irq_status_query:
      case PHYSDEVOP.eoi:
      case PHYSDEVOP.unmap_pirq:
        copyFromGuest(vcpu, va, 4);
        return -EINVAL;
      // Refused before their arguments are read.
      case PHYSDEVOP.pci_mmcfg_reserved:
      case PHYSDEVOP.dbgp_op:
        return -EPERM;
      case PHYSDEVOP.apic_read:
      case PHYSDEVOP.apic_write:
      case PHYSDEVOP.alloc_irq_vector:
      case PHYSDEVOP.map_pirq:
      case PHYSDEVOP.manage_pci_add:
      case PHYSDEVOP.manage_pci_remove:
      case PHYSDEVOP.restore_msi:
      case PHYSDEVOP.manage_pci_add_ext:
      case PHYSDEVOP.setup_gsi:
      case PHYSDEVOP.pci_device_add:
      case PHYSDEVOP.pci_device_remove:
      case PHYSDEVOP.restore_msi_ext:
      case PHYSDEVOP.prepare_msix:
      case PHYSDEVOP.release_msix:
        copyFromGuest(vcpu, va, 4);
        return -EPERM;
      default:
        return -ENOSYS;
    }
  },
};

/** The old form: one structure with the command and the arguments. */
export const physdevOpCompat: Hypercall = {
  number: 19,
  name: "physdev_op_compat",
  handler(hv, vcpu, args) {
    const va = args[0] ?? 0n;
    const { cmd } = guestStruct(vcpu, physdevOpCompatStruct, va);
    if (cmd < PHYSDEVOP.irq_unmask_notify || cmd > PHYSDEVOP.alloc_irq_vector) return -ENOSYS;
    const offset = physdevOpCompatStruct.for(vcpu.domain.width).offset.u;
    return physdevOp.handler(hv, vcpu, new HypercallArguments([BigInt(cmd), va + BigInt(offset)]));
  },
};
