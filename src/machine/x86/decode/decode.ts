/**
 * The decoder proper (SDM vol. 2 §2.1 and §2.2; AMD64 APM vol. 3 §1).
 *
 * All that depends on the opcode was worked out when the module was loaded (opcode-map.ts,
 * operand-codes.ts); what remains is: prefixes, a look-up, ModRM, and the operands in the order of
 * the table. Nothing is allocated, but for displacements and immediates above 8 bits (bigints).
 */
import type { CodeSize, Insn } from "../insn.ts";
import { BASE_NONE, INDEX_NONE, OperandKind, RegClass, SEG_NONE } from "../insn.ts";
import { CS, DS, FS, GS } from "../state.ts";
import { instructionTable } from "../table/index.ts";
import { bigintOf, memoryForm16, memoryForm32, signed32 } from "./addressing.ts";
import type { OpcodeMap } from "./opcode-map.ts";
import {
  BY_B,
  BY_MODRM,
  BY_PREFIX,
  BY_REG,
  BY_W,
  buildOpcodeMap,
  MAP_0F,
  MAP_0F3A,
  MAP_0F38,
  PREFIX_66,
  PREFIX_F2,
  PREFIX_F3,
  PREFIX_NONE,
} from "./opcode-map.ts";
import {
  AT_MOST_32,
  BYTE_FORM,
  CONDITIONAL,
  CONSUMES_66,
  DEFAULT_64,
  fixedRegisters,
  HAS_MODRM,
  IMPLICIT_DS,
  LOCKABLE,
  flags as lineFlags,
  Method,
  methods,
  operandCounts,
  REPEATS,
  REPEATS_WHILE,
  SIZE_N,
  SIZE_S,
  sizeCodes,
  sizes,
} from "./operand-codes.ts";
import { ADDRESS_SIZE, LOCK, NOT_A_PREFIX, OPERAND_SIZE, prefixes, REX, SEGMENT } from "./prefixes.ts";

/** The result for an encoding that raises #UD. */
export const UNDEFINED = -1;
/** The result for an instruction of more than 15 bytes, which raises #GP(0). */
export const TOO_LONG = -2;
/** Bytes of the longest instruction. */
export const MAX_LENGTH = 15;

const map64 = buildOpcodeMap(true);
let map32: OpcodeMap | undefined;

/** Control registers that exist: 0, 2, 3, 4 and 8. */
const CONTROL_REGISTERS = 0b1_0001_1101;

/** After UNDEFINED: how many bytes had been looked at. */
export let undefinedAt = 0;

function undefinedOpcode(at: number): number {
  undefinedAt = at;
  return UNDEFINED;
}

/** Decodes without looking whether `bytes` ends: up to 15 prefixes and 13 bytes more are read. */
export function decodeAt(bytes: Uint8Array, offset: number, codeSize: CodeSize, out: Insn): number {
  const long = codeSize === 64;
  let at = offset;

  let rex = 0;
  let operandSizePrefix = false;
  let addressSizePrefix = false;
  let lock = false;
  let rep = 0;
  let segment = SEG_NONE;
  let byte = bytes[at++]!;
  for (let prefix = prefixes[byte]!; prefix !== NOT_A_PREFIX; prefix = prefixes[byte]!) {
    if (prefix === REX) {
      if (!long) break;
      rex = byte;
    } else {
      // A REX prefix counts only directly before the opcode.
      rex = 0;
      if (prefix >= SEGMENT) {
        if (!long || prefix >= SEGMENT + FS) segment = prefix - SEGMENT;
      } else if (prefix === OPERAND_SIZE) operandSizePrefix = true;
      else if (prefix === ADDRESS_SIZE) addressSizePrefix = true;
      else if (prefix === LOCK) lock = true;
      else rep = byte;
    }
    if (at - offset >= MAX_LENGTH) return TOO_LONG;
    byte = bytes[at++]!;
  }

  let opcode = byte;
  if (byte === 0x0f) {
    byte = bytes[at++]!;
    if (byte === 0x38) opcode = MAP_0F38 + (byte = bytes[at++]!);
    else if (byte === 0x3a) opcode = MAP_0F3A + (byte = bytes[at++]!);
    else opcode = MAP_0F + byte;
  }
  const modrm = bytes[at]!;

  const map = long ? map64 : (map32 ??= buildOpcodeMap(false));
  const dimensions = map.dimensions[opcode]!;
  let cell = 0;
  if (dimensions !== 0) {
    if (dimensions & BY_PREFIX) {
      if (rep !== 0) cell = rep === 0xf3 ? PREFIX_F3 : PREFIX_F2;
      else cell = operandSizePrefix ? PREFIX_66 : PREFIX_NONE;
    }
    if (dimensions & BY_W) cell = (cell << 1) | ((rex >> 3) & 1);
    if (dimensions & BY_B) cell = (cell << 1) | (rex & 1);
    if (dimensions & BY_REG) cell = (cell << 4) | (modrm >= 0xc0 ? 8 : 0) | ((modrm >> 3) & 7);
    else if (dimensions & BY_MODRM) cell = (cell << 8) | modrm;
  }
  const id = map.cells[map.first[opcode]! + cell]!;
  if (id < 0) return undefinedOpcode(dimensions & (BY_REG | BY_MODRM) ? at + 1 - offset : at - offset);

  const flags = lineFlags[id]!;
  let operandSize: number;
  if (flags & BYTE_FORM) operandSize = 1;
  else {
    const small = operandSizePrefix && (flags & CONSUMES_66) === 0;
    if (long) {
      if (rex & 8) operandSize = flags & AT_MOST_32 ? 4 : 8;
      else if (small) operandSize = 2;
      else operandSize = flags & DEFAULT_64 ? 8 : 4;
    } else operandSize = (codeSize === 32) === small ? 2 : 4;
  }
  const sizeColumn = operandSize === 8 ? 3 : operandSize >> 1;
  const addressSize = long ? (addressSizePrefix ? 4 : 8) : (codeSize === 32) === addressSizePrefix ? 2 : 4;

  out.def = instructionTable[id]!;
  out.codeSize = codeSize;
  out.operandSize = operandSize;
  out.addressSize = addressSize;
  out.base = BASE_NONE;
  out.index = INDEX_NONE;
  out.scale = 0;
  out.disp = 0n;
  out.segment = SEG_NONE;
  out.imm = 0n;
  out.imm2 = 0;
  out.rep = 0;
  out.condition = flags & CONDITIONAL ? byte & 15 : 0;

  if (flags & HAS_MODRM) at++;
  if (flags & REPEATS && rep !== 0) out.rep = flags & REPEATS_WHILE ? rep : 0xf3;
  if (flags & IMPLICIT_DS) out.segment = segment !== SEG_NONE || long ? segment : DS;

  const operands = out.operands;
  const count = operandCounts[id]!;
  out.operandCount = count;
  for (let i = count; i < 4; i++) {
    const operand = operands[i as 0 | 1 | 2 | 3];
    operand.kind = OperandKind.None;
    operand.highByte = false;
  }
  for (let i = 0; i < count; i++) {
    const operand = operands[i as 0 | 1 | 2 | 3];
    const sizeCode = sizeCodes[id * 4 + i]!;
    const size = sizes[sizeCode * 4 + sizeColumn]!;
    operand.size = size;
    operand.highByte = false;
    operand.regClass = RegClass.Gpr;
    operand.reg = 0;
    const method = methods[id * 4 + i]!;
    switch (method) {
      case Method.RegGpr: {
        operand.kind = OperandKind.Reg;
        const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
        if (size === 1 && reg >= 4 && rex === 0) {
          operand.highByte = true;
          operand.reg = reg - 4;
        } else operand.reg = reg;
        if (sizeCode === SIZE_N && long) operand.size = 8;
        break;
      }
      case Method.RmGpr:
      case Method.RmMmx:
      case Method.RmXmm:
        if (modrm < 0xc0) {
          operand.kind = OperandKind.Mem;
          if (sizeCode === SIZE_S && long) operand.size = 10;
          at =
            addressSize === 2
              ? memoryForm16(bytes, at, modrm, segment, out)
              : memoryForm32(bytes, at, modrm, rex, segment, long, out);
          break;
        }
        operand.kind = OperandKind.Reg;
        if (method === Method.RmGpr) {
          const reg = (modrm & 7) | ((rex & 1) << 3);
          if (size === 1 && reg >= 4 && rex === 0) {
            operand.highByte = true;
            operand.reg = reg - 4;
          } else operand.reg = reg;
          if (sizeCode === SIZE_N && long) operand.size = 8;
        } else if (method === Method.RmXmm) {
          operand.regClass = RegClass.Xmm;
          operand.reg = (modrm & 7) | ((rex & 1) << 3);
        } else {
          operand.regClass = RegClass.Mmx;
          operand.reg = modrm & 7;
        }
        break;
      case Method.RegXmm:
        operand.kind = OperandKind.Reg;
        operand.regClass = RegClass.Xmm;
        operand.reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
        break;
      case Method.RegMmx:
        operand.kind = OperandKind.Reg;
        operand.regClass = RegClass.Mmx;
        operand.reg = (modrm >> 3) & 7;
        break;
      case Method.OpcodeGpr: {
        operand.kind = OperandKind.Reg;
        const reg = (byte & 7) | ((rex & 1) << 3);
        if (size === 1 && reg >= 4 && rex === 0) {
          operand.highByte = true;
          operand.reg = reg - 4;
        } else operand.reg = reg;
        break;
      }
      case Method.Fixed: {
        const fixed = fixedRegisters[id * 4 + i]!;
        operand.kind = OperandKind.Reg;
        operand.regClass = (fixed >> 4) as RegClass;
        operand.reg = fixed & 15;
        break;
      }
      case Method.X87:
        operand.kind = OperandKind.Reg;
        operand.regClass = RegClass.X87;
        operand.reg = modrm & 7;
        break;
      case Method.RegSegment:
        operand.kind = OperandKind.Reg;
        operand.regClass = RegClass.Segment;
        operand.reg = (modrm >> 3) & 7;
        // There are six, and CS cannot be loaded.
        if (operand.reg > GS || (i === 0 && operand.reg === CS)) return undefinedOpcode(at - offset);
        break;
      case Method.RmAlwaysGpr:
        operand.kind = OperandKind.Reg;
        operand.reg = (modrm & 7) | ((rex & 1) << 3);
        operand.size = long ? 8 : 4;
        break;
      case Method.RegControl: {
        operand.kind = OperandKind.Reg;
        operand.regClass = RegClass.Control;
        operand.size = long ? 8 : 4;
        let reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
        if (lock) {
          // AMD64 APM vol. 3, MOV CRn: how CR8 is reached without REX.
          if (reg >= 8) return undefinedOpcode(at - offset);
          reg += 8;
          lock = false;
        }
        if ((CONTROL_REGISTERS >> reg) % 2 === 0) return undefinedOpcode(at - offset);
        operand.reg = reg;
        break;
      }
      case Method.RegDebug:
        operand.kind = OperandKind.Reg;
        operand.regClass = RegClass.Debug;
        operand.size = long ? 8 : 4;
        if (rex & 4) return undefinedOpcode(at - offset);
        operand.reg = (modrm >> 3) & 7;
        break;
      case Method.SignedByte:
        operand.kind = OperandKind.Imm;
        out.imm = bigintOf((bytes[at]! << 24) >> 24);
        at += 1;
        break;
      case Method.Unsigned:
        operand.kind = OperandKind.Imm;
        if (i > 0 && operands[(i - 1) as 0 | 1 | 2].kind === OperandKind.Imm) {
          out.imm2 = bytes[at]!;
          at += 1;
        } else if (size === 1) {
          out.imm = bigintOf(bytes[at]!);
          at += 1;
        } else {
          out.imm = bigintOf(bytes[at]! | (bytes[at + 1]! << 8));
          at += 2;
        }
        break;
      case Method.Full:
        operand.kind = OperandKind.Imm;
        if (size === 8) {
          out.imm = bigint64At(bytes, at);
          at += 8;
          break;
        }
        if (size === 2) {
          out.imm = bigintOf(((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16);
          at += 2;
        } else {
          out.imm = bigintOf(signed32(bytes, at));
          at += 4;
        }
        break;
      case Method.Signed:
      case Method.Relative:
        operand.kind = method === Method.Signed ? OperandKind.Imm : OperandKind.Rel;
        if (size === 2) {
          out.imm = bigintOf(((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16);
          at += 2;
        } else {
          out.imm = bigintOf(signed32(bytes, at));
          at += 4;
        }
        break;
      case Method.RelativeByte:
        operand.kind = OperandKind.Rel;
        out.imm = bigintOf((bytes[at]! << 24) >> 24);
        at += 1;
        break;
      case Method.One:
        operand.kind = OperandKind.Imm;
        out.imm = 1n;
        break;
      case Method.FarPointer:
        operand.kind = OperandKind.Imm;
        if (operandSize === 2) {
          out.imm = bigintOf(bytes[at]! | (bytes[at + 1]! << 8));
          at += 2;
        } else {
          out.imm = bigintOf(signed32(bytes, at) >>> 0);
          at += 4;
        }
        out.imm2 = bytes[at]! | (bytes[at + 1]! << 8);
        at += 2;
        break;
      case Method.Offset:
        operand.kind = OperandKind.Mem;
        out.segment = segment !== SEG_NONE || long ? segment : DS;
        if (addressSize === 8) {
          out.disp = bigint64At(bytes, at);
        } else if (addressSize === 4) {
          out.disp = bigintOf(signed32(bytes, at) >>> 0);
        } else {
          out.disp = bigintOf(bytes[at]! | (bytes[at + 1]! << 8));
        }
        at += addressSize;
        break;
    }
  }

  out.lock = lock;
  const length = at - offset;
  out.length = length;
  if (length > MAX_LENGTH) return TOO_LONG;
  if (lock && ((flags & LOCKABLE) === 0 || operands[0].kind !== OperandKind.Mem)) return undefinedOpcode(length);
  return length;
}

function bigint64At(bytes: Uint8Array, at: number): bigint {
  const low = signed32(bytes, at) >>> 0;
  return (BigInt(signed32(bytes, at + 4)) << 32n) | BigInt(low);
}
