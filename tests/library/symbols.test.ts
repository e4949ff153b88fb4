import assert from "node:assert/strict";
import { test } from "node:test";
import { readElfSymbols } from "../../src/toolstack/elf-symbols.ts";
import { joinSymbols, parseSystemMap } from "../../src/toolstack/symbols.ts";
import { joinBytes, makeElf } from "../builder/elf-image.ts";

const MAP = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000000 T startup_xen
ffffffff81000040 t helper
ffffffff81001000 W weak_function
ffffffff82000000 D data
ffffffff83000000 B _end
`;

test("addresses get the name of the function that holds them", () => {
  const symbols = parseSystemMap(MAP);
  assert.equal(symbols.describe(0xffffffff81000045n), "helper+0x5");
  assert.equal(symbols.describe(0xffffffff81001000n), "weak_function+0x0");
  assert.equal(symbols.describe(0xffffffff80ffffffn), undefined);
  assert.equal(symbols.describe(0xffffffff83000000n), undefined);
  assert.equal(symbols.find("data"), 0xffffffff82000000n);
  assert.ok(symbols.isText(0xffffffff81000000n));
});

test("what is no System.map is refused", () => {
  assert.throws(() => parseSystemMap("The actual System.map is in another package.\n"), /not a System.map/);
});

/** Elf64_Sym. */
function elfSymbol(name: number, type: number, section: number, value: bigint, size = 0n): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, name, true);
  bytes[4] = type;
  view.setUint16(6, section, true);
  view.setBigUint64(8, value, true);
  view.setBigUint64(16, size, true);
  return bytes;
}

const STRINGS = new TextEncoder().encode("\0main\0label\0data\0extern\0");
const SYMBOLS = joinBytes(
  elfSymbol(0, 0, 0, 0n),
  elfSymbol(1, 0x12, 1, 0x401000n, 0x80n),
  elfSymbol(6, 0, 1, 0x401080n),
  elfSymbol(12, 1, 2, 0x404000n, 8n),
  elfSymbol(17, 0x12, 0, 0n),
);

test("functions and labels of a program", () => {
  const table = readElfSymbols(makeElf({ sections: { ".symtab": SYMBOLS, ".strtab": STRINGS } }));
  assert.equal(table.describe(0x401005n), "main+0x5");
  assert.equal(table.describe(0x401080n), "label+0x0");
  assert.equal(table.describe(0x404000n), undefined);
  assert.equal(table.describe(0x400fffn), undefined);
  const dynamic = readElfSymbols(makeElf({ sections: { ".dynsym": SYMBOLS, ".dynstr": STRINGS } }));
  assert.equal(dynamic.find("main"), 0x401000n);
});

test("programs without symbols, or without a fixed address, are refused", () => {
  assert.throws(() => readElfSymbols(makeElf({})), /stripped/);
  const pie = makeElf({ sections: { ".symtab": SYMBOLS, ".strtab": STRINGS } });
  pie[16] = 3;
  assert.throws(() => readElfSymbols(pie), /position-independent/);
  const cut = makeElf({ sections: { ".symtab": SYMBOLS.subarray(0, 60), ".strtab": STRINGS.subarray(0, 3) } });
  assert.equal(readElfSymbols(cut).describe(0x401000n), "ma+0x0");
});

test("several tables: the first that knows an address", () => {
  const kernel = parseSystemMap(MAP);
  const program = readElfSymbols(makeElf({ sections: { ".symtab": SYMBOLS, ".strtab": STRINGS } }));
  const both = joinSymbols([kernel, program]);
  assert.equal(both.describe(0xffffffff81000045n), "helper+0x5");
  assert.equal(both.lookup(0x401010n)?.name, "main");
  assert.equal(both.describe(0x500000n), undefined);
  assert.equal(both.find("main"), 0x401000n);
  assert.ok(both.isText(0x401010n) && !both.isText(0x500000n));
});
