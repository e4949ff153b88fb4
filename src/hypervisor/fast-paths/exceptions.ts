/** Exceptions. Twins: `handleException` of exits.ts, traps/inject.ts, and for RDMSR emulate/privileged.ts. */
import { TI_MASK_EVENTS, trapInfo } from "../../abi/arch-x86.ts";
import { Access } from "../../machine/processor.ts";
import { i32, i64, type Local, StoreOp } from "../../machine/wasm/expression.ts";
import type { FunctionRef } from "../../machine/wasm/module.ts";
import {
  CS,
  cpuState,
  EXC_GP,
  EXC_PF,
  FLAG_RF,
  PF_PRESENT,
  PF_RESERVED,
  PF_USER,
  PF_WRITE,
  RAX,
  RCX,
  RDX,
  SS,
  segmentRegister,
} from "../../machine/x86/state.ts";
import { MSR } from "../emulate/msr.ts";
import { MASK_EVENTS } from "../traps/bounce.ts";
import { ATTR_L } from "../traps/segments.ts";
import { type Context, gpr32, RECORD, segment, state32, state64, TRAPS } from "./context.ts";
import { callBounce } from "./enter-kernel.ts";

const ST = cpuState.offset;
const ZERO = i32.const(0);
/** RDMSR, and how many bytes the emulator looks at. */
const RDMSR = 0x320f;
const RDMSR_LENGTH = 2;
const FETCHED = 15;

const selector = (index: number) =>
  i32.and(state32(segment(index) + segmentRegister.offset.selector), i32.const(0xffff));

/** #PF that is the guest's own; sets `served`. */
export function emitPageFault(c: Context, bounce: FunctionRef, served: Local): void {
  const { fn } = c;
  const code = fn.let(state32(ST.exit_error_code));
  // Descriptor reads are the processor's own accesses: they may concern the LDT window.
  c.leaveIf(i32.ne(i32.and(code, i32.const(PF_USER | PF_RESERVED)), i32.const(PF_USER)));
  const kernel = fn.let(c.kernelMode());
  // A write of the kernel to what is mapped read-only may be one to a page table.
  const protectedWrite = i32.eq(i32.and(code, i32.const(PF_PRESENT | PF_WRITE)), i32.const(PF_PRESENT | PF_WRITE));
  c.leaveIf(i32.and(i32.ne(kernel, ZERO), protectedWrite));
  const entry = fn.let(i32.add(c.vcpu, i32.const(TRAPS.trap_table + EXC_PF * trapInfo.sizeof)));
  const masks = i32.and(i32.load8u(entry, trapInfo.offset.flags), i32.const(TI_MASK_EVENTS));
  // The twin does it first, too: the frame might overlap it.
  const cr2 = fn.let(state64(ST.cr2));
  fn.store(StoreOp.i64, c.vcpu, cr2, TRAPS.cr2);
  c.setInfoCr2(cr2);
  const entered = callBounce(bounce, {
    handler: i32.add(entry, i32.const(trapInfo.offset.handler)),
    cs: selector(CS),
    ss: selector(SS),
    hasErrorCode: i32.const(1),
    errorCode: i32.select(kernel, i32.and(code, i32.const(~PF_USER)), code),
    options: i32.select(masks, i32.const(MASK_EVENTS), ZERO),
  });
  fn.set(served, entered);
  fn.if(served, () => {
    c.count(RECORD.exceptions, i32.const(EXC_PF));
    c.count(RECORD.injected, i32.const(EXC_PF));
  });
}

/** RDMSR of KERNEL_GS_BASE, which Linux does at each context switch; sets `served`. */
export function emitReadGsBase(c: Context, served: Local): void {
  const { fn } = c;
  c.leaveIf(state32(ST.exit_error_code));
  c.leaveIf(i32.eqz(c.kernelMode()));
  c.leaveIf(i32.ne(gpr32(RCX), i32.const(MSR.KERNEL_GS_BASE)));
  c.leaveIf(i32.and(state32(ST.rflags_system), i32.const(FLAG_RF)));
  c.leaveIf(i32.and(c.upcallPending(), i32.eqz(c.upcallMask())));
  const attributes = i32.shrU(state32(segment(CS) + segmentRegister.offset.selector), i32.const(16));
  c.leaveIf(i32.eqz(i32.and(attributes, i32.const(ATTR_L))));
  const rip = fn.let(state64(ST.rip));
  const code = c.probe(rip, Access.Execute, i32.const(FETCHED));
  c.leaveIf(i32.eqz(code));
  c.leaveIf(i32.ne(i32.load16u(code), i32.const(RDMSR)));
  const value = fn.let(state64(ST.kernel_gs_base));
  c.setGpr(RAX, i64.and(value, i64.const(0xffff_ffffn)));
  c.setGpr(RDX, i64.shrU(value, i64.const(32)));
  c.setState64(ST.rip, i64.add(rip, i64.const(RDMSR_LENGTH)));
  c.count(RECORD.exceptions, i32.const(EXC_GP));
  c.count(RECORD.rdmsr_kernel_gs_base);
  fn.set(served, i32.const(1));
}
