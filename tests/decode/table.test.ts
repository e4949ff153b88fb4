/** The instruction table: each line against iced-x86 in all modes, and the notation's consistency. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEncoding } from "../../src/machine/x86/decode/opcode-map.ts";
import type { CodeSize } from "../../src/machine/x86/insn.ts";
import { lines } from "../../src/machine/x86/table/format.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import { randomNumbers, SLOT, writeEncoding } from "./generate.ts";
import { Sweep } from "./sweep.ts";

const PER_LINE = 100;

for (const codeSize of [64, 32, 16] as CodeSize[]) {
  test(`every line as ${codeSize}-bit code: generated encodings decode as iced-x86 says`, () => {
    const long = codeSize === 64;
    const random = randomNumbers(codeSize);
    const defs = instructionTable.filter((def) => {
      const encoding = parseEncoding(def);
      return def.mode !== (long ? "not64" : "only64") && (long || !(encoding.w || encoding.b));
    });
    const bytes = new Uint8Array(defs.length * PER_LINE * SLOT + 16);
    for (let i = 0; i < defs.length * PER_LINE; i++) {
      writeEncoding(defs[Math.floor(i / PER_LINE)]!, random, bytes, i * SLOT, long);
    }
    const sweep = new Sweep(bytes, codeSize);
    const reached = new Set<number>();
    for (let i = 0; i < defs.length * PER_LINE; i++) {
      if (sweep.compare(i * SLOT) > 0) reached.add(sweep.insn.def.id);
    }
    sweep.free();
    assert.deepEqual(sweep.account.differences, []);
    const unreached = defs.filter((def) => !reached.has(def.id));
    assert.deepEqual(
      unreached.map((def) => `${def.encoding} ${def.mnemonic}`),
      [],
      "lines that no encoding leads to",
    );
  });
}

test("what the encoding column says of ModRM and immediates agrees with the operands", () => {
  const immediates: Record<string, string> = {
    Ib: "ib",
    Ibs: "ib",
    Iw: "iw",
    Iz: "iz",
    Iv: "iv",
    Jb: "cb",
    Jz: "cz",
    Ap: "cp",
  };
  for (const def of instructionTable) {
    const codes = def.operands === "" ? [] : def.operands.split(",");
    const expected = codes.flatMap((code) => (/^O[bv]$/.test(code) ? "mo" : (immediates[code] ?? [])));
    const written = def.encoding.split(" ").filter((word) => /^(i[bwzv]|c[bzp]|mo)$/.test(word));
    const where = `${def.encoding} ${def.mnemonic} ${def.operands}`;
    assert.deepEqual(written, expected, where);
    const fromModrm = codes.some((code) => /^[EMRGSCDPVQWNU][a-z]*$/.test(code) && !/^[CDESFG]S$/.test(code));
    if (fromModrm) assert.ok(parseEncoding(def).hasModrm, where);
    assert.equal(def.operands.includes("Z"), def.encoding.includes("+r") || def.encoding.endsWith("REX.B 90"), where);
  }
});

test("only read-modify-write instructions are lockable", () => {
  const lockable = new Set(instructionTable.filter((def) => def.lockable).map((def) => def.mnemonic));
  // SDM vol. 2, LOCK.
  const manual = "add adc and btc btr bts cmpxchg cmpxchg8b cmpxchg16b dec inc neg not or sbb sub xor xadd xchg";
  assert.deepEqual([...lockable].sort(), manual.split(" ").sort());
});

test("ids number the lines", () => {
  instructionTable.forEach((def, i) => {
    assert.equal(def.id, i);
  });
});

test("a misspelt line is refused", () => {
  assert.throws(() => lines("base", "90 nop -"), /bad line/);
  assert.throws(() => lines("base", "90  nop  -  lokc"), /unknown notes/);
});
