/**
 * Instructions that are executed in TypeScript because they are rare: segment loads, far transfers,
 * flag images, wide divisions, time stamps. Their availability and privilege checks are in the
 * semantics; here is what they do.
 */

import { type Insn, OperandKind } from "../x86/insn.ts";
import { DS, ES, EXC_DE, FLAG_RF, FLAGS_ARITHMETIC, FS, GS, RAX, RBP, RDX, RSP, SS } from "../x86/state.ts";
import { lar, loadFarPointer, lsl, mov, pop, verify } from "./descriptor-instructions.ts";
import { callFar, iret, jmpFar, retFar } from "./far-transfer.ts";
import { Status } from "./status.ts";
import { stringCompare } from "./string-compare.ts";
import {
  loadFlags,
  nextRip,
  raise,
  read,
  readStack,
  type SystemHost,
  type SystemInstruction,
  setRegister,
  write,
} from "./system-host.ts";

const MASK64 = (1n << 64n) - 1n;

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

/** RDRAND and RDSEED always succeed: CF is set, the other flags are cleared. */
const random: SystemInstruction = (cpu, insn) => {
  const operand = insn.operands[0];
  setRegister(cpu, operand.reg, operand.size, BigInt.asUintN(operand.size * 8, cpu.random()));
  cpu.rflags = (cpu.rflags & ~BigInt(FLAGS_ARITHMETIC)) | 1n;
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

export type { SystemHost } from "./system-host.ts";
