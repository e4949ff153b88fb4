/** Control transfer (SDM vol. 1 §7.3.8) and the ways into the system. */

import { ExitReason } from "../../processor.ts";
import { type Expr, i32, i64 } from "../../wasm/expression.ts";
import { OperandKind } from "../insn.ts";
import { EFER_SCE, EXC_BP, EXC_DB, EXC_UD, FLAGS_ARITHMETIC, R11, RCX, RSP } from "../state.ts";
import { type Emit, type Semantics, truncate } from "./emit.ts";

const isRelative = (e: Emit): boolean => e.operand(0).kind === OperandKind.Rel;

const jcc: Semantics = (e) => e.fn.if(e.condition(e.insn.condition), () => e.jumpRelative());

const jmp: Semantics = (e) => {
  if (isRelative(e)) return e.jumpRelative();
  const target = e.read(0);
  e.requireCanonical(target);
  e.jump(target);
};

const call: Semantics = (e) => {
  const size = e.insn.operandSize;
  const target = isRelative(e) ? undefined : e.read(0);
  const rsp = e.fn.let(i64.sub(e.gpr(RSP), i64.const(size)));
  const host = e.translate(rsp, size, true);
  // The stack's faults come before that of the target.
  if (target) e.requireCanonical(target);
  e.storeHost(size, host, truncate(size, e.nextRip()));
  e.setGpr(RSP, rsp);
  if (target) e.jump(target);
  else e.jumpRelative();
};

const ret: Semantics = (e) => {
  const size = e.insn.operandSize;
  const rsp = e.stackPointer();
  const target = e.loadLinear(size, rsp);
  e.requireCanonical(target);
  const popped = i64.add(rsp, i64.const(size));
  e.setGpr(RSP, e.insn.operandCount ? i64.add(popped, i64.and(e.immediate(), i64.const(0xffff))) : popped);
  e.jump(target);
};

/** LOOP, LOOPE, LOOPNE: the counter has the size of addresses. */
function loop(condition?: (e: Emit) => Expr): Semantics {
  return (e) => {
    const size = e.insn.addressSize;
    const counter = e.fn.let(truncate(size, i64.sub(e.gpr(RCX, size), i64.const(1))));
    e.setGpr(RCX, counter, size);
    const more = i64.ne(counter, i64.const(0));
    e.fn.if(condition ? i32.and(more, i32.ne(condition(e), i32.const(0))) : more, () => e.jumpRelative());
  };
}

const jcxz: Semantics = (e) => e.fn.if(i64.eqz(e.gpr(RCX, e.insn.addressSize)), () => e.jumpRelative());

/** RFLAGS as SYSCALL saves it: all flags, RF and VM cleared. */
function flagsImage(e: Emit): Expr {
  const system = i32.and(e.state32("rflags_system"), i32.const(0x00fcffff & ~FLAGS_ARITHMETIC));
  return i64.extendU(i32.or(i32.or(system, e.arithmeticFlags()), i32.const(2)));
}

const syscall: Semantics = (e) => {
  e.fn.if(i64.eqz(i64.and(e.state64("efer"), i64.const(EFER_SCE))), () => e.raise(EXC_UD));
  e.setGpr(R11, flagsImage(e));
  e.setGpr(RCX, e.nextRip());
  e.exitAfter(ExitReason.Syscall);
};

/** Exceptions that are traps: RIP is behind the instruction. */
function trap(vector: number): Semantics {
  return (e) => {
    e.setState32("exit_vector", i32.const(vector));
    e.setState32("exit_error_code", i32.const(0));
    e.exitAfter(ExitReason.Exception);
  };
}

const int: Semantics = (e) => {
  e.setState32("exit_vector", i32.and(i32.wrap(e.immediate()), i32.const(0xff)));
  e.exitAt(ExitReason.SoftwareInterrupt);
};

const undefinedOpcode: Semantics = (e) => e.raise(EXC_UD);

export const control: Record<string, Semantics> = {
  jcc,
  jmp,
  call,
  ret,
  jcxz,
  loop: loop(),
  loope: loop((e) => e.zero()),
  loopne: loop((e) => i32.eqz(e.zero())),
  syscall,
  // AMD has no SYSENTER in long mode.
  sysenter: undefinedOpcode,
  int3: trap(EXC_BP),
  int1: trap(EXC_DB),
  int,
  ud0: undefinedOpcode,
  ud1: undefinedOpcode,
  ud2: undefinedOpcode,
  cpuid: (e) => e.exitAt(ExitReason.Cpuid),
};
