/**
 * Privileged instructions of guests. They are #GP(0) to the processor, since guest kernels run in
 * ring 3; those in the table here are carried out, everything else is the guest's own fault.
 */

import { ENODEV } from "../../abi/errno.ts";
import type { Insn, Operand } from "../../machine/x86/insn.ts";
import { OperandKind, RegClass } from "../../machine/x86/insn.ts";
import { CR4_TSD, EXC_UD, RAX, RCX, RDX } from "../../machine/x86/state.ts";
import { HypercallError } from "../hypercall.ts";
import type { Hypervisor } from "../hypervisor.ts";
import { getDebugRegister, setDebugRegister } from "../misc/debug-registers.ts";
import { injectException } from "../traps/inject.ts";
import type { Vcpu } from "../vcpu.ts";
import { readControlRegister, writeControlRegister } from "./control-registers.ts";
import { fetchInstruction, retire } from "./fetch.ts";
import { readMsr, writeMsr } from "./msr.ts";
import { ioplAllows, portAllowed, readPort, writePort } from "./ports.ts";
import { stringIo } from "./string-io.ts";

/** done: go on behind it. again: it goes on at the same RIP. handled: the guest is elsewhere now. refused: #GP. */
type Outcome = "done" | "again" | "handled" | "refused";
type Emulator = (hv: Hypervisor, vcpu: Vcpu, insn: Insn) => Outcome;

const low32 = (value: bigint | undefined): number => Number(BigInt.asUintN(32, value ?? 0n));

/** EDX:EAX. */
const pair = (vcpu: Vcpu): bigint => (BigInt(low32(vcpu.gpr[RDX])) << 32n) | BigInt(low32(vcpu.gpr[RAX]));

function setPair(vcpu: Vcpu, value: bigint): void {
  vcpu.gpr[RAX] = value & 0xffff_ffffn;
  vcpu.gpr[RDX] = (value >> 32n) & 0xffff_ffffn;
}

/** Only the guest kernel: it would be ring 0 if it could. */
const kernelOnly =
  (emulator: Emulator): Emulator =>
  (hv, vcpu, insn) =>
    vcpu.kernelMode ? emulator(hv, vcpu, insn) : "refused";

/** Port of IN and OUT: an immediate or DX. */
function portOf(vcpu: Vcpu, insn: Insn, operand: Operand): number {
  return operand.kind === OperandKind.Imm ? Number(insn.imm & 0xffn) : Number((vcpu.gpr[RDX] ?? 0n) & 0xffffn);
}

const portIn: Emulator = (hv, vcpu, insn) => {
  const size = insn.operands[0].size;
  const port = portOf(vcpu, insn, insn.operands[1]);
  if (!portAllowed(vcpu, port, size)) return "refused";
  const value = BigInt(readPort(vcpu, port, size));
  const old = vcpu.gpr[RAX] ?? 0n;
  // Results of 1 and 2 bytes leave the rest of RAX alone.
  vcpu.gpr[RAX] = size === 4 ? value : (old & ~((1n << BigInt(size * 8)) - 1n)) | value;
  hv.statistics.countPort("in", port);
  return "done";
};

const portOut: Emulator = (hv, vcpu, insn) => {
  const size = insn.operands[1].size;
  const port = portOf(vcpu, insn, insn.operands[0]);
  if (!portAllowed(vcpu, port, size)) return "refused";
  const value = low32(vcpu.gpr[RAX]);
  writePort(vcpu, port, size, size === 4 ? value : value & ((1 << (size * 8)) - 1));
  hv.statistics.countPort("out", port);
  return "done";
};

const portString: Emulator = (_hv, vcpu, insn) => {
  const port = Number((vcpu.gpr[RDX] ?? 0n) & 0xffffn);
  if (!portAllowed(vcpu, port, Math.min(insn.operandSize, 4))) return "refused";
  const result = stringIo(vcpu, insn);
  return result === "faulted" ? "handled" : result;
};

/** Neither changes anything: guests that mean it use evtchn_upcall_mask. */
const interruptFlag: Emulator = (_hv, vcpu) => (ioplAllows(vcpu) ? "done" : "refused");

function moveControl(vcpu: Vcpu, to: Operand, from: Operand): Outcome {
  if (to.regClass === RegClass.Control) {
    return writeControlRegister(vcpu, to.reg, vcpu.gpr[from.reg] ?? 0n) ? "done" : "refused";
  }
  const value = readControlRegister(vcpu, from.reg);
  if (value === undefined) return "refused";
  vcpu.gpr[to.reg] = value;
  return "done";
}

function moveDebug(vcpu: Vcpu, to: Operand, from: Operand): Outcome {
  try {
    if (to.regClass === RegClass.Debug) setDebugRegister(vcpu, to.reg, vcpu.gpr[from.reg] ?? 0n);
    else vcpu.gpr[to.reg] = getDebugRegister(vcpu, from.reg);
    return "done";
  } catch (error) {
    if (!(error instanceof HypercallError)) throw error;
    if (error.errno !== ENODEV) return "refused";
    injectException(vcpu, EXC_UD, 0);
    return "handled";
  }
}

const move: Emulator = (hv, vcpu, insn) => {
  const [to, from] = insn.operands;
  const special = to.regClass === RegClass.Gpr ? from.regClass : to.regClass;
  if (to.kind !== OperandKind.Reg || from.kind !== OperandKind.Reg) return "refused";
  const direction = to.regClass === RegClass.Gpr ? "from" : "to";
  if (special === RegClass.Control) {
    hv.statistics.countEmulated(`mov ${direction} cr`);
    return moveControl(vcpu, to, from);
  }
  if (special === RegClass.Debug) {
    hv.statistics.countEmulated(`mov ${direction} dr`);
    return moveDebug(vcpu, to, from);
  }
  return "refused";
};

const clearTaskSwitched: Emulator = (_hv, vcpu) => {
  vcpu.state.cr0 &= ~(1n << 3n);
  return "done";
};

const readMsrEmulator: Emulator = (hv, vcpu) => {
  const index = low32(vcpu.gpr[RCX]);
  const value = readMsr(vcpu, index);
  hv.statistics.countMsr("rdmsr", index);
  if (value === undefined) return "refused";
  setPair(vcpu, value);
  return "done";
};

const writeMsrEmulator: Emulator = (hv, vcpu) => {
  const index = low32(vcpu.gpr[RCX]);
  hv.statistics.countMsr("wrmsr", index);
  return writeMsr(vcpu, index, pair(vcpu)) ? "done" : "refused";
};

/** #GP with CR4.TSD at CPL 3: the guest kernel, which would be above it, may go on. */
const readTsc: Emulator = (hv, vcpu, insn) => {
  if (!vcpu.kernelMode && (vcpu.traps.cr4 & CR4_TSD) !== 0n) return "refused";
  setPair(vcpu, hv.cpu.readTsc());
  if (insn.def.mnemonic === "rdtscp") vcpu.gpr[RCX] = vcpu.state.tsc_aux & 0xffff_ffffn;
  return "done";
};

/** Caches are no matter here: there are none between a guest and its memory. */
const nothing: Emulator = () => "done";

/**
 * By mnemonic of the instruction table. Not in it on purpose, as in Xen: HLT (guests block by
 * sched_op), INVD, INVLPG (they have mmuext_op), SWAPGS, LGDT, LIDT, LTR, LMSW. XSETBV is #UD to
 * the processor while XSAVE is not offered.
 */
const EMULATORS: Readonly<Record<string, Emulator>> = {
  in: portIn,
  out: portOut,
  ins: portString,
  outs: portString,
  cli: interruptFlag,
  sti: interruptFlag,
  mov: kernelOnly(move),
  clts: kernelOnly(clearTaskSwitched),
  wbinvd: kernelOnly(nothing),
  wbnoinvd: kernelOnly(nothing),
  rdmsr: kernelOnly(readMsrEmulator),
  wrmsr: kernelOnly(writeMsrEmulator),
  rdtsc: readTsc,
  rdtscp: readTsc,
};

/** Called on #GP(0). @returns false if the fault is for the guest */
export function emulatePrivileged(hv: Hypervisor, vcpu: Vcpu): boolean {
  const insn = fetchInstruction(vcpu);
  if (insn === "faulted") return true;
  if (insn === undefined) return false;
  const emulator = EMULATORS[insn.def.mnemonic];
  if (emulator === undefined) return false;
  const { length } = insn;
  const outcome = emulator(hv, vcpu, insn);
  if (outcome === "refused") return false;
  if (outcome === "done") retire(vcpu, length);
  return true;
}
