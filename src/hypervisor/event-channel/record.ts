/** Event-channel state in the hypervisor's heap. */

import { EVTCHN_FIFO_MAX_EVENT_ARRAY_PAGES, EVTCHN_FIFO_MAX_QUEUES } from "../../abi/event_channel.ts";
import { array, struct, u8, u16, u32 } from "../../abi/struct.ts";
import { NR_VIRQS } from "../../abi/xen.ts";

/** States of a port (`evtchn.state`). */
export const ECS = { free: 0, unbound: 1, interdomain: 2, pirq: 3, virq: 4, ipi: 5 } as const;

/** One event channel: 128 of them fill a bucket, which is one heap frame. */
export const evtchn = struct("evtchn", {
  /** ECS_*. */
  state: u8,
  /** FIFO queue that the next event goes to. */
  priority: u8,
  /** FIFO queue that the event is, or was last, linked on. */
  last_priority: u8,
  /** FIFO: raised while the port had no event word yet. */
  pending: u8,
  notify_vcpu_id: u16,
  last_vcpu_id: u16,
  /** unbound: who may bind it; interdomain: the other side. */
  remote_domid: u16,
  pad0: u16,
  /** interdomain: the other side's port. */
  remote_port: u32,
  /** virq. */
  virq: u32,
  pad1: array(u32, 3),
});
export const EVTCHNS_PER_BUCKET = 4096 / evtchn.sizeof;
export type Evtchn = ReturnType<typeof evtchn.at>;

/** FIFO event arrays of a domain: MFNs of guest frames, each held with a writable type reference. */
export const evtchnFifoDomain = struct("evtchn_fifo_domain", {
  /** Ports that have an event word. */
  num_evtchns: u32,
  event_array: array(u32, EVTCHN_FIFO_MAX_EVENT_ARRAY_PAGES),
});

/** The event-channel part of a domain. */
export const domainEvtchn = struct("domain_evtchn", {
  /** Table of u32 bucket addresses, enough for max_evtchn_port; 0 before initialisation. */
  buckets: u32,
  /** Ports that have a record: a multiple of EVTCHNS_PER_BUCKET. */
  valid_evtchns: u32,
  /** Ports that are not free, port 0 included. */
  active_evtchns: u32,
  /** No port below this one is free. */
  lowest_free: u32,
  /** Highest port this domain may use. */
  max_evtchn_port: u32,
  /** Address of `evtchnFifoDomain`; 0 = 2-level ABI. */
  fifo: u32,
  /** Frame of PHYSDEVOP_pirq_eoi_gmfn, held with a writable type reference; 0 = none. No bit in it is ever set. */
  pirq_eoi_map_mfn: u32,
});

/** The event-channel part of a vCPU. */
export const vcpuEvtchn = struct("vcpu_evtchn", {
  /** Machine address of the vcpu_info in use; 0 before initialisation. */
  vcpu_info: u32,
  /** Guest frame that VCPUOP_register_vcpu_info named; 0 = none. */
  vcpu_info_mfn: u32,
  /** FIFO control block: machine address, or 0. */
  control_block: u32,
  /** FIFO: last port of each queue, or 0. Never read from guest memory. */
  queue_tail: array(u32, EVTCHN_FIFO_MAX_QUEUES),
  /** Port bound to each virtual interrupt, or 0. */
  virq_to_evtchn: array(u32, NR_VIRQS),
});
