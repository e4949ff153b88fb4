/** Shifts, rotates and bit instructions (SDM vol. 1 §7.3.5, §7.3.6). */
import { type Expr, i32, i64, type Local } from "../../wasm/expression.ts";
import { OperandKind } from "../insn.ts";
import { type Emit, loadSized, type Semantics, signExtend, truncate } from "./emit.ts";

const bit = (value: Expr, position: number): Expr =>
  i32.wrap(i64.and(i64.shrU(value, i64.const(position)), i64.const(1)));
const bitAt = (value: Expr, position: Expr): Expr => i32.wrap(i64.and(i64.shrU(value, position), i64.const(1)));
const msb = (size: number, value: Expr): Expr => bit(value, size * 8 - 1);

/** The count operand, masked to 5 or 6 bits. */
function count(e: Emit, i: number, size: number): Local {
  return e.fn.let(i64.and(e.read(i), i64.const(size === 8 ? 63 : 31)));
}

type Shift = (
  e: Emit,
  size: number,
  a: Local,
  c: Local,
) => { r: Expr; carry: Expr; overflow: (r: Local, carry: Local) => Expr };

/** Shifts set all flags, but only if the count is not zero. */
function shift(op: Shift): Semantics {
  return (e) => {
    const fn = e.fn;
    const size = e.size(0);
    const a = e.readModify(0);
    const c = count(e, 1, size);
    const parts = op(e, size, a, c);
    const r = fn.let(truncate(size, parts.r));
    e.write(0, r);
    fn.if(i64.ne(c, i64.const(0)), () => {
      const carry = fn.let(parts.carry);
      e.flagsResult(size, r, carry, parts.overflow(r, carry));
    });
    e.forgetFlags();
  };
}

const shl = shift((_e, size, a, c) => ({
  r: i64.shl(a, c),
  // Below 64 bits the carry is the bit shifted just over the top; at 64 it must be looked for in the operand.
  carry: size === 8 ? bitAt(a, i64.sub(i64.const(64), c)) : bitAt(i64.shl(a, c), i64.const(size * 8)),
  overflow: (r, carry) => i32.xor(msb(size, r), carry),
}));

const shr = shift((_e, size, a, c) => ({
  r: i64.shrU(a, c),
  carry: bitAt(a, i64.sub(c, i64.const(1))),
  overflow: () => msb(size, a),
}));

const sar = shift((_e, size, a, c) => ({
  r: i64.shrS(signExtend(size, a), c),
  carry: i32.wrap(i64.and(i64.shrS(signExtend(size, a), i64.sub(c, i64.const(1))), i64.const(1))),
  overflow: () => i32.const(0),
}));

/** ROL and ROR change CF and OF only. */
function rotate(left: boolean): Semantics {
  return (e) => {
    const fn = e.fn;
    const size = e.size(0);
    const a = e.readModify(0);
    const c = count(e, 1, size);
    let r: Local;
    if (size === 8) r = fn.let(left ? i64.rotl(a, c) : i64.rotr(a, c));
    else {
      const bits = size * 8;
      const turn = fn.let(i64.and(c, i64.const(bits - 1)));
      const back = i64.and(i64.sub(i64.const(bits), turn), i64.const(bits - 1));
      const [l, rr] = left ? [turn, back] : [back, turn];
      r = fn.let(truncate(size, i64.or(i64.shl(a, l), i64.shrU(a, rr))));
    }
    e.write(0, r);
    fn.if(i64.ne(c, i64.const(0)), () => {
      if (left) e.setCarryOverflow(bit(r, 0), i32.xor(bit(r, 0), msb(size, r)));
      else e.setCarryOverflow(msb(size, r), i32.xor(msb(size, r), bit(r, size * 8 - 2)));
    });
    e.forgetFlags();
  };
}

/** RCL and RCR: rotation through CF, a bit at a time. */
function rotateCarry(left: boolean): Semantics {
  return (e) => {
    const fn = e.fn;
    const size = e.size(0);
    const a = e.readModify(0);
    const masked = count(e, 1, size);
    const turns = fn.let(size < 4 ? i64.remU(masked, i64.const(size * 8 + 1)) : masked);
    const carry = fn.let(e.carry());
    const r = fn.let(a);
    fn.block((done) => {
      fn.loop((again) => {
        fn.brIf(done, i64.eqz(turns));
        fn.set(turns, i64.sub(turns, i64.const(1)));
        const out = fn.let(left ? msb(size, r) : bit(r, 0));
        const moved = left
          ? i64.or(i64.shl(r, i64.const(1)), i64.extendU(carry))
          : i64.or(i64.shrU(r, i64.const(1)), i64.shl(i64.extendU(carry), i64.const(size * 8 - 1)));
        fn.set(r, truncate(size, moved));
        fn.set(carry, out);
        fn.br(again);
      });
    });
    e.write(0, r);
    fn.if(i64.ne(masked, i64.const(0)), () => {
      const overflow = left ? i32.xor(msb(size, r), carry) : i32.xor(msb(size, r), bit(r, size * 8 - 2));
      e.setCarryOverflow(carry, overflow);
    });
    e.forgetFlags();
  };
}

/** SHLD and SHRD. For 16-bit operands with a count above 16 the result is undefined (SDM); ours goes on into the pair. */
function doubleShift(left: boolean): Semantics {
  return (e) => {
    const fn = e.fn;
    const size = e.size(0);
    const bits = size * 8;
    const a = e.readModify(0);
    const b = e.read(1);
    const c = count(e, 2, size);
    const rest = i64.sub(i64.const(bits), c);
    const value = left ? i64.or(i64.shl(a, c), i64.shrU(b, rest)) : i64.or(i64.shrU(a, c), i64.shl(b, rest));
    // A count of zero would shift by the full width, which WebAssembly takes as zero.
    const r = fn.let(truncate(size, i64.select(i64.eqz(c), a, value)));
    e.write(0, r);
    fn.if(i64.ne(c, i64.const(0)), () => {
      const carry = left ? bitAt(a, i64.sub(i64.const(bits), c)) : bitAt(a, i64.sub(c, i64.const(1)));
      e.flagsResult(size, r, carry, i32.xor(msb(size, r), msb(size, a)));
    });
    e.forgetFlags();
  };
}

/** Linear address of the unit of `size` bytes that has the bit at `offset` from the memory operand. */
function reach(e: Emit, offset: Local, size: number): Local {
  const units = i64.shrS(offset, i64.const(Math.log2(size * 8)));
  const address = truncate(e.insn.addressSize, i64.add(e.effectiveAddress(), i64.mul(units, i64.const(size))));
  const base = e.segmentBase();
  return e.fn.let(base ? i64.add(address, base) : address);
}

/** BT, BTS, BTR, BTC: a register bit offset reaches beyond the memory operand. */
function bitTest(change?: (value: Expr, mask: Expr) => Expr): Semantics {
  return (e) => {
    const fn = e.fn;
    const size = e.size(0);
    const bits = size * 8;
    const offset = e.readSigned(1);
    const position = fn.let(i64.and(offset, i64.const(bits - 1)));
    const mask = (): Expr => i64.shl(i64.const(1), position);
    if (!e.isMemory(0)) {
      const a = e.read(0);
      if (change) e.write(0, truncate(size, change(a, mask())));
      e.setCarry(bitAt(a, position));
      return;
    }
    const linear = e.operand(1).kind === OperandKind.Reg ? reach(e, offset, size) : e.linearAddress();
    const host = e.translate(linear, size, change !== undefined);
    const a = fn.let(loadSized(size, host));
    if (change) e.storeHost(size, host, change(a, mask()));
    e.setCarry(bitAt(a, position));
  };
}

/** BSF and BSR: with a zero source ZF is set and the destination stays (as AMD documents). */
function bitScan(forward: boolean): Semantics {
  return (e) => {
    const fn = e.fn;
    const a = e.read(1);
    fn.if(i64.ne(a, i64.const(0)), () => e.write(0, forward ? i64.ctz(a) : i64.sub(i64.const(63), i64.clz(a))));
    const zero = fn.let(i64.eqz(a));
    e.setArithmeticFlags(i32.or(i32.and(e.arithmeticFlags(), i32.const(~0x40)), i32.shl(zero, i32.const(6))));
  };
}

/** LZCNT and TZCNT: CF = source was zero, ZF = result is zero. */
function countZeros(leading: boolean): Semantics {
  return (e) => {
    const size = e.size(0);
    const a = e.read(1);
    // A bit above the operand stops the count of trailing zeros.
    const above = size === 8 ? a : i64.or(a, i64.const(1n << BigInt(size * 8)));
    const r = e.fn.let(leading ? i64.sub(i64.clz(a), i64.const(64 - size * 8)) : i64.ctz(above));
    e.write(0, r);
    e.flagsResult(size, r, i64.eqz(a), i32.const(0));
  };
}

const popcnt: Semantics = (e) => {
  const a = e.read(1);
  e.write(0, i64.popcnt(a));
  e.setArithmeticFlags(i32.shl(i64.eqz(a), i32.const(6)));
};

export const bits: Record<string, Semantics> = {
  shl,
  shr,
  sar,
  rol: rotate(true),
  ror: rotate(false),
  rcl: rotateCarry(true),
  rcr: rotateCarry(false),
  shld: doubleShift(true),
  shrd: doubleShift(false),
  bt: bitTest(),
  bts: bitTest((a, m) => i64.or(a, m)),
  btr: bitTest((a, m) => i64.and(a, i64.xor(m, i64.const(-1)))),
  btc: bitTest((a, m) => i64.xor(a, m)),
  bsf: bitScan(true),
  bsr: bitScan(false),
  tzcnt: countZeros(false),
  lzcnt: countZeros(true),
  popcnt,
};
