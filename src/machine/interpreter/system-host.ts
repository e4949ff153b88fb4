/** What instructions in TypeScript have in common: their processor, operands, exceptions, flags. */

import type { MachineMemory } from "../memory.ts";
import { ExitReason } from "../processor.ts";
import type { Insn } from "../x86/insn.ts";
import {
  type CpuState,
  FLAG_AC,
  FLAG_DF,
  FLAG_FIXED,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_TF,
  FLAGS_ARITHMETIC,
  RSP,
} from "../x86/state.ts";
import type { Fault, SystemAccess } from "./segments.ts";
import { Status } from "./status.ts";

/** What the instructions need of their processor. */
export interface SystemHost extends SystemAccess {
  readonly memory: MachineMemory;
  readonly state: CpuState;
  readonly gpr: BigUint64Array;
  rflags: bigint;
  /** 64 random bits. */
  random(): bigint;
  /** Host address with the current rights, maybe that of a bounce buffer; 0 with the exception in the state. */
  translateUser(linear: bigint, size: number, write: boolean): number;
  /** Completes a store to an address of translateUser. */
  commit(host: number): void;
  /** Some state changed that run() must look at before going on (TF, AC). */
  resynchronize(): void;
}

export type SystemInstruction = (cpu: SystemHost, insn: Insn, host: number) => number;

export const MASK64 = (1n << 64n) - 1n;

export function raise(cpu: SystemHost, vector: number, errorCode = 0): number {
  cpu.state.exit_reason = ExitReason.Exception;
  cpu.state.exit_vector = vector;
  cpu.state.exit_error_code = errorCode;
  return Status.Fault;
}

export const raiseFault = (cpu: SystemHost, f: Fault): number => raise(cpu, f >>> 16, f & 0xffff);

export function read(cpu: SystemHost, host: number, size: number): bigint {
  const dv = cpu.memory.dv;
  if (size === 2) return BigInt(dv.getUint16(host, true));
  if (size === 4) return BigInt(dv.getUint32(host, true));
  return dv.getBigUint64(host, true);
}

export function write(cpu: SystemHost, host: number, size: number, value: bigint): void {
  const dv = cpu.memory.dv;
  if (size === 2) dv.setUint16(host, Number(value & 0xffffn), true);
  else if (size === 4) dv.setUint32(host, Number(value & 0xffffffffn), true);
  else dv.setBigUint64(host, BigInt.asUintN(64, value), true);
  cpu.commit(host);
}

/** Reads the stack at RSP + offset; undefined: faulted. */
export function readStack(cpu: SystemHost, offset: number, size: number): bigint | undefined {
  const host = cpu.translateUser(BigInt.asUintN(64, (cpu.gpr[RSP] as bigint) + BigInt(offset)), size, false);
  return host === 0 ? undefined : read(cpu, host, size);
}

export function setRegister(cpu: SystemHost, register: number, size: number, value: bigint): void {
  const old = cpu.gpr[register] as bigint;
  if (size === 2) cpu.gpr[register] = (old & ~0xffffn) | (value & 0xffffn);
  else if (size === 4) cpu.gpr[register] = value & 0xffffffffn;
  else cpu.gpr[register] = BigInt.asUintN(64, value);
}

export const isCanonical = (linear: bigint): boolean => BigInt.asUintN(64, BigInt.asIntN(48, linear)) === linear;

/** Continues at `rip`; 64-bit code only. */
export function jumpTo(cpu: SystemHost, rip: bigint): number {
  cpu.state.rip = rip;
  return Status.Jump;
}

export const nextRip = (cpu: SystemHost, insn: Insn): bigint => cpu.state.rip + BigInt(insn.length);

/** RFLAGS bits that POPF and IRET may change at a privilege level and IOPL. */
export function writableFlags(cpu: SystemHost): number {
  const flags = cpu.state.rflags_system;
  const iopl = (flags >>> 12) & 3;
  let mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID;
  if (cpu.state.cpl <= iopl) mask |= FLAG_IF;
  if (cpu.state.cpl === 0) mask |= FLAG_IOPL;
  return mask;
}

export function loadFlags(cpu: SystemHost, value: bigint, size: number, extra = 0): void {
  const mask = (writableFlags(cpu) | extra) & (size === 2 ? 0xffff : -1);
  const old = Number(cpu.rflags & 0xffffffffn);
  const now = (old & ~mask) | (Number(value & 0xffffffffn) & mask) | FLAG_FIXED;
  cpu.rflags = BigInt(now >>> 0);
  if ((old ^ now) & (FLAG_TF | FLAG_AC)) cpu.resynchronize();
}

/** The far pointer in memory: offset, then selector. */
export function farPointer(cpu: SystemHost, insn: Insn, host: number): { offset: bigint; selector: number } {
  const size = insn.operandSize === 2 ? 2 : 4;
  return { offset: read(cpu, host, size), selector: Number(read(cpu, host + size, 2)) };
}
