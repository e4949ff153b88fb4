/**
 * What the manual leaves undefined, so that a difference means nothing.
 * SDM vol. 2, "Flags Affected" of each instruction; vol. 1 appendix A.
 */
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import { OperandKind } from "../../src/machine/x86/insn.ts";
import { FLAG_AC, FS, GS } from "../../src/machine/x86/state.ts";
import type { Instance } from "./generate.ts";
import { CASE_FX, type Case, CODE_BASE, CODE_SIZE, FX_ST } from "./record.ts";

const CF = 1,
  PF = 4,
  AF = 0x10,
  ZF = 0x40,
  SF = 0x80,
  OF = 0x800;

const UNDEFINED: Readonly<Record<string, number>> = {
  and: AF,
  or: AF,
  xor: AF,
  test: AF,
  mul: SF | ZF | AF | PF,
  imul: SF | ZF | AF | PF,
  div: CF | OF | SF | ZF | AF | PF,
  idiv: CF | OF | SF | ZF | AF | PF,
  bt: OF | SF | AF | PF,
  bts: OF | SF | AF | PF,
  btr: OF | SF | AF | PF,
  btc: OF | SF | AF | PF,
  bsf: CF | OF | SF | AF | PF,
  bsr: CF | OF | SF | AF | PF,
  tzcnt: OF | SF | AF | PF,
  lzcnt: OF | SF | AF | PF,
};

/** The count of a shift or rotate, masked as the processor does. */
function shiftCount(instance: Instance, c: Case): number {
  const last = instance.form.operands.at(-1);
  const count = last === "CL" ? Number((c.gpr[1] ?? 0n) & 0xffn) : last === "1" ? 1 : instance.immediate;
  return count & (instance.operandSize === 8 && !instance.form.operands[0]?.endsWith("b") ? 63 : 31);
}

const bits = (instance: Instance): number => (instance.form.operands[0]?.endsWith("b") ? 8 : instance.operandSize * 8);

/** Arithmetic flags that are undefined after this instance. */
export function undefinedFlags(instance: Instance, c: Case): number {
  const { mnemonic } = instance.form.def;
  switch (mnemonic) {
    case "shl":
    case "shr":
    case "sar": {
      const count = shiftCount(instance, c);
      if (count === 0) return 0;
      return AF | (count > 1 ? OF : 0) | (mnemonic !== "sar" && count >= bits(instance) ? CF : 0);
    }
    case "rol":
    case "ror":
    case "rcl":
    case "rcr":
      return shiftCount(instance, c) > 1 ? OF : 0;
    case "shld":
    case "shrd": {
      const count = shiftCount(instance, c);
      return count === 0 ? 0 : AF | (count > 1 ? OF : 0);
    }
    default:
      return UNDEFINED[mnemonic] ?? 0;
  }
}

/** Exponent field of ST(0). */
const stExponent = (c: Case): number => c.dv.getUint16(CASE_FX + FX_ST + 8, true) & 0x7fff;

/** ST(0) is zero, infinite, not a number, or small enough for F2XM1 (-1 to 1) and FYL2XP1 (-0.29 to 0.41). */
function inDomain(c: Case): boolean {
  return stExponent(c) < 16383 - 2;
}

/** Where the harness's own program begins. */
const HARNESS_BASE = 0x400000n - 16n;
const insn = newInsn();
const isCanonical = (address: bigint): boolean => BigInt.asIntN(48, address) === BigInt.asIntN(64, address);

/**
 * Memory operands that are not compared: those whose offset into FS or GS is not canonical although
 * the linear address is (AMD raises #GP(0), the SDM checks the linear address only), and what (bits
 * of BT, cut displacements) comes to lie in the harness's own program or in the code, which holds what
 * cases before have left.
 */
function incomparableOperand(instance: Instance, c: Case): boolean {
  if (!instance.memory || decode(instance.code, 0, 64, insn) <= 0) return false;
  const base = insn.segment === FS ? c.fsBase : insn.segment === GS ? c.gsBase : 0n;
  let offset = instance.target - base;
  const [, bit] = insn.operands;
  if (/^bt[src]?$/.test(insn.def.mnemonic) && bit.kind === OperandKind.Reg) {
    const bitOffset = BigInt.asIntN(8 * bit.size, c.gpr[bit.reg] ?? 0n);
    offset += (bitOffset >> BigInt(Math.log2(8 * bit.size))) * BigInt(bit.size);
  }
  const linear = BigInt.asUintN(64, BigInt.asUintN(8 * insn.addressSize, offset) + base);
  if (linear >= HARNESS_BASE && linear < BigInt(CODE_BASE + CODE_SIZE)) return true;
  return base !== 0n && insn.addressSize === 8 && !isCanonical(offset);
}

/** True if not only flags but the result itself is undefined: such an instance is not compared. */
export function undefinedResult(instance: Instance, c: Case): boolean {
  const { mnemonic } = instance.form.def;
  if (incomparableOperand(instance, c)) return true;
  if (mnemonic === "shld" || mnemonic === "shrd") return shiftCount(instance, c) > bits(instance);
  if (mnemonic === "f2xm1" || mnemonic === "fyl2xp1") return !inDomain(c);
  // BSWAP of a 16-bit register.
  if (mnemonic === "bswap") return instance.operandSize === 2;
  // Whether these have a ModRM byte, so that fetching it can fault, differs between processors (SDM vol. 2, UD).
  if (mnemonic === "ud0" || mnemonic === "ud1") return c.code.length < instance.code.length;
  // AMD does not check the alignment of its stores (or only of the parts it makes of them); the SDM lists #AC.
  if (mnemonic === "maskmovdqu" || mnemonic === "maskmovq") return (c.rflags & BigInt(FLAG_AC)) !== 0n;
  return false;
}

const C0 = 0x100,
  C1 = 0x200,
  C2 = 0x400,
  C3 = 0x4000;

const UE = 0x10,
  PE = 0x20;

/** Bits of the x87 status word that are undefined after this instance (SDM vol. 2, "FPU Flags Affected"). */
export function undefinedX87(instance: Instance, c: Case): number {
  const { mnemonic } = instance.form.def;
  // AMD raises underflow and precision for the logarithm of a denormal, even if it is a whole number.
  if (mnemonic === "fyl2x" && stExponent(c) === 0) return C1 | UE | PE;
  // Defined only when the stack underflows, and zero then.
  if (/^fcmov/.test(mnemonic)) return C0 | C1 | C2 | C3;
  // The manual says zero; AMD leaves it alone.
  if (/^fu?comip?$/.test(mnemonic)) return C1;
  if (mnemonic === "ffree" || mnemonic === "ffreep") return C0 | C1 | C2 | C3;
  // Rounding direction, of results that may differ in their last bit.
  return transcendental.has(mnemonic) ? C1 : 0;
}

/**
 * Transcendental x87 instructions: results may be off by one unit in the last place (SDM vol. 1
 * §8.3.10), and outside of their domain they are undefined.
 */
export const transcendental: ReadonlySet<string> = new Set([
  "f2xm1",
  "fyl2x",
  "fyl2xp1",
  "fptan",
  "fpatan",
  "fsin",
  "fcos",
  "fsincos",
]);

/** SSE instructions whose results are approximations, different in each processor (SDM vol. 2, RCPPS). */
export const approximate: ReadonlySet<string> = new Set(["rcpps", "rcpss", "rsqrtps", "rsqrtss"]);

/** True if the order in which the parts of a large operand are accessed shows in CR2, which nobody specifies. */
export function unspecifiedFaultAddress(instance: Instance): boolean {
  return /^(fxsave|fxrstor|fnsave|frstor|fnstenv|fldenv|iret|enter|maskmov)/.test(instance.form.def.mnemonic);
}

/** True if a fault may leave part of the result, as ENTER (memory) and MASKMOVQ (x87 tags and TOP) do on some processors. */
export function unspecifiedPartialResult(instance: Instance): boolean {
  return /^(enter|fxsave|fnsave|fnstenv|maskmov)/.test(instance.form.def.mnemonic);
}

/**
 * Ranges of memory, [from, to), that this instance writes but whose content is not compared: the
 * last x87 instruction and data pointers and opcode, which processors keep in different ways
 * (AMD64 APM vol. 2 §11.4.4), and MXCSR_MASK.
 */
export function unspecifiedMemory(instance: Instance): [bigint, bigint][] {
  const { target, form } = instance;
  switch (form.def.mnemonic) {
    case "fxsave":
    case "fxsave64":
      return [
        [target + 5n, target + 24n],
        [target + 28n, target + 32n],
        [target + 416n, target + 512n],
      ];
    case "fnstenv":
    case "fnsave":
      // Behind the control, status and tag words: 16-bit fields with an operand-size prefix.
      return instance.operandSize === 2 ? [[target + 6n, target + 14n]] : [[target + 12n, target + 28n]];
    default:
      return [];
  }
}
