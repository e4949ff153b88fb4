/** Memory operands: ModRM, SIB and displacement (SDM vol. 2 §2.1.5, tables 2-1 to 2-3). */
import type { Insn } from "../insn.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE } from "../insn.ts";
import { DS, RBP, RBX, RDI, RSI, RSP, SS } from "../state.ts";

/** bigints of -128 .. 255, which would otherwise be allocated again and again. */
const small: readonly bigint[] = Array.from({ length: 384 }, (_, i) => BigInt(i - 128));

export function bigintOf(value: number): bigint {
  return value >= -128 && value < 256 ? small[value + 128]! : BigInt(value);
}

/** Little-endian 32 bits, signed. */
export function signed32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/**
 * 32- and 64-bit addressing. `at` is behind ModRM, `segment` the override or SEG_NONE; returns
 * where the instruction goes on.
 */
export function memoryForm32(
  bytes: Uint8Array,
  at: number,
  modrm: number,
  rex: number,
  segment: number,
  long: boolean,
  out: Insn,
): number {
  const mod = modrm >> 6;
  let base = modrm & 7;
  let noBase = mod === 0 && base === RBP;
  let ripRelative = noBase && long;
  if (base === RSP) {
    const sib = bytes[at++]!;
    const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
    if (index !== RSP) {
      out.index = index;
      out.scale = sib >> 6;
    }
    base = sib & 7;
    noBase = mod === 0 && base === RBP;
    ripRelative = false;
  }
  let stack = false;
  if (!noBase) {
    // REX.B does not change what RSP and RBP mean for the form, but for the default segment.
    stack = base === RSP || base === RBP;
    out.base = base | ((rex & 1) << 3);
  } else out.base = ripRelative ? BASE_RIP : BASE_NONE;
  out.segment = segment >= 0 || long ? segment : stack ? SS : DS;

  if (mod === 1) {
    out.disp = bigintOf((bytes[at]! << 24) >> 24);
    return at + 1;
  }
  if (mod === 2 || noBase) {
    out.disp = bigintOf(signed32(bytes, at));
    return at + 4;
  }
  return at;
}

const BASES_16 = Int8Array.of(RBX, RBX, RBP, RBP, RSI, RDI, RBP, RBX);
const INDEXES_16 = Int8Array.of(RSI, RDI, RSI, RDI, INDEX_NONE, INDEX_NONE, INDEX_NONE, INDEX_NONE);

/** 16-bit addressing. */
export function memoryForm16(bytes: Uint8Array, at: number, modrm: number, segment: number, out: Insn): number {
  const mod = modrm >> 6;
  const form = modrm & 7;
  if (mod === 0 && form === 6) {
    out.base = BASE_NONE;
    out.segment = segment >= 0 ? segment : DS;
    out.disp = bigintOf(bytes[at]! | (bytes[at + 1]! << 8));
    return at + 2;
  }
  const base = BASES_16[form]!;
  out.base = base;
  out.index = INDEXES_16[form]!;
  out.segment = segment >= 0 ? segment : base === RBP ? SS : DS;
  if (mod === 1) {
    out.disp = bigintOf((bytes[at]! << 24) >> 24);
    return at + 1;
  }
  if (mod === 2) {
    out.disp = bigintOf(((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16);
    return at + 2;
  }
  return at;
}
