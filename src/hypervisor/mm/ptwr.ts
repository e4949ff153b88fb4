/**
 * Writable page tables: a guest kernel may write to the entries of an L1 table as if it were
 * mapped writable. The write faults, since it is not; it is decoded and carried out here as a checked update,
 * and the guest goes on behind it. What does not fit becomes an ordinary page fault: other
 * instructions, upper tables, entries that are refused.
 */
import { VMASST_TYPE_writable_pagetables } from "../../abi/xen.ts";
import { PAGE_MASK, PAGE_SHIFT, PAGE_SIZE } from "../../machine/memory.ts";
import { Access } from "../../machine/processor.ts";
import { decode, newInsn } from "../../machine/x86/decode/index.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn, OperandKind, RegClass, SEG_NONE } from "../../machine/x86/insn.ts";
import {
  CS,
  cpuState,
  FLAG_CF,
  FS,
  PF_FETCH,
  PF_PRESENT,
  PF_RESERVED,
  PF_WRITE,
  RAX,
  RBX,
  RCX,
  RDX,
} from "../../machine/x86/state.ts";
import { baseOf, in64BitCode } from "../traps/segments.ts";
import type { Vcpu } from "../vcpu.ts";
import { PageType } from "./frame-table.ts";
import { isGuestLinear, linearAddress, linearOf } from "./linear.ts";
import { ALU, lowMask, ReadModifyWrite } from "./ptwr-alu.ts";
import { updateL1Entry } from "./update-entry.ts";

const MAX_INSTRUCTION = 15;
/** The decoder looks at no more bytes than this. */
const WINDOW = 32;
const RIP = cpuState.offset.rip >>> 2;

const code = new Uint8Array(WINDOW);
const insn: Insn = newInsn();
const execution = new ReadModifyWrite();

/**
 * Emulates the instruction at RIP if it is a write to an L1 table.
 * @param errorCode of the page fault, as the processor reported it
 * @returns false if the fault is the guest's own
 */
export function ptwrEmulate(vcpu: Vcpu, cr2: bigint, errorCode: number): boolean {
  const { domain } = vcpu;
  const want = PF_PRESENT | PF_WRITE;
  if ((errorCode & (want | PF_RESERVED | PF_FETCH)) !== want) return false;
  const fault = linearOf(cr2);
  if (!vcpu.kernelMode || !domain.vmAssist(VMASST_TYPE_writable_pagetables) || !isGuestLinear(fault)) return false;
  const table = l1TableAt(vcpu, cr2);
  if (table < 0 || !fetch(vcpu)) return false;

  const x = execution;
  const source = findOperands(x);
  const run = ALU[insn.def.mnemonic];
  if (source < 0 || run === undefined || insn.rep !== 0) return false;
  x.begin();
  if (!readSource(vcpu, x, source)) return false;
  const va = effectiveAddress(vcpu, x, source);
  // Aligned, and to the page that faulted: an access to two entries or two pages is not an update.
  if ((va & (x.size - 1)) !== 0 || Math.floor(va / PAGE_SIZE) !== Math.floor(fault / PAGE_SIZE)) return false;
  const at = table * PAGE_SIZE + (va & PAGE_MASK);
  readOld(vcpu, x, at);
  readAccumulator(vcpu, x);
  run(x);
  if (x.writes && updateEntry(vcpu, x, at) !== 0) return false;
  commit(vcpu, x, source);
  return true;
}

/** The frame that `va` is mapped to, if it is a validated L1 of the vCPU's domain; else -1. */
function l1TableAt(vcpu: Vcpu, va: bigint): number {
  const { cpu, frames } = vcpu.domain.hypervisor;
  const at = cpu.translate(va, Access.Read, true);
  if (at < 0) return -1;
  const mfn = at >>> PAGE_SHIFT;
  return frames.owner(mfn) === vcpu.domain.id && frames.isValidated(mfn, PageType.L1) ? mfn : -1;
}

/** Fetches and decodes the instruction at RIP into `insn`. */
function fetch(vcpu: Vcpu): boolean {
  const { cpu, memory } = vcpu.domain.hypervisor;
  const long = in64BitCode(vcpu);
  const size = long ? 64 : 32;
  const rip = long ? vcpu.state.rip : BigInt.asUintN(32, baseOf(vcpu, CS) + vcpu.state.rip);
  let have = 0;
  while (have < MAX_INSTRUCTION) {
    const at = cpu.translate(have === 0 ? rip : rip + BigInt(have), Access.Execute, true);
    if (at < 0) break;
    const left = PAGE_SIZE - (at & PAGE_MASK);
    if (have === 0 && left >= WINDOW) return decode(memory.u8, at, size, insn) > 0;
    const part = Math.min(MAX_INSTRUCTION - have, left);
    for (let i = 0; i < part; i++) code[have + i] = memory.u8[at + i]!;
    have += part;
  }
  return decode(code.subarray(0, have), 0, size, insn) > 0;
}

/** The size of the memory operand that the instruction writes to. @returns the index of the other operand, or -1 */
function findOperands(x: ReadModifyWrite): number {
  const { mnemonic } = insn.def;
  const first = insn.operands[0];
  // XCHG and CMPXCHG8B aside, the destination comes first.
  const swapped = mnemonic === "xchg" && first.kind === OperandKind.Reg;
  const memory = swapped ? insn.operands[1] : first;
  if (memory.kind !== OperandKind.Mem) return -1;
  const size = mnemonic === "cmpxchg8b" ? 8 : memory.size;
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) return -1;
  x.size = size;
  return swapped ? 0 : 1;
}

/** Bit instructions with a register reach beyond the memory operand. */
function hasBitOffset(source: number): boolean {
  const { mnemonic } = insn.def;
  const bits = mnemonic === "bts" || mnemonic === "btr" || mnemonic === "btc";
  return bits && insn.operands[source]?.kind === OperandKind.Reg;
}

/** Index of a general register in `u32`. */
const registerAt = (vcpu: Vcpu, register: number): number => (vcpu.gpr.byteOffset >>> 2) + register * 2;

/** The source operand's value, 0 if there is none. @returns false if it is not a general register or immediate */
function readSource(vcpu: Vcpu, x: ReadModifyWrite, index: number): boolean {
  const { u32 } = vcpu.domain.hypervisor.memory;
  const { size } = x;
  x.sourceLo = x.sourceHi = 0;
  if (insn.def.mnemonic === "cmpxchg8b") {
    x.sourceLo = u32[registerAt(vcpu, RBX)]!;
    x.sourceHi = u32[registerAt(vcpu, RCX)]!;
    return true;
  }
  if (index >= insn.operandCount) return true;
  const operand = insn.operands[index]!;
  if (operand.kind === OperandKind.Imm) {
    x.sourceLo = (Number(insn.imm & 0xffff_ffffn) & lowMask(size)) >>> 0;
    if (size === 8) x.sourceHi = Number((insn.imm >> 32n) & 0xffff_ffffn);
    return true;
  }
  if (operand.kind !== OperandKind.Reg || operand.regClass !== RegClass.Gpr) return false;
  const at = registerAt(vcpu, operand.reg);
  x.sourceLo = operand.highByte ? (u32[at]! >>> 8) & 0xff : (u32[at]! & lowMask(size)) >>> 0;
  if (size === 8) x.sourceHi = u32[at + 1]!;
  return true;
}

/** Address of the memory operand, as a linear address. */
function effectiveAddress(vcpu: Vcpu, x: ReadModifyWrite, source: number): number {
  const { u32 } = vcpu.domain.hypervisor.memory;
  // Sums of halves; what the low one is too large by is carried at the end.
  let low = 0;
  let high = 0;
  if (insn.disp !== 0n) {
    low = Number(insn.disp & 0xffff_ffffn);
    high = Number((insn.disp >> 32n) & 0xffff_ffffn);
  }
  if (insn.base !== BASE_NONE) {
    const relative = insn.base === BASE_RIP;
    const at = relative ? (vcpu.state.address >>> 2) + RIP : registerAt(vcpu, insn.base);
    low += u32[at]! + (relative ? insn.length : 0);
    high += u32[at + 1]!;
  }
  if (insn.index !== INDEX_NONE) {
    const at = registerAt(vcpu, insn.index);
    low += u32[at]! * (1 << insn.scale);
    high += u32[at + 1]! * (1 << insn.scale);
  }
  if (hasBitOffset(source)) {
    // The bit number is signed. By bytes, down to a multiple of the operand's size.
    const top = x.size === 8 ? x.sourceHi | 0 : (x.sourceLo << (32 - x.size * 8)) >> 31;
    const number = x.size === 2 ? (x.sourceLo << 16) >> 16 : x.sourceLo;
    low += (((number >>> 3) | (top << 29)) & -x.size) >>> 0;
    high += (top >> 3) >>> 0;
  }
  high += Math.floor(low / 2 ** 32);
  if (insn.addressSize < 8) high = 0;
  if (insn.addressSize < 4) low &= 0xffff;
  // In 64-bit code the other segments are flat.
  if (insn.segment !== SEG_NONE && (insn.codeSize !== 64 || insn.segment >= FS)) {
    const base = baseOf(vcpu, insn.segment);
    low = (low >>> 0) + Number(base & 0xffff_ffffn);
    high += Number(base >> 32n) + Math.floor(low / 2 ** 32);
  }
  return linearAddress(low >>> 0, insn.codeSize === 64 ? high : 0);
}

/** The operand in memory: the entry at a machine address, or a part of it. */
function readOld(vcpu: Vcpu, x: ReadModifyWrite, at: number): void {
  const { u32 } = vcpu.domain.hypervisor.memory;
  x.oldLo = ((u32[at >>> 2]! >>> ((at & 3) * 8)) & lowMask(x.size)) >>> 0;
  x.oldHi = x.size === 8 ? u32[(at >>> 2) + 1]! : 0;
}

/** Updates the entry of which the result is all or a part. */
function updateEntry({ domain }: Vcpu, x: ReadModifyWrite, at: number): number {
  const word = at - (at & 7);
  if (x.size === 8) return updateL1Entry(domain, domain.id, word, x.lo, x.hi, false);
  const { u32 } = domain.hypervisor.memory;
  const shift = (at & 3) * 8;
  const half = ((u32[at >>> 2]! & ~(lowMask(x.size) << shift)) | (x.lo << shift)) >>> 0;
  const isLow = (at & 4) === 0;
  const lo = isLow ? half : u32[word >>> 2]!;
  const hi = isLow ? u32[(word >>> 2) + 1]! : half;
  return updateL1Entry(domain, domain.id, word, lo, hi, false);
}

function readAccumulator(vcpu: Vcpu, x: ReadModifyWrite): void {
  const { cpu, memory } = vcpu.domain.hypervisor;
  const { mnemonic } = insn.def;
  if (mnemonic === "adc" || mnemonic === "sbb") x.carry = (cpu.rflags & BigInt(FLAG_CF)) !== 0n ? 1 : 0;
  const rax = registerAt(vcpu, RAX);
  const high = mnemonic === "cmpxchg8b" ? registerAt(vcpu, RDX) : rax + 1;
  x.accumulatorLo = (memory.u32[rax]! & lowMask(x.size)) >>> 0;
  x.accumulatorHi = x.size === 8 ? memory.u32[high]! : 0;
}

/** Registers, flags, RIP. */
function commit(vcpu: Vcpu, x: ReadModifyWrite, source: number): void {
  const { cpu, memory } = vcpu.domain.hypervisor;
  const { u32 } = memory;
  if (x.sourceTakesOld) {
    const { reg, highByte } = insn.operands[source]!;
    writeRegister(vcpu, reg, x, highByte);
  }
  if (x.accumulatorTakesOld) {
    if (insn.def.mnemonic === "cmpxchg8b") {
      vcpu.gpr[RAX] = BigInt(x.oldLo);
      vcpu.gpr[RDX] = BigInt(x.oldHi);
    } else writeRegister(vcpu, RAX, x, false);
  }
  if (x.flagMask !== 0) cpu.rflags = BigInt((Number(cpu.rflags) & ~x.flagMask) | x.flags);
  const rip = (vcpu.state.address >>> 2) + RIP;
  const next = u32[rip]! + insn.length;
  u32[rip] = next;
  u32[rip + 1] = insn.codeSize === 64 ? u32[rip + 1]! + (next > 0xffff_ffff ? 1 : 0) : 0;
}

/** Puts the old value into a register: 32-bit writes clear the upper half, smaller ones leave the rest. */
function writeRegister(vcpu: Vcpu, register: number, x: ReadModifyWrite, highByte: boolean): void {
  const { u32 } = vcpu.domain.hypervisor.memory;
  const at = registerAt(vcpu, register);
  const shift = highByte ? 8 : 0;
  u32[at] = (u32[at]! & ~(lowMask(x.size) << shift)) | (x.oldLo << shift);
  if (x.size >= 4) u32[at + 1] = x.oldHi;
}
