/** Far transfers at the same privilege level: IRET, far RET, JMP and CALL. */
import { type CpuState, CS, EXC_GP, EXC_NP, FLAG_NT, FLAG_RF, RSP, SS } from "../x86/state.ts";
import {
  descriptorDpl,
  type Fault,
  fault,
  fetchDescriptor,
  isCode,
  isConforming,
  isDefault32,
  isLong,
  isPresent,
  isSystemDescriptor,
  loadDataSegment,
  setSegment,
} from "./segments.ts";
import { Status } from "./status.ts";
import {
  farPointer,
  isCanonical,
  jumpTo,
  loadFlags,
  nextRip,
  raise,
  raiseFault,
  readStack,
  type SystemHost,
  type SystemInstruction,
  setRegister,
  write,
} from "./system-host.ts";

/** Checks and loads CS for a far transfer that stays at the same privilege level. */
export function loadCodeSegment(cpu: SystemHost, selector: number, rplMustBe: number): Fault {
  const error = selector & 0xfffc;
  if (error === 0) return fault(EXC_GP, 0);
  const d = fetchDescriptor(cpu, selector);
  if (typeof d === "number") return d;
  if (isSystemDescriptor(d) || !isCode(d)) return fault(EXC_GP, error);
  const dpl = descriptorDpl(d);
  if (isConforming(d) ? dpl > rplMustBe : dpl !== rplMustBe) return fault(EXC_GP, error);
  if (!isPresent(d)) return fault(EXC_NP, error);
  if (isLong(d) && isDefault32(d)) return fault(EXC_GP, error);
  // run() looks at what kind of code comes now.
  if (!isLong(d)) cpu.resynchronize();
  return setSegment(cpu, CS, (selector & ~3) | rplMustBe, d);
}

/** IRET to the same privilege level (from ring 3 no other is possible). */
export const iret: SystemInstruction = (cpu, insn) => {
  const { state } = cpu;
  const size = insn.operandSize;
  if (state.rflags_system & FLAG_NT) return raise(cpu, EXC_GP);
  if (state.cpl !== 3) throw new Error("IRET at CPL below 3 is not implemented");
  const words: bigint[] = [];
  for (let i = 0; i < 5; i++) {
    const word = readStack(cpu, i * size, size);
    if (word === undefined) return Status.Fault;
    words.push(word);
  }
  const [rip, cs, flags, rsp, ss] = words as [bigint, bigint, bigint, bigint, bigint];
  const selector = Number(cs & 0xffffn);
  const stack = Number(ss & 0xffffn);
  if ((selector & 3) < state.cpl) return raise(cpu, EXC_GP, selector & 0xfffc);
  const oldCs = copySegment(state, CS);
  const codeFault = loadCodeSegment(cpu, selector, 3);
  if (codeFault) return raiseFault(cpu, codeFault);
  const ssFault = loadStackSegment(cpu, stack);
  if (ssFault || !isCanonical(rip)) {
    restoreSegment(state, CS, oldCs);
    return ssFault ? raiseFault(cpu, ssFault) : raise(cpu, EXC_GP);
  }
  setRegister(cpu, RSP, 8, rsp);
  loadFlags(cpu, flags, size, FLAG_RF);
  return jumpTo(cpu, rip);
};

export interface SavedSegment {
  selector: number;
  attributes: number;
  limit: number;
  base: bigint;
}

export function copySegment(state: CpuState, n: number): SavedSegment {
  const { selector, attributes, limit, base } = state.segment.get(n);
  return { selector, attributes, limit, base };
}

export function restoreSegment(state: CpuState, n: number, saved: SavedSegment): void {
  Object.assign(state.segment.get(n), saved);
}

export function loadStackSegment(cpu: SystemHost, selector: number): Fault {
  return loadDataSegment(cpu, SS, selector);
}

export const retFar: SystemInstruction = (cpu, insn) => {
  const size = insn.operandSize;
  const rip = readStack(cpu, 0, size);
  if (rip === undefined) return Status.Fault;
  const cs = readStack(cpu, size, size);
  if (cs === undefined) return Status.Fault;
  const selector = Number(cs & 0xffffn);
  if ((selector & 3) !== cpu.state.cpl) return raise(cpu, EXC_GP, selector & 0xfffc);
  if (!isCanonical(rip)) return raise(cpu, EXC_GP);
  const f = loadCodeSegment(cpu, selector, cpu.state.cpl);
  if (f) return raiseFault(cpu, f);
  const popped = BigInt(2 * size) + (insn.operandCount ? insn.imm & 0xffffn : 0n);
  setRegister(cpu, RSP, 8, (cpu.gpr[RSP] as bigint) + popped);
  return jumpTo(cpu, rip);
};

export const jmpFar: SystemInstruction = (cpu, insn, host) => {
  const { offset, selector } = farPointer(cpu, insn, host);
  const f = loadCodeSegment(cpu, selector, cpu.state.cpl);
  return f ? raiseFault(cpu, f) : jumpTo(cpu, offset);
};

export const callFar: SystemInstruction = (cpu, insn, host) => {
  const { offset, selector } = farPointer(cpu, insn, host);
  const size = insn.operandSize;
  const returnRip = nextRip(cpu, insn);
  const oldSelector = cpu.state.segment.get(CS).selector;
  const rsp = BigInt.asUintN(64, (cpu.gpr[RSP] as bigint) - BigInt(2 * size));
  // Both words are checked before anything changes.
  for (let i = 0; i < 2; i++) {
    if (cpu.translateUser(rsp + BigInt(i * size), size, true) === 0) return Status.Fault;
  }
  const f = loadCodeSegment(cpu, selector, cpu.state.cpl);
  if (f) return raiseFault(cpu, f);
  write(cpu, cpu.translateUser(rsp, size, true), size, returnRip);
  write(cpu, cpu.translateUser(rsp + BigInt(size), size, true), size, BigInt(oldSelector));
  setRegister(cpu, RSP, 8, rsp);
  return jumpTo(cpu, offset);
};
