/** The table's operand codes (format.ts) compiled to small numbers, which the decoder switches on. */
import { RegClass } from "../insn.ts";
import { instructionTable } from "../table/index.ts";
import { PREFIX_66, parseEncoding } from "./opcode-map.ts";

/** How an operand is found. */
export const Method = {
  /** ModRM.rm: memory or a register of a class. */
  RmGpr: 1,
  RmMmx: 2,
  RmXmm: 3,
  /** ModRM.reg. */
  RegGpr: 4,
  RegMmx: 5,
  RegXmm: 6,
  RegSegment: 7,
  RegControl: 8,
  RegDebug: 9,
  /** Low bits of the opcode byte. */
  OpcodeGpr: 10,
  /** A register that the opcode implies; `fixed` has class and number. */
  Fixed: 11,
  /** ST(i): low bits of ModRM. */
  X87: 12,
  /** Immediate, zero-extended from 8 or 16 bits. */
  Unsigned: 13,
  /** Immediate of the operand's size, at most 4 bytes, sign-extended. */
  Signed: 14,
  /** Immediate of one byte, sign-extended to the operand size. */
  SignedByte: 15,
  /** Immediate of the operand's size, 8 bytes included. */
  Full: 16,
  /** The constant 1. */
  One: 17,
  RelativeByte: 18,
  Relative: 19,
  FarPointer: 20,
  Offset: 21,
  /** DS:rSI of string instructions: no operand, but the segment counts. */
  Source: 22,
  /** ModRM.rm as a general register whatever `mod` says. */
  RmAlwaysGpr: 23,
} as const;

/** Bits of `flags`. */
export const HAS_MODRM = 1;
/** Byte operation: operandSize is 1. */
export const BYTE_FORM = 2;
/** Defaults to 8 in 64-bit mode. */
export const DEFAULT_64 = 4;
export const AT_MOST_32 = 8;
/** 66 is part of the opcode and does not change the operand size. */
export const CONSUMES_66 = 16;
export const LOCKABLE = 32;
/** Has a condition in the low bits of the opcode. */
export const CONDITIONAL = 64;
/** F3 and F2 repeat. */
export const REPEATS = 128;
/** F2 differs from F3 when repeating. */
export const REPEATS_WHILE = 256;
/** Memory at DS:rDI, DS:rBX and the like that is not an operand: the segment counts. */
export const IMPLICIT_DS = 512;

/** Size codes: rows of `sizes`, columns are log2 of the operand size. */
const SIZES: Record<string, readonly [number, number, number, number]> = {
  "": [0, 0, 0, 0],
  b: [1, 1, 1, 1],
  w: [2, 2, 2, 2],
  d: [4, 4, 4, 4],
  q: [8, 8, 8, 8],
  dq: [16, 16, 16, 16],
  t: [10, 10, 10, 10],
  ss: [4, 4, 4, 4],
  sd: [8, 8, 8, 8],
  ps: [16, 16, 16, 16],
  pd: [16, 16, 16, 16],
  v: [1, 2, 4, 8],
  z: [1, 2, 4, 4],
  y: [4, 4, 4, 8],
  // AMD: no 64-bit offsets in far pointers.
  p: [4, 4, 6, 6],
  a: [4, 4, 8, 8],
  // Without a 64-bit mode: n is 4, s is 6. See SIZE_N and SIZE_S.
  n: [4, 4, 4, 4],
  s: [6, 6, 6, 6],
};
const SIZE_CODES = Object.keys(SIZES);
export const SIZE_N = SIZE_CODES.indexOf("n");
export const SIZE_S = SIZE_CODES.indexOf("s");

/** Bytes of an operand, by `size code * 4 + log2(operand size)`. */
export const sizes = Uint8Array.from(Object.values(SIZES).flat());

const FIXED: Record<string, { regClass: RegClass; reg: number; size: string }> = {
  AL: { regClass: RegClass.Gpr, reg: 0, size: "b" },
  CL: { regClass: RegClass.Gpr, reg: 1, size: "b" },
  AX: { regClass: RegClass.Gpr, reg: 0, size: "w" },
  DX: { regClass: RegClass.Gpr, reg: 2, size: "w" },
  rAX: { regClass: RegClass.Gpr, reg: 0, size: "v" },
  ES: { regClass: RegClass.Segment, reg: 0, size: "w" },
  CS: { regClass: RegClass.Segment, reg: 1, size: "w" },
  SS: { regClass: RegClass.Segment, reg: 2, size: "w" },
  DS: { regClass: RegClass.Segment, reg: 3, size: "w" },
  FS: { regClass: RegClass.Segment, reg: 4, size: "w" },
  GS: { regClass: RegClass.Segment, reg: 5, size: "w" },
  ST0: { regClass: RegClass.X87, reg: 0, size: "t" },
  XMM0: { regClass: RegClass.Xmm, reg: 0, size: "dq" },
};

const METHODS: Record<string, number> = {
  E: Method.RmGpr,
  M: Method.RmGpr,
  R: Method.RmGpr,
  Q: Method.RmMmx,
  N: Method.RmMmx,
  W: Method.RmXmm,
  U: Method.RmXmm,
  G: Method.RegGpr,
  P: Method.RegMmx,
  V: Method.RegXmm,
  S: Method.RegSegment,
  C: Method.RegControl,
  D: Method.RegDebug,
  Z: Method.OpcodeGpr,
  A: Method.FarPointer,
  O: Method.Offset,
};

const IMMEDIATES: Record<string, { method: number; size: string }> = {
  Ib: { method: Method.Unsigned, size: "b" },
  Iw: { method: Method.Unsigned, size: "w" },
  Ibs: { method: Method.SignedByte, size: "v" },
  Iz: { method: Method.Signed, size: "v" },
  Iv: { method: Method.Full, size: "v" },
  Jb: { method: Method.RelativeByte, size: "v" },
  Jz: { method: Method.Relative, size: "v" },
};

export interface OperandCode {
  method: number;
  size: number;
  fixed: number;
}

function compile(code: string, modIgnored: boolean): OperandCode {
  const size = (name: string): number => {
    const index = SIZE_CODES.indexOf(name);
    if (index < 0) throw new Error(`instruction table: operand "${code}"`);
    return index;
  };
  if (code === "1") return { method: Method.One, size: size("b"), fixed: 0 };
  if (code === "STi") return { method: Method.X87, size: size("t"), fixed: 0 };
  const register = FIXED[code];
  if (register) {
    return { method: Method.Fixed, size: size(register.size), fixed: (register.regClass << 4) | register.reg };
  }
  const immediate = IMMEDIATES[code];
  if (immediate) return { method: immediate.method, size: size(immediate.size), fixed: 0 };
  let method = METHODS[code[0]!];
  if (method === undefined) throw new Error(`instruction table: operand "${code}"`);
  if (method === Method.RmGpr && modIgnored) method = Method.RmAlwaysGpr;
  return { method, size: size(code.slice(1)), fixed: 0 };
}

const count = instructionTable.length;
/** By line: number of operands, flags. */
export const operandCounts = new Uint8Array(count);
export const flags = new Uint16Array(count);
/** By line * 4 + operand. */
export const methods = new Uint8Array(count * 4);
export const sizeCodes = new Uint8Array(count * 4);
export const fixedRegisters = new Uint8Array(count * 4);

/** Mnemonics with implicit memory at DS that is not X in the operand column. */
const implicitDs = new Set(["xlat", "maskmovq", "maskmovdqu", "monitor", "monitorx", "clzero"]);

for (const def of instructionTable) {
  const encoding = parseEncoding(def);
  const codes = def.operands === "" ? [] : def.operands.split(",");
  const isString = codes.some((code) => /^[XY]/.test(code));
  const modIgnored = codes.some((code) => code === "Cn" || code === "Dn");

  // String instructions have no operands of their own: what they touch follows from the mnemonic.
  if (!isString) {
    codes.forEach((code, i) => {
      const compiled = compile(code, modIgnored);
      methods[def.id * 4 + i] = compiled.method;
      sizeCodes[def.id * 4 + i] = compiled.size;
      fixedRegisters[def.id * 4 + i] = compiled.fixed;
    });
    operandCounts[def.id] = codes.length;
  }

  // The first operand that is not an immediate, a port or a count tells a byte operation.
  const sized = codes.find((code) => !/^(I.*|J.|DX|1)$/.test(code));
  let bits = 0;
  if (sized !== undefined && /^([A-Z]b|AL)$/.test(sized)) bits |= BYTE_FORM;
  if (encoding.hasModrm) bits |= HAS_MODRM;
  if (def.default64) bits |= DEFAULT_64;
  if (def.atMost32) bits |= AT_MOST_32;
  if (encoding.prefixes === 1 << PREFIX_66) bits |= CONSUMES_66;
  if (def.lockable) bits |= LOCKABLE;
  if (def.encoding.includes("+cc")) bits |= CONDITIONAL;
  if (def.repeat !== "none") bits |= REPEATS;
  if (def.repeat === "repcc") bits |= REPEATS_WHILE;
  if (codes.some((code) => code.startsWith("X")) || implicitDs.has(def.mnemonic)) bits |= IMPLICIT_DS;
  flags[def.id] = bits;
}
