/** A processor in 64-bit user mode with a few pages: enough to try single instructions. */

import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory, PAGE_SIZE } from "../../src/machine/memory.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { createProcessor, type ProcessorOptions } from "../../src/machine/software-processor.ts";
import * as x86 from "../../src/machine/x86/state.ts";

const USER = 7n; // present, writable, user

/** Two pages of code, two of data; all else is unmapped. */
export const CODE = 0x400000n;
export const DATA = 0x600000n;

export class UserMachine {
  readonly memory: MachineMemory;
  readonly cpu;
  /** Machine addresses of the code and data pages. */
  readonly code: number;
  readonly data: number;
  readonly #root: number;
  #next: number;

  constructor(options: ProcessorOptions = {}) {
    const layout = layOutMemory(2 << 20);
    this.memory = new MachineMemory(layout.size);
    this.#next = layout.heapBase;
    this.cpu = createProcessor(this.memory, layout, { now: () => 0 }, options);
    this.#root = this.allocate(1);
    this.code = this.allocate(2);
    this.data = this.allocate(2);
    for (const at of [0, PAGE_SIZE]) {
      this.map(CODE + BigInt(at), this.code + at);
      this.map(DATA + BigInt(at), this.data + at);
    }
    const s = this.cpu.state;
    s.cr0 = x86.CR0_PE | x86.CR0_MP | x86.CR0_ET | x86.CR0_NE | x86.CR0_WP | x86.CR0_AM | x86.CR0_PG;
    s.cr4 = x86.CR4_PAE | x86.CR4_OSFXSR | x86.CR4_OSXMMEXCPT | x86.CR4_FSGSBASE;
    s.efer = x86.EFER_SCE | x86.EFER_LME | x86.EFER_LMA | x86.EFER_NXE;
    s.cpl = 3;
    this.cpu.loadCr3(this.#root, 0, false);
  }

  /** Machine address of so many zeroed frames. */
  allocate(frames: number): number {
    const at = this.#next;
    this.#next += frames * PAGE_SIZE;
    return at;
  }

  map(linear: bigint, machine: number, flags = USER): void {
    const { dv } = this.memory;
    let table = this.#root;
    for (let level = 3; level > 0; level--) {
      const at = table + Number((linear >> BigInt(12 + 9 * level)) & 511n) * 8;
      if (dv.getBigUint64(at, true) === 0n) dv.setBigUint64(at, BigInt(this.allocate(1)) | USER, true);
      table = Number(dv.getBigUint64(at, true) & ~0xfffn);
    }
    dv.setBigUint64(table + Number((linear >> 12n) & 511n) * 8, BigInt(machine) | flags, true);
  }

  /** Puts code (in hexadecimal) at an offset of the code pages, and RIP there. */
  load(code: string, offset = 0): void {
    const bytes = Uint8Array.from(code.match(/[0-9a-f]{2}/g) ?? [], (h) => Number.parseInt(h, 16));
    this.memory.u8.set(bytes, this.code + offset);
    this.cpu.frameWritten(this.code >>> 12);
    this.cpu.frameWritten((this.code + PAGE_SIZE) >>> 12);
    this.cpu.state.rip = CODE + BigInt(offset);
  }

  /** Executes one instruction. Returns the vector of the exception that it raised, or undefined. */
  step(): number | undefined {
    const reason = this.cpu.run(1);
    if (reason === ExitReason.Budget) return undefined;
    if (reason !== ExitReason.Exception) throw new Error(`exit reason ${reason}`);
    return this.cpu.state.exit_vector;
  }

  /** Loads and executes one instruction. */
  execute(code: string, registers: Readonly<Record<number, bigint>> = {}, offset = 0): number | undefined {
    this.load(code, offset);
    for (const [register, value] of Object.entries(registers)) this.cpu.gpr[Number(register)] = value;
    return this.step();
  }
}
