/**
 * The opcode maps: arrays, built once from the table, that lead from an instruction's bytes to its
 * line. An opcode whose lines differ by more than the opcode byte has one cell for each combination
 * of those things ("dimensions") that its lines speak about, and only of those.
 */
import { instructionTable } from "../table/index.ts";
import type { InsnDef } from "../table/types.ts";

/** Dimensions of an opcode's cells, from the outermost to the innermost. */
export const BY_PREFIX = 1;
export const BY_W = 2;
export const BY_B = 4;
/** Memory or register form, and `reg`: 16 cells. */
export const BY_REG = 8;
/** The whole ModRM byte: 256 cells. Then BY_REG is not set. */
export const BY_MODRM = 16;

/** Values of the prefix dimension. */
export const PREFIX_NONE = 0;
export const PREFIX_66 = 1;
export const PREFIX_F3 = 2;
export const PREFIX_F2 = 3;

/** Opcode maps: the number is added to the opcode byte. */
export const MAP_0F = 0x100;
export const MAP_0F38 = 0x200;
export const MAP_0F3A = 0x300;

export interface OpcodeMap {
  /** By map and opcode byte: the dimensions. */
  readonly dimensions: Uint8Array;
  /** By map and opcode byte: the first of its cells. */
  readonly first: Uint16Array;
  /** Line of the table, or -1. */
  readonly cells: Int16Array;
}

/** Sets of values of the prefix dimension. */
const ANY_PREFIX = 0b1111;
const PREFIXES: Record<string, number> = {
  NP: 1 << PREFIX_NONE,
  NFx: (1 << PREFIX_NONE) | (1 << PREFIX_66),
  "66": 1 << PREFIX_66,
  F3: 1 << PREFIX_F3,
  F2: 1 << PREFIX_F2,
};
const MAPS: Record<string, number> = { "0F": MAP_0F, "0F 38": MAP_0F38, "0F 3A": MAP_0F3A };

/** A line's encoding, parsed. */
export interface Encoding {
  /** Set of values of the prefix dimension that the encoding allows. */
  prefixes: number;
  w: boolean;
  b: boolean;
  /** Map plus the first opcode byte. */
  opcode: number;
  /** How many opcodes from there on: 8 for +r, 16 for +cc. */
  opcodes: number;
  hasModrm: boolean;
  /** First and last of fixed ModRM bytes (second opcode bytes), or -1. */
  modrm: number;
  modrmLast: number;
  /** `reg` field of ModRM, or -1. */
  digit: number;
  /** Whether memory forms and register forms are meant. */
  memory: boolean;
  register: boolean;
}

/** Parses the encoding column; which forms of ModRM are meant is in the operands. */
export function parseEncoding(def: InsnDef): Encoding {
  const words = def.encoding.split(" ");
  let prefixes = ANY_PREFIX;
  let w = false;
  let b = false;
  while (words[0]! in PREFIXES || words[0]!.startsWith("REX.")) {
    const word = words.shift()!;
    if (word === "REX.W") w = true;
    else if (word === "REX.B") b = true;
    else prefixes = PREFIXES[word]!;
  }
  let map = 0;
  if (words[0] === "0F") {
    const two = `0F ${words[1]}`;
    map = MAPS[two] ?? MAP_0F;
    words.splice(0, map === MAP_0F ? 1 : 2);
  }
  const [byte, plus] = words.shift()!.split("+");
  const opcodes = plus === "r" ? 8 : plus === "cc" ? 16 : 1;
  let digit = -1;
  let modrm = -1;
  let modrmLast = -1;
  let hasModrm = false;
  for (const word of words) {
    if (word === "/r") hasModrm = true;
    else if (/^\/[0-7]$/.test(word)) {
      hasModrm = true;
      digit = Number(word[1]);
    } else if (/^[0-9A-F]{2}(\+i)?$/.test(word)) {
      hasModrm = true;
      modrm = Number.parseInt(word.slice(0, 2), 16);
      modrmLast = word.endsWith("+i") ? modrm + 7 : modrm;
    } else if (!/^(i[bwzv]|c[bzp]|mo)$/.test(word)) {
      throw new Error(`instruction table: encoding "${def.encoding}"`);
    }
  }
  const codes = def.operands.split(",");
  // MOV to and from control and debug registers takes any `mod` as a register form (SDM vol. 2, MOV CRn).
  const modIgnored = codes.some((code) => code === "Cn" || code === "Dn");
  const rmByte = modrm < 0 && !modIgnored && hasModrm;
  // Operands that are memory only or register only narrow the forms.
  const memory = !rmByte || !codes.some((code) => /^[RNU][a-z]/.test(code));
  const register = !rmByte || !codes.some((code) => /^M/.test(code));
  const opcode = map + Number.parseInt(byte!, 16);
  return { prefixes, w, b, opcode, opcodes, hasModrm, modrm, modrmLast, digit, memory, register };
}

/** How much an encoding says: where two lines claim a cell, the one that says more has it. */
function exactness(e: Encoding): number {
  let n = 0;
  if (e.opcodes === 1) n += 1;
  if (e.w) n += 2;
  if (e.b) n += 2;
  if (e.memory !== e.register) n += 4;
  if (e.digit >= 0) n += 8;
  if (e.modrm >= 0) n += 16;
  if (e.prefixes !== ANY_PREFIX) n += 32;
  return n;
}

function claimsModrm(e: Encoding, modrm: number): boolean {
  if (e.modrm >= 0) return modrm >= e.modrm && modrm <= e.modrmLast;
  if (e.digit >= 0 && ((modrm >> 3) & 7) !== e.digit) return false;
  return modrm < 0xc0 ? e.memory : e.register;
}

/** Builds the opcode maps for 64-bit code or for 32- and 16-bit code. */
export function buildOpcodeMap(long: boolean): OpcodeMap {
  const lines: { def: InsnDef; encoding: Encoding }[][] = Array.from({ length: 0x400 }, () => []);
  for (const def of instructionTable) {
    if (def.mode === (long ? "not64" : "only64")) continue;
    const encoding = parseEncoding(def);
    if (!long && (encoding.w || encoding.b)) continue;
    for (let i = 0; i < encoding.opcodes; i++) lines[encoding.opcode + i]!.push({ def, encoding });
  }

  const dimensions = new Uint8Array(0x400);
  const first = new Uint16Array(0x400);
  const cells: number[] = [-1];
  for (let opcode = 0; opcode < 0x400; opcode++) {
    const claims = lines[opcode]!;
    if (claims.length === 0) continue;
    let dims = 0;
    for (const { encoding: e } of claims) {
      if (e.prefixes !== ANY_PREFIX) dims |= BY_PREFIX;
      if (e.w) dims |= BY_W;
      if (e.b) dims |= BY_B;
      if (e.modrm >= 0) dims |= BY_MODRM;
      else if (e.digit >= 0 || e.memory !== e.register) dims |= BY_REG;
    }
    if (dims & BY_MODRM) dims &= ~BY_REG;
    dimensions[opcode] = dims;
    first[opcode] = cells.length;
    const modrms = dims & BY_MODRM ? 256 : dims & BY_REG ? 16 : 1;
    for (let prefix = 0; prefix < (dims & BY_PREFIX ? 4 : 1); prefix++) {
      for (let w = 0; w < (dims & BY_W ? 2 : 1); w++) {
        for (let b = 0; b < (dims & BY_B ? 2 : 1); b++) {
          for (let m = 0; m < modrms; m++) {
            const modrm = modrms === 256 ? m : modrms === 16 ? (m >= 8 ? 0xc0 | ((m & 7) << 3) : m << 3) : -1;
            const claimants = claims.filter(
              ({ encoding: e }) =>
                (e.prefixes >> prefix) % 2 === 1 &&
                (!e.w || w === 1) &&
                (!e.b || b === 1) &&
                (modrm < 0 || claimsModrm(e, modrm)),
            );
            claimants.sort((x, y) => exactness(y.encoding) - exactness(x.encoding));
            const [best, second] = claimants;
            if (best && second && exactness(best.encoding) === exactness(second.encoding)) {
              throw new Error(`instruction table: "${best.def.encoding}" and "${second.def.encoding}" overlap`);
            }
            cells.push(best ? best.def.id : -1);
          }
        }
      }
    }
  }
  return { dimensions, first, cells: Int16Array.from(cells) };
}
