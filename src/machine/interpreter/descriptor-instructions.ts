/** Instructions that load segment registers or look at descriptors: MOV and POP Sreg, LSS and kin, LAR, LSL, VERR, VERW. */
import { type Insn, OperandKind, RegClass } from "../x86/insn.ts";
import { CS, EXC_GP, EXC_UD, RSP } from "../x86/state.ts";
import {
  descriptorDpl,
  descriptorLimit,
  fetchDescriptor,
  isConforming,
  isReadable,
  isSystemDescriptor,
  isWritableData,
  loadDataSegment,
} from "./segments.ts";
import { Status } from "./status.ts";
import {
  farPointer,
  raise,
  raiseFault,
  read,
  readStack,
  type SystemHost,
  type SystemInstruction,
  setRegister,
} from "./system-host.ts";

/** MOV Sreg, r/m16; control and debug registers are privileged and not reached at CPL 3. */
export const mov: SystemInstruction = (cpu, insn, host) => {
  const to = insn.operands[0];
  const from = insn.operands[1];
  if (to.regClass !== RegClass.Segment || to.kind !== OperandKind.Reg) {
    if (cpu.state.cpl !== 0) return raise(cpu, EXC_GP);
    throw new Error("MOV to or from control and debug registers at CPL 0 is not implemented");
  }
  if (to.reg === CS) return raise(cpu, EXC_UD);
  const selector =
    from.kind === OperandKind.Reg ? Number((cpu.gpr[from.reg] as bigint) & 0xffffn) : Number(read(cpu, host, 2));
  const f = loadDataSegment(cpu, to.reg, selector);
  return f ? raiseFault(cpu, f) : Status.Next;
};

export const pop: SystemInstruction = (cpu, insn) => {
  const size = insn.operandSize;
  const value = readStack(cpu, 0, size);
  if (value === undefined) return Status.Fault;
  const f = loadDataSegment(cpu, insn.operands[0].reg, Number(value & 0xffffn));
  if (f) return raiseFault(cpu, f);
  setRegister(cpu, RSP, 8, (cpu.gpr[RSP] as bigint) + BigInt(size));
  return Status.Next;
};

export function loadFarPointer(segment: number): SystemInstruction {
  return (cpu, insn, host) => {
    const { offset, selector } = farPointer(cpu, insn, host);
    const f = loadDataSegment(cpu, segment, selector);
    if (f) return raiseFault(cpu, f);
    setRegister(cpu, insn.operands[0].reg, insn.operandSize, offset);
    return Status.Next;
  };
}

export function setZero(cpu: SystemHost, zero: boolean): void {
  cpu.rflags = (cpu.rflags & ~0x40n) | (zero ? 0x40n : 0n);
}

export function selectorOperand(cpu: SystemHost, insn: Insn, i: 0 | 1, host: number): number {
  const o = insn.operands[i];
  return o.kind === OperandKind.Reg ? Number((cpu.gpr[o.reg] as bigint) & 0xffffn) : Number(read(cpu, host, 2));
}

/** System descriptor types that LAR and LSL accept in long mode: LDT, available and busy TSS, (LAR only) call gate. */
export const LSL_TYPES = new Set([2, 9, 11]);
export const LAR_TYPES = new Set([2, 9, 11, 12]);

export function inspect(
  use: (cpu: SystemHost, insn: Insn, low: number, high: number, limit: number) => void,
  kind: "lar" | "lsl" | "verr" | "verw",
): SystemInstruction {
  return (cpu, insn, host) => {
    const selector = selectorOperand(cpu, insn, kind === "lar" || kind === "lsl" ? 1 : 0, host);
    const failed = (): number => {
      setZero(cpu, false);
      return Status.Next;
    };
    if ((selector & 0xfffc) === 0) return failed();
    const d = fetchDescriptor(cpu, selector);
    if (typeof d === "number") return d >>> 16 === 14 ? raiseFault(cpu, d) : failed();
    if (isSystemDescriptor(d)) {
      const type = (d.high >>> 8) & 15;
      if (kind === "verr" || kind === "verw") return failed();
      if (!(kind === "lar" ? LAR_TYPES : LSL_TYPES).has(type)) return failed();
    }
    if (!isConforming(d) && descriptorDpl(d) < Math.max(cpu.state.cpl, selector & 3)) return failed();
    if (kind === "verr" && !isReadable(d)) return failed();
    if (kind === "verw" && !isWritableData(d)) return failed();
    use(cpu, insn, d.low, d.high, descriptorLimit(d));
    setZero(cpu, true);
    return Status.Next;
  };
}

export const lar = inspect(
  (cpu, insn, _low, high) => setRegister(cpu, insn.operands[0].reg, insn.operandSize, BigInt(high & 0x00ffff00)),
  "lar",
);
export const lsl = inspect(
  (cpu, insn, _low, _high, limit) => setRegister(cpu, insn.operands[0].reg, insn.operandSize, BigInt(limit)),
  "lsl",
);
export const verify = (kind: "verr" | "verw"): SystemInstruction => inspect(() => {}, kind);
