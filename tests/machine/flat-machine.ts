/** A processor in 64-bit user mode with one flat mapping, for tests of machine code without a kernel. */

import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory } from "../../src/machine/memory.ts";
import {
  createProcessor,
  type ProcessorOptions,
  type SoftwareProcessor,
} from "../../src/machine/software-processor.ts";
import * as x86 from "../../src/machine/x86/state.ts";

/** Linear addresses 0 .. MAPPED-1 are readable, writable and executable; what is behind is not mapped. */
export const MAPPED = 256 * 4096;
const PRESENT_WRITABLE_USER = 7n;

export interface FlatMachine {
  readonly cpu: SoftwareProcessor;
  readonly memory: MachineMemory;
  /** Bytes of the mapping: linear address 0 is at index 0. */
  readonly bytes: Uint8Array;
}

export function flatMachine(options: ProcessorOptions = {}): FlatMachine {
  const layout = layOutMemory(4 << 20, 4 << 20);
  const memory = new MachineMemory(layout.size);
  // Time is what has retired: it shows whether that is known exactly in the middle of a run.
  const cpu: SoftwareProcessor = createProcessor(memory, layout, { now: () => cpu.retired }, options);
  const root = layout.heapBase;
  const base = root + 0x100000;
  const entry = (at: number, value: number): void =>
    memory.dv.setBigUint64(at, BigInt(value) | PRESENT_WRITABLE_USER, true);
  entry(root, root + 0x1000);
  entry(root + 0x1000, root + 0x2000);
  entry(root + 0x2000, root + 0x3000);
  for (let page = 0; page < MAPPED / 4096; page++) entry(root + 0x3000 + page * 8, base + page * 4096);
  const { state } = cpu;
  state.cr0 = x86.CR0_PE | x86.CR0_PG | x86.CR0_WP | x86.CR0_MP | x86.CR0_ET | x86.CR0_NE;
  state.cr4 = x86.CR4_PAE | x86.CR4_OSFXSR | x86.CR4_OSXMMEXCPT | x86.CR4_FSGSBASE;
  state.efer = x86.EFER_LME | x86.EFER_LMA | x86.EFER_NXE | x86.EFER_SCE;
  state.cpl = 3;
  cpu.loadCr3(root, 0, false);
  return { cpu, memory, bytes: memory.u8.subarray(base, base + MAPPED) };
}
