/** Fetching and decoding the instruction at RIP, for the emulators. */
import { PAGE_MASK, PAGE_SIZE } from "../../machine/memory.ts";
import { Access } from "../../machine/processor.ts";
import { decode, NEED_MORE, newInsn } from "../../machine/x86/decode/index.ts";
import type { CodeSize, Insn } from "../../machine/x86/insn.ts";
import { CS, FLAG_RF, FLAG_TF } from "../../machine/x86/state.ts";
import { injectDebug, injectPageFault } from "../traps/inject.ts";
import { ATTR_DB, ATTR_L, attributesOf, baseOf } from "../traps/segments.ts";
import type { Vcpu } from "../vcpu.ts";

const MAX_LENGTH = 15;
const bytes = new Uint8Array(MAX_LENGTH);
const insn = newInsn();

/** Size of the code segment that the vCPU executes in. */
export function codeSize(vcpu: Vcpu): CodeSize {
  const attributes = attributesOf(vcpu, CS);
  if ((attributes & ATTR_L) !== 0) return 64;
  return (attributes & ATTR_DB) !== 0 ? 32 : 16;
}

function codeAddress(vcpu: Vcpu): bigint {
  const size = codeSize(vcpu);
  const rip = vcpu.state.rip;
  return size === 64 ? rip : BigInt.asUintN(32, baseOf(vcpu, CS) + rip);
}

/**
 * Copies up to `count` bytes of code at RIP.
 * @returns how many there are before an unmapped page
 */
export function fetchCode(vcpu: Vcpu, count: number, into: Uint8Array): number {
  const { cpu, memory } = vcpu.domain.hypervisor;
  const start = codeAddress(vcpu);
  let done = 0;
  while (done < count) {
    const maddr = cpu.translate(BigInt.asUintN(64, start + BigInt(done)), Access.Execute, true);
    if (maddr < 0) break;
    const part = Math.min(count - done, PAGE_SIZE - (maddr & PAGE_MASK));
    for (let i = 0; i < part; i++) into[done + i] = memory.u8[maddr + i] ?? 0;
    done += part;
  }
  return done;
}

/**
 * The instruction at RIP. The object is good until the next call. undefined: there is none, or,
 * with `faulted`, its end is not mapped and the guest has got the page fault.
 */
export function fetchInstruction(vcpu: Vcpu): Insn | "faulted" | undefined {
  const available = fetchCode(vcpu, MAX_LENGTH, bytes);
  const length = decode(bytes.subarray(0, available), 0, codeSize(vcpu), insn);
  if (length === NEED_MORE && available < MAX_LENGTH) {
    const { cpu } = vcpu.domain.hypervisor;
    const address = BigInt.asUintN(64, codeAddress(vcpu) + BigInt(available));
    const result = cpu.translate(address, Access.Execute, true);
    injectPageFault(vcpu, address, result < 0 ? -1 - result : 0);
    return "faulted";
  }
  return length > 0 ? insn : undefined;
}

/** DR6.BS: a single step. */
const DR6_BS = 1n << 14n;

/** Ends the emulation of an instruction: RIP goes on, and a single-stepping guest gets its #DB. */
export function retire(vcpu: Vcpu, length: number): void {
  const { cpu } = vcpu.domain.hypervisor;
  const next = vcpu.state.rip + BigInt(length);
  vcpu.state.rip = BigInt.asUintN(codeSize(vcpu) === 64 ? 64 : 32, next);
  const flags = cpu.rflags;
  if ((flags & BigInt(FLAG_RF | FLAG_TF)) === 0n) return;
  cpu.rflags = flags & ~BigInt(FLAG_RF);
  if ((flags & BigInt(FLAG_TF)) === 0n) return;
  const dr = vcpu.state.dr;
  dr.set(6, dr.get(6) | DR6_BS);
  injectDebug(vcpu);
}
