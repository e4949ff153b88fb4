/**
 * Forms: what instructions have in common that one piece of generated code can execute. Two
 * instructions have the same form if their semantics emit the same code, that is, if they differ
 * only in register numbers, displacement and immediate.
 */
import { BASE_NONE, INDEX_NONE, type Insn, OperandKind, SEG_NONE } from "../x86/insn.ts";
import { hasFarDisplacement, hasWideDisplacement } from "./emit.ts";

const KIND = "-rmij";
const CLASS = "gscdmxf";

/** Instructions whose operands have sizes of their own: the operand size means nothing to them. */
const isVectorFeature = (feature: string): boolean => /^(mmx|s?sse)/.test(feature);

/** The form's name, unique and readable: "add.8 rg8 m8[b]". */
export function formName(insn: Insn): string {
  let name: string = insn.def.mnemonic;
  if (!isVectorFeature(insn.def.feature)) name += `.${insn.operandSize}`;
  if (insn.condition) name += `.${insn.condition}`;
  if (insn.rep) name += insn.rep === 0xf2 ? ".repne" : ".rep";
  if (insn.addressSize !== 8) name += `.a${insn.addressSize}`;
  let memory = false;
  for (let i = 0; i < insn.operandCount; i++) {
    const o = insn.operands[i];
    if (!o) break;
    name += ` ${KIND[o.kind]}${o.kind === OperandKind.Reg ? CLASS[o.regClass] : ""}${o.size}`;
    if (o.kind === OperandKind.Mem) memory = true;
  }
  if (memory || insn.segment !== SEG_NONE) {
    name += "[";
    if (hasWideDisplacement(insn)) name += "o";
    if (hasFarDisplacement(insn)) name += "f";
    if (insn.base !== BASE_NONE) name += "b";
    if (insn.index !== INDEX_NONE) name += "i";
    if (insn.segment !== SEG_NONE) name += "s";
    name += "]";
  }
  return name;
}

/** A small number that, together with the table line, decides the form; cheap to compute. */
export function formKey(insn: Insn): number {
  const memory =
    (insn.base !== BASE_NONE ? 1 : 0) | (insn.index !== INDEX_NONE ? 2 : 0) | (insn.segment !== SEG_NONE ? 4 : 0);
  const { operands } = insn;
  const kinds = operands[0].kind | (operands[1].kind << 3) | (operands[2].kind << 6);
  return (
    memory |
    (insn.operandSize << 3) |
    (insn.addressSize << 7) |
    ((insn.rep & 3) << 11) |
    (insn.condition << 13) |
    (kinds << 17) |
    (hasFarDisplacement(insn) ? 1 << 26 : 0)
  );
}

/** A copy that the decoder does not overwrite. */
export function cloneInsn(insn: Insn): Insn {
  const operands = insn.operands.map((o) => ({ ...o })) as Insn["operands"];
  return { ...insn, operands };
}
