/** From the SYSCALL instruction of a guest kernel to a handler and back. */
import { ENOMEM, ENOSYS } from "../abi/errno.ts";
import { R8, R10, RAX, RDI, RDX, RSI } from "../machine/x86/state.ts";
import { CONTINUATION, HypercallError, type HypercallResult } from "./hypercall.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { OutOfHeap } from "./mm/heap.ts";
import type { Vcpu } from "./vcpu.ts";

/** Length of SYSCALL and of INT 0x82. */
const INSTRUCTION_LENGTH = 2n;

/** Arguments are copied out of registers into this; handlers keep no reference to it. */
const args: bigint[] = [0n, 0n, 0n, 0n, 0n];

/** Runs one hypercall, from registers or from a multicall entry. Errors come back as negative numbers. */
export function invoke(hv: Hypervisor, vcpu: Vcpu, number: number, args: bigint[]): HypercallResult {
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

/** A 64-bit result: bigints as they are, numbers with their sign. */
export function resultWord(result: number | bigint): bigint {
  return BigInt.asUintN(64, typeof result === "number" ? BigInt(result) : result);
}

/** Handles a SYSCALL exit from guest kernel mode; RIP is behind the instruction. */
export function dispatchHypercall(hv: Hypervisor, vcpu: Vcpu): void {
  const gpr = vcpu.gpr;
  const number = Number(BigInt.asUintN(32, gpr[RAX] ?? 0n));
  args[0] = gpr[RDI] ?? 0n;
  args[1] = gpr[RSI] ?? 0n;
  args[2] = gpr[RDX] ?? 0n;
  args[3] = gpr[R10] ?? 0n;
  args[4] = gpr[R8] ?? 0n;
  hv.beginHypercall();
  hv.trace.enter(vcpu.domain.id, vcpu.id, number, args);
  const result = invoke(hv, vcpu, number, args);
  if (result === CONTINUATION) {
    hv.statistics.continuations++;
    gpr[RDI] = args[0] ?? 0n;
    gpr[RSI] = args[1] ?? 0n;
    gpr[RDX] = args[2] ?? 0n;
    gpr[R10] = args[3] ?? 0n;
    gpr[R8] = args[4] ?? 0n;
    vcpu.state.rip = BigInt.asUintN(64, vcpu.state.rip - INSTRUCTION_LENGTH);
    return;
  }
  const word = resultWord(result);
  hv.trace.leave(word);
  gpr[RAX] = word;
}
