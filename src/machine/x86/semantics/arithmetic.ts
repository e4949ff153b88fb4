/** Integer arithmetic and logic (SDM vol. 1 §7.3.2, §7.3.4). */

import { type Expr, i32, i64, type Local, StoreOp } from "../../wasm/expression.ts";
import { EXC_DE, EXC_GP, RAX, RBX, RCX, RDX } from "../state.ts";
import { type Emit, type Semantics, signExtend, truncate } from "./emit.ts";

type Binary = (e: Emit, a: Local, b: Local) => Expr;

/** dest := op(dest, src), with flags set by `flags`. */
function binary(op: Binary, flags: (e: Emit, size: number, a: Local, b: Local, r: Local) => void): Semantics {
  return (e) => {
    const size = e.size(0);
    const a = e.readModify(0);
    const b = e.read(1);
    const r = e.fn.let(truncate(size, op(e, a, b)));
    e.write(0, r);
    flags(e, size, a, b, r);
  };
}

const addFlags = (e: Emit, size: number, a: Local, b: Local, r: Local): void => e.flagsAdd(size, a, b, r);
const logicFlags = (e: Emit, size: number, _a: Local, _b: Local, r: Local): void => e.flagsLogic(size, r);
const carryIn = (e: Emit): Expr => i64.extendU(e.carry());

const add = binary((_e, a, b) => i64.add(a, b), addFlags);
const adc = binary((e, a, b) => i64.add(i64.add(a, b), carryIn(e)), addFlags);
const sub = binary(
  (_e, a, b) => i64.sub(a, b),
  (e, size, a, b, r) => e.flagsSub(size, a, b, r),
);
const sbb = binary(
  (e, a, b) => i64.sub(i64.sub(a, b), carryIn(e)),
  (e, size, a, b, r) => e.flagsSub(size, a, b, r, false),
);
const and = binary((_e, a, b) => i64.and(a, b), logicFlags);
const or = binary((_e, a, b) => i64.or(a, b), logicFlags);
const xor = binary((_e, a, b) => i64.xor(a, b), logicFlags);

const cmp: Semantics = (e) => {
  const size = e.size(0);
  const a = e.read(0);
  const b = e.read(1);
  e.flagsSub(size, a, b, e.fn.let(truncate(size, i64.sub(a, b))));
};

const test: Semantics = (e) => {
  const a = e.read(0);
  const b = e.read(1);
  e.flagsLogic(e.size(0), e.fn.let(i64.and(a, b)));
};

/** INC and DEC leave CF alone. */
function step(delta: 1 | -1): Semantics {
  return (e) => {
    const size = e.size(0);
    const a = e.readModify(0);
    const r = e.fn.let(truncate(size, i64.add(a, i64.const(delta))));
    e.write(0, r);
    const cf = e.fn.let(e.carry());
    const extreme = delta === 1 ? 1n << BigInt(size * 8 - 1) : (1n << BigInt(size * 8 - 1)) - 1n;
    const overflow = i64.eq(r, i64.const(extreme));
    const adjust = i64.eq(i64.and(r, i64.const(15)), i64.const(delta === 1 ? 0 : 15));
    e.flagsResult(size, r, cf, overflow, adjust);
  };
}

const not: Semantics = (e) => {
  const a = e.readModify(0);
  e.write(0, truncate(e.size(0), i64.xor(a, i64.const(-1))));
};

const neg: Semantics = (e) => {
  const size = e.size(0);
  const a = e.readModify(0);
  const zero = e.fn.let(i64.const(0));
  const r = e.fn.let(truncate(size, i64.sub(zero, a)));
  e.write(0, r);
  e.flagsSub(size, zero, a, r);
};

/** High 64 bits of the unsigned product, from 32-bit halves. */
function mulHighUnsigned(e: Emit, a: Local, b: Local): Local {
  const fn = e.fn;
  const low = (x: Expr): Expr => i64.and(x, i64.const(0xffffffff));
  const high = (x: Expr): Expr => i64.shrU(x, i64.const(32));
  const t = fn.let(i64.mul(low(a), low(b)));
  const u = fn.let(i64.add(i64.mul(high(a), low(b)), high(t)));
  const v = fn.let(i64.add(i64.mul(low(a), high(b)), low(u)));
  return fn.let(i64.add(i64.add(i64.mul(high(a), high(b)), high(u)), high(v)));
}

/** High 64 bits of the signed product. */
function mulHighSigned(e: Emit, a: Local, b: Local): Local {
  const correction = (x: Local, y: Local): Expr => i64.and(i64.shrS(x, i64.const(63)), y);
  const high = mulHighUnsigned(e, a, b);
  return e.fn.let(i64.sub(i64.sub(high, correction(a, b)), correction(b, a)));
}

/** Writes the double-width product of the one-operand multiplications. */
function writeWide(e: Emit, size: number, low: Expr, high: Expr): void {
  if (size === 1) {
    e.setGpr(RAX, low, 2);
    return;
  }
  e.setGpr(RAX, truncate(size, low), size);
  e.setGpr(RDX, truncate(size, high), size);
}

/** MUL and IMUL with one operand: CF = OF = the high half matters. */
function multiplyWide(signed: boolean): Semantics {
  return (e) => {
    const fn = e.fn;
    const size = e.size(0);
    const extend = signed ? (x: Expr): Expr => signExtend(size, x) : (x: Expr): Expr => x;
    const b = fn.let(extend(e.read(0)));
    const a = fn.let(extend(e.gpr(RAX, size)));
    const product = fn.let(i64.mul(a, b));
    let carry: Local;
    if (size === 8) {
      const high = signed ? mulHighSigned(e, a, b) : mulHighUnsigned(e, a, b);
      carry = fn.let(i64.ne(high, signed ? i64.shrS(product, i64.const(63)) : i64.const(0)));
      writeWide(e, size, product, high);
    } else {
      carry = fn.let(i64.ne(product, signed ? signExtend(size, product) : truncate(size, product)));
      writeWide(e, size, product, i64.shrU(product, i64.const(size * 8)));
    }
    e.flagsResult(size, product, carry, carry);
  };
}

/** IMUL with two or three operands. */
const imulTruncating: Semantics = (e) => {
  const fn = e.fn;
  const size = e.size(0);
  const a = e.readSigned(e.insn.operandCount === 3 ? 1 : 0);
  const b = e.readSigned(e.insn.operandCount === 3 ? 2 : 1);
  const product = fn.let(i64.mul(a, b));
  const lost =
    size === 8
      ? i64.ne(mulHighSigned(e, a, b), i64.shrS(product, i64.const(63)))
      : i64.ne(product, signExtend(size, product));
  const carry = fn.let(lost);
  e.write(0, truncate(size, product));
  e.flagsResult(size, product, carry, carry);
};

const imulWide = multiplyWide(true);
const imul: Semantics = (e) => (e.insn.operandCount === 1 ? imulWide : imulTruncating)(e);

/** DIV: #DE if the divisor is zero or the quotient does not fit. 128-bit dividends with a high half go to TypeScript. */
const div: Semantics = (e) => {
  const fn = e.fn;
  const size = e.size(0);
  const { host, value: divisor } = e.readWithHost(0);
  fn.if(i64.eqz(divisor), () => e.raise(EXC_DE));
  const high = size === 1 ? undefined : fn.let(e.gpr(RDX, size));
  let dividend: Local;
  if (size === 1) dividend = fn.let(e.gpr(RAX, 2));
  else if (size === 8) {
    dividend = fn.let(e.gpr(RAX));
    fn.if(i64.ne(high as Local, i64.const(0)), () => e.callSystem(host));
  } else dividend = fn.let(i64.or(i64.shl(high as Local, i64.const(size * 8)), e.gpr(RAX, size)));
  const quotient = fn.let(i64.divU(dividend, divisor));
  if (size !== 8) fn.if(i64.ne(i64.shrU(quotient, i64.const(size * 8)), i64.const(0)), () => e.raise(EXC_DE));
  writeQuotient(e, size, quotient, fn.let(i64.remU(dividend, divisor)));
};

const idiv: Semantics = (e) => {
  const fn = e.fn;
  const size = e.size(0);
  const { host, value } = e.readWithHost(0);
  const divisor = fn.let(signExtend(size, value));
  fn.if(i64.eqz(divisor), () => e.raise(EXC_DE));
  let dividend: Local;
  if (size === 1) dividend = fn.let(signExtend(2, e.gpr(RAX, 2)));
  else if (size === 8) {
    dividend = fn.let(e.gpr(RAX));
    // A real 128-bit dividend, and the one quotient that overflows (which would trap in WebAssembly).
    fn.if(
      i32.or(
        i64.ne(e.gpr(RDX), i64.shrS(dividend, i64.const(63))),
        i32.and(i64.eq(divisor, i64.const(-1)), i64.eq(dividend, i64.const(-(1n << 63n)))),
      ),
      () => e.callSystem(host),
    );
  } else {
    const wide = fn.let(i64.or(i64.shl(e.gpr(RDX, size), i64.const(size * 8)), e.gpr(RAX, size)));
    dividend = size === 2 ? fn.let(signExtend(4, wide)) : wide;
    fn.if(i32.and(i64.eq(divisor, i64.const(-1)), i64.eq(dividend, i64.const(-(1n << 63n)))), () => e.raise(EXC_DE));
  }
  const quotient = fn.let(i64.divS(dividend, divisor));
  if (size !== 8) fn.if(i64.ne(signExtend(size, quotient), quotient), () => e.raise(EXC_DE));
  writeQuotient(e, size, quotient, fn.let(i64.remS(dividend, divisor)));
};

function writeQuotient(e: Emit, size: number, quotient: Local, remainder: Local): void {
  if (size === 1) {
    e.setGpr(RAX, i64.or(truncate(1, quotient), i64.shl(truncate(1, remainder), i64.const(8))), 2);
    return;
  }
  e.setGpr(RAX, truncate(size, quotient), size);
  e.setGpr(RDX, truncate(size, remainder), size);
}

/** CBW, CWDE, CDQE. */
const cbw: Semantics = (e) => {
  const size = e.insn.operandSize;
  e.setGpr(RAX, truncate(size, signExtend(size / 2, e.gpr(RAX, size / 2))), size);
};

/** CWD, CDQ, CQO. */
const cwd: Semantics = (e) => {
  const size = e.insn.operandSize;
  e.setGpr(RDX, truncate(size, i64.shrS(signExtend(size, e.gpr(RAX, size)), i64.const(63))), size);
};

/** CMPXCHG: memory is always written, a register only if it was equal (so a 32-bit one keeps its upper half else). */
const cmpxchg: Semantics = (e) => {
  const fn = e.fn;
  const size = e.size(0);
  const dest = e.readModify(0);
  const source = e.read(1);
  const accumulator = fn.let(e.gpr(RAX, size));
  const equal = fn.let(i64.eq(dest, accumulator));
  const toAccumulator = (): void => e.setGpr(RAX, dest, size);
  if (e.isMemory(0)) {
    e.write(0, i64.select(equal, source, dest));
    fn.if(i32.eqz(equal), toAccumulator);
  } else fn.if(equal, () => e.write(0, source), toAccumulator);
  e.flagsSub(size, accumulator, dest, fn.let(truncate(size, i64.sub(accumulator, dest))));
};

/** CMPXCHG8B and CMPXCHG16B: ZF tells, the other flags stay. */
function compareExchangeWide(half: 4 | 8): Semantics {
  return (e) => {
    const fn = e.fn;
    const linear = e.linearAddress();
    if (half === 8) fn.if(i64.ne(i64.and(linear, i64.const(15)), i64.const(0)), () => e.raise(EXC_GP, 0));
    const host = e.translate(linear, half * 2, true);
    const load = (offset: number): Expr => (half === 8 ? i64.load(host, offset) : i64.load32u(host, offset));
    const low = fn.let(load(0));
    const high = fn.let(load(half));
    const equal = fn.let(i32.and(i64.eq(low, e.gpr(RAX, half)), i64.eq(high, e.gpr(RDX, half))));
    const op = half === 8 ? StoreOp.i64 : StoreOp.i64as32;
    fn.store(op, host, i64.select(equal, e.gpr(RBX, half), low), 0);
    fn.store(op, host, i64.select(equal, e.gpr(RCX, half), high), half);
    e.commit(host);
    fn.if(i32.eqz(equal), () => {
      e.setGpr(RAX, low, half);
      e.setGpr(RDX, high, half);
    });
    e.setArithmeticFlags(i32.or(i32.and(e.arithmeticFlags(), i32.const(~0x40)), i32.shl(equal, i32.const(6))));
  };
}

const xadd: Semantics = (e) => {
  const size = e.size(0);
  const a = e.readModify(0);
  const b = e.read(1);
  const r = e.fn.let(truncate(size, i64.add(a, b)));
  e.write(1, a);
  e.write(0, r);
  e.flagsAdd(size, a, b, r);
};

export const arithmetic: Record<string, Semantics> = {
  add,
  adc,
  sub,
  sbb,
  and,
  or,
  xor,
  cmp,
  test,
  inc: step(1),
  dec: step(-1),
  not,
  neg,
  mul: multiplyWide(false),
  imul,
  div,
  idiv,
  cbw,
  cwd,
  cmpxchg,
  cmpxchg8b: compareExchangeWide(4),
  cmpxchg16b: compareExchangeWide(8),
  xadd,
};
