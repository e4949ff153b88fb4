/** Loads, stores, exchanges, conditional moves and constants. SDM vol. 1 §8.3.2, §8.3.4. */
import {
  convert,
  denormalOperand,
  F32,
  F64,
  F80,
  type Float,
  finite,
  fromInteger,
  IE,
  INDEFINITE,
  Kind,
  OE,
  PE,
  pack32,
  pack64,
  quiet,
  round,
  toInteger,
  truncateToInteger,
  UE,
  zero,
} from "../softfloat/index.ts";
import { FLAG_CF, FLAG_PF, FLAG_ZF } from "../state.ts";
import { CONSTANT_BITS, LG2, LN2, LOG2E, LOG2T, PI } from "./constants.ts";
import type { Handler } from "./handler.ts";
import { loadFloat, loadInteger, storeInteger } from "./memory.ts";
import { memoryOperand, stackOperand } from "./operands.ts";
import type { X87Unit } from "./unit.ts";

const fld: Handler = (fpu, insn, address) => {
  const context = fpu.begin();
  const memory = memoryOperand(insn);
  if (!memory) {
    const i = stackOperand(insn);
    if (fpu.isEmpty(i)) {
      if (fpu.stackFault(false)) fpu.push(INDEFINITE);
      return;
    }
    if (fpu.canPush()) pushBits(fpu, fpu.address(i));
    return;
  }
  if (!fpu.canPush()) return;
  // An 80-bit load is a copy: no exceptions, whatever the bits are.
  if (memory.size === 10) return pushBits(fpu, address);
  let value = loadFloat(fpu, address, memory.size);
  if (value.kind === Kind.SignalingNan) {
    context.flags |= IE;
    value = quiet(value);
  }
  denormalOperand(context, value, value);
  // Unlike arithmetic, a load goes on with an unmasked denormal.
  if (fpu.commit() || (context.flags & IE) === 0) fpu.push(value);
};

function pushBits(fpu: X87Unit, from: number): void {
  fpu.top = fpu.top - 1;
  fpu.copyBits(from, fpu.address(0));
  fpu.setFull(0);
}

const fild: Handler = (fpu, insn, address) => {
  fpu.begin();
  if (fpu.canPush()) fpu.push(fromInteger(loadInteger(fpu, address, memoryOperand(insn)?.size ?? 0)));
};

const FSTPNCE = "D9 D8+i";

/** FST, FSTP. */
function storeFloat(pop: boolean): Handler {
  return (fpu, insn, address) => {
    const context = fpu.begin();
    const memory = memoryOperand(insn);
    const empty = fpu.isEmpty(0);
    // An undocumented alias that takes no stack fault and then only pops.
    if (empty && insn.def.encoding === FSTPNCE) return fpu.pop();
    if (empty && !fpu.stackFault(false)) return;
    if (!memory) {
      const i = stackOperand(insn);
      if (empty) fpu.write(i, INDEFINITE);
      else {
        fpu.copyBits(fpu.address(0), fpu.address(i));
        fpu.setFull(i);
      }
    } else if (memory.size === 10) {
      if (empty) {
        fpu.dv.setBigUint64(address, INDEFINITE.sig, true);
        fpu.dv.setUint16(address + 8, 0xffff, true);
      } else fpu.copyBits(fpu.address(0), address);
    } else {
      const format = memory.size === 4 ? F32 : F64;
      const value = empty ? INDEFINITE : convert(context, format, fpu.read(0), false);
      if (!empty && !commitStore(fpu)) return;
      if (memory.size === 4) fpu.dv.setUint32(address, pack32(value), true);
      else fpu.dv.setBigUint64(address, pack64(value), true);
    }
    if (pop) fpu.pop();
  };
}

/** A store to memory does not happen with an unmasked overflow or underflow either, and then nothing was inexact. */
function commitStore(fpu: X87Unit): boolean {
  const { context } = fpu;
  const unmaskedRange = context.flags & ~context.masks & (OE | UE);
  if (unmaskedRange !== 0) context.flags &= ~PE;
  return fpu.commit() && unmaskedRange === 0;
}

function storeAsInteger(convertTo: typeof toInteger, pop: boolean): Handler {
  return (fpu, insn, address) => {
    const context = fpu.begin();
    const size = memoryOperand(insn)?.size ?? 0;
    let value: bigint;
    if (fpu.isEmpty(0)) {
      if (!fpu.stackFault(false)) return;
      value = -1n << BigInt(8 * size - 1);
    } else {
      value = convertTo(context, fpu.read(0), 8 * size);
      if (!fpu.commit()) return;
    }
    storeInteger(fpu, address, size, value);
    if (pop) fpu.pop();
  };
}

const fxch: Handler = (fpu, insn) => {
  fpu.begin();
  const i = stackOperand(insn);
  if (fpu.isEmpty(0) || fpu.isEmpty(i)) {
    if (!fpu.stackFault(false)) return;
    if (fpu.isEmpty(0)) fpu.write(0, INDEFINITE);
    if (fpu.isEmpty(i)) fpu.write(i, INDEFINITE);
  }
  const { dv } = fpu;
  const a = fpu.address(0);
  const b = fpu.address(i);
  for (let offset = 0; offset < 12; offset += 4) {
    const word = dv.getUint32(a + offset, true);
    dv.setUint32(a + offset, dv.getUint32(b + offset, true), true);
    dv.setUint32(b + offset, word, true);
  }
};

/** FCMOVcc: moves if any of the flags is set, or if none is. */
function conditionalMove(mask: number, wanted: boolean): Handler {
  return (fpu, insn) => {
    fpu.begin();
    const i = stackOperand(insn);
    if (fpu.isEmpty(0) || fpu.isEmpty(i)) {
      if (fpu.stackFault(false)) fpu.write(0, INDEFINITE);
      return;
    }
    if (((fpu.host.getArithmeticFlags() & mask) !== 0) === wanted) fpu.copyBits(fpu.address(i), fpu.address(0));
  };
}

/** FLDPI and the like: rounded by the rounding mode to 64 bits whatever the precision, without flags. */
function constant(value: bigint): Handler {
  return (fpu) => {
    const context = fpu.begin();
    if (!fpu.canPush()) return;
    const rounded = round(context, F80, 0, value, -CONSTANT_BITS);
    context.flags = 0;
    fpu.push(rounded);
  };
}

function exactConstant(value: Float): Handler {
  return (fpu) => {
    fpu.begin();
    if (fpu.canPush()) fpu.push(value);
  };
}

export const transfer: Record<string, Handler> = {
  fld,
  fild,
  fst: storeFloat(false),
  fstp: storeFloat(true),
  fist: storeAsInteger(toInteger, false),
  fistp: storeAsInteger(toInteger, true),
  fisttp: storeAsInteger(truncateToInteger, true),
  fxch,
  fcmovb: conditionalMove(FLAG_CF, true),
  fcmove: conditionalMove(FLAG_ZF, true),
  fcmovbe: conditionalMove(FLAG_CF | FLAG_ZF, true),
  fcmovu: conditionalMove(FLAG_PF, true),
  fcmovnb: conditionalMove(FLAG_CF, false),
  fcmovne: conditionalMove(FLAG_ZF, false),
  fcmovnbe: conditionalMove(FLAG_CF | FLAG_ZF, false),
  fcmovnu: conditionalMove(FLAG_PF, false),
  fldz: exactConstant(zero(0)),
  fld1: exactConstant(finite(0, 0, 1n << 63n)),
  fldl2t: constant(LOG2T),
  fldl2e: constant(LOG2E),
  fldpi: constant(PI),
  fldlg2: constant(LG2),
  fldln2: constant(LN2),
};
