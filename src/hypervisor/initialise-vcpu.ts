/** Setting a vCPU to a vcpu_guest_context: VCPUOP_initialise, and the domain builder for the first vCPU. */
import { EINVAL, ERESTART } from "../abi/errno.ts";
import {
  VGCF_failsafe_disables_events,
  VGCF_i387_valid,
  VGCF_in_kernel,
  VGCF_online,
  VGCF_syscall_disables_events,
  vcpuGuestContext,
} from "../abi/xen.ts";
import { PAGE_SHIFT } from "../machine/memory.ts";
import { type CpuState, CS, DS, ES, FLAG_FIXED, FLAG_IF, FS, GS, SS } from "../machine/x86/state.ts";
import { CR0_FIXED, setGuestCr4 } from "./emulate/control-registers.ts";
import { GUEST_EFER, PAT_VALUE } from "./emulate/msr.ts";
import { HypercallError } from "./hypercall.ts";
import { DR6_RESET, DR7_RESET, setDebugRegister } from "./misc/debug-registers.ts";
import { setGdt, setLdt } from "./mm/descriptor-window.ts";
import { newBasePtr, newUserBasePtr } from "./mm/roots.ts";
import { bringUp } from "./sched/wake.ts";
import { isCanonical } from "./traps/guest-words.ts";
import { MASKS_FAILSAFE, MASKS_SYSCALL } from "./traps/record.ts";
import { fixStackSelector } from "./traps/stack-switch.ts";
import { clearTrapTable, fixCodeSelector, setTrap } from "./traps/trap-table.ts";
import { VCPU_INITIALISED, VCPU_SEGMENTS_STALE, type Vcpu } from "./vcpu.ts";

export type GuestContext = ReturnType<typeof vcpuGuestContext.at>;

const MXCSR_DEFAULT = 0x1f80;
const MXCSR_MASK = 0xffff;
const FCW_DEFAULT = 0x37f;
const MAX_GDT_ENTRIES = 14 * 512;
/** RFLAGS that a context may set: see GUEST_FLAGS in traps/iret.ts. */
const CONTEXT_FLAGS = 0x0025_4dd5n;

/** Bits of the VMASST_TYPE_* that there are. */
const VALID_ASSISTS = 0x1_0000_003fn;

/** An empty context in a buffer of its own, for the domain builder to fill. */
export function newGuestContext(): GuestContext {
  const u8 = new Uint8Array(vcpuGuestContext.sizeof);
  return vcpuGuestContext.at({ u8, dv: new DataView(u8.buffer) }, 0);
}

function check(condition: boolean): void {
  if (!condition) throw new HypercallError(EINVAL);
}

function validate(context: GuestContext): void {
  const addresses = [
    context.user_regs.rip,
    context.event_callback_eip,
    context.failsafe_callback_eip,
    context.syscall_callback_eip,
    context.fs_base,
    context.gs_base_kernel,
    context.gs_base_user,
  ];
  check(addresses.every(isCanonical));
  for (let i = 0; i < 256; i++) check(isCanonical(context.trap_ctxt.get(i).handler));
  check(context.gdt_ents <= BigInt(MAX_GDT_ENTRIES));
  check(context.ldt_ents <= 8192n && (context.ldt_base & 0xfffn) === 0n);
}

/** x87 and SSE state as after FNINIT and with MXCSR's default, or from an FXSAVE image. */
function setFpu(state: CpuState, image: Uint8Array | undefined): void {
  state.xmm.fill(0);
  state.fpr.fill(0);
  state.fcw = FCW_DEFAULT;
  state.fsw = 0;
  state.ftw = 0;
  state.fop = 0;
  state.fip = state.fdp = 0n;
  state.mxcsr = MXCSR_DEFAULT;
  if (image === undefined) return;
  const dv = new DataView(image.buffer, image.byteOffset, 512);
  check((dv.getUint32(24, true) & ~MXCSR_MASK) === 0);
  state.fcw = dv.getUint16(0, true);
  state.fsw = dv.getUint16(2, true);
  state.ftw = dv.getUint8(4);
  state.fop = dv.getUint16(6, true);
  state.fip = dv.getBigUint64(8, true);
  state.fdp = dv.getBigUint64(16, true);
  state.mxcsr = dv.getUint32(24, true);
  // The image has ST(0) first; registers are kept by physical number.
  const top = (state.fsw >>> 11) & 7;
  for (let i = 0; i < 8; i++) state.fpr.set(image.subarray(32 + i * 16, 48 + i * 16), ((top + i) & 7) * 16);
  state.xmm.set(image.subarray(160, 160 + 256));
}

function setRegisters(vcpu: Vcpu, context: GuestContext): void {
  const { user_regs: regs } = context;
  const { state, gpr } = vcpu;
  const order = [
    regs.rax,
    regs.rcx,
    regs.rdx,
    regs.rbx,
    regs.rsp,
    regs.rbp,
    regs.rsi,
    regs.rdi,
    regs.r8,
    regs.r9,
    regs.r10,
    regs.r11,
    regs.r12,
    regs.r13,
    regs.r14,
    regs.r15,
  ];
  order.forEach((value, i) => {
    gpr[i] = value;
  });
  state.rip = regs.rip;
  const flags = (regs.rflags & CONTEXT_FLAGS) | BigInt(FLAG_FIXED | FLAG_IF);
  setSavedFlags(vcpu, flags);

  // Hidden parts are loaded when the vCPU runs first, with its own page tables and GDT.
  const selectors: [number, number][] = [
    [CS, fixCodeSelector(vcpu, regs.cs)],
    [SS, fixStackSelector(vcpu, regs.ss)],
    [DS, regs.ds],
    [ES, regs.es],
    [FS, regs.fs],
    [GS, regs.gs],
  ];
  for (const [segment, selector] of selectors) state.segment.get(segment).selector = selector;
  state.segment.get(FS).base = context.fs_base;
  const inKernel = vcpu.kernelMode;
  state.segment.get(GS).base = inKernel ? context.gs_base_kernel : context.gs_base_user;
  state.kernel_gs_base = inKernel ? context.gs_base_user : context.gs_base_kernel;
}

/** RFLAGS of a vCPU that is not loaded; the arithmetic flags are kept lazily, see machine/x86/state.ts. */
function setSavedFlags(vcpu: Vcpu, flags: bigint): void {
  const state = vcpu.state;
  const arithmetic = 0x8d5n;
  state.rflags_system = Number(flags & ~arithmetic);
  const bit = (n: bigint): number => Number((flags >> n) & 1n);
  const [cf, pf, af, zf, sf, of] = [bit(0n), bit(2n), bit(4n), bit(6n), bit(7n), bit(11n)];
  // A result that is zero or not as ZF says, and has even parity; the corrections give the rest.
  const result = zf === 1 ? 0n : 3n;
  state.flags_result = result;
  const carryOut = cf << 1;
  const carryIn = cf ^ of;
  const parity = pf === 1 ? 0 : 1 << 8;
  state.flags_aux = carryOut | carryIn | (af << 3) | (sf << 4) | parity;
}

function setTraps(vcpu: Vcpu, context: GuestContext, flags: number): void {
  const { traps } = vcpu;
  traps.kernel_mode = (flags & VGCF_in_kernel) !== 0 ? 1 : 0;
  traps.nmi_pending = traps.nmi_masked = 0;
  // The context's IOPL is the virtual one: Linux gives its secondary processors 1 this way.
  traps.iopl = Number((context.user_regs.rflags >> 12n) & 3n);
  traps.kernel_ss = BigInt(fixStackSelector(vcpu, Number(context.kernel_ss & 0xffffn)));
  traps.kernel_sp = context.kernel_sp;
  traps.event.handler = context.event_callback_eip;
  traps.failsafe.handler = context.failsafe_callback_eip;
  traps.syscall.handler = context.syscall_callback_eip;
  traps.callback_masks =
    ((flags & VGCF_failsafe_disables_events) !== 0 ? MASKS_FAILSAFE : 0) |
    ((flags & VGCF_syscall_disables_events) !== 0 ? MASKS_SYSCALL : 0);
  clearTrapTable(vcpu);
  for (let vector = 0; vector < 256; vector++) {
    const { flags: trapFlags, cs, handler } = context.trap_ctxt.get(vector);
    if (handler !== 0n) setTrap(vcpu, { vector, flags: trapFlags, cs, handler });
  }
}

function setControl(vcpu: Vcpu, context: GuestContext): void {
  const { state } = vcpu;
  state.cr0 = CR0_FIXED;
  setGuestCr4(vcpu, context.ctrlreg.get(4));
  state.efer = GUEST_EFER;
  state.pat = PAT_VALUE;
  state.cpl = 3;
  const { dr } = state;
  for (let i = 0; i < 4; i++) dr.set(i, 0n);
  dr.set(6, DR6_RESET);
  dr.set(7, DR7_RESET);
  for (const i of [0, 1, 2, 3, 6, 7]) {
    const value = context.debugreg.get(i);
    if (value !== 0n) setDebugRegister(vcpu, i, value);
  }
}

function frameNumber(vcpu: Vcpu, cr3: bigint): number {
  const mfn = cr3 >> BigInt(PAGE_SHIFT);
  check(mfn < BigInt(vcpu.domain.hypervisor.memory.frames));
  return Number(mfn);
}

/**
 * Sets a vCPU that has not run yet. Throws HypercallError if the context is not good.
 * @returns false if validating the page tables was preempted: call again
 */
export function initialiseVcpu(vcpu: Vcpu, context: GuestContext): boolean {
  if (vcpu.initialised) throw new Error(`vCPU ${vcpu.id} is initialised already`);
  validate(context);
  const flags = Number(context.flags & 0xffff_ffffn);

  const entries = Number(context.gdt_ents);
  const frames: number[] = [];
  for (let i = 0; i * 512 < entries; i++) {
    const mfn = context.gdt_frames.get(i);
    frames.push(mfn < BigInt(vcpu.domain.hypervisor.memory.frames) ? Number(mfn) : -1);
  }
  setTraps(vcpu, context, flags);
  setControl(vcpu, context);
  setRegisters(vcpu, context);
  setFpu(vcpu.state, (flags & VGCF_i387_valid) !== 0 ? context.fpu_ctxt : undefined);
  setGdt(vcpu, frames, entries);
  setLdt(vcpu, context.ldt_base, Number(context.ldt_ents));

  const kernelRoot = frameNumber(vcpu, context.ctrlreg.get(3));
  check(kernelRoot !== 0);
  const result = newBasePtr(vcpu, kernelRoot) || newUserBasePtr(vcpu, frameNumber(vcpu, context.ctrlreg.get(1)));
  if (result === -ERESTART) return false;
  if (result !== 0) throw new HypercallError(-result);
  // The first vCPU brings the assists that the image asks for; later ones find them set.
  if (vcpu.id === 0) vcpu.domain.record.vm_assist = context.vm_assist & VALID_ASSISTS;
  vcpu.record.flags |= VCPU_INITIALISED | VCPU_SEGMENTS_STALE;
  if ((flags & VGCF_online) !== 0) bringUp(vcpu);
  return true;
}
