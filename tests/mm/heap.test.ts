import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameTable } from "../../src/hypervisor/mm/frame-table.ts";
import { Heap, OutOfHeap } from "../../src/hypervisor/mm/heap.ts";
import { MachineMemory } from "../../src/machine/memory.ts";

function newHeap(): { heap: Heap; memory: MachineMemory } {
  const memory = new MachineMemory(1 << 20);
  return { heap: new Heap(new FrameTable(memory, 0x4000)), memory };
}

test("frames are contiguous, aligned, zero, and come back", () => {
  const { heap, memory } = newHeap();
  const free = heap.frames.state.free_frames;
  const a = heap.allocFrames(3);
  const b = heap.allocFrames(8, 8);
  assert.equal(b % 8, 0);
  memory.frame(a).fill(0xff);
  heap.freeFrames(a, 3);
  heap.freeFrames(b, 8);
  assert.equal(heap.frames.state.free_frames, free);
  const c = heap.allocFrames(3);
  assert.equal(c, a);
  assert.ok(memory.frame(c).every((byte) => byte === 0));
});

test("small allocations are naturally aligned and do not overlap", () => {
  const { heap, memory } = newHeap();
  const seen = new Map<number, number>();
  for (const size of [1, 16, 17, 100, 256, 500, 2048, 2049, 5000]) {
    for (let i = 0; i < 5; i++) {
      const at = heap.allocBytes(size);
      assert.equal(at % (size > 2048 ? 4096 : 16), 0);
      for (const [start, length] of seen) assert.ok(at + size <= start || start + length <= at);
      seen.set(at, size);
      assert.ok(memory.u8.subarray(at, at + size).every((byte) => byte === 0));
      memory.u8.fill(0xaa, at, at + size);
    }
  }
  for (const [at, size] of seen) heap.freeBytes(at, size);
  const again = heap.allocBytes(256, 64);
  assert.equal(again % 64, 0);
  assert.ok(memory.u8.subarray(again, again + 256).every((byte) => byte === 0));
});

test("no memory left is an error of its own, and a frame cannot be freed twice", () => {
  const { heap } = newHeap();
  assert.throws(() => heap.allocFrames(10_000), OutOfHeap);
  const mfn = heap.allocFrames(1);
  heap.freeFrames(mfn, 1);
  assert.throws(() => heap.freeFrames(mfn, 1));
});

test("a frame table in memory can be picked up again", () => {
  const { heap, memory } = newHeap();
  const mfn = heap.allocFrames(2);
  const again = new Heap(new FrameTable(memory, 0x4000, false));
  assert.equal(again.frames.refCount(mfn), 1);
  assert.equal(again.allocFrames(1), mfn + 2);
});
