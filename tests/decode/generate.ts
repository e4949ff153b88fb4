/** Encodings for the lines of the table, and seeded random numbers to vary them with. */
import { parseEncoding } from "../../src/machine/x86/decode/opcode-map.ts";
import type { InsnDef } from "../../src/machine/x86/table/types.ts";

/** xorshift32: the same numbers in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const PREFIXES = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x64, 0x65];

/** Longest encoding that is written: what follows the opcode is random. */
export const SLOT = 32;

/** Writes an encoding of a line into `bytes[at .. at + SLOT]`: at random with other prefixes than the line asks for. */
export function writeEncoding(def: InsnDef, random: () => number, bytes: Uint8Array, at: number, long: boolean): void {
  for (let i = 0; i < SLOT; i++) bytes[at + i] = random() >>> 8;
  const e = parseEncoding(def);
  for (let extra = random() % 4; extra > 2; extra--) bytes[at++] = PREFIXES[random() % PREFIXES.length]!;
  const mandatory = [];
  if (random() % 16 !== 0) {
    if (e.prefixes === 0b0010) mandatory.push(0x66);
    if (e.prefixes === 0b0100) mandatory.push(0xf3);
    if (e.prefixes === 0b1000) mandatory.push(0xf2);
  }
  if (random() % 8 === 0) mandatory.push(PREFIXES[random() % PREFIXES.length]!);
  for (const prefix of mandatory) bytes[at++] = prefix;
  if (long && (e.w || e.b || random() % 4 === 0)) {
    bytes[at++] = 0x40 | (random() & 15) | (e.w ? 8 : 0) | (e.b ? 1 : 0);
  }
  if (e.opcode >= 0x100) bytes[at++] = 0x0f;
  if (e.opcode >= 0x200) bytes[at++] = e.opcode >= 0x300 ? 0x3a : 0x38;
  bytes[at++] = (e.opcode & 0xff) + (random() % e.opcodes);
  if (!e.hasModrm) return;
  let modrm = random() & 0xff;
  if (e.modrm >= 0) modrm = e.modrm + (random() % (e.modrmLast - e.modrm + 1));
  else {
    if (e.digit >= 0) modrm = (modrm & 0xc7) | (e.digit << 3);
    if (!e.memory) modrm |= 0xc0;
    else if (!e.register && modrm >= 0xc0) modrm &= 0x3f;
  }
  bytes[at] = modrm;
}
