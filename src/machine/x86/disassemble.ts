/** Decoded instructions as text, in Intel syntax: for crash reports, backtraces and tests. */
import type { Insn, Operand } from "./insn.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, OperandKind, RegClass, SEG_NONE } from "./insn.ts";

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const SEGMENTS = ["es", "cs", "ss", "ds", "fs", "gs"];
const LOW = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"];
const BYTES = ["al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"];
const HIGH_BYTES = ["ah", "ch", "dh", "bh"];

const POINTERS: Record<number, string> = {
  1: "byte ptr ",
  2: "word ptr ",
  4: "dword ptr ",
  6: "fword ptr ",
  8: "qword ptr ",
  10: "tbyte ptr ",
  16: "xmmword ptr ",
};

/** Descriptor-table registers have 10 bytes in memory, but are no floating-point numbers. */
const UNSIZED = "Ms";

const SIZE_LETTER: Record<number, string> = { 1: "b", 2: "w", 4: "d", 8: "q" };

/** Families that assemblers give a name for each operand size: 2, 4, 8 bytes. */
const BY_OPERAND_SIZE: Record<string, readonly [string, string, string]> = {
  cbw: ["cbw", "cwde", "cdqe"],
  cwd: ["cwd", "cdq", "cqo"],
  pushf: ["pushf", "pushfd", "pushfq"],
  popf: ["popf", "popfd", "popfq"],
  pusha: ["pusha", "pushad", "pusha"],
  popa: ["popa", "popad", "popa"],
  iret: ["iret", "iretd", "iretq"],
  sysret: ["sysret", "sysret", "sysretq"],
  sysexit: ["sysexit", "sysexit", "sysexitq"],
  ret_far: ["retfw", "retf", "retfq"],
};

const RENAMED: Record<string, string> = {
  movsd_x: "movsd",
  cmpsd_x: "cmpsd",
  call_far: "call far",
  jmp_far: "jmp far",
  xlat: "xlatb",
};

function gpr(reg: number, size: number, highByte = false): string {
  if (highByte) return HIGH_BYTES[reg]!;
  if (reg >= 8) return `r${reg}${size === 8 ? "" : size === 4 ? "d" : size === 2 ? "w" : "b"}`;
  if (size === 1) return BYTES[reg]!;
  return (size === 8 ? "r" : size === 4 ? "e" : "") + LOW[reg]!;
}

function register(operand: Operand): string {
  switch (operand.regClass) {
    case RegClass.Gpr:
      return gpr(operand.reg, operand.size, operand.highByte);
    case RegClass.Segment:
      return SEGMENTS[operand.reg]!;
    case RegClass.Control:
      return `cr${operand.reg}`;
    case RegClass.Debug:
      return `dr${operand.reg}`;
    case RegClass.Mmx:
      return `mm${operand.reg}`;
    case RegClass.Xmm:
      return `xmm${operand.reg}`;
    case RegClass.X87:
      return `st(${operand.reg})`;
  }
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

/** Small negative numbers as such, all others as the unsigned number that the operand holds. */
function immediate(value: bigint, size: number): string {
  return hex(value < -0x1000n ? BigInt.asUintN(8 * size, value) : value);
}

function memory(insn: Insn, size: number): string {
  const terms: string[] = [];
  if (insn.base === BASE_RIP) terms.push(insn.addressSize === 8 ? "rip" : "eip");
  else if (insn.base !== BASE_NONE) terms.push(gpr(insn.base, insn.addressSize));
  if (insn.index !== INDEX_NONE) {
    const index = gpr(insn.index, insn.addressSize);
    terms.push(insn.scale === 0 ? index : `${index}*${1 << insn.scale}`);
  }
  let text = terms.join("+");
  if (text === "") text = hex(BigInt.asUintN(8 * insn.addressSize, insn.disp));
  else if (insn.disp !== 0n) text += insn.disp > 0n ? `+${hex(insn.disp)}` : hex(insn.disp);
  const segment = insn.segment === SEG_NONE ? "" : `${SEGMENTS[insn.segment]}:`;
  return `${POINTERS[size] ?? ""}${segment}[${text}]`;
}

function name(insn: Insn): string {
  const { mnemonic, repeat } = insn.def;
  const sized = BY_OPERAND_SIZE[mnemonic];
  if (sized) return sized[insn.operandSize === 8 ? 2 : insn.operandSize === 4 ? 1 : 0];
  if (repeat !== "none") {
    const rep = insn.rep === 0 ? "" : insn.rep === 0xf2 ? "repne " : repeat === "repcc" ? "repe " : "rep ";
    const segment = insn.segment === SEG_NONE ? "" : `${SEGMENTS[insn.segment]} `;
    return rep + segment + mnemonic + SIZE_LETTER[insn.operandSize];
  }
  if (mnemonic === "jcxz") return insn.addressSize === 8 ? "jrcxz" : insn.addressSize === 4 ? "jecxz" : "jcxz";
  if (mnemonic === "jcc" || mnemonic === "setcc" || mnemonic === "cmovcc") {
    return mnemonic.slice(0, -2) + CONDITIONS[insn.condition]!;
  }
  return RENAMED[mnemonic] ?? mnemonic;
}

/**
 * The text of an instruction at `rip`, such as `mov rax, qword ptr [rip+0x10] # 0xffffffff81000017`.
 * Branch targets are absolute.
 */
export function disassemble(insn: Insn, rip: bigint): string {
  const next = rip + BigInt(insn.length);
  const operands: string[] = [];
  let comment = "";
  let immediates = 0;
  for (let i = 0; i < insn.operandCount; i++) {
    const operand = insn.operands[i]!;
    switch (operand.kind) {
      case OperandKind.Reg:
        operands.push(register(operand));
        break;
      case OperandKind.Mem:
        operands.push(memory(insn, insn.def.operands === UNSIZED ? 0 : operand.size));
        if (insn.base === BASE_RIP) comment = ` # ${hex(BigInt.asUintN(8 * insn.addressSize, next + insn.disp))}`;
        break;
      case OperandKind.Imm:
        if (insn.def.operands === "Ap") operands.push(`${hex(BigInt(insn.imm2))}:${hex(insn.imm)}`);
        else operands.push(immediates++ === 0 ? immediate(insn.imm, operand.size) : hex(BigInt(insn.imm2)));
        break;
      case OperandKind.Rel:
        operands.push(hex(BigInt.asUintN(8 * operand.size, next + insn.imm)));
        break;
    }
  }
  const head = insn.lock ? `lock ${name(insn)}` : name(insn);
  return operands.length === 0 ? head : `${head} ${operands.join(", ")}${comment}`;
}
