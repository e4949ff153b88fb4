/** Comparisons: FCOM, FUCOM, FICOM, FCOMI, FTST, FXAM. SDM vol. 1 §8.3.6. */
import { compare, type Float, fromInteger, Kind, Relation, relationFlags, zero } from "../softfloat/index.ts";
import type { Handler } from "./handler.ts";
import { loadFloat, loadInteger } from "./memory.ts";
import { memoryOperand, stackOperand } from "./operands.ts";
import { FSW_C0, FSW_C1, FSW_C2, FSW_C3, type X87Unit } from "./unit.ts";

const UNORDERED = FSW_C0 | FSW_C2 | FSW_C3;

function conditions(relation: Relation): number {
  switch (relation) {
    case Relation.Unordered:
      return UNORDERED;
    case Relation.Less:
      return FSW_C0;
    case Relation.Equal:
      return FSW_C3;
    case Relation.Greater:
      return 0;
  }
}

/**
 * Compares ST(0) with `source`, or with nothing if a register is empty. Conditions are set even
 * with an unmasked exception, but then nothing is popped.
 */
function compareWith(fpu: X87Unit, source: Float | undefined, signaling: boolean, pops: number): void {
  const relation = source === undefined ? Relation.Unordered : compare(fpu.context, fpu.read(0), source, signaling);
  fpu.setConditions(conditions(relation));
  if (!(source === undefined ? fpu.stackFault(false) : fpu.commit())) return;
  for (let i = 0; i < pops; i++) fpu.pop();
}

/** FCOM, FUCOM with memory or ST(i). */
function compareFloat(signaling: boolean, pops: number): Handler {
  return (fpu, insn, address) => {
    fpu.begin();
    const memory = memoryOperand(insn);
    if (memory) {
      return compareWith(fpu, fpu.isEmpty(0) ? undefined : loadFloat(fpu, address, memory.size), signaling, pops);
    }
    const i = stackOperand(insn);
    return compareWith(fpu, fpu.isEmpty(0) || fpu.isEmpty(i) ? undefined : fpu.read(i), signaling, pops);
  };
}

function compareInteger(pops: number): Handler {
  return (fpu, insn, address) => {
    fpu.begin();
    const source = fromInteger(loadInteger(fpu, address, memoryOperand(insn)?.size ?? 0));
    return compareWith(fpu, fpu.isEmpty(0) ? undefined : source, true, pops);
  };
}

/** FCOMI, FUCOMI: the relation goes to ZF, PF and CF; as above, even with an unmasked exception. */
function compareToFlags(signaling: boolean, pops: number): Handler {
  return (fpu, insn) => {
    const context = fpu.begin();
    const i = stackOperand(insn);
    const empty = fpu.isEmpty(0) || fpu.isEmpty(i);
    const relation = empty ? Relation.Unordered : compare(context, fpu.read(0), fpu.read(i), signaling);
    fpu.host.setArithmeticFlags(relationFlags(relation));
    if (!(empty ? fpu.stackFault(false) : fpu.commit())) return;
    for (let pop = 0; pop < pops; pop++) fpu.pop();
  };
}

const ftst: Handler = (fpu) => {
  fpu.begin();
  return compareWith(fpu, fpu.isEmpty(0) ? undefined : zero(0), true, 0);
};

/** Class of ST(0) in C3, C2, C0 and its sign in C1; never an exception. */
const fxam: Handler = (fpu) => {
  fpu.setConditions(fpu.isEmpty(0) ? FSW_C3 | FSW_C0 : classify(fpu.read(0)));
  fpu.fsw = (fpu.fsw & ~FSW_C1) | (fpu.signExponent(0) >= 0x8000 ? FSW_C1 : 0);
};

function classify(x: Float): number {
  switch (x.kind) {
    case Kind.Unsupported:
      return 0;
    case Kind.QuietNan:
    case Kind.SignalingNan:
      return FSW_C0;
    case Kind.Infinity:
      return FSW_C2 | FSW_C0;
    case Kind.Zero:
      return FSW_C3;
    case Kind.Finite:
      return x.denormal ? FSW_C3 | FSW_C2 : FSW_C2;
  }
}

export const comparison: Record<string, Handler> = {
  fcom: compareFloat(true, 0),
  fcomp: compareFloat(true, 1),
  fcompp: compareFloat(true, 2),
  fucom: compareFloat(false, 0),
  fucomp: compareFloat(false, 1),
  fucompp: compareFloat(false, 2),
  ficom: compareInteger(0),
  ficomp: compareInteger(1),
  fcomi: compareToFlags(true, 0),
  fcomip: compareToFlags(true, 1),
  fucomi: compareToFlags(false, 0),
  fucomip: compareToFlags(false, 1),
  ftst,
  fxam,
};
