/** Machine memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MachineMemory, PAGE_SIZE } from "../../src/machine/memory.ts";

test("a cleared frame is zero, wherever something was in it, and its neighbours are as before", () => {
  const memory = new MachineMemory(1 << 16);
  for (const at of [0, 1, 15, 16, 2047, PAGE_SIZE - 17, PAGE_SIZE - 1]) {
    memory.u8.fill(0xff, PAGE_SIZE, 4 * PAGE_SIZE);
    memory.frame(2).fill(0);
    memory.frame(2)[at] = 0x80;
    memory.clearFrame(2);
    assert.ok(memory.frame(2).every((byte) => byte === 0));
    assert.ok(memory.frame(1).every((byte) => byte === 0xff));
    assert.ok(memory.frame(3).every((byte) => byte === 0xff));
  }
});
