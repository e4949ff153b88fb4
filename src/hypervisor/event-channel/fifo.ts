/**
 * The FIFO ABI: pending ports are linked through their event words into one queue for each vCPU
 * and priority.
 *
 *     control block (one a vCPU)      head[p]: first port of queue p; ready: bit p, queue p not empty
 *     event array (one a domain)      word: PENDING MASKED LINKED BUSY, LINK = next port or 0
 *     queue_tail (in our heap)        last port of each queue
 *
 * The hypervisor appends: it sets LINKED in the word, points the tail's LINK at it, or the head if
 * the queue is empty, and then sets the ready bit. The guest takes from the head and clears LINKED.
 * All of it is guest memory, so nothing in it is believed: the hypervisor follows no link, takes no
 * port number from it, and every retry is bounded. What a guest corrupts is its own queue.
 */
import { EINVAL } from "../../abi/errno.ts";
import {
  EVTCHN_FIFO_BUSY,
  EVTCHN_FIFO_LINK_MASK,
  EVTCHN_FIFO_LINKED,
  EVTCHN_FIFO_MASKED,
  EVTCHN_FIFO_PENDING,
  EVTCHN_FIFO_PRIORITY_DEFAULT,
  EVTCHN_FIFO_PRIORITY_MIN,
  EVTCHN_FIFO_WORDS_PER_PAGE,
  evtchnFifoControlBlock,
} from "../../abi/event_channel.ts";
import { PAGE_SIZE } from "../../machine/memory.ts";
import type { Domain } from "../domain.ts";
import { HypercallError } from "../hypercall.ts";
import type { Vcpu } from "../vcpu.ts";
import type { PortOps } from "./port-ops.ts";
import { type Evtchn, evtchnFifoDomain } from "./record.ts";
import { markEventsPending } from "./vcpu-info.ts";

const ARRAY = evtchnFifoDomain.offset.event_array;
const READY = evtchnFifoControlBlock.offset.ready;
const HEAD = evtchnFifoControlBlock.offset.head;

/** Index into `memory.i32` of a port's event word, or 0 while its array page is missing. */
function eventWord(domain: Domain, port: number): number {
  const { dv } = domain.hypervisor.memory;
  const state = domain.record.evtchn.fifo;
  if (port >= dv.getUint32(state + evtchnFifoDomain.offset.num_evtchns, true)) return 0;
  const page = dv.getUint32(state + ARRAY + Math.floor(port / EVTCHN_FIFO_WORDS_PER_PAGE) * 4, true);
  return (page * PAGE_SIZE) / 4 + (port % EVTCHN_FIFO_WORDS_PER_PAGE);
}

function testFlag(domain: Domain, port: number, flag: number): boolean {
  const word = eventWord(domain, port);
  return word !== 0 && (Atomics.load(domain.hypervisor.memory.i32, word) & flag) !== 0;
}

/** Replaces LINK (and clears BUSY) in a word, provided it is LINKED. "changed": somebody else wrote it meanwhile. */
function trySetLink(i32: Int32Array, word: number, link: number): "linked" | "unlinked" | "changed" {
  const old = Atomics.load(i32, word);
  if ((old & EVTCHN_FIFO_LINKED) === 0) return "unlinked";
  const next = (old & ~(EVTCHN_FIFO_BUSY | EVTCHN_FIFO_LINK_MASK)) | link;
  return Atomics.compareExchange(i32, word, old, next) === old ? "linked" : "changed";
}

/**
 * Links `port` behind the queue's tail; false if the tail has left the queue, which is empty then.
 * While a word is LINKED, an honest guest can set MASKED, clear it, clear PENDING and clear LINKED; BUSY
 * keeps it from clearing MASKED. So the exchange fails at most four times, or the guest is not honest.
 */
function linkBehind(i32: Int32Array, tail: number, port: number): boolean {
  const first = trySetLink(i32, tail, port);
  if (first !== "changed") return first === "linked";
  Atomics.or(i32, tail, EVTCHN_FIFO_BUSY);
  for (let attempt = 0; attempt < 4; attempt++) {
    const result = trySetLink(i32, tail, port);
    if (result === "linked") return true;
    if (result === "unlinked") break;
  }
  Atomics.and(i32, tail, ~EVTCHN_FIFO_BUSY);
  return false;
}

/** Appends a pending, unmasked port to its queue, unless it is on one. */
function enqueue(vcpu: Vcpu, port: number, channel: Evtchn, word: number): void {
  const { domain } = vcpu;
  const { memory } = domain.hypervisor;
  const queues = vcpu.record.evtchn;
  const control = queues.control_block;
  // The guest must not unmask ports for a vCPU whose control block it has not given: the event is dropped.
  if (control === 0) return;
  if ((Atomics.or(memory.i32, word, EVTCHN_FIFO_LINKED) & EVTCHN_FIFO_LINKED) !== 0) return;

  // Was it the tail of a queue? That queue is empty then: the next port there must not be linked behind it.
  const lastTails = domain.vcpus[channel.last_vcpu_id]?.record.evtchn.queue_tail;
  if (lastTails?.get(channel.last_priority) === port) lastTails.set(channel.last_priority, 0);
  const priority = channel.priority;
  channel.last_vcpu_id = vcpu.id;
  channel.last_priority = priority;

  const tail = queues.queue_tail.get(priority);
  const tailWord = tail === 0 ? 0 : eventWord(domain, tail);
  const linked = tailWord !== 0 && linkBehind(memory.i32, tailWord, port);
  if (!linked) Atomics.store(memory.i32, (control + HEAD) / 4 + priority, port);
  queues.queue_tail.set(priority, port);
  if (linked) return;
  if ((Atomics.or(memory.i32, (control + READY) / 4, 1 << priority) & (1 << priority)) === 0) markEventsPending(vcpu);
}

export const fifo: PortOps = {
  init(_domain, _port, channel) {
    channel.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
  },
  setPending(vcpu, port, channel) {
    const { domain } = vcpu;
    const { i32 } = domain.hypervisor.memory;
    const word = eventWord(domain, port);
    if (word === 0) {
      // Raised when the guest adds the page (expand_array).
      channel.pending = 1;
      return true;
    }
    const wasPending = (Atomics.or(i32, word, EVTCHN_FIFO_PENDING) & EVTCHN_FIFO_PENDING) !== 0;
    if ((Atomics.load(i32, word) & (EVTCHN_FIFO_MASKED | EVTCHN_FIFO_LINKED)) === 0) enqueue(vcpu, port, channel, word);
    return !wasPending;
  },
  clearPending(domain, port, channel) {
    channel.pending = 0;
    // It stays on its queue: the guest unlinks it and ignores what is not pending.
    const word = eventWord(domain, port);
    if (word !== 0) Atomics.and(domain.hypervisor.memory.i32, word, ~EVTCHN_FIFO_PENDING);
  },
  unmask(vcpu, port, channel) {
    const { domain } = vcpu;
    const word = eventWord(domain, port);
    if (word === 0) return;
    const old = Atomics.and(domain.hypervisor.memory.i32, word, ~EVTCHN_FIFO_MASKED);
    if ((old & EVTCHN_FIFO_PENDING) !== 0) fifo.setPending(vcpu, port, channel);
  },
  isPending: (domain, port) => testFlag(domain, port, EVTCHN_FIFO_PENDING),
  isMasked: (domain, port) => eventWord(domain, port) === 0 || testFlag(domain, port, EVTCHN_FIFO_MASKED),
  isBusy: (domain, port) => testFlag(domain, port, EVTCHN_FIFO_LINKED),
  setPriority(channel, priority) {
    if (priority > EVTCHN_FIFO_PRIORITY_MIN) throw new HypercallError(EINVAL);
    // A port that is on a queue stays there; the next event goes to the new one.
    channel.priority = priority;
  },
};
