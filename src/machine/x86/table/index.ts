/** The instruction table: all encodings that the machine knows, by family. */
import { arithmetic } from "./arithmetic.ts";
import { bits } from "./bits.ts";
import { control } from "./control.ts";
import { data } from "./data.ts";
import { hints } from "./hints.ts";
import { mmx } from "./mmx.ts";
import { simdExtras } from "./simd-extras.ts";
import { sse } from "./sse.ts";
import { sse2 } from "./sse2.ts";
import { sse2Integer } from "./sse2-integer.ts";
import { sse3, ssse3 } from "./sse3.ts";
import { sse41, sse42 } from "./sse4.ts";
import { strings } from "./strings.ts";
import { system } from "./system.ts";
import type { InsnDef } from "./types.ts";
import { x87 } from "./x87.ts";

export const instructionTable: readonly InsnDef[] = [
  ...data,
  ...arithmetic,
  ...bits,
  ...control,
  ...strings,
  ...hints,
  ...system,
  ...x87,
  ...mmx,
  ...sse,
  ...sse2,
  ...sse2Integer,
  ...sse3,
  ...ssse3,
  ...sse41,
  ...sse42,
  ...simdExtras,
].map((line, id) => ({ id, ...line }));
