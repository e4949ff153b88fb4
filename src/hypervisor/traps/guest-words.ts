/**
 * 64-bit words on a guest's stack: what frames are made of.
 *
 * As guest-access.ts, with the guest's own rights and never in the hypervisor's range, but
 * without an allocation or an exception: each bounce and each iret comes through here.
 */

import { PAGE_MASK, PAGE_SIZE } from "../../machine/memory.ts";
import { Access } from "../../machine/processor.ts";
import type { Vcpu } from "../vcpu.ts";

/** Canonical and outside of the 8 TiB that belong to the hypervisor (L4 slots 256..271). */
export function guestAddress(va: bigint): boolean {
  const high = va >> 43n;
  // Lower half: 0..0xf. The hypervisor: 0x1ffff0. The rest of the upper half: from 0x1ffff1.
  return high <= 0xfn || high >= 0x1ffff1n;
}

export function isCanonical(va: bigint): boolean {
  const high = va >> 47n;
  return high === 0n || high === 0x1ffffn;
}

const scratch = new DataView(new ArrayBuffer(32 * 8));

/** Machine address of a guest byte, or -1. */
function locate(vcpu: Vcpu, va: bigint, access: Access): number {
  if (!guestAddress(va)) return -1;
  const maddr = vcpu.domain.hypervisor.cpu.translate(va, access, true);
  return maddr < 0 ? -1 : maddr;
}

/** Reads `count` words (at most 32) at `va`; false if one cannot be read. */
export function readWords(vcpu: Vcpu, va: bigint, count: number, out: BigUint64Array): boolean {
  const { dv, u8 } = vcpu.domain.hypervisor.memory;
  const bytes = count * 8;
  const start = locate(vcpu, va, Access.Read);
  if (start < 0) return false;
  const inPage = PAGE_SIZE - (start & PAGE_MASK);
  if (bytes <= inPage) {
    for (let i = 0; i < count; i++) out[i] = dv.getBigUint64(start + i * 8, true);
    return true;
  }
  const next = locate(vcpu, BigInt.asUintN(64, va + BigInt(inPage)), Access.Read);
  if (next < 0) return false;
  for (let i = 0; i < bytes; i++) scratch.setUint8(i, u8[i < inPage ? start + i : next + i - inPage] ?? 0);
  for (let i = 0; i < count; i++) out[i] = scratch.getBigUint64(i * 8, true);
  return true;
}

/** Writes `count` words (at most 32) at `va`, all or none; false if one cannot be written. */
export function writeWords(vcpu: Vcpu, va: bigint, count: number, words: BigUint64Array): boolean {
  const { memory, cpu } = vcpu.domain.hypervisor;
  const bytes = count * 8;
  const start = locate(vcpu, va, Access.Write);
  if (start < 0) return false;
  const inPage = PAGE_SIZE - (start & PAGE_MASK);
  if (bytes <= inPage) {
    for (let i = 0; i < count; i++) memory.dv.setBigUint64(start + i * 8, words[i] ?? 0n, true);
    cpu.frameWritten(start >>> 12);
    return true;
  }
  const next = locate(vcpu, BigInt.asUintN(64, va + BigInt(inPage)), Access.Write);
  if (next < 0) return false;
  for (let i = 0; i < count; i++) scratch.setBigUint64(i * 8, words[i] ?? 0n, true);
  for (let i = 0; i < bytes; i++) memory.u8[i < inPage ? start + i : next + i - inPage] = scratch.getUint8(i);
  cpu.frameWritten(start >>> 12);
  cpu.frameWritten(next >>> 12);
  return true;
}
