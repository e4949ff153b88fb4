/**
 * Executes the oracle's cases on our processor, in the same address space: 4-level page
 * tables with the same mappings and rights, 64-bit user mode, descriptors as a Linux task has them.
 */

import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory, PAGE_SIZE } from "../../src/machine/memory.ts";
import { ExitReason, type Processor } from "../../src/machine/processor.ts";
import { createProcessor, type ProcessorOptions } from "../../src/machine/software-processor.ts";
import * as x86 from "../../src/machine/x86/state.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import {
  backgroundMemory,
  type Case,
  CODE_BASE,
  CODE_SIZE,
  DATA_BASE,
  DATA_SIZE,
  EXECUTED,
  FX_FCW,
  FX_FDP,
  FX_FIP,
  FX_FOP,
  FX_FSW,
  FX_FTW,
  FX_MXCSR,
  FX_ST,
  FX_XMM,
  READ_ONLY_SIZE,
  RESULT_CR2,
  RESULT_ERROR_CODE,
  RESULT_FS_BASE,
  RESULT_FX,
  RESULT_GPR,
  RESULT_GS_BASE,
  RESULT_RFLAGS,
  RESULT_RIP,
  RESULT_SIZE,
  RESULT_VECTOR,
  Result,
  USER_CS,
  USER_SS,
} from "./record.ts";

/** Where the descriptor table is, for supervisors only. */
const GDT_BASE = 0xffffc00000000000n;
/** Descriptors of a 64-bit Linux: 32-bit user code (0x23), user data (0x2b), 64-bit user code (0x33). */
const GDT: Readonly<Record<number, bigint>> = {
  1: 0x00cf9b000000ffffn,
  2: 0x00af9b000000ffffn,
  3: 0x00cf93000000ffffn,
  4: 0x00cffb000000ffffn,
  5: 0x00cff3000000ffffn,
  6: 0x00affb000000ffffn,
};
const GDT_LIMIT = 127;

const PTE_P = 1n,
  PTE_RW = 2n,
  PTE_US = 4n;
/** Instructions for which REP ends by itself; a runaway ends here. */
const BUDGET = 100000;

export class OurProcessor {
  readonly cpu: Processor;
  readonly #memory: MachineMemory;
  readonly #code: number;
  readonly #data: number;
  readonly #root: number;
  readonly #background = backgroundMemory();
  readonly #result = new Uint8Array(RESULT_SIZE);
  #next: number;

  constructor(options: ProcessorOptions = {}) {
    const layout = layOutMemory(4 << 20);
    this.#memory = new MachineMemory(layout.size);
    this.#next = layout.heapBase;
    this.cpu = createProcessor(
      this.#memory,
      layout,
      { now: () => 0 },
      {
        features: new Set(instructionTable.map((def) => def.feature)),
        ...options,
      },
    );
    this.#root = this.#allocate(1);
    this.#code = this.#allocate(CODE_SIZE / PAGE_SIZE);
    this.#data = this.#allocate((DATA_SIZE + READ_ONLY_SIZE) / PAGE_SIZE);
    const gdt = this.#allocate(1);
    const user = PTE_P | PTE_RW | PTE_US;
    for (let at = 0; at < CODE_SIZE; at += PAGE_SIZE) this.#map(BigInt(CODE_BASE + at), this.#code + at, user);
    for (let at = 0; at < DATA_SIZE; at += PAGE_SIZE) this.#map(BigInt(DATA_BASE + at), this.#data + at, user);
    this.#map(BigInt(DATA_BASE + DATA_SIZE), this.#data + DATA_SIZE, PTE_P | PTE_US);
    this.#map(GDT_BASE, gdt, PTE_P | PTE_RW);
    for (const [index, descriptor] of Object.entries(GDT))
      this.#memory.dv.setBigUint64(gdt + Number(index) * 8, descriptor, true);
    this.#enterUserMode();
  }

  #allocate(frames: number): number {
    const at = this.#next;
    this.#next += frames * PAGE_SIZE;
    return at;
  }

  #map(linear: bigint, machine: number, flags: bigint): void {
    let table = this.#root;
    for (let level = 3; level > 0; level--) {
      const at = table + Number((linear >> BigInt(12 + 9 * level)) & 511n) * 8;
      let entry = this.#memory.dv.getBigUint64(at, true);
      if (entry === 0n) {
        entry = BigInt(this.#allocate(1)) | PTE_P | PTE_RW | PTE_US;
        this.#memory.dv.setBigUint64(at, entry, true);
      }
      table = Number(entry & ~0xfffn);
    }
    this.#memory.dv.setBigUint64(table + Number((linear >> 12n) & 511n) * 8, BigInt(machine) | flags, true);
  }

  #enterUserMode(): void {
    const s = this.cpu.state;
    s.cr0 = x86.CR0_PE | x86.CR0_MP | x86.CR0_ET | x86.CR0_NE | x86.CR0_WP | x86.CR0_AM | x86.CR0_PG;
    s.cr4 = x86.CR4_PAE | x86.CR4_PGE | x86.CR4_OSFXSR | x86.CR4_OSXMMEXCPT | x86.CR4_FSGSBASE;
    s.efer = x86.EFER_SCE | x86.EFER_LME | x86.EFER_LMA | x86.EFER_NXE;
    s.cpl = 3;
    s.gdtr.base = GDT_BASE;
    s.gdtr.limit = GDT_LIMIT;
    this.cpu.loadCr3(this.#root, 0, false);
  }

  #setSegments(c: Case): void {
    const segments = this.cpu.state.segment;
    for (const i of [x86.ES, x86.DS, x86.FS, x86.GS]) {
      const segment = segments.get(i);
      segment.selector = segment.attributes = segment.limit = 0;
      segment.base = i === x86.FS ? c.fsBase : i === x86.GS ? c.gsBase : 0n;
    }
    const cs = segments.get(x86.CS);
    [cs.selector, cs.attributes, cs.limit, cs.base] = [USER_CS, 0xafb, 0xffffffff, 0n];
    const ss = segments.get(x86.SS);
    [ss.selector, ss.attributes, ss.limit, ss.base] = [USER_SS, 0xcf3, 0xffffffff, 0n];
  }

  #setFxState(fx: Uint8Array): void {
    const s = this.cpu.state;
    const dv = new DataView(fx.buffer, fx.byteOffset);
    s.fcw = dv.getUint16(FX_FCW, true);
    s.fsw = dv.getUint16(FX_FSW, true);
    s.ftw = dv.getUint8(FX_FTW);
    s.fop = dv.getUint16(FX_FOP, true);
    s.fip = dv.getBigUint64(FX_FIP, true);
    s.fdp = dv.getBigUint64(FX_FDP, true);
    s.mxcsr = dv.getUint32(FX_MXCSR, true);
    s.xmm.set(fx.subarray(FX_XMM, FX_XMM + 256));
    const top = (s.fsw >> 11) & 7;
    for (let i = 0; i < 8; i++) s.fpr.set(fx.subarray(FX_ST + i * 16, FX_ST + i * 16 + 10), ((top + i) & 7) * 16);
  }

  #getFxState(fx: Uint8Array): void {
    const s = this.cpu.state;
    const dv = new DataView(fx.buffer, fx.byteOffset);
    dv.setUint16(FX_FCW, s.fcw, true);
    dv.setUint16(FX_FSW, s.fsw, true);
    dv.setUint8(FX_FTW, s.ftw);
    dv.setUint32(FX_MXCSR, s.mxcsr, true);
    fx.set(s.xmm, FX_XMM);
    const top = (s.fsw >> 11) & 7;
    for (let i = 0; i < 8; i++) fx.set(s.fpr.subarray(((top + i) & 7) * 16, ((top + i) & 7) * 16 + 10), FX_ST + i * 16);
  }

  /** Executes one case. The result (without changed memory, see `data`) is valid until the next call. */
  run(c: Case): Result {
    const { cpu } = this;
    const u8 = this.#memory.u8;
    u8.set(this.#background, this.#data);
    for (let i = 0; i < 2; i++) {
      if (c.patchAddress(i) !== 0) u8.set(c.patchData(i), this.#data + c.patchAddress(i) - DATA_BASE);
    }
    const rip = c.rip;
    const codeAt = this.#code + Number(rip) - CODE_BASE;
    const length = c.code.length;
    u8.set(c.code, codeAt);
    if (!c.singleStep) u8[codeAt + length] = 0xcc;
    cpu.frameWritten(codeAt >>> 12);
    if ((codeAt + length) >>> 12 !== codeAt >>> 12) cpu.frameWritten((codeAt + length) >>> 12);

    const s = cpu.state;
    cpu.gpr.set(c.gpr);
    s.rip = rip;
    cpu.rflags = c.rflags;
    s.cr2 = 0n;
    this.#setSegments(c);
    this.#setFxState(c.fx);

    const reason = cpu.run(c.singleStep ? 1 : BUDGET);
    const out = this.#result;
    const r = new Result(out);
    out.fill(0);
    let vector = EXECUTED;
    let after = s.rip;
    if (reason === ExitReason.Exception) {
      vector = s.exit_vector;
      r.dv.setUint32(RESULT_ERROR_CODE, s.exit_error_code, true);
      r.dv.setBigUint64(RESULT_CR2, s.cr2, true);
      if (!c.singleStep && vector === x86.EXC_BP && after === rip + BigInt(length) + 1n) {
        vector = EXECUTED; // the INT3 behind it
        after--;
      }
    } else if (reason !== ExitReason.Budget) vector = 256 + reason;
    else if (!c.singleStep) vector = 256; // the INT3 was not reached
    r.dv.setUint32(RESULT_VECTOR, vector, true);
    r.dv.setBigUint64(RESULT_RIP, after, true);
    r.dv.setBigUint64(RESULT_RFLAGS, cpu.rflags, true);
    r.dv.setBigUint64(RESULT_FS_BASE, s.segment.get(x86.FS).base, true);
    r.dv.setBigUint64(RESULT_GS_BASE, s.segment.get(x86.GS).base, true);
    for (let i = 0; i < 16; i++) r.dv.setBigUint64(RESULT_GPR + i * 8, cpu.gpr[i] ?? 0n, true);
    this.#getFxState(out.subarray(RESULT_FX));
    return r;
  }

  /** Data memory, the read-only page included, as the last case left it. */
  get data(): Uint8Array {
    return this.#memory.u8.subarray(this.#data, this.#data + DATA_SIZE + READ_ONLY_SIZE);
  }
}
