/**
 * Writable page tables: a guest kernel may write to the entries of an L1 table as if it were
 * mapped writable. The write faults, since it is not; it is decoded and carried out here as a checked update,
 * and the guest goes on behind it. What does not fit becomes an ordinary page fault: other
 * instructions, upper tables, entries that are refused.
 */
import { VMASST_TYPE_writable_pagetables } from "../../abi/xen.ts";
import { PAGE_MASK, PAGE_SIZE } from "../../machine/memory.ts";
import { Access } from "../../machine/processor.ts";
import { decode, newInsn } from "../../machine/x86/decode/index.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn, OperandKind, RegClass, SEG_NONE } from "../../machine/x86/insn.ts";
import {
  CS,
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
import { isGuestAddress } from "./guest-access.ts";
import { ALU, type Outcome } from "./ptwr-alu.ts";
import { updateL1Entry } from "./update-entry.ts";

const MAX_INSTRUCTION = 15;

const code = new Uint8Array(MAX_INSTRUCTION);
const insn: Insn = newInsn();

/**
 * Emulates the instruction at RIP if it is a write to an L1 table.
 * @param errorCode of the page fault, as the processor reported it
 * @returns false if the fault is the guest's own
 */
export function ptwrEmulate(vcpu: Vcpu, cr2: bigint, errorCode: number): boolean {
  const { domain } = vcpu;
  const want = PF_PRESENT | PF_WRITE;
  if ((errorCode & (want | PF_RESERVED | PF_FETCH)) !== want) return false;
  if (!vcpu.kernelMode || !domain.vmAssist(VMASST_TYPE_writable_pagetables) || !isGuestAddress(cr2)) return false;
  if (!isL1Table(vcpu, cr2) || !fetch(vcpu)) return false;

  const operand = memoryOperand();
  const run = ALU[insn.def.mnemonic];
  if (operand === undefined || run === undefined || insn.rep !== 0) return false;
  const { size } = operand;
  const source = readSource(vcpu, operand.sourceIndex, size);
  if (source === undefined) return false;
  const va = effectiveAddress(vcpu, operand.bitOffset ? source : 0n, size);
  // Aligned, and to the page that faulted: an access to two entries or two pages is not an update.
  if ((va & BigInt(size - 1)) !== 0n || va >> 12n !== cr2 >> 12n) return false;
  const at = domain.hypervisor.cpu.translate(va, Access.Read, true);
  if (at < 0) return false;

  const { memory, cpu } = domain.hypervisor;
  const shift = BigInt((at & 7) * 8);
  const mask = ((1n << BigInt(size * 8)) - 1n) << shift;
  const word = at - (at & 7);
  const entry = memory.dv.getBigUint64(word, true);
  const old = (entry & mask) >> shift;
  const outcome = run({
    old,
    source,
    size,
    accumulator: accumulator(vcpu, size),
    carry: (cpu.rflags & BigInt(FLAG_CF)) !== 0n ? 1n : 0n,
  });
  if (outcome.value !== undefined) {
    const next = (entry & ~mask) | (outcome.value << shift);
    const result = updateL1Entry(domain, domain.id, word, Number(next & 0xffff_ffffn), Number(next >> 32n), false);
    if (result !== 0) return false;
  }
  commit(vcpu, outcome, operand.sourceIndex, old, size);
  return true;
}

/** `va` is mapped to a validated L1 of the vCPU's domain. */
function isL1Table(vcpu: Vcpu, va: bigint): boolean {
  const { cpu, frames } = vcpu.domain.hypervisor;
  const at = cpu.translate(va, Access.Read, true);
  if (at < 0) return false;
  const mfn = Math.floor(at / PAGE_SIZE);
  return frames.owner(mfn) === vcpu.domain.id && frames.isValidated(mfn, PageType.L1);
}

/** Fetches and decodes the instruction at RIP into `insn`. */
function fetch(vcpu: Vcpu): boolean {
  const { cpu, memory } = vcpu.domain.hypervisor;
  const long = in64BitCode(vcpu);
  const rip = long ? vcpu.state.rip : BigInt.asUintN(32, baseOf(vcpu, CS) + vcpu.state.rip);
  let have = 0;
  while (have < MAX_INSTRUCTION) {
    const at = cpu.translate(have === 0 ? rip : rip + BigInt(have), Access.Execute, true);
    if (at < 0) break;
    const part = Math.min(MAX_INSTRUCTION - have, PAGE_SIZE - (at & PAGE_MASK));
    for (let i = 0; i < part; i++) code[have + i] = memory.u8[at + i]!;
    have += part;
  }
  return decode(have === MAX_INSTRUCTION ? code : code.subarray(0, have), 0, long ? 64 : 32, insn) > 0;
}

/** The instruction's memory operand if it is what the instruction writes to. */
function memoryOperand(): { size: number; sourceIndex: number; bitOffset: boolean } | undefined {
  const { mnemonic } = insn.def;
  const first = insn.operands[0];
  // XCHG and CMPXCHG8B aside, the destination comes first.
  const swapped = mnemonic === "xchg" && first.kind === OperandKind.Reg;
  const memory = swapped ? insn.operands[1] : first;
  if (memory.kind !== OperandKind.Mem) return undefined;
  const size = mnemonic === "cmpxchg8b" ? 8 : memory.size;
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) return undefined;
  const sourceIndex = swapped ? 0 : 1;
  const bitOffset =
    (mnemonic === "bts" || mnemonic === "btr" || mnemonic === "btc") &&
    insn.operands[sourceIndex]?.kind === OperandKind.Reg;
  return { size, sourceIndex, bitOffset };
}

/** The source operand's value, 0 if there is none; undefined if it is not a general register or immediate. */
function readSource(vcpu: Vcpu, index: number, size: number): bigint | undefined {
  const { gpr } = vcpu;
  if (insn.def.mnemonic === "cmpxchg8b") return BigInt.asUintN(32, gpr[RBX]!) | (BigInt.asUintN(32, gpr[RCX]!) << 32n);
  if (index >= insn.operandCount) return 0n;
  const operand = insn.operands[index]!;
  if (operand.kind === OperandKind.Imm) return BigInt.asUintN(size * 8, insn.imm);
  if (operand.kind !== OperandKind.Reg || operand.regClass !== RegClass.Gpr) return undefined;
  const value = gpr[operand.reg]!;
  return operand.highByte ? (value >> 8n) & 0xffn : BigInt.asUintN(size * 8, value);
}

/** @param bitOffset of a bit instruction with a register: it reaches beyond the operand */
function effectiveAddress(vcpu: Vcpu, bitOffset: bigint, size: number): bigint {
  const { gpr, state } = vcpu;
  let address = insn.disp;
  if (insn.base === BASE_RIP) address += state.rip + BigInt(insn.length);
  else if (insn.base !== BASE_NONE) address += gpr[insn.base]!;
  if (insn.index !== INDEX_NONE) address += gpr[insn.index]! << BigInt(insn.scale);
  if (bitOffset !== 0n) {
    const units = BigInt.asIntN(size * 8, bitOffset) >> BigInt(Math.log2(size * 8));
    address += units * BigInt(size);
  }
  address = BigInt.asUintN(insn.addressSize * 8, address);
  // In 64-bit code the other segments are flat.
  const based = insn.segment !== SEG_NONE && (insn.codeSize !== 64 || insn.segment >= FS);
  if (based) address += state.segment.get(insn.segment).base;
  return BigInt.asUintN(insn.codeSize === 64 ? 64 : 32, address);
}

function accumulator({ gpr }: Vcpu, size: number): bigint {
  if (insn.def.mnemonic === "cmpxchg8b") return BigInt.asUintN(32, gpr[RAX]!) | (BigInt.asUintN(32, gpr[RDX]!) << 32n);
  return BigInt.asUintN(size * 8, gpr[RAX]!);
}

/** Registers, flags, RIP. */
function commit(vcpu: Vcpu, outcome: Outcome, sourceIndex: number, old: bigint, size: number): void {
  const { gpr, state } = vcpu;
  const { cpu } = vcpu.domain.hypervisor;
  if (outcome.sourceTakesOld === true) {
    const { reg, highByte } = insn.operands[sourceIndex]!;
    writeRegister(gpr, reg, old, size, highByte);
  }
  if (outcome.accumulatorTakesOld === true) {
    if (insn.def.mnemonic === "cmpxchg8b") {
      gpr[RAX] = BigInt.asUintN(32, old);
      gpr[RDX] = old >> 32n;
    } else writeRegister(gpr, RAX, old, size, false);
  }
  if (outcome.flagMask !== 0) cpu.rflags = (cpu.rflags & ~BigInt(outcome.flagMask)) | BigInt(outcome.flags);
  const next = state.rip + BigInt(insn.length);
  state.rip = BigInt.asUintN(insn.codeSize === 64 ? 64 : 32, next);
}

/** 32-bit writes clear the upper half, smaller ones leave the rest. */
function writeRegister(gpr: BigUint64Array, reg: number, value: bigint, size: number, highByte: boolean): void {
  if (size >= 4) {
    gpr[reg] = value;
    return;
  }
  const shift = highByte ? 8n : 0n;
  const mask = ((1n << BigInt(size * 8)) - 1n) << shift;
  gpr[reg] = (gpr[reg]! & ~mask) | (value << shift);
}
