/**
 * Instructions that are executed in TypeScript because they are rare: segment loads, far transfers,
 * flag images, wide divisions, time stamps. Their availability and privilege checks are in the
 * semantics; here is what they do.
 */

import { CPU_STATE } from "../layout.ts";
import type { MachineMemory } from "../memory.ts";
import { ExitReason } from "../processor.ts";
import { type Insn, OperandKind, RegClass } from "../x86/insn.ts";
import {
  type CpuState,
  CS,
  cpuState,
  DS,
  ES,
  EXC_DE,
  EXC_GP,
  EXC_NP,
  EXC_SS,
  EXC_UD,
  FLAG_AC,
  FLAG_DF,
  FLAG_FIXED,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAGS_ARITHMETIC,
  FS,
  GS,
  RAX,
  RBP,
  RCX,
  RDX,
  RSP,
  SS,
} from "../x86/state.ts";
import {
  descriptorBase,
  descriptorDpl,
  descriptorLimit,
  type Fault,
  fault,
  fetchDescriptor,
  isCode,
  isConforming,
  isDefault32,
  isLong,
  isPresent,
  isReadable,
  isSystemDescriptor,
  isWritableData,
  loadDataSegment,
  type SystemAccess,
  setSegment,
} from "./segments.ts";
import { Status } from "./status.ts";
import { stringCompare } from "./string-compare.ts";

/** What the instructions need of their processor. */
export interface SystemHost extends SystemAccess {
  readonly memory: MachineMemory;
  readonly state: CpuState;
  readonly gpr: BigUint64Array;
  rflags: bigint;
  readTsc(): bigint;
  /** 64 random bits. */
  random(): bigint;
  /** Host address with the current rights, maybe that of a bounce buffer; 0 with the exception in the state. */
  translateUser(linear: bigint, size: number, write: boolean): number;
  /** Completes a store to an address of translateUser. */
  commit(host: number): void;
  /** Some state changed that run() must look at before going on (TF, AC). */
  resynchronize(): void;
}

type SystemInstruction = (cpu: SystemHost, insn: Insn, host: number) => number;

const MASK64 = (1n << 64n) - 1n;

function raise(cpu: SystemHost, vector: number, errorCode = 0): number {
  cpu.state.exit_reason = ExitReason.Exception;
  cpu.state.exit_vector = vector;
  cpu.state.exit_error_code = errorCode;
  return Status.Fault;
}

const raiseFault = (cpu: SystemHost, f: Fault): number => raise(cpu, f >>> 16, f & 0xffff);

function read(cpu: SystemHost, host: number, size: number): bigint {
  const dv = cpu.memory.dv;
  if (size === 2) return BigInt(dv.getUint16(host, true));
  if (size === 4) return BigInt(dv.getUint32(host, true));
  return dv.getBigUint64(host, true);
}

function write(cpu: SystemHost, host: number, size: number, value: bigint): void {
  const dv = cpu.memory.dv;
  if (size === 2) dv.setUint16(host, Number(value & 0xffffn), true);
  else if (size === 4) dv.setUint32(host, Number(value & 0xffffffffn), true);
  else dv.setBigUint64(host, BigInt.asUintN(64, value), true);
  cpu.commit(host);
}

/** Reads the stack at RSP + offset; undefined: faulted. */
function readStack(cpu: SystemHost, offset: number, size: number): bigint | undefined {
  const host = cpu.translateUser(BigInt.asUintN(64, (cpu.gpr[RSP] as bigint) + BigInt(offset)), size, false);
  return host === 0 ? undefined : read(cpu, host, size);
}

function setRegister(cpu: SystemHost, register: number, size: number, value: bigint): void {
  const old = cpu.gpr[register] as bigint;
  if (size === 2) cpu.gpr[register] = (old & ~0xffffn) | (value & 0xffffn);
  else if (size === 4) cpu.gpr[register] = value & 0xffffffffn;
  else cpu.gpr[register] = BigInt.asUintN(64, value);
}

const isCanonical = (linear: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, linear)) === linear;

/** Continues at `rip`; 64-bit code only. */
function jumpTo(cpu: SystemHost, rip: bigint): number {
  cpu.state.rip = rip;
  return Status.Jump;
}

const nextRip = (cpu: SystemHost, insn: Insn): bigint => cpu.state.rip + BigInt(insn.length);

/** RFLAGS bits that POPF and IRET may change at a privilege level and IOPL. */
function writableFlags(cpu: SystemHost): number {
  const flags = cpu.state.rflags_system;
  const iopl = (flags >>> 12) & 3;
  let mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
  if (cpu.state.cpl <= iopl) mask |= FLAG_IF;
  if (cpu.state.cpl === 0) mask |= FLAG_IOPL;
  return mask;
}

function loadFlags(cpu: SystemHost, value: bigint, size: number, extra = 0): void {
  const mask = (writableFlags(cpu) | extra) & (size === 2 ? 0xffff : -1);
  const old = Number(cpu.rflags & 0xffffffffn);
  const now = (old & ~mask) | (Number(value & 0xffffffffn) & mask) | FLAG_FIXED;
  cpu.rflags = BigInt(now >>> 0);
  if ((old ^ now) & (FLAG_TF | FLAG_AC)) cpu.resynchronize();
}

const popf: SystemInstruction = (cpu, insn) => {
  const size = insn.operandSize;
  const value = readStack(cpu, 0, size);
  if (value === undefined) return Status.Fault;
  setRegister(cpu, RSP, 8, (cpu.gpr[RSP] as bigint) + BigInt(size));
  // RF is cleared by every instruction that completes.
  loadFlags(cpu, value & ~BigInt(FLAG_RF), size, FLAG_RF);
  cpu.state.rip = nextRip(cpu, insn);
  return Status.Jump;
};

/** Checks and loads CS for a far transfer that stays at the same privilege level. */
function loadCodeSegment(cpu: SystemHost, selector: number, rplMustBe: number): Fault {
  const error = selector & 0xfffc;
  if (error === 0) return fault(EXC_GP, 0);
  const d = fetchDescriptor(cpu, selector);
  if (typeof d === "number") return d;
  if (isSystemDescriptor(d) || !isCode(d)) return fault(EXC_GP, error);
  const dpl = descriptorDpl(d);
  if (isConforming(d) ? dpl > rplMustBe : dpl !== rplMustBe) return fault(EXC_GP, error);
  if (!isPresent(d)) return fault(EXC_NP, error);
  if (isLong(d) && isDefault32(d)) return fault(EXC_GP, error);
  return setSegment(cpu, CS, (selector & ~3) | rplMustBe, d);
}

/** IRET to the same privilege level (from ring 3 no other is possible). */
const iret: SystemInstruction = (cpu, insn) => {
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

interface SavedSegment {
  selector: number;
  attributes: number;
  limit: number;
  base: bigint;
}

function copySegment(state: CpuState, n: number): SavedSegment {
  const { selector, attributes, limit, base } = state.segment.get(n);
  return { selector, attributes, limit, base };
}

function restoreSegment(state: CpuState, n: number, saved: SavedSegment): void {
  Object.assign(state.segment.get(n), saved);
}

function loadStackSegment(cpu: SystemHost, selector: number): Fault {
  return loadDataSegment(cpu, SS, selector);
}

const retFar: SystemInstruction = (cpu, insn) => {
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

/** The far pointer in memory: offset, then selector. */
function farPointer(cpu: SystemHost, insn: Insn, host: number): { offset: bigint; selector: number } {
  const size = insn.operandSize === 2 ? 2 : 4;
  return { offset: read(cpu, host, size), selector: Number(read(cpu, host + size, 2)) };
}

const jmpFar: SystemInstruction = (cpu, insn, host) => {
  const { offset, selector } = farPointer(cpu, insn, host);
  const f = loadCodeSegment(cpu, selector, cpu.state.cpl);
  return f ? raiseFault(cpu, f) : jumpTo(cpu, offset);
};

const callFar: SystemInstruction = (cpu, insn, host) => {
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

/** MOV Sreg, r/m16; control and debug registers are privileged and not reached at CPL 3. */
const mov: SystemInstruction = (cpu, insn, host) => {
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

const pop: SystemInstruction = (cpu, insn) => {
  const size = insn.operandSize;
  const value = readStack(cpu, 0, size);
  if (value === undefined) return Status.Fault;
  const f = loadDataSegment(cpu, insn.operands[0].reg, Number(value & 0xffffn));
  if (f) return raiseFault(cpu, f);
  setRegister(cpu, RSP, 8, (cpu.gpr[RSP] as bigint) + BigInt(size));
  return Status.Next;
};

function loadFarPointer(segment: number): SystemInstruction {
  return (cpu, insn, host) => {
    const { offset, selector } = farPointer(cpu, insn, host);
    const f = loadDataSegment(cpu, segment, selector);
    if (f) return raiseFault(cpu, f);
    setRegister(cpu, insn.operands[0].reg, insn.operandSize, offset);
    return Status.Next;
  };
}

/** 128-bit dividends, and the quotient that overflows. */
const div: SystemInstruction = (cpu, insn, host) => {
  const divisor = wideDivisor(cpu, insn, host);
  if (divisor === 0n) return raise(cpu, EXC_DE);
  const dividend = ((cpu.gpr[RDX] as bigint) << 64n) | (cpu.gpr[RAX] as bigint);
  const quotient = dividend / divisor;
  if (quotient > MASK64) return raise(cpu, EXC_DE);
  cpu.gpr[RAX] = quotient;
  cpu.gpr[RDX] = dividend % divisor;
  return Status.Next;
};

const idiv: SystemInstruction = (cpu, insn, host) => {
  const divisor = BigInt.asIntN(64, wideDivisor(cpu, insn, host));
  if (divisor === 0n) return raise(cpu, EXC_DE);
  const dividend = BigInt.asIntN(128, ((cpu.gpr[RDX] as bigint) << 64n) | (cpu.gpr[RAX] as bigint));
  const quotient = dividend / divisor;
  if (BigInt.asIntN(64, quotient) !== quotient) return raise(cpu, EXC_DE);
  cpu.gpr[RAX] = BigInt.asUintN(64, quotient);
  cpu.gpr[RDX] = BigInt.asUintN(64, dividend % divisor);
  return Status.Next;
};

function wideDivisor(cpu: SystemHost, insn: Insn, host: number): bigint {
  const operand = insn.operands[0];
  return operand.kind === OperandKind.Reg ? (cpu.gpr[operand.reg] as bigint) : read(cpu, host, 8);
}

function setTsc(cpu: SystemHost): void {
  const tsc = cpu.readTsc();
  cpu.gpr[RAX] = tsc & 0xffffffffn;
  cpu.gpr[RDX] = (tsc >> 32n) & 0xffffffffn;
}

const rdtsc: SystemInstruction = (cpu) => {
  setTsc(cpu);
  return Status.Next;
};

/** RDRAND and RDSEED always succeed: CF is set, the other flags are cleared. */
const random: SystemInstruction = (cpu, insn) => {
  const operand = insn.operands[0];
  setRegister(cpu, operand.reg, operand.size, BigInt.asUintN(operand.size * 8, cpu.random()));
  cpu.rflags = (cpu.rflags & ~BigInt(FLAGS_ARITHMETIC)) | 1n;
  return Status.Next;
};

const rdtscp: SystemInstruction = (cpu) => {
  setTsc(cpu);
  cpu.gpr[RCX] = cpu.state.tsc_aux & 0xffffffffn;
  return Status.Next;
};

/**
 * ENTER. The frame pointers of the outer levels are copied one by one, each read after the one
 * before is pushed: an old frame may overlap the new one.
 */
const enter: SystemInstruction = (cpu, insn) => {
  const size = insn.operandSize;
  const level = insn.imm2 & 31;
  const below = (register: number, bytes: number): bigint =>
    BigInt.asUintN(64, (cpu.gpr[register] as bigint) - BigInt(bytes));
  const frame = below(RSP, size);
  const words = level === 0 ? 1 : level + 1;
  const rsp = below(RSP, words * size + Number(insn.imm & 0xffffn));
  // All that is read and written is checked before anything changes, the final top of the stack for writing.
  for (let i = 1; i < level; i++) if (cpu.translateUser(below(RBP, i * size), size, false) === 0) return Status.Fault;
  if (cpu.translateUser(rsp, size, true) === 0) return Status.Fault;
  for (let i = 1; i <= words; i++) if (cpu.translateUser(below(RSP, i * size), size, true) === 0) return Status.Fault;
  for (let i = 0; i < words; i++) {
    let value = frame;
    if (i === 0) value = cpu.gpr[RBP] as bigint;
    else if (i < level) value = read(cpu, cpu.translateUser(below(RBP, i * size), size, false), size);
    write(cpu, cpu.translateUser(below(RSP, (i + 1) * size), size, true), size, value);
  }
  setRegister(cpu, RSP, 8, rsp);
  setRegister(cpu, RBP, size, frame);
  return Status.Next;
};

function setZero(cpu: SystemHost, zero: boolean): void {
  cpu.rflags = (cpu.rflags & ~0x40n) | (zero ? 0x40n : 0n);
}

function selectorOperand(cpu: SystemHost, insn: Insn, i: 0 | 1, host: number): number {
  const o = insn.operands[i];
  return o.kind === OperandKind.Reg ? Number((cpu.gpr[o.reg] as bigint) & 0xffffn) : Number(read(cpu, host, 2));
}

/** System descriptor types that LAR and LSL accept in long mode: LDT, available and busy TSS, (LAR only) call gate. */
const LSL_TYPES = new Set([2, 9, 11]);
const LAR_TYPES = new Set([2, 9, 11, 12]);

function inspect(
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

const lar = inspect(
  (cpu, insn, _low, high) => setRegister(cpu, insn.operands[0].reg, insn.operandSize, BigInt(high & 0x00ffff00)),
  "lar",
);
const lsl = inspect(
  (cpu, insn, _low, _high, limit) => setRegister(cpu, insn.operands[0].reg, insn.operandSize, BigInt(limit)),
  "lsl",
);
const verify = (kind: "verr" | "verw"): SystemInstruction => inspect(() => {}, kind);

/** Stores a 16-bit system value to memory, or to a register by its operand size. */
function store16(value: (cpu: SystemHost) => bigint): SystemInstruction {
  return (cpu, insn, host) => {
    const o = insn.operands[0];
    if (o.kind === OperandKind.Reg) setRegister(cpu, o.reg, o.size || insn.operandSize, value(cpu));
    else write(cpu, host, 2, value(cpu) & 0xffffn);
    return Status.Next;
  };
}

function storeTable(table: "gdtr" | "idtr"): SystemInstruction {
  return (cpu, _insn, host) => {
    const register = cpu.state[table];
    cpu.memory.dv.setUint16(host, register.limit & 0xffff, true);
    cpu.memory.dv.setBigUint64(host + 2, register.base, true);
    cpu.commit(host);
    return Status.Next;
  };
}

export const systemInstructions: ReadonlyMap<string, SystemInstruction> = new Map(
  Object.entries({
    ...stringCompare,
    popf,
    iret,
    ret_far: retFar,
    jmp_far: jmpFar,
    call_far: callFar,
    mov,
    pop,
    lss: loadFarPointer(SS),
    lfs: loadFarPointer(FS),
    lgs: loadFarPointer(GS),
    les: loadFarPointer(ES),
    lds: loadFarPointer(DS),
    div,
    idiv,
    rdtsc,
    rdtscp,
    rdrand: random,
    rdseed: random,
    enter,
    lar,
    lsl,
    verr: verify("verr"),
    verw: verify("verw"),
    sldt: store16((cpu) => BigInt(cpu.state.ldtr.selector)),
    str: store16((cpu) => BigInt(cpu.state.tr.selector)),
    smsw: store16((cpu) => cpu.state.cr0),
    sgdt: storeTable("gdtr"),
    sidt: storeTable("idtr"),
  }),
);

export { CPU_STATE, cpuState, descriptorBase, EXC_SS };
