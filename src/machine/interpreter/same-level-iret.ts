/**
 * The frequent IRET: from ring 3 to ring 3 in the code and stack segment in use, with only the arithmetic flags changed. Kernels
 * execute it to itself as a serializing instruction behind each change of their own code. All others are TypeScript's
 * (far-transfer.ts), which is also the twin of this one.
 */
import { CPU_SCRATCH, CPU_STATE } from "../layout.ts";
import { type Expr, i32, i64, type Local, StoreOp } from "../wasm/expression.ts";
import type { Fn } from "../wasm/function.ts";
import { call } from "../wasm/module.ts";
import {
  CS,
  cpuState,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAGS_ARITHMETIC,
  RSP,
  SS,
  segmentRegister,
  tableRegister,
} from "../x86/state.ts";
import { engineState } from "./engine-state.ts";
import type { Runtime } from "./runtime.ts";

const ST = cpuState.offset;
const SEG = segmentRegister.offset;
const ZERO = i32.const(0);
/** RIP, CS, RFLAGS, RSP, SS. */
const FRAME_BYTES = 40;
/** In the table indicator's place: the selector is of the LDT. */
const LDT = 4;
/** Flags that must stay as they are. IF is among them: whether it may change depends on IOPL. */
const KEPT_FLAGS = FLAG_TF | FLAG_IF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;
/** Attributes and what they must be: present, for ring 3, accessed; long-mode code, writable data. */
const CODE_MASK = 0x6f9;
const CODE = 0x2f9;
const STACK_MASK = 0x0fb;
const STACK = 0x0f3;

/** sameLevelIret() -> 1 with RSP, flags and RIP of the frame on the stack, or 0 with nothing changed that matters. */
export function defineSameLevelIret(fn: Fn, runtime: Runtime): void {
  const giveUpIf = (condition: Expr): void => fn.if(condition, () => fn.return(ZERO));
  const system = fn.let(i32.load(ZERO, CPU_STATE + ST.rflags_system));
  giveUpIf(i32.ne(i32.load(ZERO, CPU_STATE + ST.cpl), i32.const(3)));
  giveUpIf(i32.and(system, i32.const(FLAG_NT)));
  giveUpIf(i32.load(ZERO, CPU_SCRATCH + engineState.offset.check_alignment));
  const rsp = i64.load(ZERO, CPU_STATE + ST.gpr + RSP * 8);
  const frame = fn.let(call(runtime.slowRead, rsp, i32.const(FRAME_BYTES)));
  giveUpIf(i32.eqz(frame));
  const rip = fn.let(i64.load(frame));
  giveUpIf(i64.ne(i64.shrS(i64.shl(rip, i64.const(16)), i64.const(16)), rip));
  const flags = fn.let(i32.load(frame, 16));
  giveUpIf(i32.and(i32.xor(flags, system), i32.const(KEPT_FLAGS)));
  // The walks for descriptors may overwrite a bounced frame.
  const newRsp = fn.let(i64.load(frame, 24));
  const stack = fn.let(i32.load16u(frame, 32));
  requireLoaded(fn, runtime, CS, fn.let(i32.load16u(frame, 8)), CODE_MASK, CODE, giveUpIf);
  requireLoaded(fn, runtime, SS, stack, STACK_MASK, STACK, giveUpIf);
  fn.store(StoreOp.i64, ZERO, newRsp, CPU_STATE + ST.gpr + RSP * 8);
  fn.store(StoreOp.i64, ZERO, rip, CPU_STATE + ST.rip);
  fn.run(call(runtime.setFlags, i32.and(flags, i32.const(FLAGS_ARITHMETIC))), true);
  fn.result(i32.const(1));
}

/** The selector is the segment register's, and its descriptor says what the register's hidden part holds: loading it changes nothing. */
function requireLoaded(
  fn: Fn,
  runtime: Runtime,
  segment: number,
  selector: Local,
  mask: number,
  attributesWanted: number,
  giveUpIf: (condition: Expr) => void,
): void {
  const register = CPU_STATE + ST.segment + segment * segmentRegister.sizeof;
  const gdtr = CPU_STATE + ST.gdtr;
  giveUpIf(i32.ne(selector, i32.load16u(ZERO, register + SEG.selector)));
  giveUpIf(i32.or(i32.and(selector, i32.const(LDT)), i32.ne(i32.and(selector, i32.const(3)), i32.const(3))));
  giveUpIf(i32.gtU(i32.or(selector, i32.const(7)), i32.load(ZERO, gdtr + tableRegister.offset.limit)));
  const offset = i64.extendU(i32.and(selector, i32.const(~7)));
  const linear = fn.let(i64.add(i64.load(ZERO, gdtr + tableRegister.offset.base), offset));
  giveUpIf(i64.gtU(i64.and(linear, i64.const(0xfff)), i64.const(0xff8)));
  const descriptor = fn.let(call(runtime.walk, linear, ZERO, ZERO));
  giveUpIf(i32.eqz(descriptor));
  const low = fn.let(i32.load(descriptor));
  const high = fn.let(i32.load(descriptor, 4));
  const bits = (value: Expr, shift: number, and: number): Expr =>
    i32.and(i32.shrU(value, i32.const(shift)), i32.const(and));
  const attributes = fn.let(i32.or(bits(high, 8, 0xff), bits(high, 12, 0xf00)));
  giveUpIf(i32.ne(attributes, i32.load16u(ZERO, register + SEG.attributes)));
  giveUpIf(i32.ne(i32.and(attributes, i32.const(mask)), i32.const(attributesWanted)));
  const pages = fn.let(i32.or(i32.and(low, i32.const(0xffff)), i32.and(high, i32.const(0xf0000))));
  const granular = i32.or(i32.shl(pages, i32.const(12)), i32.const(0xfff));
  const limit = i32.select(bits(high, 23, 1), granular, pages);
  giveUpIf(i32.ne(limit, i32.load(ZERO, register + SEG.limit)));
  const base = i32.or(
    i32.or(i32.shrU(low, i32.const(16)), i32.shl(i32.and(high, i32.const(0xff)), i32.const(16))),
    i32.and(high, i32.const(0xff000000 | 0)),
  );
  giveUpIf(i64.ne(i64.extendU(base), i64.load(ZERO, register + SEG.base)));
}
