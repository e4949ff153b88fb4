/** What one line of the instruction table says. */

/** CPUID features that offer instructions. */
export const FEATURES = [
  "base",
  "cmov",
  "cx8",
  "cx16",
  "fxsr",
  "syscall",
  "sep",
  "rdtscp",
  "popcnt",
  "fsgsbase",
  "nopl",
  "lahf",
  "movbe",
  "clflush",
  "clflushopt",
  "clwb",
  "clzero",
  "3dnowprefetch",
  "lzcnt",
  "bmi1",
  "bmi2",
  "adx",
  "rdpid",
  "rdrand",
  "rdseed",
  "xsave",
  "xsaveopt",
  "xsavec",
  "xsaves",
  "smap",
  "invpcid",
  "wbnoinvd",
  "pku",
  "cet-ss",
  "monitor",
  "monitorx",
  "vmx",
  "svm",
  "x87",
  "mmx",
  "mmxext",
  "sse",
  "sse2",
  "sse3",
  "ssse3",
  "sse4.1",
  "sse4.2",
  "sse4a",
  "aes",
  "pclmulqdq",
  "sha",
] as const;
export type Feature = (typeof FEATURES)[number];

/**
 * A line of the instruction table: the manual's encoding and operands, and the mnemonic under
 * which the semantics are found. One mnemonic may have many lines.
 */
export interface InsnDef {
  /** Index of the line in the table. */
  readonly id: number;
  /**
   * Lower case, Intel syntax, as in the SDM: "add", "movzx", "cmpxchg16b", "movaps". Conditional
   * families are one mnemonic with `Insn.condition`: "jcc", "setcc", "cmovcc".
   * String instructions carry their size in `Insn.operandSize`: "movs", "stos", "cmps", "scas", "lods", "ins", "outs".
   * So do "cbw" (CWDE, CDQE), "cwd" (CDQ, CQO), "pushf", "popf", "iret", "pusha", "popa", and "jcxz" by `addressSize`.
   * The SSE2 scalar moves that clash with string instructions are "movsd_x" and "cmpsd_x".
   */
  readonly mnemonic: string;
  /** As in the SDM: "00 /r", "REX.W 0F C7 /1", "66 0F 6F /r", "F3 0F 10 /r", "0F 80+cc cz". See format.ts. */
  readonly encoding: string;
  /** Operand codes after SDM vol. 2 appendix A: "Eb,Gb", "Ev,Iz", "Vx,Wx"... See format.ts. */
  readonly operands: string;
  readonly feature: Feature;
  /** LOCK is allowed (with a memory destination). */
  readonly lockable: boolean;
  /** #GP(0) at CPL 3. */
  readonly privileged: boolean;
  /** In which code segments the encoding exists. */
  readonly mode: "any" | "only64" | "not64";
  /** Operand size defaults to 64 bits in 64-bit mode (stack operations and near branches). */
  readonly default64: boolean;
  /** There is no 64-bit operand size: with REX.W it is 32 bits. */
  readonly atMost32: boolean;
  /** What F2 and F3 mean: no repetition, REP (both), or REPE/REPNE. */
  readonly repeat: "none" | "rep" | "repcc";
}
