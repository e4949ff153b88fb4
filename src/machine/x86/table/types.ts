/** What one line of the instruction table says. */

/** CPUID feature that offers an instruction. */
export type Feature =
  | "base" | "cmov" | "cx8" | "cx16" | "fxsr" | "syscall" | "rdtscp" | "popcnt" | "fsgsbase" | "nopl" | "lahf"
  | "x87" | "mmx" | "sse" | "sse2" | "sse3" | "ssse3" | "sse4.1" | "sse4.2" | "movbe" | "clflush" | "xsave" | "3dnowprefetch" | "mmxext" | "clflushopt" | "clwb" | "lzcnt" | "bmi1" | "bmi2" | "adx" | "rdpid";

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
   */
  readonly mnemonic: string;
  /** As in the SDM: "00 /r", "REX.W 0F C7 /1", "66 0F 6F /r", "F3 0F 10 /r", "0F 80+cc cd". */
  readonly encoding: string;
  /** Operand codes after SDM vol. 2 appendix A: "Eb,Gb", "Ev,Iz", "Vx,Wx"... */
  readonly operands: string;
  readonly feature: Feature;
  /** LOCK is allowed (with a memory destination). */
  readonly lockable: boolean;
  /** #GP(0) at CPL 3. */
  readonly privileged: boolean;
}
