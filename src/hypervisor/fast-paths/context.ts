/** What all fast paths work with: the processor's state, the records of the vCPU and its domain, counters. */
import { archVcpuInfo, vcpuInfoStruct } from "../../abi/xen.ts";
import { CPU_STATE } from "../../machine/layout.ts";
import { type Expr, f64, i32, i64, type Local, StoreOp } from "../../machine/wasm/expression.ts";
import type { Fn } from "../../machine/wasm/function.ts";
import { call, type FunctionRef } from "../../machine/wasm/module.ts";
import { cpuState, FLAG_FIXED, FLAGS_ARITHMETIC, GS, segmentRegister } from "../../machine/x86/state.ts";
import { domainRecord } from "../domain.ts";
import { vcpuEvtchn } from "../event-channel/record.ts";
import { vcpuMm } from "../mm/record.ts";
import { vcpuTime } from "../time/record.ts";
import { PCID_KERNEL, PCID_USER } from "../traps/mode.ts";
import { vcpuTraps } from "../traps/record.ts";
import { vcpuRecord } from "../vcpu.ts";
import { fastPathRecord } from "./record.ts";

const ST = cpuState.offset;
const ZERO = i32.const(0);
const ONE = f64.const(0x3ff0_0000_0000_0000n);

/** Offsets in a vCPU's record. */
const within = <T extends Readonly<Record<string, number>>>(base: number, offset: T): T =>
  Object.fromEntries(Object.entries(offset).map(([name, at]) => [name, base + at])) as unknown as T;
export const TRAPS = within(vcpuRecord.offset.traps, vcpuTraps.offset);
export const MM = within(vcpuRecord.offset.mm, vcpuMm.offset);
export const TIME = within(vcpuRecord.offset.time, vcpuTime.offset);
const VCPU_INFO = vcpuRecord.offset.evtchn + vcpuEvtchn.offset.vcpu_info;
const VM_ASSIST = domainRecord.offset.vm_assist;
/** Offsets in vcpu_info. */
const PENDING = vcpuInfoStruct.offset.evtchn_upcall_pending;
const MASK = vcpuInfoStruct.offset.evtchn_upcall_mask;
const INFO_CR2 = vcpuInfoStruct.offset.arch + archVcpuInfo.offset.cr2;
const KERNEL_GS_BASE = CPU_STATE + ST.kernel_gs_base;
const GS_BASE = CPU_STATE + segment(GS) + segmentRegister.offset.base;

export const RECORD = fastPathRecord.offset;

/** Offset of a segment register in the state. */
export function segment(index: number): number {
  return ST.segment + index * segmentRegister.sizeof;
}

/** The processor's functions: FAST_EXIT_IMPORTS. */
export interface Imports {
  readonly probe: FunctionRef;
  readonly loadRoot: FunctionRef;
  readonly getFlags: FunctionRef;
  readonly setFlags: FunctionRef;
}

export const state32 = (field: number): Expr => i32.load(ZERO, CPU_STATE + field);
export const state64 = (field: number): Expr => i64.load(ZERO, CPU_STATE + field);
export const gpr64 = (register: number): Expr => state64(ST.gpr + register * 8);
export const gpr32 = (register: number): Expr => state32(ST.gpr + register * 8);
export const isCanonical = (address: Local): Expr =>
  i64.eq(i64.shrS(i64.shl(address, i64.const(16)), i64.const(16)), address);

/** A function of the module under construction, and what it reads and writes. */
export class Context {
  readonly fn: Fn;
  readonly imports: Imports;
  /** Machine address of the fastPathRecord. */
  readonly record: number;
  /** Addresses of the vCPU's record and of its vcpu_info. */
  readonly vcpu: Local;
  readonly info: Local;

  constructor(fn: Fn, imports: Imports, record: number) {
    this.fn = fn;
    this.imports = imports;
    this.record = record;
    this.vcpu = fn.let(this.record32(RECORD.vcpu));
    this.info = fn.let(i32.load(this.vcpu, VCPU_INFO));
  }

  record32(field: number): Expr {
    return i32.load(ZERO, this.record + field);
  }
  setRecord32(field: number, value: Expr): void {
    this.fn.store(StoreOp.i32, ZERO, value, this.record + field);
  }

  // The processor's state.

  setState32(field: number, value: Expr): void {
    this.fn.store(StoreOp.i32, ZERO, value, CPU_STATE + field);
  }
  setState64(field: number, value: Expr): void {
    this.fn.store(StoreOp.i64, ZERO, value, CPU_STATE + field);
  }
  setGpr(register: number, value: Expr): void {
    this.setState64(ST.gpr + register * 8, value);
  }
  /** A segment from 0 to 4 GiB. */
  setFlatSegment(index: number, selector: number, attributes: number): void {
    const word = BigInt(selector) | (BigInt(attributes) << 16n) | (0xffff_ffffn << 32n);
    this.setState64(segment(index), i64.const(word));
    this.setState64(segment(index) + segmentRegister.offset.base, i64.const(0));
  }

  /** RFLAGS, all of it. */
  rflags(): Expr {
    const system = i32.and(state32(ST.rflags_system), i32.const(~FLAGS_ARITHMETIC));
    return i32.or(i32.or(system, call(this.imports.getFlags)), i32.const(FLAG_FIXED));
  }
  setRflags(value: Local): void {
    const system = i32.or(i32.and(value, i32.const(~FLAGS_ARITHMETIC)), i32.const(FLAG_FIXED));
    this.setState32(ST.rflags_system, system);
    this.fn.run(call(this.imports.setFlags, i32.and(value, i32.const(FLAGS_ARITHMETIC))), true);
  }

  // The vCPU.

  kernelMode(): Expr {
    return i32.load8u(this.vcpu, TRAPS.kernel_mode);
  }
  upcallMask(): Expr {
    return i32.load8u(this.info, MASK);
  }
  setUpcallMask(value: Expr): void {
    this.fn.store(StoreOp.i32as8, this.info, value, MASK);
  }
  upcallPending(): Expr {
    return i32.ne(i32.load8u(this.info, PENDING), ZERO);
  }
  setInfoCr2(value: Expr): void {
    this.fn.store(StoreOp.i64, this.info, value, INFO_CR2);
  }
  /** Nonzero if the domain has the assist. */
  vmAssist(type: number): Expr {
    return i32.and(i32.load(this.record32(RECORD.domain), VM_ASSIST), i32.const(1 << type));
  }

  /** Returns "not served" if the condition holds. Only before anything has changed. */
  leaveIf(condition: Expr): void {
    this.fn.if(condition, () => this.fn.return(ZERO));
  }

  /** toggleGuestMode, but for the root: the mode, SWAPGS. */
  setMode(kernel: boolean): void {
    const { fn } = this;
    fn.store(StoreOp.i32as8, this.vcpu, i32.const(kernel ? 1 : 0), TRAPS.kernel_mode);
    const inactive = fn.let(i64.load(ZERO, KERNEL_GS_BASE));
    fn.store(StoreOp.i64, ZERO, i64.load(ZERO, GS_BASE), KERNEL_GS_BASE);
    fn.store(StoreOp.i64, ZERO, inactive, GS_BASE);
  }
  /** Loads a root, given as frame, for a mode. */
  loadRoot(mfn: Expr, kernel: boolean): void {
    const pcid = i32.const(kernel ? PCID_KERNEL : PCID_USER);
    this.fn.run(call(this.imports.loadRoot, i32.shl(mfn, i32.const(12)), pcid, i32.const(1)));
  }

  /** Machine address of a range of the guest's, or 0: as `locate` of traps/guest-words.ts. */
  probe(address: Local, access: number, size: Expr): Local {
    const host = this.fn.let(ZERO);
    // The hypervisor's part, and what is not canonical.
    const top = this.fn.let(i32.wrap(i64.shrU(address, i64.const(43))));
    const foreign = i32.and(i32.gtU(top, i32.const(0xf)), i32.ltU(top, i32.const(0x1f_fff1)));
    this.fn.if(i32.eqz(foreign), () => this.fn.set(host, call(this.imports.probe, address, i32.const(access), size)));
    return host;
  }

  // Counters.

  count(field: number, index: Expr = ZERO): void {
    const at = this.fn.let(i32.shl(index, i32.const(3)));
    this.fn.store(StoreOp.f64, at, f64.add(f64.load(at, this.record + field), ONE), this.record + field);
  }
}
