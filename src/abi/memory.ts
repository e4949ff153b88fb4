/** public/memory.h: memory_op. */
import { handle, struct, u16, u32, u64, ulong } from "./struct.ts";

export const XENMEM = {
  increase_reservation: 0,
  decrease_reservation: 1,
  maximum_ram_page: 2,
  current_reservation: 3,
  maximum_reservation: 4,
  machphys_mfn_list: 5,
  populate_physmap: 6,
  add_to_physmap: 7,
  memory_map: 9,
  machine_memory_map: 10,
  exchange: 11,
  machphys_mapping: 12,
  set_memory_map: 13,
  maximum_gpfn: 14,
  remove_from_physmap: 15,
  set_pod_target: 16,
  get_pod_target: 17,
  get_sharing_freed_pages: 18,
  get_sharing_shared_pages: 19,
  paging_op: 20,
  access_op: 21,
  sharing_op: 22,
  add_to_physmap_batch: 23,
  claim_pages: 24,
  machphys_compat_mfn_list: 25,
  get_vnumainfo: 26,
  reserved_device_memory_map: 27,
  acquire_resource: 28,
} as const;
/** The operation is in the low bits of the command, a continuation's start extent in the others. */
export const MEMOP_EXTENT_SHIFT = 6;
export const MEMOP_CMD_MASK = (1 << MEMOP_EXTENT_SHIFT) - 1;

/** mem_flags: the low byte is the number of address bits, 0 for any. */
export const XENMEMF_address_bits_mask = 0xff;
export const XENMEMF_populate_on_demand = 1 << 16;
export const XENMEMF_exact_node_request = 1 << 17;
export const XENMEMF_vnode = 1 << 18;

export const xenMemoryReservation = struct("xen_memory_reservation", {
  /** In: PFNs or MFNs; out: MFNs. */
  extent_start: handle,
  nr_extents: ulong,
  extent_order: u32,
  mem_flags: u32,
  domid: u16,
});

export const xenMemoryExchange = struct("xen_memory_exchange", {
  in: xenMemoryReservation,
  out: xenMemoryReservation,
  nr_exchanged: ulong,
});

export const xenMachphysMfnList = struct("xen_machphys_mfn_list", {
  max_extents: u32,
  extent_start: handle,
  nr_extents: u32,
});

export const xenMachphysMapping = struct("xen_machphys_mapping", { v_start: ulong, v_end: ulong, max_mfn: ulong });

export const xenMemoryMap = struct("xen_memory_map", { nr_entries: u32, buffer: handle });
export const xenForeignMemoryMap = struct("xen_foreign_memory_map", { domid: u16, map: xenMemoryMap });

/** An entry of the maps: packed, 20 bytes. */
export const E820_ENTRY_SIZE = 20;
export const E820_RAM = 1;
export const E820_RESERVED = 2;

export const xenAddToPhysmap = struct("xen_add_to_physmap", {
  domid: u16,
  size: u16,
  space: u32,
  idx: ulong,
  gpfn: ulong,
});

export const xenAcquireResource = struct("xen_mem_acquire_resource", {
  domid: u16,
  type: u16,
  id: u32,
  nr_frames: u32,
  pad: u32,
  frame: u64,
  frame_list: handle,
});

export const xenRemoveFromPhysmap = struct("xen_remove_from_physmap", { domid: u16, gpfn: ulong });
