/** PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM: registers and flags around x86/string-compare.ts. */
import { CPU_STATE } from "../layout.ts";
import type { Insn } from "../x86/insn.ts";
import { cpuState, FLAG_CF, FLAG_OF, FLAG_SF, FLAG_ZF, FLAGS_ARITHMETIC, RAX, RCX, RDX } from "../x86/state.ts";
import { compareStrings, elementCount, readOperand, resultIndex, writeResultMask } from "../x86/string-compare.ts";
import { Status } from "./status.ts";
import type { SystemHost } from "./system.ts";

const XMM = CPU_STATE + cpuState.offset.xmm;

/** An explicit length: the magnitude of EAX or EDX (RAX or RDX with REX.W), at most all elements. */
function explicitLength(cpu: SystemHost, register: number, insn: Insn, count: number): number {
  const value = BigInt.asIntN(insn.operandSize === 8 ? 64 : 32, cpu.gpr[register] as bigint);
  const magnitude = value < 0n ? -value : value;
  return magnitude > BigInt(count) ? count : Number(magnitude);
}

function execute(cpu: SystemHost, insn: Insn, host: number, explicit: boolean, mask: boolean): number {
  const { dv } = cpu.memory;
  const immediate = Number(insn.imm);
  const count = elementCount(immediate);
  const length = (register: number): number | undefined =>
    explicit ? explicitLength(cpu, register, insn, count) : undefined;
  const [first, second] = insn.operands;
  const a = readOperand(dv, XMM + first.reg * 16, immediate, length(RAX));
  const b = readOperand(dv, host !== 0 ? host : XMM + second.reg * 16, immediate, length(RDX));
  const bits = compareStrings(a, b, immediate);
  if (mask) writeResultMask(dv, XMM, bits, immediate);
  else cpu.gpr[RCX] = BigInt(resultIndex(bits, immediate));
  const flags =
    (bits !== 0 ? FLAG_CF : 0) |
    (b.length < count ? FLAG_ZF : 0) |
    (a.length < count ? FLAG_SF : 0) |
    (bits & 1 ? FLAG_OF : 0);
  cpu.rflags = (cpu.rflags & ~BigInt(FLAGS_ARITHMETIC)) | BigInt(flags);
  return Status.Next;
}

type Handler = (cpu: SystemHost, insn: Insn, host: number) => number;

export const stringCompare: Readonly<Record<string, Handler>> = {
  pcmpestri: (cpu, insn, host) => execute(cpu, insn, host, true, false),
  pcmpestrm: (cpu, insn, host) => execute(cpu, insn, host, true, true),
  pcmpistri: (cpu, insn, host) => execute(cpu, insn, host, false, false),
  pcmpistrm: (cpu, insn, host) => execute(cpu, insn, host, false, true),
};
