/** Floating-point arithmetic and comparison of SSE and SSE2 (SDM vol. 1 §10.4.1, §11.4.1). */
import { type Expr, i32, i32x4, type Local, ValType, v128 } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { SSE_IMMEDIATE_SHIFT, type SseOp } from "../softfloat/sse-op.ts";
import type { Emit, Semantics } from "./emit.ts";
import {
  FORMS,
  fastOr,
  holds,
  isAboveMinimum,
  isBounded,
  isInexact,
  isProvable,
  isUsual,
  isZero,
  type Lanes,
  operation,
  productError,
  roundsAsUsual,
  SCALAR_DOUBLE,
  SCALAR_SINGLE,
  type Scalar,
  SINGLE,
  scalarOf,
  sumError,
} from "./float-lanes.ts";
import { requireSse } from "./vector.ts";

/** Two operands, both whole registers or both scalars with zeros above. */
export function operands(e: Emit, lanes: Lanes, scalar: boolean): { a: Local; b: Local } {
  requireSse(e);
  const b = scalar ? e.readVector(1, lanes.bytes) : e.readVector(1, 16, true);
  return { a: e.readVector(0, scalar ? lanes.bytes : 16), b };
}

/** Two scalar operands as numbers. */
function scalars(e: Emit, lanes: Scalar): { a: Local; b: Local } {
  requireSse(e);
  const b = e.readFloat(1, lanes);
  return { a: e.readFloat(0, lanes), b };
}

/** A scalar result leaves the rest of the register. */
export function writeResult(e: Emit, lanes: Lanes, scalar: boolean, result: Expr): void {
  if (scalar) e.writeScalar(0, lanes.bytes, result);
  else e.writeVector(0, result);
}

/** What WebAssembly computes, and the mask of lanes (besides a finite result) for which that is right. */
interface Formula {
  result(lanes: Lanes, a: Local, b: Local): Expr;
  isRight(lanes: Lanes, a: Local, b: Local, r: Local): Expr;
  /** Mask of lanes whose result is proved to be exact. */
  isExact(lanes: Lanes, a: Local, b: Local, r: Local, fn: Fn): Expr;
}

/** Sums and differences are exact where they are tiny. */
const add: Formula = {
  result: (lanes, a, b) => lanes.float.add(a, b),
  isRight: (lanes, a, b) => lanes.and(isUsual(lanes, a), isUsual(lanes, b)),
  isExact: (lanes, a, b, r, fn) => isZero(lanes, sumError(lanes, a, b, r, fn)),
};

const subtract: Formula = {
  result: (lanes, a, b) => lanes.float.sub(a, b),
  isRight: add.isRight,
  isExact: (lanes, a, b, r, fn) => isZero(lanes, sumError(lanes, a, lanes.float.neg(b), r, fn)),
};

/** `whole` is exactly a * b. */
function isProduct(lanes: Lanes, whole: Local, a: Local, b: Local, fn: Fn): Expr {
  const product = fn.let(lanes.float.mul(a, b));
  const exact = isZero(lanes, productError(lanes, a, b, product, fn));
  return lanes.and(lanes.and(lanes.float.eq(product, whole), exact), isProvable(lanes, whole));
}

const multiply: Formula = {
  result: (lanes, a, b) => lanes.float.mul(a, b),
  isRight: (lanes, a, b, r) =>
    lanes.and(
      add.isRight(lanes, a, b, r),
      lanes.or(isAboveMinimum(lanes, r), lanes.or(isZero(lanes, a), isZero(lanes, b))),
    ),
  isExact: (lanes, a, b, r, fn) => lanes.and(isZero(lanes, productError(lanes, a, b, r, fn)), isProvable(lanes, r)),
};

const divide: Formula = {
  result: (lanes, a, b) => lanes.float.div(a, b),
  isRight: (lanes, a, b, r) =>
    lanes.and(add.isRight(lanes, a, b, r), lanes.or(isAboveMinimum(lanes, r), isZero(lanes, a))),
  isExact: (lanes, a, b, r, fn) => isProduct(lanes, a, r, b, fn),
};

const squareRoot: Formula = {
  result: (lanes, _a, b) => lanes.float.sqrt(b),
  isRight: (lanes, _a, b) => isUsual(lanes, b),
  isExact: (lanes, _a, b, r, fn) => isProduct(lanes, b, r, r, fn),
};

/** Where the operands of lane-wise arithmetic come from; HADDPS and others take them from other lanes. */
export type Arrange = (a: Local, b: Local, fn: Fn) => readonly [Local, Local];

/** The result of a formula, under the conditions for it to be right. */
function tryFormula(
  e: Emit,
  formula: Formula,
  lanes: Lanes,
  scalar: boolean,
  a: Local,
  b: Local,
  require: (condition: Expr) => void,
): Expr {
  require(roundsAsUsual(e));
  const r = e.fn.let(formula.result(lanes, a, b));
  require(holds(lanes, scalar, lanes.and(isBounded(lanes, r), formula.isRight(lanes, a, b, r))));
  e.fn.if(i32.eqz(isInexact(e)), () => require(holds(lanes, scalar, formula.isExact(lanes, a, b, r, e.fn))));
  return r;
}

/** The result of a formula on the lanes of vectors, or of the exact operation `op`. */
export function calculate(
  e: Emit,
  formula: Formula,
  op: SseOp,
  lanes: Lanes,
  a: Local,
  b: Local,
  arrange: Arrange = (a, b) => [a, b],
): Local {
  return fastOr(e, operation(op), a, b, (require) => {
    const [x, y] = arrange(a, b, e.fn);
    return tryFormula(e, formula, lanes, false, x, y, require);
  });
}

/** Packed arithmetic. */
export function arithmetic(formula: Formula, op: SseOp, lanes: Lanes, arrange?: Arrange): Semantics {
  return (e) => {
    const { a, b } = operands(e, lanes, false);
    e.writeVector(0, calculate(e, formula, op, lanes, a, b, arrange));
  };
}

function scalarArithmetic(formula: Formula, op: SseOp, lanes: Scalar): Semantics {
  return (e) => {
    const { a, b } = scalars(e, lanes);
    const fast = (require: (condition: Expr) => void): Expr => tryFormula(e, formula, lanes, true, a, b, require);
    const [x, y] = [lanes.toVector(a), lanes.toVector(b)];
    e.writeFloat(0, lanes, fastOr(e, operation(op), x, y, fast, lanes.type, lanes.fromVector));
  };
}

export { add as addition, multiply as multiplication, subtract as subtraction };

/** MINxx, MAXxx: the source if the operands are equal (zeros of both signs are). MXCSR's modes do not matter. */
function extremum(op: SseOp, lanes: Lanes, scalar: boolean, pick: (a: Expr, b: Expr) => Expr): Semantics {
  return (e) => {
    const { a, b } = operands(e, lanes, scalar);
    const result = fastOr(e, operation(op), a, b, (require) => {
      require(holds(lanes, scalar, add.isRight(lanes, a, b, a)));
      return pick(b, a);
    });
    writeResult(e, lanes, scalar, result);
  };
}

/** Predicate `p` of CMPxx (0..7) for operands that are not NaN. */
function relation(lanes: Lanes, p: number, a: Local, b: Local): Expr {
  const { float } = lanes;
  if (p === 0) return float.eq(a, b);
  if (p === 1) return float.lt(a, b);
  if (p === 2) return float.le(a, b);
  if (p === 4) return float.ne(a, b);
  if (p === 5) return float.ge(a, b);
  if (p === 6) return float.gt(a, b);
  return p === 3 ? v128.const(0n, 0n) : v128.const(-1n, -1n);
}

/** The same for a predicate known at run time. */
function relationAtRunTime(e: Emit, lanes: Lanes, predicate: Local, a: Local, b: Local): Expr {
  const { fn } = e;
  const base = fn.let(i32.and(predicate, i32.const(3)));
  const positive = fn.let(v128.const(0n, 0n));
  fn.if(i32.eqz(base), () => fn.set(positive, relation(lanes, 0, a, b)));
  fn.if(i32.eq(base, i32.const(1)), () => fn.set(positive, relation(lanes, 1, a, b)));
  fn.if(i32.eq(base, i32.const(2)), () => fn.set(positive, relation(lanes, 2, a, b)));
  return v128.xor(positive, i32x4.splat(i32.sub(i32.const(0), i32.shrU(predicate, i32.const(2)))));
}

/** CMPxx: a mask; the predicate is the immediate's low three bits. */
function compare(op: SseOp, lanes: Lanes, scalar: boolean): Semantics {
  return (e) => {
    const { a, b } = operands(e, lanes, scalar);
    const constant = e.constantImmediate();
    const predicate = e.fn.let(i32.and(i32.wrap(e.immediate()), i32.const(7)));
    const exact = i32.or(operation(op), i32.shl(predicate, i32.const(SSE_IMMEDIATE_SHIFT)));
    const result = fastOr(e, exact, a, b, (require) => {
      require(holds(lanes, scalar, add.isRight(lanes, a, b, a)));
      if (constant !== undefined) return relation(lanes, constant & 7, a, b);
      return relationAtRunTime(e, lanes, predicate, a, b);
    });
    writeResult(e, lanes, scalar, result);
  };
}

/** COMISx, UCOMISx: ZF and CF tell equal and less, ZF = PF = CF = 1 unordered; the others are cleared. */
function compareToFlags(op: SseOp, lanes: Scalar): Semantics {
  return (e) => {
    const { a, b } = scalars(e, lanes);
    const flags = fastOr(
      e,
      operation(op),
      lanes.toVector(a),
      lanes.toVector(b),
      (require) => {
        require(add.isRight(lanes, a, b, a));
        return i32.or(i32.shl(lanes.float.eq(a, b), i32.const(6)), lanes.float.lt(a, b));
      },
      ValType.i32,
      (result) => i32x4.extractLane(result, 0),
    );
    e.flagsCompare(flags);
  };
}

/** RCPxx, RSQRTxx: approximations; they raise nothing. */
function approximation(op: SseOp, scalar: boolean): Semantics {
  return (e) => {
    const { a, b } = operands(e, SINGLE, scalar);
    writeResult(e, SINGLE, scalar, e.softSse(operation(op), a, b));
  };
}

export const vectorFloat: Record<string, Semantics> = {
  rcpps: approximation("rcpps", false),
  rcpss: approximation("rcpss", true),
  rsqrtps: approximation("rsqrtps", false),
  rsqrtss: approximation("rsqrtss", true),
  comiss: compareToFlags("comiss", SCALAR_SINGLE),
  comisd: compareToFlags("comisd", SCALAR_DOUBLE),
  ucomiss: compareToFlags("ucomiss", SCALAR_SINGLE),
  ucomisd: compareToFlags("ucomisd", SCALAR_DOUBLE),
};

for (const [suffix, lanes, scalar] of FORMS) {
  const of = (formula: Formula, op: SseOp): Semantics =>
    scalar ? scalarArithmetic(formula, op, scalarOf(lanes)) : arithmetic(formula, op, lanes);
  vectorFloat[`add${suffix}`] = of(add, `add${suffix}`);
  vectorFloat[`sub${suffix}`] = of(subtract, `sub${suffix}`);
  vectorFloat[`mul${suffix}`] = of(multiply, `mul${suffix}`);
  vectorFloat[`div${suffix}`] = of(divide, `div${suffix}`);
  vectorFloat[`sqrt${suffix}`] = of(squareRoot, `sqrt${suffix}`);
  vectorFloat[`min${suffix}`] = extremum(`min${suffix}`, lanes, scalar, lanes.float.pmin);
  vectorFloat[`max${suffix}`] = extremum(`max${suffix}`, lanes, scalar, lanes.float.pmax);
  // CMPSD has a name of its own in the table, where it is also a string instruction.
  vectorFloat[suffix === "sd" ? "cmpsd_x" : `cmp${suffix}`] = compare(`cmp${suffix}`, lanes, scalar);
}
