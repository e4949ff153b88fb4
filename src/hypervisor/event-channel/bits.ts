/** Atomic bit operations on memory that a guest writes to, too. Bit n of a bitmap is bit n & 7 of byte n >> 3. */
import type { MachineMemory } from "../../machine/memory.ts";

export function testBit(memory: MachineMemory, base: number, bit: number): boolean {
  return ((memory.u8[base + (bit >>> 3)] ?? 0) & (1 << (bit & 7))) !== 0;
}

/** Sets the bit and returns whether it was set before. */
export function testAndSetBit(memory: MachineMemory, base: number, bit: number): boolean {
  const mask = 1 << (bit & 7);
  return (Atomics.or(memory.u8, base + (bit >>> 3), mask) & mask) !== 0;
}

/** Clears the bit and returns whether it was set before. */
export function testAndClearBit(memory: MachineMemory, base: number, bit: number): boolean {
  const mask = 1 << (bit & 7);
  return (Atomics.and(memory.u8, base + (bit >>> 3), ~mask & 0xff) & mask) !== 0;
}
