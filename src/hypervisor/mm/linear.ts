/**
 * Linear addresses as numbers. A canonical address has 48 bits and their sign: as a number it is exact, and
 * the upper half of the address space is below 0. So is what the checks say of it, in one comparison each:
 *
 *     -2^47 .. -0x7800_0000_0000   the hypervisor's (0xffff_8000_0000_0000 .. 0xffff_8800_0000_0000)
 *      ...  .. 0                   guest kernel
 *      0    .. 2^47                lower half
 *
 * What is not canonical comes out beyond both ends: rounded perhaps, but never back into them. A bigint
 * is an object, and costs as much as a whole check; these are for what guests ask most.
 */
import { HYPERVISOR_VIRT_END } from "../../abi/xen.ts";

const LOWER_END = 2 ** 47;
const GUEST_START = Number(BigInt.asIntN(64, HYPERVISOR_VIRT_END));

/** The address of which these are the halves, as 32-bit numbers. */
export function linearAddress(low: number, high: number): number {
  return (high | 0) * 2 ** 32 + low;
}

/** The same of a 64-bit number. */
export function linearOf(address: bigint): number {
  return Number(BigInt.asIntN(64, address));
}

/** Low half of a linear address. */
export const lowHalf = (la: number): number => la >>> 0;
/** High half of a linear address. */
export const highHalf = (la: number): number => Math.floor(la / 2 ** 32) >>> 0;

/** Bits 48..63 are equal to bit 47. */
export function isCanonicalLinear(la: number): boolean {
  return la >= -LOWER_END && la < LOWER_END;
}

/** Canonical, and outside of the hypervisor's part of the address space (64-bit guests). */
export function isGuestLinear(la: number): boolean {
  return la >= GUEST_START && la < LOWER_END;
}

/** `count` elements of `size` bytes (less than 2^48 in all) are the guest's, in one half of its address space. */
export function isGuestArray(la: number, count: number, size: number): boolean {
  const last = count > 0 ? la + count * size - 1 : la;
  return isGuestLinear(la) && isGuestLinear(last) && la < 0 === last < 0;
}
