/**
 * A backtrace from the stack alone.
 *
 * Kernels are built without frame pointers, so every word of the stack that can be a return address
 * is taken for one: it must point behind a CALL. That finds all callers and some that have
 * returned already, as Linux's "?" entries are.
 */

import { RSP } from "../machine/x86/state.ts";
import { HypercallError } from "./hypercall.ts";
import { copyFromGuest } from "./mm/guest-access.ts";
import type { Vcpu } from "./vcpu.ts";

/** Linux's kernel stacks are 16 KiB. */
const STACK_BYTES = 16384;
const MAX_ENTRIES = 40;
/** Longest CALL: FF /2 with SIB and a 32-bit displacement. */
const LONGEST_CALL = 7;

/** Where the vCPU is, and who called, innermost first. */
export function backtrace(vcpu: Vcpu): bigint[] {
  const rip = vcpu.state.rip;
  const entries = [rip];
  const stack = readStack(vcpu, vcpu.gpr[RSP] ?? 0n);
  for (let at = 0; at + 8 <= stack.byteLength && entries.length < MAX_ENTRIES; at += 8) {
    const address = stack.getBigUint64(at, true);
    if (address !== rip && isReturnAddress(vcpu, address)) entries.push(address);
  }
  return entries;
}

/** The stack from its pointer up, as far as it is mapped and of kernel size. */
function readStack(vcpu: Vcpu, rsp: bigint): DataView {
  const start = rsp & ~7n;
  const room = STACK_BYTES - Number(start & BigInt(STACK_BYTES - 1));
  const bytes = new Uint8Array(room);
  let length = 0;
  while (length < room) {
    const part = Math.min(room - length, 4096 - ((Number(start & 0xfffn) + length) % 4096));
    const piece = read(vcpu, start + BigInt(length), part);
    if (piece === undefined) break;
    bytes.set(piece, length);
    length += part;
  }
  return new DataView(bytes.buffer, 0, length);
}

function isReturnAddress(vcpu: Vcpu, address: bigint): boolean {
  if (address < 4096n) return false;
  const code = read(vcpu, address - BigInt(LONGEST_CALL), LONGEST_CALL);
  if (code === undefined) return false;
  const back = (n: number): number => code[LONGEST_CALL - n] ?? 0;
  if (back(5) === 0xe8) return true;
  // FF /2: with no displacement, with 8 bits, with 32 bits, the latter two also with a SIB byte.
  return [2, 3, 4, 6, 7].some((length) => back(length) === 0xff && ((back(length - 1) >> 3) & 7) === 2);
}

function read(vcpu: Vcpu, address: bigint, length: number): Uint8Array | undefined {
  try {
    return copyFromGuest(vcpu, BigInt.asUintN(64, address), length);
  } catch (error) {
    if (error instanceof HypercallError) return undefined;
    throw error;
  }
}
