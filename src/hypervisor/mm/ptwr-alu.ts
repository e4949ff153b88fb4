/**
 * The read-modify-write instructions that a kernel uses on its page tables, as functions of the old
 * value (SDM vol. 2). Flags are computed as the manual says; undefined ones are left alone.
 */
import { FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from "../../machine/x86/state.ts";

/** What an instruction makes of a memory operand. */
export interface Outcome {
  /** The new value of memory, or undefined to leave it. */
  readonly value: bigint | undefined;
  /** RFLAGS bits that are defined, and their values. */
  readonly flagMask: number;
  readonly flags: number;
  /** The source register takes the old value (XCHG, XADD). */
  readonly sourceTakesOld?: boolean;
  /** The accumulator takes the old value (CMPXCHG that fails). */
  readonly accumulatorTakesOld?: boolean;
}

export interface Operands {
  readonly old: bigint;
  readonly source: bigint;
  /** In bytes. */
  readonly size: number;
  readonly accumulator: bigint;
  readonly carry: bigint;
}

const SZP = FLAG_SF | FLAG_ZF | FLAG_PF;
const ALL = SZP | FLAG_CF | FLAG_OF | FLAG_AF;

/** SF, ZF and PF of a result. */
function resultFlags(value: bigint, size: number): number {
  let flags = value === 0n ? FLAG_ZF : 0;
  if (((value >> BigInt(size * 8 - 1)) & 1n) !== 0n) flags |= FLAG_SF;
  let parity = Number(value & 0xffn);
  parity ^= parity >> 4;
  parity ^= parity >> 2;
  parity ^= parity >> 1;
  return (parity & 1) === 0 ? flags | FLAG_PF : flags;
}

const store = (value: bigint): Outcome => ({ value, flagMask: 0, flags: 0 });

function logic(value: bigint, size: number): Outcome {
  return { value, flagMask: SZP | FLAG_CF | FLAG_OF, flags: resultFlags(value, size) };
}

function addition(a: bigint, b: bigint, carry: bigint, size: number): Outcome {
  const bits = size * 8;
  const sum = a + b + carry;
  const value = BigInt.asUintN(bits, sum);
  let flags = resultFlags(value, size);
  if (sum !== value) flags |= FLAG_CF;
  if (((a ^ value) & (b ^ value)) >> BigInt(bits - 1) !== 0n) flags |= FLAG_OF;
  if (((a ^ b ^ value) & 0x10n) !== 0n) flags |= FLAG_AF;
  return { value, flagMask: ALL, flags };
}

function subtraction(a: bigint, b: bigint, borrow: bigint, size: number): Outcome {
  const bits = size * 8;
  const value = BigInt.asUintN(bits, a - b - borrow);
  let flags = resultFlags(value, size);
  if (a < b + borrow) flags |= FLAG_CF;
  if (((a ^ b) & (a ^ value)) >> BigInt(bits - 1) !== 0n) flags |= FLAG_OF;
  if (((a ^ b ^ value) & 0x10n) !== 0n) flags |= FLAG_AF;
  return { value, flagMask: ALL, flags };
}

/** INC and DEC leave CF alone. */
const keepCarry = (outcome: Outcome): Outcome => ({ ...outcome, flagMask: outcome.flagMask & ~FLAG_CF });

function bitOperation(change: (old: bigint, bit: bigint) => bigint): (o: Operands) => Outcome {
  return ({ old, source, size }) => {
    const bit = 1n << (source & BigInt(size * 8 - 1));
    return { value: change(old, bit), flagMask: FLAG_CF, flags: (old & bit) !== 0n ? FLAG_CF : 0 };
  };
}

/** By mnemonic of the instruction table. CMPXCHG8B takes EDX:EAX as accumulator and ECX:EBX as source. */
export const ALU: Readonly<Record<string, (operands: Operands) => Outcome>> = {
  mov: ({ source }) => store(source),
  movnti: ({ source }) => store(source),
  xchg: ({ source }) => ({ ...store(source), sourceTakesOld: true }),
  and: ({ old, source, size }) => logic(old & source, size),
  or: ({ old, source, size }) => logic(old | source, size),
  xor: ({ old, source, size }) => logic(old ^ source, size),
  add: ({ old, source, size }) => addition(old, source, 0n, size),
  adc: ({ old, source, size, carry }) => addition(old, source, carry, size),
  sub: ({ old, source, size }) => subtraction(old, source, 0n, size),
  sbb: ({ old, source, size, carry }) => subtraction(old, source, carry, size),
  inc: ({ old, size }) => keepCarry(addition(old, 1n, 0n, size)),
  dec: ({ old, size }) => keepCarry(subtraction(old, 1n, 0n, size)),
  neg: ({ old, size }) => subtraction(0n, old, 0n, size),
  not: ({ old, size }) => store(BigInt.asUintN(size * 8, ~old)),
  xadd: ({ old, source, size }) => ({ ...addition(old, source, 0n, size), sourceTakesOld: true }),
  bts: bitOperation((old, bit) => old | bit),
  btr: bitOperation((old, bit) => old & ~bit),
  btc: bitOperation((old, bit) => old ^ bit),
  cmpxchg: ({ old, source, size, accumulator }) => {
    const { flags } = subtraction(accumulator, old, 0n, size);
    if (accumulator === old) return { value: source, flagMask: ALL, flags };
    return { value: undefined, flagMask: ALL, flags, accumulatorTakesOld: true };
  },
  cmpxchg8b: ({ old, source, accumulator }) => {
    if (accumulator === old) return { value: source, flagMask: FLAG_ZF, flags: FLAG_ZF };
    return { value: undefined, flagMask: FLAG_ZF, flags: 0, accumulatorTakesOld: true };
  },
};
