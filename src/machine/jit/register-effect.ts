/** What an instruction does to the general registers, and where it uses memory: what windows (windows.ts) are found by. */
import { type Insn, OperandKind, RegClass, SEG_NONE } from "../x86/insn.ts";
import { RSP } from "../x86/state.ts";
import { GPRS } from "./locals.ts";
import { type FormStencils, stateOf } from "./stencils.ts";

export interface RegisterEffect {
  /** Makes a register another one plus a constant. */
  readonly movement: Movement | undefined;
  /** Other registers that it sets. */
  readonly forgotten: readonly number[];
  /** The one place in memory that it uses. */
  readonly place: Place | undefined;
}

/** A place in memory: at a distance from what a register holds. */
export interface Place {
  readonly register: number;
  readonly distance: number;
}

export function registerEffect(insn: Insn, form: FormStencils): RegisterEffect {
  const movement = movementOf(insn);
  const forgotten: number[] = [];
  for (const symbol of form.sets) {
    const state = stateOf(symbol, insn);
    if (state < GPRS && state !== movement?.to) forgotten.push(state);
  }
  return { movement, forgotten, place: placeOf(insn, form) };
}

interface Movement {
  readonly to: number;
  readonly from: number;
  readonly distance: number;
}

/** How an instruction makes a register another one plus a constant, if it does: the stack pointer or its destination. */
function movementOf({
  def: { mnemonic },
  operands,
  operandSize,
  addressSize,
  base,
  index,
  segment,
  disp,
  imm,
}: Insn): Movement | undefined {
  const [a, b] = operands;
  if (mnemonic === "push" || mnemonic === "call") {
    return operandSize === 8 ? { to: RSP, from: RSP, distance: -8 } : undefined;
  }
  if (mnemonic === "pop") {
    if (operandSize !== 8 || a.kind !== OperandKind.Reg || a.reg === RSP) return undefined;
    return { to: RSP, from: RSP, distance: 8 };
  }
  if (a.kind !== OperandKind.Reg || a.regClass !== RegClass.Gpr || a.size !== 8) return undefined;
  const to = a.reg;
  switch (mnemonic) {
    case "mov":
      if (b.kind !== OperandKind.Reg || b.regClass !== RegClass.Gpr) return undefined;
      return { to, from: b.reg, distance: 0 };
    case "add":
    case "sub":
      if (b.kind !== OperandKind.Imm) return undefined;
      return { to, from: to, distance: mnemonic === "add" ? Number(imm) : -Number(imm) };
    case "inc":
      return { to, from: to, distance: 1 };
    case "dec":
      return { to, from: to, distance: -1 };
    case "lea":
      if (base >= GPRS || index < GPRS || addressSize !== 8 || segment !== SEG_NONE) return undefined;
      return { to, from: base, distance: Number(disp) };
    default:
      return undefined;
  }
}

/** The one place in memory that an instruction uses, as a register and a distance. */
function placeOf(insn: Insn, { access }: FormStencils): Place | undefined {
  if (!access) return undefined;
  if (!access.isStack) {
    const { base, index, segment, addressSize, disp } = insn;
    if (base >= GPRS || index < GPRS || segment !== SEG_NONE || addressSize !== 8) return undefined;
    return { register: base, distance: Number(disp) };
  }
  const { mnemonic } = insn.def;
  if (insn.operandSize !== 8) return undefined;
  if (mnemonic === "push" || mnemonic === "call") return { register: RSP, distance: -8 };
  return mnemonic === "pop" || mnemonic === "ret" ? { register: RSP, distance: 0 } : undefined;
}
