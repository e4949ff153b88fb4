/**
 * The processor's architectural state, a block in machine memory.
 *
 * One block belongs to the (software) physical processor and is what generated
 * code works on; a vCPU that is not running keeps a copy of the same structure
 * in the hypervisor's heap. Names and numbering follow the Intel SDM vol. 1 §3
 * and vol. 3 §2.
 */
import { aligned, array, bytes, struct, u8, u16, u32, u64 } from "../../abi/struct.ts";

/** General registers in encoding order. */
export const RAX = 0,
  RCX = 1,
  RDX = 2,
  RBX = 3,
  RSP = 4,
  RBP = 5,
  RSI = 6,
  RDI = 7;
export const R8 = 8,
  R9 = 9,
  R10 = 10,
  R11 = 11,
  R12 = 12,
  R13 = 13,
  R14 = 14,
  R15 = 15;
/** Slot after R15 that always holds zero: stands for "no base" and "no index". */
export const REG_ZERO = 16;

/** Segment registers in encoding order. */
export const ES = 0,
  CS = 1,
  SS = 2,
  DS = 3,
  FS = 4,
  GS = 5;

/**
 * A segment register with its hidden part. `attributes` has the descriptor's bits 40..47 in bits
 * 0..7 (type, S, DPL, P) and bits 52..55 in bits 8..11 (AVL, L, D/B, G), as in AMD's VMCB.
 */
export const segmentRegister = struct("segment_register", {
  selector: u16,
  attributes: u16,
  /** In bytes, granularity applied. */
  limit: u32,
  base: u64,
});

/** Descriptor-table register (GDTR, IDTR). */
export const tableRegister = struct("table_register", { base: u64, limit: u32 });

/**
 * Arithmetic flags are kept lazily in two words, `flags_result` and `flags_aux`:
 *
 *     ZF = flags_result == 0
 *     SF = (flags_result < 0) ^ aux bit 4
 *     PF = even parity of (flags_result & 0xff) ^ (aux bits 8..15)
 *     CF = aux bit 1            (carry out of the most significant bit)
 *     OF = aux bit 1 ^ bit 0    (bit 0: carry into the most significant bit)
 *     AF = aux bit 3
 *
 * where flags_result is the result sign-extended from its operand size. See x86/flags.ts.
 */
export const cpuState = struct("cpu_state", {
  gpr: array(u64, 17),
  /** Linear address of the page that instructions are being fetched from: base of RIP-relative operands (engine internal). */
  page_va: u64,
  rip: u64,
  flags_result: u64,
  flags_aux: u32,
  /** RFLAGS without CF, PF, AF, ZF, SF, OF: IF, TF, DF, IOPL, NT, RF, VM, AC, ID and bit 1. */
  rflags_system: u32,
  /** es, cs, ss, ds, fs, gs. */
  segment: array(segmentRegister, 6),
  ldtr: segmentRegister,
  tr: segmentRegister,
  gdtr: tableRegister,
  idtr: tableRegister,
  cr0: u64,
  cr2: u64,
  cr3: u64,
  cr4: u64,
  cr8: u64,
  efer: u64,
  star: u64,
  lstar: u64,
  cstar: u64,
  sfmask: u64,
  kernel_gs_base: u64,
  tsc_aux: u64,
  pat: u64,
  xcr0: u64,
  dr: array(u64, 8),
  /** Current privilege level, 0..3. */
  cpl: u32,
  mxcsr: u32,
  xmm: aligned(bytes(256), 16),
  /**
   * x87 data registers by *physical* number (R0..R7), 16 bytes each: significand (8 bytes), then
   * sign and exponent (2 bytes), then padding. ST(i) is physical register (TOP + i) & 7. MMi is
   * the significand of Ri.
   */
  fpr: aligned(bytes(128), 16),
  /** Control word. */
  fcw: u16,
  /** Status word, TOP in bits 11..13. */
  fsw: u16,
  /** Abridged tag: bit i set = physical register i is not empty (as FXSAVE has it). */
  ftw: u8,
  /** Last x87 opcode (11 bits). */
  fop: u16,
  /** Last x87 instruction pointer. */
  fip: u64,
  /** Last x87 data pointer. */
  fdp: u64,

  // Why run() returned; see processor.ts.
  exit_reason: u32,
  exit_vector: u32,
  exit_error_code: u32,
  /** Length in bytes of the instruction that exited (software interrupt, CPUID...). */
  exit_instruction_length: u32,
  /** Instructions retired since reset; brought up to date at every exit. */
  retired: u64,
  /** Instructions that may still retire in this run(). */
  budget: u32,
  /** TLB set in use: see processor.ts, loadCr3. */
  pcid: u32,
});

export type CpuState = ReturnType<typeof cpuState.at>;

// RFLAGS bits (SDM vol. 1 §3.4.3).
export const FLAG_CF = 1 << 0;
export const FLAG_FIXED = 1 << 1;
export const FLAG_PF = 1 << 2;
export const FLAG_AF = 1 << 4;
export const FLAG_ZF = 1 << 6;
export const FLAG_SF = 1 << 7;
export const FLAG_TF = 1 << 8;
export const FLAG_IF = 1 << 9;
export const FLAG_DF = 1 << 10;
export const FLAG_OF = 1 << 11;
export const FLAG_IOPL = 3 << 12;
export const FLAG_NT = 1 << 14;
export const FLAG_RF = 1 << 16;
export const FLAG_VM = 1 << 17;
export const FLAG_AC = 1 << 18;
export const FLAG_ID = 1 << 21;
/** The six arithmetic flags, which are kept lazily. */
export const FLAGS_ARITHMETIC = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;

// Exception vectors (SDM vol. 3 §6.3).
export const EXC_DE = 0,
  EXC_DB = 1,
  EXC_NMI = 2,
  EXC_BP = 3,
  EXC_OF = 4,
  EXC_BR = 5,
  EXC_UD = 6;
export const EXC_NM = 7,
  EXC_DF = 8,
  EXC_TS = 10,
  EXC_NP = 11,
  EXC_SS = 12,
  EXC_GP = 13,
  EXC_PF = 14;
export const EXC_MF = 16,
  EXC_AC = 17,
  EXC_MC = 18,
  EXC_XM = 19,
  EXC_CP = 21;
/** Bit n set: exception n pushes an error code. */
export const EXCEPTIONS_WITH_ERROR_CODE =
  (1 << EXC_DF) |
  (1 << EXC_TS) |
  (1 << EXC_NP) |
  (1 << EXC_SS) |
  (1 << EXC_GP) |
  (1 << EXC_PF) |
  (1 << EXC_AC) |
  (1 << EXC_CP);

// Page-fault error code (SDM vol. 3 §4.7).
export const PF_PRESENT = 1,
  PF_WRITE = 2,
  PF_USER = 4,
  PF_RESERVED = 8,
  PF_FETCH = 16;

// Control register bits.
export const CR0_PE = 1n << 0n,
  CR0_MP = 1n << 1n,
  CR0_EM = 1n << 2n,
  CR0_TS = 1n << 3n,
  CR0_ET = 1n << 4n;
export const CR0_NE = 1n << 5n,
  CR0_WP = 1n << 16n,
  CR0_AM = 1n << 18n,
  CR0_PG = 1n << 31n;
export const CR4_TSD = 1n << 2n,
  CR4_DE = 1n << 3n,
  CR4_PSE = 1n << 4n,
  CR4_PAE = 1n << 5n,
  CR4_PGE = 1n << 7n;
export const CR4_OSFXSR = 1n << 9n,
  CR4_OSXMMEXCPT = 1n << 10n,
  CR4_UMIP = 1n << 11n,
  CR4_FSGSBASE = 1n << 16n;
export const CR4_OSXSAVE = 1n << 18n;
export const EFER_SCE = 1n << 0n,
  EFER_LME = 1n << 8n,
  EFER_LMA = 1n << 10n,
  EFER_NXE = 1n << 11n;
