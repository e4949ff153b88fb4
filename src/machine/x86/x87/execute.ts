/** Execution of x87 instructions: waiting, dispatch, instruction and data pointers. */
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn } from "../insn.ts";
import { cpuState, EXC_MF } from "../state.ts";
import { arithmetic } from "./arithmetic.ts";
import { bcd } from "./bcd.ts";
import { comparison } from "./compare.ts";
import { environment } from "./environment.ts";
import { fxstate } from "./fxsave.ts";
import type { Handler } from "./handler.ts";
import { memoryOperand } from "./operands.ts";
import { transcendental } from "./transcendental.ts";
import { transfer } from "./transfer.ts";
import { FSW_ES, type X87Unit } from "./unit.ts";

/** A mnemonic's handler, and how it treats what came before it. */
interface Entry {
  readonly execute: Handler;
  /** A pending unmasked exception is raised before it. */
  readonly waits: boolean;
  /** Leaves the instruction and data pointers alone. */
  readonly control: boolean;
}

/** Do not wait (SDM vol. 1 §8.3.12): FN... forms, and the state instructions that replace all of the state or copy it. */
const NOT_WAITING = new Set([
  "fnstcw",
  "fnstsw",
  "fnstenv",
  "fnsave",
  "fninit",
  "fnclex",
  "fneni",
  "fndisi",
  "fnsetpm",
  ...Object.keys(fxstate),
]);

const entries = new Map<string, Entry>();
for (const family of [arithmetic, transfer, comparison, transcendental, bcd]) {
  for (const [mnemonic, execute] of Object.entries(family))
    entries.set(mnemonic, { execute, waits: true, control: false });
}
for (const family of [environment, fxstate]) {
  for (const [mnemonic, execute] of Object.entries(family)) {
    entries.set(mnemonic, { execute, waits: !NOT_WAITING.has(mnemonic), control: true });
  }
}

/** All mnemonics that `executeX87` knows. */
export const x87Mnemonics: ReadonlySet<string> = new Set(entries.keys());

/** Whether a pending unmasked exception is raised before the instruction does anything, its memory access included. */
export function x87Waits(mnemonic: string): boolean {
  return entries.get(mnemonic)?.waits ?? false;
}

/**
 * Executes one x87 instruction, FWAIT, EMMS, FXSAVE or FXRSTOR.
 *
 * The caller has dealt with #NM (CR0.TS, CR0.EM) and with alignment (FXSAVE), has translated the
 * memory operand as `x87MemoryOperand` says, and advances RIP when 0 is returned.
 *
 * @param hostAddress machine address of the memory operand, contiguous; anything if there is none
 * @returns 0, or the vector of the exception to be raised at this instruction (a fault; nothing
 *   has changed): EXC_MF for a pending unmasked exception, EXC_GP (error code 0) for a bad MXCSR
 *   in FXRSTOR. Unmasked exceptions of the instruction itself become pending and return 0.
 */
export function executeX87(fpu: X87Unit, insn: Insn, hostAddress: number): number {
  const entry = entries.get(insn.def.mnemonic);
  if (!entry) throw new RangeError(`x87: instruction "${insn.def.mnemonic}" is not implemented`);
  if (entry.waits && (fpu.fsw & FSW_ES) !== 0) return EXC_MF;
  const status = entry.execute(fpu, insn, hostAddress) ?? 0;
  if (!entry.control) updatePointers(fpu, insn);
  return status;
}

/**
 * FIP follows every instruction but control instructions; FDP changes only when an unmasked
 * exception becomes pending, as on processors with CPUID.7.0:EBX[6] (FDP_EXCPTN_ONLY).
 */
function updatePointers(fpu: X87Unit, insn: Insn): void {
  const { dv, base } = fpu;
  const { rip, fip } = cpuState.offset;
  dv.setUint32(base + fip, dv.getUint32(base + rip, true), true);
  dv.setUint32(base + fip + 4, dv.getUint32(base + rip + 4, true), true);
  if ((fpu.fsw & FSW_ES) !== 0 && memoryOperand(insn)) fpu.host.state.fdp = effectiveAddress(fpu, insn);
}

function effectiveAddress(fpu: X87Unit, insn: Insn): bigint {
  const { state } = fpu.host;
  let address = insn.disp;
  if (insn.base === BASE_RIP) address += state.rip + BigInt(insn.length);
  else if (insn.base !== BASE_NONE) address += state.gpr.get(insn.base);
  if (insn.index !== INDEX_NONE) address += state.gpr.get(insn.index) << BigInt(insn.scale);
  return BigInt.asUintN(8 * insn.addressSize, address);
}
