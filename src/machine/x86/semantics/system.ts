/**
 * System instructions (SDM vol. 3 §2.8): the privilege checks are here; what they do, being rare,
 * is TypeScript (interpreter/system.ts).
 */
import { type Expr, i32, i64, ValType } from "../../wasm/expression.ts";
import { CR4_TSD, EXC_GP, EXC_UD, FLAG_IOPL, RAX, RCX, RDX } from "../state.ts";
import type { Emit, Semantics } from "./emit.ts";

const atRing0 = (e: Emit): Expr => i32.eqz(e.state32("cpl"));

/** #GP(0) above CPL 0. */
const privileged: Semantics = (e) => {
  e.fn.if(i32.eqz(atRing0(e)), () => e.raise(EXC_GP));
  e.callSystem();
};

/** #GP(0) if CPL is above IOPL: CLI, STI and port access (there are no I/O permission maps here). */
const ioPrivileged: Semantics = (e) => {
  const iopl = i32.shrU(i32.and(e.state32("rflags_system"), i32.const(FLAG_IOPL)), i32.const(12));
  e.fn.if(i32.gtU(e.state32("cpl"), iopl), () => e.raise(EXC_GP));
  e.callSystem();
};

const plain: Semantics = (e) => e.callSystem();

/** The operand is read or written in TypeScript at its translated address. */
const onOperand =
  (i: number, write: boolean, size?: number): Semantics =>
  (e) =>
    e.callSystemOperand(i, write, size ?? e.size(i));

/** RDTSC, RDTSCP: #GP(0) if CR4.TSD and not ring 0. */
const timestamp: Semantics = (e) => {
  const disabled = i64.ne(i64.and(e.state64("cr4"), i64.const(CR4_TSD)), i64.const(0));
  e.fn.if(i32.and(disabled, i32.ne(e.state32("cpl"), i32.const(0))), () => e.raise(EXC_GP));
  const tsc = e.fn.let(e.timestamp());
  e.setGpr(RAX, i64.and(tsc, i64.const(0xffffffff)), 4);
  e.setGpr(RDX, i64.shrU(tsc, i64.const(32)), 4);
};

const rdtscp: Semantics = (e) => {
  timestamp(e);
  e.setGpr(RCX, i64.and(e.state64("tsc_aux"), i64.const(0xffffffff)), 4);
};

/** IRET: the frequent one, from and to the same segments, is a runtime function. */
const iret: Semantics = (e) => {
  if (e.insn.operandSize === 8) {
    e.fn.if(e.callRuntime("sameLevelIret", ValType.i32), () => e.jump(e.state64("rip")));
  }
  e.callSystem();
};

const undefinedOpcode: Semantics = (e) => e.raise(EXC_UD);
const generalProtection: Semantics = (e) => e.raise(EXC_GP);

/** RDPID reads TSC_AUX. */
const rdpid: Semantics = (e) => e.write(0, e.state64("tsc_aux"));

/** CLFLUSH and kin: the address is checked as for a load; there are no caches. */
const touch: Semantics = (e) => {
  e.translate(e.linearAddress(), 1, false);
};

export const system: Record<string, Semantics> = {
  hlt: privileged,
  clts: privileged,
  lmsw: privileged,
  lgdt: privileged,
  lidt: privileged,
  lldt: privileged,
  ltr: privileged,
  invlpg: privileged,
  invd: privileged,
  wbinvd: privileged,
  wbnoinvd: privileged,
  rdmsr: privileged,
  wrmsr: privileged,
  swapgs: privileged,
  sysret: privileged,
  sysexit: privileged,
  xsetbv: privileged,
  clac: undefinedOpcode,
  stac: undefinedOpcode,
  cli: ioPrivileged,
  sti: ioPrivileged,
  in: ioPrivileged,
  out: ioPrivileged,
  ins: ioPrivileged,
  outs: ioPrivileged,
  rdtsc: timestamp,
  rdtscp,
  rdrand: plain,
  rdseed: plain,
  rdpid,
  rdpmc: generalProtection,
  popf: plain,
  iret,
  ret_far: plain,
  jmp_far: (e) => e.callSystemOperand(0, false, e.insn.operandSize === 2 ? 4 : 6),
  call_far: (e) => e.callSystemOperand(0, false, e.insn.operandSize === 2 ? 4 : 6),
  lss: (e) => e.callSystemOperand(1, false, e.insn.operandSize === 2 ? 4 : 6),
  lfs: (e) => e.callSystemOperand(1, false, e.insn.operandSize === 2 ? 4 : 6),
  lgs: (e) => e.callSystemOperand(1, false, e.insn.operandSize === 2 ? 4 : 6),
  enter: plain,
  lar: onOperand(1, false, 2),
  lsl: onOperand(1, false, 2),
  verr: onOperand(0, false, 2),
  verw: onOperand(0, false, 2),
  sldt: onOperand(0, true, 2),
  str: onOperand(0, true, 2),
  smsw: onOperand(0, true, 2),
  sgdt: onOperand(0, true, 10),
  sidt: onOperand(0, true, 10),
  clflush: touch,
  clflushopt: touch,
  clwb: touch,
  rsm: undefinedOpcode,
  vmcall: undefinedOpcode,
  vmmcall: undefinedOpcode,
  monitor: undefinedOpcode,
  mwait: undefinedOpcode,
};

export { RAX, RCX, RDX };
