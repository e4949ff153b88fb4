/** Basic arithmetic: FADD to FDIVR in all their forms, FSQRT, FABS, FCHS, FRNDINT, FPREM, FSCALE, FXTRACT. SDM vol. 1 §8.3.3, §8.3.5. */
import {
  add,
  denormalOperand,
  divide,
  F80,
  type Float,
  type FloatFormat,
  type FpContext,
  fromInteger,
  INCOMPLETE,
  INDEFINITE,
  infinity,
  invalid,
  Kind,
  multiply,
  nanResult,
  remainder,
  round,
  roundToIntegral,
  sqrt,
  subtract,
  ZE,
  zero,
} from "../softfloat/index.ts";
import type { Handler } from "./handler.ts";
import { loadFloat, loadInteger } from "./memory.ts";
import { memoryOperand, registerOperands } from "./operands.ts";
import { FSW_C0, FSW_C1, FSW_C2, FSW_C3, type X87Unit } from "./unit.ts";

type Binary = (context: FpContext, format: FloatFormat, a: Float, b: Float) => Float;

/** ST(destination) = a op b, with the pop that some forms do. */
function store(fpu: X87Unit, destination: number, value: Float, pop: boolean): void {
  if (!fpu.commit()) return;
  fpu.write(destination, value);
  if (pop) fpu.pop();
}

/** Stack underflow: the indefinite goes where the result would. */
function underflow(fpu: X87Unit, destination: number, pop: boolean): void {
  if (!fpu.stackFault(false)) return;
  fpu.write(destination, INDEFINITE);
  if (pop) fpu.pop();
}

/** FADD and the like: `ST(0) op= memory`, or `ST(i) op= ST(j)`. */
function binary(operation: Binary, reverse: boolean, pop: boolean): Handler {
  return (fpu, insn, address) => {
    const context = fpu.begin();
    const memory = memoryOperand(insn);
    if (memory) {
      if (fpu.isEmpty(0)) return underflow(fpu, 0, false);
      const source = loadFloat(fpu, address, memory.size);
      const st0 = fpu.read(0);
      const value = reverse ? operation(context, fpu.format, source, st0) : operation(context, fpu.format, st0, source);
      return store(fpu, 0, value, false);
    }
    const { destination, source } = registerOperands(insn);
    if (fpu.isEmpty(0) || fpu.isEmpty(destination) || fpu.isEmpty(source)) return underflow(fpu, destination, pop);
    const a = fpu.read(destination);
    const b = fpu.read(source);
    const value = reverse ? operation(context, fpu.format, b, a) : operation(context, fpu.format, a, b);
    return store(fpu, destination, value, pop);
  };
}

/** FIADD and the like: `ST(0) op= integer in memory`. */
function integerBinary(operation: Binary, reverse: boolean): Handler {
  return (fpu, insn, address) => {
    const context = fpu.begin();
    if (fpu.isEmpty(0)) return underflow(fpu, 0, false);
    const source = fromInteger(loadInteger(fpu, address, memoryOperand(insn)?.size ?? 0));
    const st0 = fpu.read(0);
    const value = reverse ? operation(context, fpu.format, source, st0) : operation(context, fpu.format, st0, source);
    return store(fpu, 0, value, false);
  };
}

/** ST(0) = f(ST(0)). */
function unary(operation: (fpu: X87Unit, context: FpContext, x: Float) => Float): Handler {
  return (fpu) => {
    const context = fpu.begin();
    if (fpu.isEmpty(0)) return underflow(fpu, 0, false);
    return store(fpu, 0, operation(fpu, context, fpu.read(0)), false);
  };
}

/** FABS and FCHS touch the sign bit only, whatever the register holds. */
function signBit(change: (signExponent: number) => number): Handler {
  return (fpu) => {
    fpu.begin();
    if (fpu.isEmpty(0)) return underflow(fpu, 0, false);
    fpu.dv.setUint16(fpu.address(0) + 8, change(fpu.signExponent(0)), true);
  };
}

/**
 * FPREM, FPREM1: C2 says "incomplete", else C0, C3, C1 are bits 2, 1, 0 of the quotient. Without
 * a quotient C0 and C3 stay.
 */
function partialRemainder(nearest: boolean): Handler {
  return (fpu) => {
    const context = fpu.begin();
    fpu.fsw &= ~FSW_C2;
    if (fpu.isEmpty(0) || fpu.isEmpty(1)) return underflow(fpu, 0, false);
    const { value, quotient } = remainder(context, fpu.read(0), fpu.read(1), nearest);
    if (!fpu.commit()) return;
    fpu.write(0, value);
    if (quotient === undefined) return;
    if (quotient === INCOMPLETE) {
      fpu.setConditions(FSW_C2);
      return;
    }
    fpu.setConditions(((quotient & 4) !== 0 ? FSW_C0 : 0) | ((quotient & 2) !== 0 ? FSW_C3 : 0));
    if ((quotient & 1) !== 0) fpu.fsw |= FSW_C1;
  };
}

/** Beyond this every scale overflows or underflows, wrapped or not. */
const SCALE_LIMIT = 0x10000;

/** ST(0) * 2^trunc(ST(1)). */
function scale(context: FpContext, x: Float, by: Float): Float {
  const special = nanResult(context, x, by);
  if (special) return special;
  if (by.kind === Kind.Infinity) {
    if (x.kind === (by.sign === 0 ? Kind.Zero : Kind.Infinity)) return invalid(context);
    if (denormalOperand(context, x, by)) return INDEFINITE;
    return by.sign === 0 ? infinity(x.sign) : zero(x.sign);
  }
  if (denormalOperand(context, x, by)) return INDEFINITE;
  if (x.kind !== Kind.Finite) return x;
  let n = 0;
  if (by.kind === Kind.Finite && by.exp >= 0) {
    n = by.exp > 16 ? SCALE_LIMIT : Number(by.sig >> BigInt(63 - by.exp));
    if (by.sign === 1) n = -n;
  }
  return round(context, F80, x.sign, x.sig, x.exp - 63 + n);
}

const fscale: Handler = (fpu) => {
  const context = fpu.begin();
  if (fpu.isEmpty(0) || fpu.isEmpty(1)) return underflow(fpu, 0, false);
  return store(fpu, 0, scale(context, fpu.read(0), fpu.read(1)), false);
};

/** FXTRACT: ST(0) = exponent, then pushes the significand. */
const fxtract: Handler = (fpu) => {
  const context = fpu.begin();
  const overflow = !fpu.isEmpty(7);
  if (fpu.isEmpty(0) || overflow) {
    if (!fpu.stackFault(!fpu.isEmpty(0))) return;
    fpu.write(0, INDEFINITE);
    fpu.push(INDEFINITE);
    return;
  }
  const x = fpu.read(0);
  let exponent: Float;
  let significand: Float;
  const special = nanResult(context, x, x);
  if (special) {
    exponent = significand = special;
  } else if (x.kind === Kind.Infinity) {
    exponent = infinity(0);
    significand = x;
  } else if (x.kind === Kind.Zero) {
    context.flags |= ZE;
    exponent = infinity(1);
    significand = x;
  } else {
    denormalOperand(context, x, x);
    exponent = fromInteger(BigInt(x.exp));
    significand = { ...x, exp: 0, denormal: false };
  }
  if (!fpu.commit()) return;
  fpu.write(0, exponent);
  fpu.push(significand);
};

export const arithmetic: Record<string, Handler> = {
  fadd: binary(add, false, false),
  faddp: binary(add, false, true),
  fiadd: integerBinary(add, false),
  fsub: binary(subtract, false, false),
  fsubp: binary(subtract, false, true),
  fisub: integerBinary(subtract, false),
  fsubr: binary(subtract, true, false),
  fsubrp: binary(subtract, true, true),
  fisubr: integerBinary(subtract, true),
  fmul: binary(multiply, false, false),
  fmulp: binary(multiply, false, true),
  fimul: integerBinary(multiply, false),
  fdiv: binary(divide, false, false),
  fdivp: binary(divide, false, true),
  fidiv: integerBinary(divide, false),
  fdivr: binary(divide, true, false),
  fdivrp: binary(divide, true, true),
  fidivr: integerBinary(divide, true),
  fsqrt: unary((fpu, context, x) => sqrt(context, fpu.format, x)),
  frndint: unary((_fpu, context, x) => roundToIntegral(context, x, true)),
  fabs: signBit((word) => word & 0x7fff),
  fchs: signBit((word) => word ^ 0x8000),
  fprem: partialRemainder(false),
  fprem1: partialRemainder(true),
  fscale,
  fxtract,
};
