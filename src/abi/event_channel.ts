/** public/event_channel.h: operations, structures and the two port ABIs (2-level and FIFO). */
import { array, bytes, struct, u8, u16, u32, u64, union } from "./struct.ts";

export const EVTCHNOP = {
  bind_interdomain: 0,
  bind_virq: 1,
  bind_pirq: 2,
  close: 3,
  send: 4,
  status: 5,
  alloc_unbound: 6,
  bind_ipi: 7,
  bind_vcpu: 8,
  unmask: 9,
  reset: 10,
  init_control: 11,
  expand_array: 12,
  set_priority: 13,
} as const;

/** Allocates a port in `dom` that `remote_dom` may bind. */
export const evtchnAllocUnbound = struct("evtchn_alloc_unbound", { dom: u16, remote_dom: u16, port: u32 });
export const evtchnBindInterdomain = struct("evtchn_bind_interdomain", {
  remote_dom: u16,
  remote_port: u32,
  local_port: u32,
});
export const evtchnBindVirq = struct("evtchn_bind_virq", { virq: u32, vcpu: u32, port: u32 });
export const evtchnBindPirq = struct("evtchn_bind_pirq", { pirq: u32, flags: u32, port: u32 });
export const evtchnBindIpi = struct("evtchn_bind_ipi", { vcpu: u32, port: u32 });
export const evtchnClose = struct("evtchn_close", { port: u32 });
export const evtchnSend = struct("evtchn_send", { port: u32 });

export const EVTCHNSTAT = { closed: 0, unbound: 1, interdomain: 2, pirq: 3, virq: 4, ipi: 5 } as const;
export const evtchnStatus = struct("evtchn_status", {
  dom: u16,
  port: u32,
  /** Out: EVTCHNSTAT_*. */
  status: u32,
  /** Out: the vCPU that is notified. */
  vcpu: u32,
  u: union("evtchn_status_u", {
    unbound: struct("evtchn_status_unbound", { dom: u16 }),
    interdomain: struct("evtchn_status_interdomain", { dom: u16, port: u32 }),
    pirq: u32,
    virq: u32,
  }),
});
export const evtchnBindVcpu = struct("evtchn_bind_vcpu", { port: u32, vcpu: u32 });
export const evtchnUnmask = struct("evtchn_unmask", { port: u32 });
export const evtchnReset = struct("evtchn_reset", { dom: u16 });
export const evtchnInitControl = struct("evtchn_init_control", {
  control_gfn: u64,
  /** Of the control block in that frame: a multiple of 8. */
  offset: u32,
  vcpu: u32,
  /** Out: EVTCHN_FIFO_LINK_BITS. */
  link_bits: u8,
  pad: bytes(7),
});
export const evtchnExpandArray = struct("evtchn_expand_array", { array_gfn: u64 });
export const evtchnSetPriority = struct("evtchn_set_priority", { port: u32, priority: u32 });

/** event_channel_op_compat (hypercall 16): the command stands in front of its argument. */
export const EVTCHN_OP_COMPAT_ARGUMENT = 4;

/** Ports of the 2-level ABI: a bit for each bit of a word for each bit of a word. */
export const EVTCHN_2L_NR_CHANNELS = { 64: 4096, 32: 1024 } as const;

// FIFO ABI: each port has an event word; pending ports of one vCPU and priority are linked into a queue.
export const EVTCHN_FIFO_PRIORITY_MAX = 0;
export const EVTCHN_FIFO_PRIORITY_DEFAULT = 7;
export const EVTCHN_FIFO_PRIORITY_MIN = 15;
export const EVTCHN_FIFO_MAX_QUEUES = 16;
/** Event word: | PENDING | MASKED | LINKED | BUSY | 0 ... | LINK (17 bits: the next port) |. */
export const EVTCHN_FIFO_PENDING = 1 << 31;
export const EVTCHN_FIFO_MASKED = 1 << 30;
export const EVTCHN_FIFO_LINKED = 1 << 29;
export const EVTCHN_FIFO_BUSY = 1 << 28;
export const EVTCHN_FIFO_LINK_BITS = 17;
export const EVTCHN_FIFO_LINK_MASK = (1 << EVTCHN_FIFO_LINK_BITS) - 1;
export const EVTCHN_FIFO_NR_CHANNELS = 1 << EVTCHN_FIFO_LINK_BITS;
export const EVTCHN_FIFO_WORDS_PER_PAGE = 1024;
export const EVTCHN_FIFO_MAX_EVENT_ARRAY_PAGES = EVTCHN_FIFO_NR_CHANNELS / EVTCHN_FIFO_WORDS_PER_PAGE;

/** One a vCPU, in guest memory. Xen sets ready bits and, for an empty queue, its head; the guest consumes both. */
export const evtchnFifoControlBlock = struct("evtchn_fifo_control_block", {
  /** Bit n: queue n is not empty. */
  ready: u32,
  rsvd: u32,
  head: array(u32, EVTCHN_FIFO_MAX_QUEUES),
});
