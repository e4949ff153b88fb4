/**
 * Reading and writing a guest's memory through its own page tables, as a hypercall must: handles
 * are linear addresses of the guest kernel, and every access is checked for the range that Xen
 * owns, for presence and for the right to write. What fails is -EFAULT, never a crash.
 */
import { EFAULT } from "../../abi/errno.ts";
import type { Bytes, StructDef, View } from "../../abi/struct.ts";
import { HYPERVISOR_VIRT_END } from "../../abi/xen.ts";
import { PAGE_MASK, PAGE_SIZE } from "../../machine/memory.ts";
import { Access } from "../../machine/processor.ts";
import { HypercallError } from "../hypercall.ts";
import type { Vcpu } from "../vcpu.ts";
import { isGuestArray, linearOf } from "./linear.ts";
import { entryFrame, PTE_PRESENT, PTE_RW } from "./pte.ts";
import { l1EntryAddress } from "./walk.ts";

type Fields = Parameters<typeof import("../../abi/struct.ts").struct>[1];

const USER_END = 0x0000_8000_0000_0000n;
const ADDRESS_END = 1n << 64n;

/** `va` is canonical and outside of the hypervisor's part of the address space (64-bit guests). */
export function isGuestAddress(va: bigint): boolean {
  return va >= 0n && (va < USER_END || (va >= HYPERVISOR_VIRT_END && va < ADDRESS_END));
}

/** All of a range is the guest's, in one half of its address space. */
export function isGuestRange(va: bigint, length: number): boolean {
  const end = length > 0 ? va + BigInt(length - 1) : va;
  return isGuestAddress(va) && isGuestAddress(end) && va < USER_END === end < USER_END;
}

/** Machine address behind a guest's linear address, or -EFAULT. Good up to the end of the page. */
export function guestAddress(vcpu: Vcpu, va: bigint, access: Access): number {
  if (!isGuestAddress(va)) throw new HypercallError(EFAULT);
  const hv = vcpu.domain.hypervisor;
  const address = hv.current === vcpu ? hv.cpu.translate(va, access, true) : walkStopped(vcpu, va, access);
  if (address < 0) throw new HypercallError(EFAULT);
  return address;
}

/** As guestAddress, for a vCPU that is not on the processor: by its kernel root. */
function walkStopped(vcpu: Vcpu, va: bigint, access: Access): number {
  const { memory } = vcpu.domain.hypervisor;
  const root = vcpu.record.mm.kernel_root;
  const entry = root === 0 ? -1 : l1EntryAddress(memory, root, linearOf(va));
  if (entry < 0) return -1;
  const lo = memory.u32[entry >>> 2] ?? 0;
  const need = access === Access.Write ? PTE_PRESENT | PTE_RW : PTE_PRESENT;
  if ((lo & need) !== need) return -1;
  return entryFrame(lo, memory.u32[(entry >>> 2) + 1] ?? 0) * PAGE_SIZE + Number(va & 0xfffn);
}

/** Fails unless all of a range is the guest's: before anything is done, so that it cannot run out of its part. */
function checkRange(va: bigint, length: number): void {
  if (length > 0 && !isGuestAddress(va + BigInt(length - 1))) throw new HypercallError(EFAULT);
}

/** Bytes from a machine address to the end of its page, at most `length`. */
const inPage = (address: number, length: number): number => Math.min(length, PAGE_SIZE - (address & PAGE_MASK));

/** Below this it is quicker to copy bytes one by one than to make a view of them. */
const FEW_BYTES = 128;

/** Copies `length` bytes from the guest to `to` and on in `data`. */
function copyIn(vcpu: Vcpu, va: bigint, length: number, data: Uint8Array, to: number): void {
  const { u8 } = vcpu.domain.hypervisor.memory;
  checkRange(va, length);
  for (let done = 0; done < length; ) {
    const address = guestAddress(vcpu, done === 0 ? va : va + BigInt(done), Access.Read);
    const part = inPage(address, length - done);
    if (part < FEW_BYTES) for (let i = 0; i < part; i++) data[to + done + i] = u8[address + i]!;
    else data.set(u8.subarray(address, address + part), to + done);
    done += part;
  }
}

/** Copies `length` bytes from the guest. */
export function copyFromGuest(vcpu: Vcpu, va: bigint, length: number): Uint8Array {
  const data = new Uint8Array(length);
  copyIn(vcpu, va, length, data, 0);
  return data;
}

const ROOM = 16384;

function newRoom(length: number): Bytes {
  const u8 = new Uint8Array(length);
  return { u8, dv: new DataView(u8.buffer) };
}

/**
 * Where copies of structures are made. A buffer for each would cost more than all else. What is taken is never
 * used again, so that a copy stays what it is; when the room is full there is a new one.
 */
let room = newRoom(ROOM);
let taken = 0;

/** Copies a structure of `length` bytes into the room. @returns where it is */
function takeCopy(vcpu: Vcpu, va: bigint, length: number): number {
  if (taken + length > room.u8.length) {
    room = newRoom(Math.max(length, ROOM));
    taken = 0;
  }
  const at = taken;
  taken = (at + length + 7) & ~7;
  copyIn(vcpu, va, length, room.u8, at);
  return at;
}

/** Copies `data` to the guest. Read-only pages (page tables, descriptor tables) fail as for the guest itself. */
export function copyToGuest(vcpu: Vcpu, va: bigint, data: Uint8Array): void {
  const { memory, cpu } = vcpu.domain.hypervisor;
  checkRange(va, data.length);
  for (let done = 0; done < data.length; ) {
    const address = guestAddress(vcpu, done === 0 ? va : va + BigInt(done), Access.Write);
    const part = inPage(address, data.length - done);
    memory.u8.set(part === data.length ? data : data.subarray(done, done + part), address);
    cpu.frameWritten(Math.floor(address / PAGE_SIZE));
    done += part;
  }
}

/** A private copy of a guest's structure: copied once, then used. */
export function guestStruct<F extends Fields>(vcpu: Vcpu, def: StructDef<F>, va: bigint): View<F> {
  const layout = def.for(vcpu.domain.width);
  const at = takeCopy(vcpu, va, layout.size);
  return layout.at(room, at);
}

/** Writes a structure made by `guestStruct` (or a view of other bytes) back to the guest. */
export function putGuestStruct<F extends Fields>(vcpu: Vcpu, def: StructDef<F>, va: bigint, value: View<F>): void {
  const { width } = vcpu.domain;
  const u8 = new Uint8Array(def.size(width));
  def.set({ u8, dv: new DataView(u8.buffer) }, 0, value, width);
  copyToGuest(vcpu, va, u8);
}

/** Reads a `long` of the guest's width. */
export function guestLong(vcpu: Vcpu, va: bigint): bigint {
  const { width } = vcpu.domain;
  const at = takeCopy(vcpu, va, width / 8);
  return width === 64 ? room.dv.getBigUint64(at, true) : BigInt(room.dv.getUint32(at, true));
}

/** Writes a `long` of the guest's width. */
export function putGuestLong(vcpu: Vcpu, va: bigint, value: bigint): void {
  const data = new Uint8Array(vcpu.domain.width / 8);
  const dv = new DataView(data.buffer);
  if (vcpu.domain.width === 64) dv.setBigUint64(0, value, true);
  else dv.setUint32(0, Number(BigInt.asUintN(32, value)), true);
  copyToGuest(vcpu, va, data);
}

/** A guest's array of `count` elements, all of which must be the guest's before the first one is used. */
export function checkGuestArray(la: number, count: number, size: number): void {
  if (!isGuestArray(la, count, size)) throw new HypercallError(EFAULT);
}

/**
 * Address of element `index` of a guest's array. The whole range from the array's start is
 * checked: a huge index must not reach behind the addresses that the start was checked for (XSA-212).
 */
export function guestArrayAddress(va: bigint, index: number, size: number): bigint {
  const address = va + BigInt(index) * BigInt(size);
  if (!isGuestRange(va, index * size + size)) throw new HypercallError(EFAULT);
  return address;
}
