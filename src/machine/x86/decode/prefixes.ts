/** Legacy prefixes and REX (SDM vol. 2 §2.1.1 and §2.2.1). */
import { CS, DS, ES, FS, GS, SS } from "../state.ts";

export const NOT_A_PREFIX = 0;
export const REX = 1;
export const OPERAND_SIZE = 2;
export const ADDRESS_SIZE = 3;
export const REPE = 4;
export const REPNE = 5;
export const LOCK = 6;
/** Plus the number of the segment register. */
export const SEGMENT = 8;

/** What each byte is as a prefix. */
export const prefixes = new Uint8Array(256);
prefixes.fill(REX, 0x40, 0x50);
prefixes[0x66] = OPERAND_SIZE;
prefixes[0x67] = ADDRESS_SIZE;
prefixes[0xf3] = REPE;
prefixes[0xf2] = REPNE;
prefixes[0xf0] = LOCK;
prefixes[0x26] = SEGMENT + ES;
prefixes[0x2e] = SEGMENT + CS;
prefixes[0x36] = SEGMENT + SS;
prefixes[0x3e] = SEGMENT + DS;
prefixes[0x64] = SEGMENT + FS;
prefixes[0x65] = SEGMENT + GS;
