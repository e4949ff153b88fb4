/**
 * The read-modify-write instructions that a kernel uses on its page tables (SDM vol. 2). Flags are computed as the
 * manual says; undefined ones are left alone. 64-bit numbers are halves, as page-table entries are elsewhere.
 */
import { FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from "../../machine/x86/state.ts";

/** One execution: its operands, and what it makes of them. Numbers are unsigned and below 2^(8 size). */
export class ReadModifyWrite {
  /** In bytes. */
  size = 8;
  oldLo = 0;
  oldHi = 0;
  sourceLo = 0;
  sourceHi = 0;
  accumulatorLo = 0;
  accumulatorHi = 0;
  carry = 0;

  /** The new value of memory, if it is written. */
  writes = false;
  lo = 0;
  hi = 0;
  /** RFLAGS bits that are defined, and their values. */
  flagMask = 0;
  flags = 0;
  /** The source register takes the old value (XCHG, XADD). */
  sourceTakesOld = false;
  /** The accumulator takes the old value (CMPXCHG that fails). */
  accumulatorTakesOld = false;

  /** Before an execution: no result, and no flags. */
  begin(): void {
    this.writes = this.sourceTakesOld = this.accumulatorTakesOld = false;
    this.flagMask = this.flags = 0;
  }

  store(lo: number, hi: number): void {
    this.writes = true;
    this.lo = lo >>> 0;
    this.hi = hi >>> 0;
  }
}

type Execute = (x: ReadModifyWrite) => void;

const SZP = FLAG_SF | FLAG_ZF | FLAG_PF;
const ALL = SZP | FLAG_CF | FLAG_OF | FLAG_AF;

/** The sign bit of a number of `size` bytes. */
function sign(lo: number, hi: number, size: number): boolean {
  return size === 8 ? hi >>> 31 !== 0 : ((lo >>> (size * 8 - 1)) & 1) !== 0;
}

/** SF, ZF and PF of a result. */
function resultFlags(lo: number, hi: number, size: number): number {
  let flags = (lo | hi) === 0 ? FLAG_ZF : 0;
  if (sign(lo, hi, size)) flags |= FLAG_SF;
  let parity = lo & 0xff;
  parity ^= parity >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return (parity & 1) === 0 ? flags | FLAG_PF : flags;
}

function logic(x: ReadModifyWrite, lo: number, hi: number): void {
  x.store(lo, hi);
  x.flagMask = SZP | FLAG_CF | FLAG_OF;
  x.flags = resultFlags(x.lo, x.hi, x.size);
}

/** What fits into the low half of a number of `size` bytes. */
export const lowMask = (size: number): number => (size < 4 ? (1 << (size * 8)) - 1 : 0xffff_ffff);

function addition(x: ReadModifyWrite, bLo: number, bHi: number, carry: number): void {
  const { oldLo, oldHi, size } = x;
  const lo = oldLo + bLo + carry;
  const hi = oldHi + bHi + (lo > 0xffff_ffff ? 1 : 0);
  const carried = size === 8 ? hi > 0xffff_ffff : lo > lowMask(size);
  x.store(lo & lowMask(size), size === 8 ? hi : 0);
  const overflow = sign(oldLo ^ x.lo, oldHi ^ x.hi, size) && sign(bLo ^ x.lo, bHi ^ x.hi, size);
  arithmeticFlags(x, carried, overflow, oldLo ^ bLo ^ x.lo);
}

/** a - b, where one of them is the old value. */
function subtraction(x: ReadModifyWrite, aLo: number, aHi: number, bLo: number, bHi: number, borrow: number): void {
  const { size } = x;
  const lo = aLo - bLo - borrow;
  const hi = aHi - bHi - (lo < 0 ? 1 : 0);
  const borrowed = size === 8 ? hi < 0 : lo < 0;
  x.store(lo & lowMask(size), size === 8 ? hi : 0);
  const overflow = sign(aLo ^ bLo, aHi ^ bHi, size) && sign(aLo ^ x.lo, aHi ^ x.hi, size);
  arithmeticFlags(x, borrowed, overflow, aLo ^ bLo ^ x.lo);
}

/** @param halfCarry bit 4: the carry out of the low four bits */
function arithmeticFlags(x: ReadModifyWrite, carry: boolean, overflow: boolean, halfCarry: number): void {
  x.flagMask = ALL;
  x.flags =
    resultFlags(x.lo, x.hi, x.size) |
    (carry ? FLAG_CF : 0) |
    (overflow ? FLAG_OF : 0) |
    ((halfCarry & 0x10) !== 0 ? FLAG_AF : 0);
}

/** INC and DEC leave CF alone. */
function keepCarry(x: ReadModifyWrite): void {
  x.flagMask &= ~FLAG_CF;
  x.flags &= ~FLAG_CF;
}

/** @param change makes of a half, and of the bit in it, the new half */
function bitOperation(change: (half: number, bit: number) => number): Execute {
  return (x) => {
    const index = x.sourceLo & (x.size * 8 - 1);
    const bit = 1 << (index & 31);
    const half = index < 32 ? x.oldLo : x.oldHi;
    x.store(index < 32 ? change(half, bit) : x.oldLo, index < 32 ? x.oldHi : change(half, bit));
    x.flagMask = FLAG_CF;
    x.flags = (half & bit) !== 0 ? FLAG_CF : 0;
  };
}

/** The accumulator decides whether the source is written. */
function exchangeIfEqual(x: ReadModifyWrite): void {
  x.writes = x.accumulatorLo === x.oldLo && x.accumulatorHi === x.oldHi;
  if (x.writes) x.store(x.sourceLo, x.sourceHi);
  else x.accumulatorTakesOld = true;
}

/** By mnemonic of the instruction table. CMPXCHG8B takes EDX:EAX as accumulator and ECX:EBX as source. */
export const ALU: Readonly<Record<string, Execute>> = {
  mov: (x) => x.store(x.sourceLo, x.sourceHi),
  movnti: (x) => x.store(x.sourceLo, x.sourceHi),
  xchg: (x) => {
    x.store(x.sourceLo, x.sourceHi);
    x.sourceTakesOld = true;
  },
  and: (x) => logic(x, x.oldLo & x.sourceLo, x.oldHi & x.sourceHi),
  or: (x) => logic(x, x.oldLo | x.sourceLo, x.oldHi | x.sourceHi),
  xor: (x) => logic(x, x.oldLo ^ x.sourceLo, x.oldHi ^ x.sourceHi),
  add: (x) => addition(x, x.sourceLo, x.sourceHi, 0),
  adc: (x) => addition(x, x.sourceLo, x.sourceHi, x.carry),
  sub: (x) => subtraction(x, x.oldLo, x.oldHi, x.sourceLo, x.sourceHi, 0),
  sbb: (x) => subtraction(x, x.oldLo, x.oldHi, x.sourceLo, x.sourceHi, x.carry),
  inc: (x) => {
    addition(x, 1, 0, 0);
    keepCarry(x);
  },
  dec: (x) => {
    subtraction(x, x.oldLo, x.oldHi, 1, 0, 0);
    keepCarry(x);
  },
  neg: (x) => subtraction(x, 0, 0, x.oldLo, x.oldHi, 0),
  not: (x) => x.store(~x.oldLo & lowMask(x.size), x.size === 8 ? ~x.oldHi : 0),
  xadd: (x) => {
    addition(x, x.sourceLo, x.sourceHi, 0);
    x.sourceTakesOld = true;
  },
  bts: bitOperation((half, bit) => half | bit),
  btr: bitOperation((half, bit) => half & ~bit),
  btc: bitOperation((half, bit) => half ^ bit),
  cmpxchg: (x) => {
    subtraction(x, x.accumulatorLo, x.accumulatorHi, x.oldLo, x.oldHi, 0);
    exchangeIfEqual(x);
  },
  cmpxchg8b: (x) => {
    exchangeIfEqual(x);
    x.flagMask = FLAG_ZF;
    x.flags = x.writes ? FLAG_ZF : 0;
  },
};
