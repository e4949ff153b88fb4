/**
 * The notation of the instruction table.
 *
 * A line has columns, separated by two or more spaces:
 *
 *     encoding          mnemonic    operands    notes
 *     00 /r             add         Eb,Gb       lock
 *
 * Encoding, after SDM vol. 2 §3.1.1.1:
 *
 *     NP, 66, F3, F2    mandatory prefix; NP: none of the three. Without one of these, 66 is the
 *                       operand-size prefix and F2/F3 repeat prefixes or ignored.
 *     NFx               neither F2 nor F3
 *     REX.W, REX.B      the bit must be set (a line without takes what more exact lines leave)
 *     0F, 0F 38, 0F 3A  opcode map, then the opcode byte
 *     +r, +cc           the opcode's low bits are a register or a condition
 *     /r, /0 ... /7     ModRM byte, any or with that `reg` field
 *     C8, C0+i          a second opcode byte in place of ModRM, +i: and the seven behind it
 *     ib iw iz iv cb cz cp mo   immediate, branch displacement, far pointer, memory offset: as the operands say
 *
 * Operands, after SDM vol. 2 §A.2.1, an addressing method and a size:
 *
 *     E general register or memory   M memory only              R general register only (ModRM.rm)
 *     G general register             S segment   C control   D debug register (ModRM.reg)
 *     P MMX, V XMM (ModRM.reg)       Q, W: the same or memory   N, U: the same, register only (ModRM.rm)
 *     Z general register in the opcode byte
 *     I immediate   J relative branch   A far pointer   O memory offset   X, Y implicit DS:rSI, ES:rDI
 *     AL CL AX DX rAX ES ... GS ST0 STi XMM0 1   themselves
 *
 *     b 1 byte  bs 1 byte, sign-extended to the operand size  w 2  d 4  q 8  dq 16  t 10
 *     ss 4  sd 8  ps, pd 16 (as in the names of SSE instructions)
 *     v operand size (2, 4, 8)   z the same but 4 for 8   y 4 or 8   n 4, in 64-bit mode 8
 *     p far pointer   s descriptor-table register   none: the access has a size of its own
 *
 * Notes: lock (LOCK allowed), cpl0 (privileged), i64 (invalid in 64-bit mode), o64 (only there),
 * d64 (64-bit operand size by default there), max32 (no 64-bit operand size), rep, repcc, or a CPUID
 * feature other than the file's.
 */
import type { Feature, InsnDef } from "./types.ts";
import { FEATURES } from "./types.ts";

const features: readonly string[] = FEATURES;
const KEYWORDS = new Set(["lock", "cpl0", "i64", "o64", "d64", "max32", "rep", "repcc"]);

/** A line before it has its number. */
export type InsnLine = Omit<InsnDef, "id">;

/** Parses lines of the table; `feature` holds for those that name none. */
export function lines(feature: Feature, text: string): InsnLine[] {
  const out: InsnLine[] = [];
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const [encoding, mnemonic, operands, notes, ...rest] = trimmed.split(/ {2,}/);
    if (!encoding || !mnemonic || !operands || rest.length > 0)
      throw new Error(`instruction table: bad line "${line}"`);
    const words = notes === undefined ? [] : notes.split(" ");
    const other = words.filter((word) => !KEYWORDS.has(word));
    if (other.length > 1 || !other.every((word) => features.includes(word)))
      throw new Error(`instruction table: unknown notes in "${line}"`);
    out.push({
      mnemonic,
      encoding,
      operands: operands === "-" ? "" : operands,
      feature: (other[0] as Feature | undefined) ?? feature,
      lockable: words.includes("lock"),
      privileged: words.includes("cpl0"),
      mode: words.includes("i64") ? "not64" : words.includes("o64") ? "only64" : "any",
      default64: words.includes("d64"),
      atMost32: words.includes("max32"),
      repeat: words.includes("repcc") ? "repcc" : words.includes("rep") ? "rep" : "none",
    });
  }
  return out;
}
