/** The iret hypercall. Twin: traps/iret.ts. */
import { FLAT_RING3_CS64, FLAT_RING3_SS64, FLAT_USER_CS32, iretContext, VGCF_in_syscall } from "../../abi/arch-x86.ts";
import { VMASST_TYPE_architectural_iopl } from "../../abi/xen.ts";
import { CPU_STATE } from "../../machine/layout.ts";
import { Access } from "../../machine/processor.ts";
import { type Expr, i32, i64, type Local, StoreOp } from "../../machine/wasm/expression.ts";
import { call, type FunctionRef } from "../../machine/wasm/module.ts";
import {
  CS,
  cpuState,
  FLAG_AC,
  FLAG_FIXED,
  FLAG_IF,
  FLAG_TF,
  R11,
  RAX,
  RCX,
  RSP,
  SS,
  segmentRegister,
} from "../../machine/x86/state.ts";
import { GUEST_FLAGS } from "../traps/iret.ts";
import { FLAT_CODE64, FLAT_DATA } from "../traps/segments.ts";
import { type Context, gpr64, isCanonical, MM, RECORD, segment, TRAPS } from "./context.ts";

const ST = cpuState.offset;
const FRAME = iretContext.offset;
const ZERO = i32.const(0);

/**
 * Emits it; returns "not served" from the function for what is unusual.
 * @param prepareSegment of segments.ts
 * @param begin emits what is to be done while the registers are still those of the call
 */
export function emitIret(c: Context, prepareSegment: FunctionRef, begin: () => void): void {
  const { fn } = c;
  const rsp = fn.let(gpr64(RSP));
  const frame = c.probe(rsp, Access.Read, i32.const(iretContext.sizeof));
  c.leaveIf(i32.eqz(frame));
  const word = (offset: number): Local => fn.let(i64.load(frame, offset));
  const low = (offset: number): Local => fn.let(i32.load(frame, offset));

  const rflags = low(FRAME.rflags);
  c.leaveIf(i32.and(rflags, i32.const(FLAG_TF | FLAG_AC)));
  const mask = fn.let(i32.eqz(i32.and(rflags, i32.const(FLAG_IF))));
  c.leaveIf(i32.and(c.upcallPending(), i32.eqz(mask)));
  const rip = word(FRAME.rip);
  c.leaveIf(i32.eqz(isCanonical(rip)));
  const csWord = low(FRAME.cs);
  const toUser = fn.let(i32.eq(i32.and(csWord, i32.const(3)), i32.const(3)));
  const userRoot = fn.let(i32.load(c.vcpu, MM.user_root));
  c.leaveIf(i32.and(toUser, i32.eqz(userRoot)));
  const selector = (value: Expr): Local => fn.let(i32.or(i32.and(value, i32.const(0xffff)), i32.const(3)));
  const cs = selector(csWord);
  const ss = selector(i32.load(frame, FRAME.ss));
  // All of the frame, before anything is written that it might overlap.
  const rax = word(FRAME.rax);
  const rcx = word(FRAME.rcx);
  const r11 = word(FRAME.r11);
  const newRsp = word(FRAME.rsp);
  const asSysret = fn.let(i32.and(i32.load(frame, FRAME.flags), i32.const(VGCF_in_syscall)));
  fn.if(
    asSysret,
    () => c.leaveIf(i32.eq(cs, i32.const(FLAT_USER_CS32))),
    () => {
      c.leaveIf(i32.eqz(call(prepareSegment, cs, ZERO)));
      c.leaveIf(i32.eqz(call(prepareSegment, ss, i32.const(1))));
    },
  );

  // From here on it is done.
  begin();
  fn.if(toUser, () => {
    c.setMode(false);
    c.loadRoot(userRoot, false);
  });
  fn.if(c.vmAssist(VMASST_TYPE_architectural_iopl), () =>
    fn.store(StoreOp.i32, c.vcpu, i32.and(i32.shrU(rflags, i32.const(12)), i32.const(3)), TRAPS.iopl),
  );
  c.setUpcallMask(mask);
  fn.store(StoreOp.i32as8, c.vcpu, ZERO, TRAPS.nmi_masked);
  const flags = fn.let(i32.or(i32.and(rflags, i32.const(GUEST_FLAGS)), i32.const(FLAG_IF | FLAG_FIXED)));
  c.setRflags(flags);
  c.setGpr(RAX, rax);
  c.setState64(ST.rip, rip);
  c.setGpr(RSP, newRsp);
  fn.if(
    asSysret,
    () => {
      c.setGpr(RCX, rip);
      c.setGpr(R11, i64.extendU(flags));
      c.setFlatSegment(CS, FLAT_RING3_CS64, FLAT_CODE64);
      c.setFlatSegment(SS, FLAT_RING3_SS64, FLAT_DATA);
    },
    () => {
      c.setGpr(RCX, rcx);
      c.setGpr(R11, r11);
      const size = i32.const(segmentRegister.sizeof);
      const prepared = c.record + RECORD.segments;
      fn.copy(i32.const(CPU_STATE + segment(CS)), i32.const(prepared), size);
      fn.copy(i32.const(CPU_STATE + segment(SS)), i32.const(prepared + segmentRegister.sizeof), size);
    },
  );
}
