/** All instruction semantics, by mnemonic. */
import { arithmetic } from "./arithmetic.ts";
import { bits } from "./bits.ts";
import { control } from "./control.ts";
import { data } from "./data.ts";
import type { Semantics } from "./emit.ts";
import { strings } from "./strings.ts";
import { system } from "./system.ts";
import { vectorConvert } from "./vector-convert.ts";
import { vectorFloat } from "./vector-float.ts";
import { vectorInteger } from "./vector-integer.ts";
import { vectorMoves } from "./vector-moves.ts";
import { vectorShift } from "./vector-shift.ts";
import { vectorShuffle } from "./vector-shuffle.ts";
import { vectorSse3, vectorSsse3 } from "./vector-sse3.ts";
import { vectorSse41 } from "./vector-sse41.ts";
import { vectorSse42 } from "./vector-sse42.ts";
import { x87 } from "./x87.ts";

export const semantics: ReadonlyMap<string, Semantics> = new Map(
  Object.entries({
    ...arithmetic,
    ...bits,
    ...data,
    ...control,
    ...strings,
    ...system,
    ...x87,
    ...vectorMoves,
    ...vectorFloat,
    ...vectorConvert,
    ...vectorInteger,
    ...vectorShift,
    ...vectorShuffle,
    ...vectorSse3,
    ...vectorSsse3,
    ...vectorSse41,
    ...vectorSse42,
  }),
);

/** Mnemonics that the processor executes (subject to CPUID features). */
export const implementedMnemonics: ReadonlySet<string> = new Set(semantics.keys());
