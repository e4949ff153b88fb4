import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EINVAL, ENOENT, ENOSPC } from "../../src/abi/errno.ts";
import * as abi from "../../src/abi/event_channel.ts";
import { bindIpi } from "../../src/hypervisor/event-channel/bind.ts";
import { closePort } from "../../src/hypervisor/event-channel/close.ts";
import { portIsPending, sendPort } from "../../src/hypervisor/event-channel/deliver.ts";
import { eventChannelOp } from "../../src/hypervisor/event-channel/op.ts";
import { vcpuInfo } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { PageType } from "../../src/hypervisor/mm/frame-table.ts";
import { type TestGuest, TestMachine } from "./machine.ts";

const OP = abi.EVTCHNOP;
const PENDING = 0x8000_0000;
const MASKED = 0x4000_0000;
const LINKED = 0x2000_0000;
const BUSY = 0x1000_0000;
const LINK = 0x1_ffff;

const CONTROL_PAGE = 0;
const ARRAY_PAGE = 1;

function initControl(guest: TestGuest, vcpu: number, mfn: number, offset = 0): number {
  const op = guest.argument(abi.evtchnInitControl, (v) => {
    v.control_gfn = BigInt(mfn);
    v.offset = offset;
    v.vcpu = vcpu;
  });
  const result = guest.call(eventChannelOp, [OP.init_control, undefined]);
  if (result === 0) assert.equal(op.link_bits, 17);
  return result;
}

function expandArray(guest: TestGuest, mfn: number): number {
  guest.argument(abi.evtchnExpandArray, (v) => {
    v.array_gfn = BigInt(mfn);
  });
  return guest.call(eventChannelOp, [OP.expand_array, undefined]);
}

function setPriority(guest: TestGuest, port: number, priority: number): number {
  guest.argument(abi.evtchnSetPriority, (v) => {
    v.port = port;
    v.priority = priority;
  });
  return guest.call(eventChannelOp, [OP.set_priority, undefined]);
}

function unmask(guest: TestGuest, port: number): number {
  guest.argument(abi.evtchnUnmask, (v) => {
    v.port = port;
  });
  return guest.call(eventChannelOp, [OP.unmask, undefined]);
}

/** The guest's side of the FIFO ABI. */
class Consumer {
  readonly words: Uint32Array;
  readonly control: Uint32Array;

  constructor(guest: TestGuest, controlPage = CONTROL_PAGE, arrayPage = ARRAY_PAGE) {
    const array = guest.page(arrayPage);
    this.words = new Uint32Array(array.buffer, array.byteOffset, 1024);
    const control = guest.page(controlPage);
    this.control = new Uint32Array(control.buffer, control.byteOffset, 18);
  }

  get ready(): number {
    return this.control[0]!;
  }

  /** Takes everything off the queues, most urgent first, as a guest's handler does. Returns the ports. */
  consume(): number[] {
    const ports: number[] = [];
    for (let priority = 0; priority < 16; priority++) {
      if ((this.control[0]! & (1 << priority)) === 0) continue;
      this.control[0]! &= ~(1 << priority);
      let port = this.control[2 + priority]!;
      for (let steps = 0; port !== 0 && steps < 2000; steps++) {
        const word = this.words[port]!;
        this.words[port] = word & ~(LINKED | LINK) & 0xffff_ffff;
        if ((word & PENDING) !== 0 && (word & MASKED) === 0) {
          this.words[port]! &= ~PENDING;
          ports.push(port);
        }
        port = word & LINK;
      }
    }
    return ports;
  }
}

function fifoGuest(options: { vcpus?: number; maxPort?: number } = {}): { guest: TestGuest; consumer: Consumer } {
  const guest = new TestMachine().guest(1, options);
  assert.equal(initControl(guest, 0, guest.data[CONTROL_PAGE]!), 0);
  assert.equal(expandArray(guest, guest.data[ARRAY_PAGE]!), 0);
  return { guest, consumer: new Consumer(guest) };
}

test("events queue up in order, and are seen once", () => {
  const { guest, consumer } = fifoGuest();
  const ports = [bindIpi(guest.domain, 0), bindIpi(guest.domain, 0), bindIpi(guest.domain, 0)];
  for (const port of [ports[1]!, ports[0]!, ports[2]!, ports[1]!]) sendPort(guest.domain, port);
  assert.equal(vcpuInfo(guest.vcpu).evtchn_upcall_pending, 1);
  assert.equal(consumer.ready, 1 << 7);
  assert.deepEqual(consumer.consume(), [ports[1], ports[0], ports[2]]);
  assert.deepEqual(consumer.consume(), []);
  sendPort(guest.domain, ports[1]!);
  assert.deepEqual(consumer.consume(), [ports[1]]);
  sendPort(guest.domain, ports[1]!);
  sendPort(guest.domain, ports[0]!);
  assert.deepEqual(consumer.consume(), [ports[1], ports[0]]);
});

test("priorities", () => {
  const { guest, consumer } = fifoGuest();
  const [low, usual, high] = [bindIpi(guest.domain, 0), bindIpi(guest.domain, 0), bindIpi(guest.domain, 0)];
  assert.equal(setPriority(guest, low, 15), 0);
  assert.equal(setPriority(guest, high, 0), 0);
  assert.equal(setPriority(guest, high, 16), -EINVAL);
  assert.equal(setPriority(guest, 0xffff_ffff, 1), -EINVAL);
  assert.equal(setPriority(guest, 100, 1), -EACCES, "not open");
  for (const port of [low, usual, high]) sendPort(guest.domain, port);
  assert.equal(consumer.ready, (1 << 15) | (1 << 7) | 1);
  assert.deepEqual(consumer.consume(), [high, usual, low]);
});

test("a masked event is not queued until it is unmasked", () => {
  const { guest, consumer } = fifoGuest();
  const port = bindIpi(guest.domain, 0);
  consumer.words[port]! |= MASKED;
  sendPort(guest.domain, port);
  assert.equal(consumer.ready, 0);
  assert.ok(portIsPending(guest.domain, port));
  assert.equal(unmask(guest, port), 0);
  assert.deepEqual(consumer.consume(), [port]);
  assert.equal(unmask(guest, port), 0);
  assert.deepEqual(consumer.consume(), []);
});

test("each vCPU has its queues; an event that moves is appended to the new one", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1, { vcpus: 2 });
  assert.equal(initControl(guest, 0, guest.data[0]!), 0);
  assert.equal(initControl(guest, 1, guest.data[2]!, 64), 0);
  assert.equal(expandArray(guest, guest.data[1]!), 0);
  const first = new Consumer(guest);
  const port = bindIpi(guest.domain, 1);
  sendPort(guest.domain, port);
  assert.equal(first.ready, 0);
  assert.equal(vcpuInfo(guest.vcpu).evtchn_upcall_pending, 0);
  assert.equal(vcpuInfo(guest.domain.vcpus[1]!).evtchn_upcall_pending, 1);
  const control = guest.page(2);
  const second = new Uint32Array(control.buffer, control.byteOffset + 64, 18);
  assert.deepEqual([second[0], second[2 + 7]], [1 << 7, port]);
});

test("init_control: what is refused leaves nothing behind (XSA-188)", () => {
  const guest = new TestMachine().guest(1, { vcpus: 2 });
  const mfn = guest.data[0]!;
  const { frames } = guest.machine.hv;
  const before = [frames.refCount(mfn), frames.typeCount(mfn)];
  const free = frames.state.free_frames;
  assert.equal(initControl(guest, 5, mfn), -ENOENT);
  assert.equal(initControl(guest, 0, mfn, 4096), -EINVAL);
  assert.equal(initControl(guest, 0, mfn, 4096 - 64), -EINVAL, "it crosses the page");
  assert.equal(initControl(guest, 0, mfn, 4), -EINVAL);
  assert.equal(initControl(guest, 0, 2 ** 40), -EINVAL);
  assert.equal(initControl(guest, 0, 3), -EINVAL);
  assert.equal(initControl(guest, 0, guest.l1), -EINVAL, "a page table");
  assert.equal(guest.domain.record.evtchn.fifo, 0);
  assert.deepEqual([frames.refCount(mfn), frames.typeCount(mfn)], before);
  assert.equal(frames.state.free_frames, free);
  assert.equal(initControl(guest, 0, mfn, 4096 - 72), 0);
  assert.equal(initControl(guest, 0, mfn), -EINVAL, "once only");
  assert.deepEqual([frames.refCount(mfn), frames.typeCount(mfn)], [before[0]! + 1, before[1]! + 1]);
  assert.equal(expandArray(guest, guest.l1), -EINVAL);
  assert.equal(expandArray(guest, 2 ** 33), -EINVAL);
});

test("what was pending under the 2-level ABI comes through when its page arrives", () => {
  const guest = new TestMachine().guest(1);
  const before = bindIpi(guest.domain, 0);
  sendPort(guest.domain, before);
  assert.equal(initControl(guest, 0, guest.data[CONTROL_PAGE]!), 0);
  const between = bindIpi(guest.domain, 0);
  sendPort(guest.domain, between);
  assert.equal(expandArray(guest, guest.data[ARRAY_PAGE]!), 0);
  const consumer = new Consumer(guest);
  assert.deepEqual(consumer.consume(), [before, between]);
});

test("the array has 128 pages at most; ports beyond it wait", () => {
  const guest = new TestMachine().guest(1);
  assert.equal(initControl(guest, 0, guest.data[0]!), 0);
  for (let page = 0; page < 128; page++) assert.equal(expandArray(guest, guest.data[1]!), 0);
  assert.equal(expandArray(guest, guest.data[1]!), -ENOSPC);
});

test("reset goes back to the 2-level ABI and lets the pages go", () => {
  const { guest } = fifoGuest();
  const { frames } = guest.machine.hv;
  const mfn = guest.data[CONTROL_PAGE]!;
  const held = frames.refCount(mfn);
  guest.argument(abi.evtchnReset, (v) => {
    v.dom = 0x7ff0;
  });
  assert.equal(guest.call(eventChannelOp, [OP.reset, undefined]), 0);
  assert.equal(guest.domain.record.evtchn.fifo, 0);
  assert.equal(frames.refCount(mfn), held - 1);
  assert.equal(frames.type(mfn), PageType.Writable);
  assert.equal(initControl(guest, 0, mfn), 0, "and it can begin again");
});

test("a closed port that is still linked is not handed out again", () => {
  const { guest, consumer } = fifoGuest();
  const port = bindIpi(guest.domain, 0);
  sendPort(guest.domain, port);
  closePort(guest.domain, port);
  const next = bindIpi(guest.domain, 0);
  assert.notEqual(next, port);
  assert.deepEqual(consumer.consume(), [], "it is unlinked, and not pending");
  assert.equal(bindIpi(guest.domain, 0), port);
});

test("a full queue of a thousand events", () => {
  const { guest, consumer } = fifoGuest();
  const ports = Array.from({ length: 1023 }, () => bindIpi(guest.domain, 0));
  for (const port of ports) sendPort(guest.domain, port);
  assert.deepEqual(consumer.consume(), ports);
});

test("a hostile guest: corrupt words, links, heads and cycles hurt nobody else", () => {
  const machine = new TestMachine();
  const guest = machine.guest(1, { vcpus: 1 });
  const neighbour = machine.guest(2);
  initControl(guest, 0, guest.data[CONTROL_PAGE]!);
  expandArray(guest, guest.data[ARRAY_PAGE]!);
  const consumer = new Consumer(guest);
  const ports = Array.from({ length: 20 }, () => bindIpi(guest.domain, 0));
  const pages = neighbour.data.map((mfn) => machine.hv.memory.frame(mfn).slice());
  let seed = 12345;
  const random = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return seed;
  };
  const outside = machine.hv.memory.u8.slice();
  for (let round = 0; round < 3000; round++) {
    const kind = random() % 6;
    const port = ports[random() % ports.length]!;
    if (kind === 0) consumer.words[port] = random();
    else if (kind === 1) consumer.words[port] = LINKED | port;
    else if (kind === 2) consumer.control[2 + (random() % 16)] = random();
    else if (kind === 3) consumer.control[0] = random();
    else if (kind === 4) consumer.words[port] = BUSY | LINKED | LINK;
    else setPriority(guest, port, random() % 16);
    sendPort(guest.domain, port);
    if (round % 7 === 0) unmask(guest, port);
    if (round % 50 === 0) consumer.consume();
  }
  for (const [i, page] of pages.entries()) assert.deepEqual(machine.hv.memory.frame(neighbour.data[i]!), page);
  // Only the guest's two pages, its arguments and event records have changed: the frames that are not its own are as before.
  const owned = new Set(guest.data);
  let changed = 0;
  for (let mfn = 0; mfn < machine.hv.memory.frames; mfn++) {
    if (owned.has(mfn) || mfn < 2) continue;
    const now = machine.hv.memory.frame(mfn);
    const then = outside.subarray(mfn * 4096, mfn * 4096 + 4096);
    if (Buffer.compare(now, then) !== 0) changed++;
  }
  // The bucket, the vCPU's record, shared_info, and page tables (accessed bits).
  assert.ok(changed <= 8, `${changed} frames have changed`);
});

test("a guest that tampers between our look and our exchange cannot hold us", () => {
  const { guest, consumer } = fifoGuest();
  const [first, second] = [bindIpi(guest.domain, 0), bindIpi(guest.domain, 0)];
  sendPort(guest.domain, first);
  const { i32 } = guest.machine.hv.memory;
  const word = (guest.data[ARRAY_PAGE]! * 4096) / 4 + first;
  const original = Atomics.compareExchange;
  let attempts = 0;
  // The tail's word is another one at every exchange, as if another processor wrote it all the time.
  Object.defineProperty(Atomics, "compareExchange", {
    configurable: true,
    writable: true,
    value: (array: Int32Array, index: number, expected: number, replacement: number): number => {
      if (array === i32 && index === word) {
        attempts++;
        i32[word] = (i32[word]! ^ MASKED) | LINKED;
      }
      return original(array, index, expected, replacement);
    },
  });
  try {
    sendPort(guest.domain, second);
  } finally {
    Object.defineProperty(Atomics, "compareExchange", { configurable: true, writable: true, value: original });
  }
  assert.equal(attempts, 5);
  assert.equal(consumer.words[first]! & BUSY, 0, "and leaves no lock behind");
  assert.equal(consumer.control[2 + 7], second, "the queue begins anew");
});
