/**
 * x87 arithmetic, comparisons, loads and stores (SDM vol. 1 §8.3): the frequent cases by functions of
 * the runtime (interpreter/x87/), all others in TypeScript (x86/x87/).
 */
import { type Expr, i32, i64, type Local, ValType } from "../../wasm/expression.ts";
import { bitLength } from "../softfloat/index.ts";
import { cpuState } from "../state.ts";
import { CONSTANT_BITS, LG2, LN2, LOG2E, LOG2T, PI } from "../x87/constants.ts";
import type { Emit, Semantics } from "./emit.ts";
import { completeX87, requireX87, translateOperand } from "./x87-checks.ts";
import { OPERAND_TEMPORARY, type X87Function } from "./x87-functions.ts";

const { i32: I32 } = ValType;
const FCW = cpuState.offset.fcw;
const SIGN = 0x8000;
const BIAS = 16383;
const RC = 0xc00;
const RC_UP = 0x800;

const n = i32.const;
const ST0 = (): Expr => n(0);
const ST1 = (): Expr => n(16);
const TEMPORARY = (): Expr => n(OPERAND_TEMPORARY);

const call = (e: Emit, name: X87Function, ...args: Expr[]): Expr => e.callRuntime(name, I32, ...args);
const run = (e: Emit, name: X87Function, ...args: Expr[]): void => e.fn.run(call(e, name, ...args));

/** Makes the memory operand the temporary number. */
function loadTemporary(e: Emit, integer: boolean): Local {
  const size = e.size(0);
  const host = translateOperand(e, size, false);
  if (!integer) {
    if (size === 4) run(e, "x87FromSingle", i32.load(host));
    else run(e, "x87FromDouble", i64.load(host));
  } else {
    const load = size === 2 ? i64.load16s : size === 4 ? i64.load32s : i64.load;
    run(e, "x87FromInteger", load(host));
  }
  return host;
}

type Operation = (e: Emit, destination: Expr, source: Expr, pops: Expr) => Expr;

const operations: Readonly<Record<string, Operation>> = {
  add: (e, d, s, pops) => call(e, "x87Add", d, s, n(0), n(0), pops),
  sub: (e, d, s, pops) => call(e, "x87Add", d, s, n(0), n(SIGN), pops),
  subr: (e, d, s, pops) => call(e, "x87Add", d, s, n(SIGN), n(0), pops),
  mul: (e, d, s, pops) => call(e, "x87Multiply", d, s, pops),
  div: (e, d, s, pops) => call(e, "x87Divide", d, s, n(0), pops),
  divr: (e, d, s, pops) => call(e, "x87Divide", d, s, n(1), pops),
};

/** FADD, FADDP, FIADD and the like. */
function arithmetic(operation: Operation, pops: number, integer = false): Semantics {
  return (e) => {
    requireX87(e);
    if (e.isMemory(0)) {
      const host = loadTemporary(e, integer);
      completeX87(e, operation(e, ST0(), TEMPORARY(), n(pops)), host);
    } else completeX87(e, operation(e, e.stackOffset(0), e.stackOffset(1), n(pops)));
  };
}

/** FCOM, FUCOM and the like: C3, C2, C0. Quiet NaNs make the difference, and they are left to TypeScript. */
function compare(pops: number, integer = false): Semantics {
  return (e) => {
    requireX87(e);
    const inMemory = e.insn.operandCount > 0 && e.isMemory(0);
    const host = inMemory ? loadTemporary(e, integer) : undefined;
    const source = inMemory ? TEMPORARY() : e.insn.operandCount > 0 ? e.stackOffset(1) : ST1();
    const flags = call(e, "x87Compare", source, n(pops), n(1));
    completeX87(e, i32.ltS(flags, n(0)), host);
  };
}

/** FCOMI, FUCOMI: ZF, PF, CF. */
function compareToFlags(pops: number): Semantics {
  return (e) => {
    requireX87(e);
    const flags = e.fn.let(call(e, "x87Compare", e.stackOffset(1), n(pops), n(0)));
    completeX87(e, i32.ltS(flags, n(0)));
    e.flagsCompare(flags);
  };
}

const ftst: Semantics = (e) => {
  requireX87(e);
  run(e, "x87FromParts", n(0), i64.const(0));
  completeX87(e, i32.ltS(call(e, "x87Compare", TEMPORARY(), n(0), n(1)), n(0)));
};

const fld: Semantics = (e) => {
  requireX87(e);
  if (!e.isMemory(0)) completeX87(e, call(e, "x87PushRegister", e.stackOffset(0)));
  else if (e.size(0) === 10) {
    const host = translateOperand(e, 10, false);
    completeX87(e, call(e, "x87PushExtended", host), host);
  } else {
    const host = loadTemporary(e, false);
    completeX87(e, call(e, "x87Push"), host);
  }
};

const fild: Semantics = (e) => {
  requireX87(e);
  const host = loadTemporary(e, true);
  completeX87(e, call(e, "x87Push"), host);
};

/** A store to memory that `store` does at a host address. */
function storeToMemory(e: Emit, store: (host: Local) => Expr): void {
  const host = translateOperand(e, e.size(0), true);
  completeX87(e, store(host), host);
  e.commit(host);
}

const STORE_FLOAT: Readonly<Record<number, X87Function>> = {
  4: "x87StoreSingle",
  8: "x87StoreDouble",
  10: "x87StoreExtended",
};

/** FST, FSTP. */
function storeFloat(pops: number): Semantics {
  return (e) => {
    requireX87(e);
    if (!e.isMemory(0)) completeX87(e, call(e, "x87Copy", e.stackOffset(0), n(pops)));
    else storeToMemory(e, (host) => call(e, STORE_FLOAT[e.size(0)] as X87Function, host, n(pops)));
  };
}

/** FIST, FISTP, FISTTP. */
function storeInteger(truncate: number, pops: number): Semantics {
  return (e) => {
    requireX87(e);
    storeToMemory(e, (host) => call(e, "x87StoreInteger", host, n(e.size(0)), n(truncate), n(pops)));
  };
}

const fxch: Semantics = (e) => {
  requireX87(e);
  completeX87(e, call(e, "x87Exchange", e.stackOffset(1)));
};

/** FCMOVcc. */
function conditionalMove(condition: number): Semantics {
  return (e) => {
    requireX87(e);
    completeX87(e, call(e, "x87Move", e.stackOffset(1), e.condition(condition)));
  };
}

/** An operation on ST(0) alone. */
function unary(name: X87Function, ...args: number[]): Semantics {
  return (e) => {
    requireX87(e);
    completeX87(e, call(e, name, ...args.map(n)));
  };
}

/** Pushes a number with a significand that may depend on the control word. */
function constant(exponent: number, significand: (e: Emit) => Expr): Semantics {
  return (e) => {
    requireX87(e);
    run(e, "x87FromParts", n(exponent), significand(e));
    completeX87(e, call(e, "x87Push"));
  };
}

/** FLDPI and the like: an irrational number, rounded by the rounding control to 64 bits whatever the precision. */
function roundedConstant(value: bigint): Semantics {
  const length = bitLength(value);
  const down = value >> BigInt(length - 64);
  const nearest = ((value >> BigInt(length - 65)) + 1n) >> 1n;
  return constant(BIAS + length - 1 - CONSTANT_BITS, (e) => {
    const mode = e.fn.let(i32.and(i32.load16u(e.stateBase(), FCW), n(RC)));
    const directed = i64.select(i32.eq(mode, n(RC_UP)), i64.const(down + 1n), i64.const(down));
    return i64.select(mode, directed, i64.const(nearest));
  });
}

export const x87Arithmetic: Record<string, Semantics> = {
  fcom: compare(0),
  fcomp: compare(1),
  fcompp: compare(2),
  fucom: compare(0),
  fucomp: compare(1),
  fucompp: compare(2),
  ficom: compare(0, true),
  ficomp: compare(1, true),
  fcomi: compareToFlags(0),
  fcomip: compareToFlags(1),
  fucomi: compareToFlags(0),
  fucomip: compareToFlags(1),
  ftst,
  fld,
  fild,
  fst: storeFloat(0),
  fstp: storeFloat(1),
  fist: storeInteger(0, 0),
  fistp: storeInteger(0, 1),
  fisttp: storeInteger(1, 1),
  fxch,
  fcmovb: conditionalMove(2),
  fcmovnb: conditionalMove(3),
  fcmove: conditionalMove(4),
  fcmovne: conditionalMove(5),
  fcmovbe: conditionalMove(6),
  fcmovnbe: conditionalMove(7),
  fcmovu: conditionalMove(10),
  fcmovnu: conditionalMove(11),
  fabs: unary("x87ChangeSign", 0x7fff, 0),
  fchs: unary("x87ChangeSign", 0xffff, SIGN),
  fsqrt: unary("x87SquareRoot"),
  frndint: unary("x87RoundToInteger"),
  fldz: constant(0, () => i64.const(0)),
  fld1: constant(BIAS, () => i64.const(1n << 63n)),
  fldl2t: roundedConstant(LOG2T),
  fldl2e: roundedConstant(LOG2E),
  fldpi: roundedConstant(PI),
  fldlg2: roundedConstant(LG2),
  fldln2: roundedConstant(LN2),
};
for (const [name, operation] of Object.entries(operations)) {
  x87Arithmetic[`f${name}`] = arithmetic(operation, 0);
  x87Arithmetic[`f${name}p`] = arithmetic(operation, 1);
  x87Arithmetic[`fi${name}`] = arithmetic(operation, 0, true);
}
