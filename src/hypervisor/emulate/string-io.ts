/** INS and OUTS, with REP. */
import { Access } from "../../machine/processor.ts";
import type { Insn } from "../../machine/x86/insn.ts";
import { DS, ES, FLAG_DF, FS, GS, RCX, RDI, RDX, RSI } from "../../machine/x86/state.ts";
import { isGuestAddress } from "../mm/guest-access.ts";
import { injectGeneralProtection, injectPageFault } from "../traps/inject.ts";
import { baseOf } from "../traps/segments.ts";
import type { Vcpu } from "../vcpu.ts";
import { codeSize } from "./fetch.ts";
import { readPort, writePort } from "./ports.ts";

/** Elements done before the guest is given a chance to take events: RIP stays, as with hardware. */
const BATCH = 1024;

const mask = (addressSize: number): bigint => (addressSize === 8 ? ~0n : addressSize === 4 ? 0xffff_ffffn : 0xffffn);

/** Stores the low `size` bytes of a register; 4-byte results are zero-extended. */
function setRegister(vcpu: Vcpu, register: number, value: bigint, size: number): void {
  const old = vcpu.gpr[register] ?? 0n;
  const m = mask(size);
  vcpu.gpr[register] = size === 2 ? (old & ~m) | (value & m) : BigInt.asUintN(64, value & m);
}

/** Machine address of each of `size` bytes at a linear address; undefined if the guest has got a fault. */
function locate(vcpu: Vcpu, linear: bigint, size: number, access: Access): number[] | undefined {
  const { cpu } = vcpu.domain.hypervisor;
  const found: number[] = [];
  for (let i = 0; i < size; i++) {
    const at = BigInt.asUintN(64, linear + BigInt(i));
    // Not the guest's to name, mapped or not.
    if (!isGuestAddress(at)) {
      injectGeneralProtection(vcpu);
      return undefined;
    }
    const maddr = cpu.translate(at, access, true);
    if (maddr < 0) {
      injectPageFault(vcpu, at, -1 - maddr);
      return undefined;
    }
    found.push(maddr);
  }
  return found;
}

/** Executes up to a batch. @returns "done" when the instruction is over, else RIP must stay */
export function stringIo(vcpu: Vcpu, insn: Insn): "done" | "again" | "faulted" {
  const { memory, cpu } = vcpu.domain.hypervisor;
  const input = insn.def.mnemonic === "ins";
  const size = Math.min(insn.operandSize, 4);
  const port = Number((vcpu.gpr[RDX] ?? 0n) & 0xffffn);
  const index = input ? RDI : RSI;
  const addressMask = mask(insn.addressSize);
  const step = (cpu.rflags & BigInt(FLAG_DF)) !== 0n ? -BigInt(size) : BigInt(size);
  const segment = input ? ES : insn.segment >= 0 ? insn.segment : DS;
  // In 64-bit code only FS and GS have bases.
  const based = codeSize(vcpu) !== 64 || segment === FS || segment === GS;
  const base = based ? baseOf(vcpu, segment) : 0n;
  const repeated = insn.rep !== 0;
  for (let n = 0; n < BATCH; n++) {
    const left = (vcpu.gpr[RCX] ?? 0n) & addressMask;
    if (repeated && left === 0n) return "done";
    const offset = (vcpu.gpr[index] ?? 0n) & addressMask;
    const linear = BigInt.asUintN(codeSize(vcpu) === 64 ? 64 : 32, base + offset);
    const bytes = locate(vcpu, linear, size, input ? Access.Write : Access.Read);
    if (bytes === undefined) return "faulted";
    if (input) {
      const value = readPort(vcpu, port, size);
      bytes.forEach((maddr, i) => {
        memory.u8[maddr] = (value >>> (i * 8)) & 0xff;
        cpu.frameWritten(maddr >>> 12);
      });
    } else {
      const value = bytes.reduce((sum, maddr, i) => sum + (memory.u8[maddr] ?? 0) * 256 ** i, 0);
      writePort(vcpu, port, size, value);
    }
    setRegister(vcpu, index, offset + step, insn.addressSize);
    if (!repeated) return "done";
    setRegister(vcpu, RCX, left - 1n, insn.addressSize);
    if (left === 1n) return "done";
  }
  return "again";
}
