/** Hypercalls that touch nothing but the vCPU. Twins: the handlers of traps/stack-switch.ts and misc/. */
import { HYPERVISOR } from "../../abi/hypercall.ts";
import { XENVER } from "../../abi/version.ts";
import { SEGBASE_FS, SEGBASE_GS_KERNEL, SEGBASE_GS_USER } from "../../abi/xen.ts";
import { type Expr, i32, i64, type Local, StoreOp } from "../../machine/wasm/expression.ts";
import { CR0_TS, cpuState, FS, GS, RAX, RDI, RDX, RSI, segmentRegister } from "../../machine/x86/state.ts";
import { XEN_MAJOR, XEN_MINOR } from "../misc/xen-version.ts";
import { vcpuRecord } from "../vcpu.ts";
import { type Context, gpr32, gpr64, isCanonical, RECORD, segment, state64, TRAPS } from "./context.ts";
import { TRACE_LENGTH, traceEntry } from "./record.ts";

const ST = cpuState.offset;
const ZERO = i32.const(0);

/** By number: emits the call, or returns "not served", and the value it returns. All values are below 2^31. */
const SIMPLE: readonly { readonly number: number; emit(c: Context): number }[] = [
  { number: HYPERVISOR.stack_switch, emit: stackSwitch },
  { number: HYPERVISOR.fpu_taskswitch, emit: fpuTaskswitch },
  { number: HYPERVISOR.set_segment_base, emit: setSegmentBase },
  { number: HYPERVISOR.xen_version, emit: xenVersion },
];

function stackSwitch(c: Context): number {
  // Selectors have the RPL of the guest kernel: fixStackSelector.
  const ss = i64.or(i64.and(gpr64(RDI), i64.const(0xffff)), i64.const(3));
  c.fn.store(StoreOp.i64, c.vcpu, ss, TRAPS.kernel_ss);
  c.fn.store(StoreOp.i64, c.vcpu, gpr64(RSI), TRAPS.kernel_sp);
  return 0;
}

function fpuTaskswitch(c: Context): number {
  const cr0 = c.fn.let(state64(ST.cr0));
  const set = i64.or(cr0, i64.const(CR0_TS));
  const cleared = i64.and(cr0, i64.const(~CR0_TS));
  c.setState64(ST.cr0, i64.select(gpr32(RDI), set, cleared));
  return 0;
}

function setSegmentBase(c: Context): number {
  const { fn } = c;
  const which = fn.let(gpr32(RDI));
  const base = fn.let(gpr64(RSI));
  c.leaveIf(i32.eqz(isCanonical(base)));
  const is = (operation: number): Expr => i32.eq(which, i32.const(operation));
  c.leaveIf(i32.eqz(i32.or(i32.or(is(SEGBASE_FS), is(SEGBASE_GS_USER)), is(SEGBASE_GS_KERNEL))));
  const offset = (index: number): number => segment(index) + segmentRegister.offset.base;
  fn.if(is(SEGBASE_FS), () => c.setState64(offset(FS), base));
  fn.if(is(SEGBASE_GS_USER), () => c.setState64(ST.kernel_gs_base, base));
  fn.if(is(SEGBASE_GS_KERNEL), () => c.setState64(offset(GS), base));
  c.count(RECORD.segment_base_operations, which);
  return 0;
}

function xenVersion(c: Context): number {
  c.leaveIf(i32.ne(gpr32(RDI), i32.const(XENVER.version)));
  c.count(RECORD.xen_version_operations, i32.const(XENVER.version));
  return (XEN_MAJOR << 16) | XEN_MINOR;
}

/** Emits all of them; sets `served`. @param number what RAX says */
export function emitSimpleHypercalls(c: Context, number: Local, served: Local): void {
  const { fn } = c;
  // An event would be delivered behind it.
  c.leaveIf(i32.and(c.upcallPending(), i32.eqz(c.upcallMask())));
  for (const call of SIMPLE) {
    fn.if(i32.eq(number, i32.const(call.number)), () => {
      const result = call.emit(c);
      emitTrace(c, call.number, result);
      c.setGpr(RAX, i64.const(result));
      fn.set(served, i32.const(1));
    });
  }
}

/** Counts a hypercall and enters it into the trace. @param result undefined: it does not return, as iret */
export function emitTrace(c: Context, number: number, result: number | undefined): void {
  const { fn } = c;
  c.count(RECORD.hypercalls, i32.const(number));
  const n = fn.let(c.record32(RECORD.traced));
  c.setRecord32(RECORD.traced, i32.add(n, i32.const(1)));
  const entry = fn.let(i32.mul(i32.and(n, i32.const(TRACE_LENGTH - 1)), i32.const(traceEntry.sizeof)));
  const put32 = (field: number, value: Expr): void =>
    fn.store(StoreOp.i32, entry, value, c.record + RECORD.trace + field);
  const put64 = (field: number, value: Expr): void =>
    fn.store(StoreOp.i64, entry, value, c.record + RECORD.trace + field);
  const at = traceEntry.offset;
  put32(at.domain, i32.load(c.vcpu, vcpuRecord.offset.domain_id));
  put32(at.vcpu, i32.load(c.vcpu, vcpuRecord.offset.id));
  put32(at.number, i32.const(number));
  put32(at.returned, result === undefined ? ZERO : i32.const(1));
  if (result !== undefined) put64(at.result_lo, i64.const(result));
  [RDI, RSI, RDX].forEach((register, i) => {
    put64(at.args + i * 8, gpr64(register));
  });
}
