/** From the SYSCALL instruction of a guest kernel to a handler and back. */
import { ENOMEM, ENOSYS } from "../abi/errno.ts";
import { R8, R10, RAX, RDI, RDX, RSI } from "../machine/x86/state.ts";
import { CONTINUATION, HypercallArguments, HypercallError, type HypercallResult } from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { OutOfHeap } from "./mm/heap.ts";
import type { Vcpu } from "./vcpu.ts";

/** Length of SYSCALL and of INT 0x82. */
const INSTRUCTION_LENGTH = 2n;

/** Registers of the arguments. */
const ARGUMENTS = [RDI, RSI, RDX, R10, R8] as const;
/** Arguments are copied out of registers into this; handlers keep no reference to it. */
const args = new HypercallArguments();

/** Runs one hypercall, from registers or from a multicall entry. Errors come back as negative numbers. */
export function invoke(hv: Hypervisor, vcpu: Vcpu, number: number, args: HypercallArguments): HypercallResult {
  const call = hv.hypercalls[number];
  if (call === undefined) {
    hv.statistics.unknownHypercalls++;
    return -ENOSYS;
  }
  hv.statistics.countHypercall(call, args);
  try {
    return call.handler(hv, vcpu, args);
  } catch (error) {
    if (error instanceof HypercallError) return -error.errno;
    if (error instanceof OutOfHeap) return -ENOMEM;
    throw error;
  }
}

/** Handles a SYSCALL exit from guest kernel mode; RIP is behind the instruction. */
export function dispatchHypercall(hv: Hypervisor, vcpu: Vcpu): void {
  const { gpr } = vcpu;
  const { u32 } = hv.memory;
  const registers = gpr.byteOffset >>> 2;
  const number = u32[registers + RAX * 2]!;
  const arity = hv.hypercalls[number]?.arity ?? ARGUMENTS.length;
  const { halves } = args;
  for (let i = 0; i < ARGUMENTS.length; i++) {
    const from = registers + ARGUMENTS[i]! * 2;
    halves[i * 2] = i < arity ? u32[from]! : 0;
    halves[i * 2 + 1] = i < arity ? u32[from + 1]! : 0;
  }
  hv.beginHypercall();
  hv.trace.enter(vcpu.domain.id, vcpu.id, number, u32, registers);
  const result = invoke(hv, vcpu, number, args);
  if (typeof result === "number") {
    hv.trace.leave(result);
    u32[registers + RAX * 2] = result;
    u32[registers + RAX * 2 + 1] = Math.floor(result / 2 ** 32);
  } else if (typeof result === "bigint") {
    hv.trace.leave(Number(result));
    gpr[RAX] = result;
  } else if (result === CONTINUATION) {
    hv.statistics.continuations++;
    for (let i = 0; i < arity; i++) gpr[ARGUMENTS[i]!] = args[i] ?? 0n;
    vcpu.state.rip = BigInt.asUintN(64, vcpu.state.rip - INSTRUCTION_LENGTH);
  }
}
