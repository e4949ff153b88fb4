/** public/physdev.h: physdev_op. */
import { handle, struct, u32, ulong } from "./struct.ts";

export const PHYSDEVOP = {
  irq_unmask_notify: 4,
  irq_status_query: 5,
  set_iopl: 6,
  set_iobitmap: 7,
  apic_read: 8,
  apic_write: 9,
  alloc_irq_vector: 10,
  free_irq_vector: 11,
  eoi: 12,
  map_pirq: 13,
  unmap_pirq: 14,
  manage_pci_add: 15,
  manage_pci_remove: 16,
  pirq_eoi_gmfn_v1: 17,
  manage_pci_add_ext: 20,
  setup_gsi: 21,
  get_nr_pirqs: 22,
  get_free_pirq: 23,
  pci_mmcfg_reserved: 24,
  pci_device_add: 25,
  pci_device_remove: 26,
  restore_msi_ext: 27,
  pirq_eoi_gmfn_v2: 28,
  dbgp_op: 29,
  prepare_msix: 30,
  release_msix: 31,
  restore_msi: 19,
} as const;

export const physdevSetIopl = struct("physdev_set_iopl", { iopl: u32 });
export const physdevSetIobitmap = struct("physdev_set_iobitmap", { bitmap: handle, nr_ports: u32 });
export const physdevPirqEoiGmfn = struct("physdev_pirq_eoi_gmfn", { gmfn: ulong });
export const physdevGetNrPirqs = struct("physdev_nr_pirqs", { nr_pirqs: u32 });
/** Of physdev_op_compat: `u` is a union of the structures of the operations. */
export const physdevOpCompatStruct = struct("physdev_op", { cmd: u32, u: handle });
