/** The encodings of the instruction table (see src/machine/x86/table/format.ts), taken apart for generation. */
import type { InsnDef } from "../../src/machine/x86/table/types.ts";

/** One line of the table in parts. */
export interface Form {
  readonly def: InsnDef;
  /** Mandatory prefix: 0x66, 0xf2, 0xf3; 0 for NP; undefined if prefixes are free. */
  readonly mandatory: number | undefined;
  readonly rexW: boolean;
  readonly rexB: boolean;
  readonly opcode: readonly number[];
  /** Values that the last opcode byte's low bits take: 1, 8 (+r, +i) or 16 (+cc). */
  readonly variants: number;
  /** ModRM: absent, any `reg` field, or a fixed one. */
  readonly modrm: "none" | "any" | number;
  /** Immediates in order: "ib", "iz", "mo"... */
  readonly immediates: readonly string[];
  /** Operand codes: "Ev", "Gv"... */
  readonly operands: readonly string[];
}

const PREFIX: Record<string, number> = { NP: 0, "66": 0x66, F2: 0xf2, F3: 0xf3 };

export function parseForm(def: InsnDef): Form {
  const words = def.encoding.split(" ");
  let mandatory: number | undefined;
  let rexW = false;
  let rexB = false;
  let variants = 1;
  let modrm: Form["modrm"] = "none";
  const opcode: number[] = [];
  const immediates: string[] = [];
  words.forEach((word, i) => {
    // "66" and the like are prefixes in front of an opcode, opcodes otherwise.
    if (
      opcode.length === 0 &&
      i < words.length - 1 &&
      PREFIX[word] !== undefined &&
      /^(0F|REX|[0-9A-F]{2})/.test(words[i + 1] ?? "")
    ) {
      mandatory = PREFIX[word];
    } else if (word === "NFx") {
      // What has F2 or F3 is another line; 66 is the operand size.
    } else if (word === "REX.W") rexW = true;
    else if (word === "REX.B") rexB = true;
    else if (word === "/r") modrm = "any";
    else if (/^\/[0-7]$/.test(word)) modrm = Number(word[1]);
    else if (/^[0-9A-F]{2}(\+(r|i|cc))?$/.test(word)) {
      opcode.push(Number.parseInt(word, 16));
      if (word.endsWith("+cc")) variants = 16;
      else if (word.includes("+")) variants = 8;
    } else if (/^(ib|iw|iz|iv|io|id|cb|cz|cp|mo)$/.test(word)) immediates.push(word);
    else throw new Error(`oracle: cannot read encoding "${def.encoding}"`);
  });
  return {
    def,
    mandatory,
    rexW,
    rexB,
    opcode,
    variants,
    modrm,
    immediates,
    operands: def.operands === "" ? [] : def.operands.split(","),
  };
}

/** "add Ev,Gv [01 /r]" */
export function describeForm(form: Form): string {
  return `${form.def.mnemonic}${form.def.operands === "" ? "" : ` ${form.def.operands}`} [${form.def.encoding}]`;
}
