/** Data transfer (SDM vol. 1 §7.3.1): moves, stack, exchanges, flag images. */
import { type Expr, i32, i64, StoreOp } from "../../wasm/expression.ts";
import { OperandKind, RegClass } from "../insn.ts";
import {
  CR4_FSGSBASE,
  cpuState,
  EXC_GP,
  EXC_UD,
  FLAG_DF,
  FLAG_FIXED,
  FS,
  GS,
  RAX,
  RBP,
  RBX,
  RSP,
  segmentRegister,
} from "../state.ts";
import { type Emit, loadSized, type Semantics, signExtend, truncate } from "./emit.ts";

const SEGMENTS = cpuState.offset.segment;
const segmentOffset = (n: number): number => SEGMENTS + n * segmentRegister.sizeof;

/** Selector of segment register operand `i`, whose number only the tier knows. */
function selector(e: Emit, i: number): Expr {
  return e.segmentSelector(i);
}

const mov: Semantics = (e) => {
  const to = e.operand(0);
  const from = e.operand(1);
  if (to.kind === OperandKind.Reg && to.regClass !== RegClass.Gpr) return e.callSystemOperand(1);
  if (from.kind === OperandKind.Reg && from.regClass === RegClass.Segment) return e.write(0, selector(e, 1));
  if (from.kind === OperandKind.Reg && from.regClass !== RegClass.Gpr) return e.callSystem();
  e.write(0, e.read(1));
};

const movzx: Semantics = (e) => e.write(0, e.read(1));
const movsx: Semantics = (e) => {
  const value = e.readSigned(1);
  e.write(0, truncate(e.size(0), value));
};

const lea: Semantics = (e) => e.write(0, truncate(e.size(0), e.effectiveAddress()));

/** Reverses the low `size` bytes. */
function byteSwap(e: Emit, size: number, value: Expr): Expr {
  const fn = e.fn;
  const step = (x: Expr, mask: bigint, by: number): Expr => {
    const v = fn.let(x);
    return i64.or(
      i64.shl(i64.and(v, i64.const(mask)), i64.const(by)),
      i64.and(i64.shrU(v, i64.const(by)), i64.const(mask)),
    );
  };
  const whole = i64.rotl(step(step(value, 0x00ff00ff00ff00ffn, 8), 0x0000ffff0000ffffn, 16), i64.const(32));
  return size === 8 ? whole : i64.shrU(whole, i64.const(64 - size * 8));
}

const bswap: Semantics = (e) => {
  const size = e.size(0);
  // 16-bit BSWAP is undefined; processors give zero.
  e.write(0, size === 2 ? i64.const(0) : byteSwap(e, size, e.read(0)));
};
const movbe: Semantics = (e) => e.write(0, byteSwap(e, e.size(0), e.read(1)));

const xchg: Semantics = (e) => {
  const memory = e.isMemory(1) ? 1 : 0;
  const a = e.readModify(memory);
  const b = e.read(1 - memory);
  e.write(memory, b);
  e.write(1 - memory, a);
};

const push: Semantics = (e) => {
  const size = e.insn.operandSize;
  const operand = e.operand(0);
  if (operand.kind === OperandKind.Imm) {
    return e.push(size, e.fn.let(truncate(size, e.immediate())));
  }
  if (operand.regClass === RegClass.Segment && operand.kind === OperandKind.Reg) {
    return e.push(size, e.fn.let(selector(e, 0)));
  }
  e.push(size, e.read(0));
};

const pop: Semantics = (e) => {
  const size = e.insn.operandSize;
  const fn = e.fn;
  const operand = e.operand(0);
  if (operand.kind === OperandKind.Reg && operand.regClass === RegClass.Segment) return e.callSystem();
  const rsp = e.stackPointer();
  const value = e.loadLinear(size, rsp);
  // A destination address that uses RSP sees it incremented.
  e.setGpr(RSP, i64.add(rsp, i64.const(size)));
  if (operand.kind === OperandKind.Mem) {
    e.faultCleanup = () => e.setGpr(RSP, rsp);
    const linear = e.linearAddress();
    const host = e.translate(linear, size, true);
    e.faultCleanup = undefined;
    e.storeHost(size, host, value);
  } else e.write(0, fn.let(value));
};

const pushf: Semantics = (e) => {
  const size = e.insn.operandSize;
  const system = i32.and(e.state32("rflags_system"), i32.const(0x00fcffff));
  const flags = i32.or(i32.or(system, e.arithmeticFlags()), i32.const(FLAG_FIXED));
  e.push(size, e.fn.let(truncate(size, i64.extendU(flags))));
};

const leave: Semantics = (e) => {
  const size = e.insn.operandSize;
  const rbp = e.fn.let(e.gpr(RBP));
  const value = e.loadLinear(size, rbp);
  e.setGpr(RSP, i64.add(rbp, i64.const(size)));
  e.setGpr(RBP, value, size);
};

const cmovcc: Semantics = (e) => {
  // The source is read (and may fault) whatever the condition; a 32-bit destination is zero-extended either way.
  const source = e.read(1);
  const dest = e.read(0);
  e.write(0, i64.select(e.condition(e.insn.condition), source, dest));
};

const setcc: Semantics = (e) => e.write(0, i64.extendU(i32.ne(e.condition(e.insn.condition), i32.const(0))));

const lahf: Semantics = (e) => {
  const flags = i64.extendU(i32.or(i32.and(e.arithmeticFlags(), i32.const(0xd5)), i32.const(2)));
  e.setGpr(RAX, i64.or(i64.and(e.gpr(RAX, 2), i64.const(0xff)), i64.shl(flags, i64.const(8))), 2);
};

const sahf: Semantics = (e) => {
  const ah = i32.and(i32.wrap(i64.shrU(e.gpr(RAX, 2), i64.const(8))), i32.const(0xd5));
  e.setArithmeticFlags(i32.or(i32.and(e.arithmeticFlags(), i32.const(~0xd5)), ah));
};

const setDirection =
  (on: boolean): Semantics =>
  (e) => {
    const flags = e.state32("rflags_system");
    e.setState32("rflags_system", on ? i32.or(flags, i32.const(FLAG_DF)) : i32.and(flags, i32.const(~FLAG_DF)));
  };

const xlat: Semantics = (e) => {
  const size = e.insn.addressSize;
  const offset = truncate(size, i64.add(e.gpr(RBX, size), e.gpr(RAX, 1)));
  const base = e.segmentBase();
  const host = e.translate(e.fn.let(base ? i64.add(offset, base) : offset), 1, false);
  e.setGpr(RAX, loadSized(1, host), 1);
};

/** RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE: #UD unless CR4.FSGSBASE. */
function segmentBase(segment: number, write: boolean): Semantics {
  return (e) => {
    const fn = e.fn;
    const enabled = i64.and(e.state64("cr4"), i64.const(CR4_FSGSBASE));
    fn.if(i64.eqz(enabled), () => e.raise(EXC_UD));
    const at = segmentOffset(segment) + segmentRegister.offset.base;
    if (!write) return e.write(0, truncate(e.size(0), i64.load(e.stateBase(), at)));
    const value = e.read(0);
    fn.if(i64.ne(i64.shrS(i64.shl(value, i64.const(16)), i64.const(16)), value), () => e.raise(EXC_GP));
    fn.store(StoreOp.i64, e.stateBase(), value, at);
  };
}

const nothing: Semantics = () => {};

/** MOVNTI: the cache hint has no meaning here. */
const movnti: Semantics = (e) => e.write(0, e.read(1));

export const data: Record<string, Semantics> = {
  mov,
  movzx,
  movsx,
  movsxd: movsx,
  lea,
  bswap,
  movbe,
  xchg,
  push,
  pop,
  pushf,
  leave,
  cmovcc,
  setcc,
  lahf,
  sahf,
  xlat,
  movnti,
  cld: setDirection(false),
  std: setDirection(true),
  clc: (e) => e.setCarry(i32.const(0)),
  stc: (e) => e.setCarry(i32.const(1)),
  cmc: (e) => e.setCarry(i32.xor(e.carry(), i32.const(1))),
  rdfsbase: segmentBase(FS, false),
  rdgsbase: segmentBase(GS, false),
  wrfsbase: segmentBase(FS, true),
  wrgsbase: segmentBase(GS, true),
  nop: nothing,
  pause: nothing,
  endbr64: nothing,
  endbr32: nothing,
  prefetch: nothing,
  prefetchw: nothing,
  prefetchnta: nothing,
  prefetcht0: nothing,
  prefetcht1: nothing,
  prefetcht2: nothing,
  lfence: nothing,
  mfence: nothing,
  sfence: nothing,
};

export { signExtend };
