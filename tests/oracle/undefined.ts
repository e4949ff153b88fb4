/**
 * What the manual leaves undefined, so that a difference means nothing.
 * SDM vol. 2, "Flags Affected" of each instruction; vol. 1 appendix A.
 */
import type { Instance } from "./generate.ts";
import type { Case } from "./record.ts";

const CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, OF = 0x800;

const UNDEFINED: Readonly<Record<string, number>> = {
  and: AF, or: AF, xor: AF, test: AF,
  mul: SF | ZF | AF | PF, imul: SF | ZF | AF | PF,
  div: CF | OF | SF | ZF | AF | PF, idiv: CF | OF | SF | ZF | AF | PF,
  bt: OF | SF | AF | PF, bts: OF | SF | AF | PF, btr: OF | SF | AF | PF, btc: OF | SF | AF | PF,
  bsf: CF | OF | SF | AF | PF, bsr: CF | OF | SF | AF | PF,
  tzcnt: OF | SF | AF | PF, lzcnt: OF | SF | AF | PF,
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

/** True if not only flags but the result itself is undefined: such an instance is not compared. */
export function undefinedResult(instance: Instance, c: Case): boolean {
  const { mnemonic } = instance.form.def;
  if (mnemonic === "shld" || mnemonic === "shrd") return shiftCount(instance, c) > bits(instance);
  // BSWAP of a 16-bit register.
  if (mnemonic === "bswap") return instance.operandSize === 2;
  return false;
}

/** Condition bits of the x87 status word that are undefined after this instance (SDM vol. 1 §8.1.3, appendix A). */
export function undefinedX87(_instance: Instance, _c: Case): number {
  return 0;
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
    default:
      return [];
  }
}
