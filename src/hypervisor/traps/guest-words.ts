/**
 * 64-bit words on a guest's stack: what frames are made of.
 *
 * As guest-access.ts, with the guest's own rights and never in the hypervisor's range, but
 * without an allocation or an exception: each bounce and each iret comes through here. Words are
 * pairs of halves, since a bigint is an object.
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

/** Joins halves to an address: the cheapest way there is. */
const joined = new BigUint64Array(1);
const halves32 = new Uint32Array(joined.buffer);

/** The word of which these are the halves. */
export function join(low: number, high: number): bigint {
  halves32[0] = low;
  halves32[1] = high;
  return joined[0]!;
}

/** Machine address of a guest byte, or -1. The address is given in halves. */
function locate(vcpu: Vcpu, low: number, high: number, access: Access): number {
  // As guestAddress.
  const top = high >>> 11;
  if (top > 0xf && top < 0x1ffff1) return -1;
  const maddr = vcpu.domain.hypervisor.cpu.translate(join(low, high), access, true);
  return maddr < 0 ? -1 : maddr;
}

/** Machine address behind the page boundary that a range from an address crosses. */
function locateNext(vcpu: Vcpu, low: number, high: number, inPage: number, access: Access): number {
  const next = (low + inPage) >>> 0;
  return locate(vcpu, next, next < low ? (high + 1) >>> 0 : high, access);
}

/** Reads `count` words at an address (in halves) into `out`, low half first; false if one cannot be read. */
export function readWords(vcpu: Vcpu, low: number, high: number, count: number, out: Uint32Array): boolean {
  return readHalves(vcpu, low, high, count * 2, out);
}

/** The same for 32-bit words. */
export function readHalves(vcpu: Vcpu, low: number, high: number, halves: number, out: Uint32Array): boolean {
  const { dv, u32 } = vcpu.domain.hypervisor.memory;
  const start = locate(vcpu, low, high, Access.Read);
  if (start < 0) return false;
  const inPage = PAGE_SIZE - (start & PAGE_MASK);
  if ((start & 3) === 0 && halves * 4 <= inPage) {
    for (let i = 0, at = start >>> 2; i < halves; i++) out[i] = u32[at + i]!;
    return true;
  }
  const next = halves * 4 <= inPage ? 0 : locateNext(vcpu, low, high, inPage, Access.Read);
  if (next < 0) return false;
  const { u8 } = vcpu.domain.hypervisor.memory;
  for (let i = 0; i < halves; i++) {
    const at = i * 4;
    if (at + 4 <= inPage) out[i] = dv.getUint32(start + at, true);
    else if (at >= inPage) out[i] = dv.getUint32(next + at - inPage, true);
    else {
      let half = 0;
      for (let b = 3; b >= 0; b--) half = (half << 8) | u8[at + b < inPage ? start + at + b : next + at + b - inPage]!;
      out[i] = half;
    }
  }
  return true;
}

/** Writes `count` words at an address (in halves), all or none; false if one cannot be written. */
export function writeWords(vcpu: Vcpu, low: number, high: number, count: number, words: Uint32Array): boolean {
  const { memory, cpu } = vcpu.domain.hypervisor;
  const { dv, u8, u32 } = memory;
  const halves = count * 2;
  const start = locate(vcpu, low, high, Access.Write);
  if (start < 0) return false;
  const inPage = PAGE_SIZE - (start & PAGE_MASK);
  if ((start & 3) === 0 && count * 8 <= inPage) {
    for (let i = 0, at = start >>> 2; i < halves; i++) u32[at + i] = words[i]!;
    cpu.frameWritten(start >>> 12);
    return true;
  }
  const next = count * 8 <= inPage ? 0 : locateNext(vcpu, low, high, inPage, Access.Write);
  if (next < 0) return false;
  for (let i = 0; i < halves; i++) {
    const at = i * 4;
    if (at + 4 <= inPage) dv.setUint32(start + at, words[i]!, true);
    else if (at >= inPage) dv.setUint32(next + at - inPage, words[i]!, true);
    else {
      for (let b = 0; b < 4; b++) {
        u8[at + b < inPage ? start + at + b : next + at + b - inPage] = (words[i]! >>> (b * 8)) & 0xff;
      }
    }
  }
  cpu.frameWritten(start >>> 12);
  if (next > 0) cpu.frameWritten(next >>> 12);
  return true;
}

/** Word `index` of what `readWords` has read. */
export function wordAt(words: Uint32Array, index: number): bigint {
  return join(words[index * 2]!, words[index * 2 + 1]!);
}

/** The halves of an address. */
export const lowHalf = (va: bigint): number => Number(va & 0xffff_ffffn);
export const highHalf = (va: bigint): number => Number((va >> 32n) & 0xffff_ffffn);
