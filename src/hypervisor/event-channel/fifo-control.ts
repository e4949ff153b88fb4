/** EVTCHNOP_init_control and expand_array: a guest gives pages for the FIFO ABI. */
import { EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from "../../abi/errno.ts";
import {
  EVTCHN_FIFO_MAX_EVENT_ARRAY_PAGES,
  EVTCHN_FIFO_MAX_QUEUES,
  EVTCHN_FIFO_PRIORITY_DEFAULT,
  EVTCHN_FIFO_WORDS_PER_PAGE,
  evtchnFifoControlBlock,
} from "../../abi/event_channel.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import type { Vcpu } from "../vcpu.ts";
import { fifo } from "./fifo.ts";
import { holdGuestFrame, releaseGuestFrame } from "./guest-frame.ts";
import { evtchnFromPort, notifiedVcpu, portIsValid } from "./port.ts";
import { evtchnFifoDomain } from "./record.ts";
import { twoLevel } from "./two-level.ts";

/** The first call switches the domain to the FIFO ABI; a call that fails changes nothing. */
export function initControl(domain: Domain, vcpuId: number, gfn: bigint, offset: number): void {
  const vcpu = domain.vcpus[vcpuId];
  if (vcpu === undefined) throw new HypercallError(ENOENT);
  if (offset > PAGE_SIZE - evtchnFifoControlBlock.sizeof || offset % 8 !== 0) throw new HypercallError(EINVAL);
  if (vcpu.record.evtchn.control_block !== 0) throw new HypercallError(EINVAL);

  const first = domain.record.evtchn.fifo === 0;
  const frame = holdGuestFrame(domain, gfn);
  if (first) {
    try {
      switchToFifo(domain);
    } catch (error) {
      releaseGuestFrame(domain, frame);
      throw error;
    }
  }
  for (let priority = 0; priority < EVTCHN_FIFO_MAX_QUEUES; priority++) {
    vcpu.record.evtchn.queue_tail.set(priority, 0);
  }
  vcpu.record.evtchn.control_block = frame * PAGE_SIZE + offset;
}

/** What is pending now stays so: it is raised again when its event word appears. */
function switchToFifo(domain: Domain): void {
  const { heap } = domain.hypervisor;
  const state = heap.allocBytes(evtchnFifoDomain.sizeof);
  for (let port = 1; portIsValid(domain, port); port++) {
    const channel = evtchnFromPort(domain, port);
    if (twoLevel.isPending(domain, port)) channel.pending = 1;
    channel.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    channel.last_priority = 0;
    channel.last_vcpu_id = 0;
  }
  domain.record.evtchn.fifo = state;
}

/** Adds a page of event words. */
export function expandArray(domain: Domain, gfn: bigint): void {
  const { memory } = domain.hypervisor;
  if (domain.record.evtchn.fifo === 0) throw new HypercallError(EOPNOTSUPP);
  const state = evtchnFifoDomain.at(memory, domain.record.evtchn.fifo);
  const first = state.num_evtchns;
  const slot = first / EVTCHN_FIFO_WORDS_PER_PAGE;
  if (slot >= EVTCHN_FIFO_MAX_EVENT_ARRAY_PAGES) throw new HypercallError(ENOSPC);
  state.event_array.set(slot, holdGuestFrame(domain, gfn));
  state.num_evtchns = first + EVTCHN_FIFO_WORDS_PER_PAGE;
  for (let port = first; port < first + EVTCHN_FIFO_WORDS_PER_PAGE && portIsValid(domain, port); port++) {
    const channel = evtchnFromPort(domain, port);
    const vcpu = notifiedVcpu(domain, channel);
    if (channel.pending === 0 || vcpu === undefined) continue;
    channel.pending = 0;
    fifo.setPending(vcpu, port, channel);
  }
}

function releaseControlBlock(vcpu: Vcpu): void {
  const record = vcpu.record.evtchn;
  if (record.control_block === 0) return;
  releaseGuestFrame(vcpu.domain, Math.floor(record.control_block / PAGE_SIZE));
  record.control_block = 0;
}

/** Back to the 2-level ABI (EVTCHNOP_reset, end of the domain). */
export function destroyFifo(domain: Domain): void {
  const { memory, heap } = domain.hypervisor;
  const address = domain.record.evtchn.fifo;
  if (address === 0) return;
  for (const vcpu of domain.vcpus) releaseControlBlock(vcpu);
  const state = evtchnFifoDomain.at(memory, address);
  const pages = state.num_evtchns / EVTCHN_FIFO_WORDS_PER_PAGE;
  for (let slot = 0; slot < pages; slot++) releaseGuestFrame(domain, state.event_array.get(slot));
  domain.record.evtchn.fifo = 0;
  heap.freeBytes(address, evtchnFifoDomain.sizeof);
}
