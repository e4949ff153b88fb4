/** Entering the guest kernel by a bounce frame. Twins: `bounce` of traps/bounce.ts, `guestSyscall` of traps/syscall.ts. */
import { FLAT_KERNEL_CS64, FLAT_KERNEL_SS64, FLAT_RING3_CS64, FLAT_RING3_SS64 } from "../../abi/arch-x86.ts";
import { VMASST_TYPE_architectural_iopl } from "../../abi/xen.ts";
import { PAGE_SHIFT } from "../../machine/memory.ts";
import { Access } from "../../machine/processor.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../../machine/wasm/expression.ts";
import type { Fn } from "../../machine/wasm/function.ts";
import { call, type FunctionRef, type ModuleBuilder } from "../../machine/wasm/module.ts";
import { CS, cpuState, FLAG_DF, FLAG_IF, R11, RCX, RSP, SS, segmentRegister } from "../../machine/x86/state.ts";
import { CLEAR_DIRECTION, CLEARED_ON_ENTRY, MASK_EVENTS, NOT_IN_FRAMES } from "../traps/bounce.ts";
import { guestEntry, MASKS_SYSCALL } from "../traps/record.ts";
import { ATTR_L, FLAT_CODE64, FLAT_DATA } from "../traps/segments.ts";
import { Context, gpr64, type Imports, MM, RECORD, segment, state32, state64, TIME, TRAPS } from "./context.ts";

const { i32: I32 } = ValType;
const ST = cpuState.offset;
const ZERO = i32.const(0);
/** Words of a frame without an error code. */
const FRAME_WORDS = 7;

/** What `bounce` of a module takes, in order. */
export interface BounceArguments {
  /** Machine address of the handler's address. */
  readonly handler: Expr;
  readonly cs: Expr;
  readonly ss: Expr;
  /** 1 if there is an error code, and the code. */
  readonly hasErrorCode: Expr;
  readonly errorCode: Expr;
  /** As of traps/bounce.ts. */
  readonly options: Expr;
}

export const callBounce = (bounce: FunctionRef, a: BounceArguments): Expr =>
  call(bounce, a.handler, a.cs, a.ss, a.hasErrorCode, a.errorCode, a.options);

/** Defines bounce(handler, cs, ss, hasErrorCode, errorCode, options) -> 1 if the kernel has been entered, 0 if nothing has changed. */
export function defineBounce(module: ModuleBuilder, imports: Imports, record: number): FunctionRef {
  const bounce = module.declare([I32, I32, I32, I32, I32, I32], [I32]);
  module.define(bounce, (fn) => emitBounce(fn, new Context(fn, imports, record)));
  return bounce;
}

function emitBounce(fn: Fn, c: Context): void {
  const [handler, cs, ss, hasErrorCode, errorCode, options] = fn.params as [Local, Local, Local, Local, Local, Local];
  const target = fn.let(i64.load(handler));
  c.leaveIf(i64.eqz(target));
  const kernel = fn.let(c.kernelMode());
  const mask = fn.let(c.upcallMask());
  const masks = fn.let(i32.and(options, i32.const(MASK_EVENTS)));
  // An event would be delivered on top of it.
  c.leaveIf(i32.and(c.upcallPending(), i32.eqz(i32.or(mask, masks))));
  const stack = fn.let(gpr64(RSP));
  const before = fn.let(i32.wrap(state64(ST.cr3)));
  fn.if(i32.eqz(kernel), () => {
    const root = fn.let(i32.load(c.vcpu, MM.kernel_root));
    c.leaveIf(i32.eqz(root));
    // Areas that are to be written on entry to the kernel.
    c.leaveIf(i32.or(i32.load(c.vcpu, TIME.runstate_area_stale), i32.load(c.vcpu, TIME.time_area_stale)));
    fn.set(stack, i64.load(c.vcpu, TRAPS.kernel_sp));
    c.loadRoot(root, true);
  });
  const size = fn.let(i32.shl(i32.add(hasErrorCode, i32.const(FRAME_WORDS)), i32.const(3)));
  const sp = fn.let(i64.sub(i64.and(stack, i64.const(~0xfn)), i64.extendU(size)));
  const host = c.probe(sp, Access.Write, size);
  fn.if(i32.eqz(host), () => {
    fn.if(i32.eqz(kernel), () => c.loadRoot(i32.shrU(before, i32.const(PAGE_SHIFT)), false));
    fn.return(ZERO);
  });

  const store = (at: Expr, offset: number, value: Expr): void => fn.store(StoreOp.i64, at, value, offset);
  store(host, 0, gpr64(RCX));
  store(host, 8, gpr64(R11));
  const rest = fn.let(host);
  fn.if(hasErrorCode, () => {
    store(host, 16, i64.extendU(errorCode));
    fn.set(rest, i32.add(host, i32.const(8)));
  });
  store(rest, 16, state64(ST.rip));
  const shown = i32.select(kernel, i32.and(cs, i32.const(0xfffc)), cs);
  fn.store(StoreOp.i32, rest, shown, 24);
  fn.store(StoreOp.i32, rest, mask, 28);
  store(rest, 32, i64.extendU(guestFlags(c, mask)));
  store(rest, 40, gpr64(RSP));
  store(rest, 48, i64.extendU(ss));

  c.setGpr(RSP, sp);
  c.setFlatSegment(CS, FLAT_RING3_CS64, FLAT_CODE64);
  c.setFlatSegment(SS, FLAT_RING3_SS64, FLAT_DATA);
  c.setState64(ST.rip, target);
  const direction = i32.select(i32.and(options, i32.const(CLEAR_DIRECTION)), i32.const(FLAG_DF), ZERO);
  const cleared = i32.or(direction, i32.const(CLEARED_ON_ENTRY));
  c.setState32(ST.rflags_system, i32.and(state32(ST.rflags_system), i32.xor(cleared, i32.const(-1))));
  fn.if(masks, () => c.setUpcallMask(i32.const(1)));
  fn.if(i32.eqz(kernel), () => c.setMode(true));
  fn.result(i32.const(1));
}

/** RFLAGS as the guest is to see it: virtual IF, virtual IOPL. */
function guestFlags(c: Context, mask: Local): Expr {
  const real = i32.and(c.rflags(), i32.const(~NOT_IN_FRAMES));
  const interrupts = i32.select(mask, ZERO, i32.const(FLAG_IF));
  const iopl = i32.shl(i32.and(i32.load(c.vcpu, TRAPS.iopl), i32.const(3)), i32.const(12));
  const virtual = i32.select(c.vmAssist(VMASST_TYPE_architectural_iopl), iopl, ZERO);
  return i32.or(real, i32.or(interrupts, virtual));
}

/** SYSCALL from guest user mode; sets `served`. */
export function emitGuestSyscall(c: Context, bounce: FunctionRef, served: Local): void {
  const { fn } = c;
  // 32-bit programs have a callback of their own.
  const attributes = i32.shrU(state32(segment(CS) + segmentRegister.offset.selector), i32.const(16));
  c.leaveIf(i32.eqz(i32.and(attributes, i32.const(ATTR_L))));
  const masks = i32.and(i32.load(c.vcpu, TRAPS.callback_masks), i32.const(MASKS_SYSCALL));
  const options = i32.select(masks, i32.const(CLEAR_DIRECTION | MASK_EVENTS), i32.const(CLEAR_DIRECTION));
  const entered = callBounce(bounce, {
    handler: i32.add(c.vcpu, i32.const(TRAPS.syscall + guestEntry.offset.handler)),
    cs: i32.const(FLAT_KERNEL_CS64),
    ss: i32.const(FLAT_KERNEL_SS64),
    hasErrorCode: ZERO,
    errorCode: ZERO,
    options,
  });
  fn.set(served, entered);
  fn.if(served, () => c.count(RECORD.guest_syscalls));
}
