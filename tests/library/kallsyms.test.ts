/** The symbol tables inside Linux kernels, in each of the layouts that scripts/kallsyms.c has had. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { XEN_ELFNOTE } from "../../src/abi/elfnote.ts";
import { createMachine, obtainGuestImage } from "../../src/node.ts";
import { PT_LOAD, readElf } from "../../src/toolstack/builder/elf.ts";
import { readPvImage } from "../../src/toolstack/builder/notes.ts";
import { readKallsyms } from "../../src/toolstack/kallsyms.ts";
import { noGuest } from "../boot/guest-shell.ts";
import { makeElf, note, plainNotes } from "../builder/elf-image.ts";

const BASE = 0xffff_ffff_8100_0000n;

interface Layout {
  /** Addresses behind the token index (6.4). */
  readonly late: boolean;
  readonly addresses: "percpu offsets" | "offsets" | "absolute";
  readonly markerSize: 4 | 8;
  /** kallsyms_seqs_of_names between markers and tokens (6.2, 6.3), or at the end. */
  readonly sequences: boolean;
}

interface TestSymbol {
  readonly address: bigint;
  /** With its type. */
  readonly name: string;
}

/** 700 functions, 32 bytes each; per-CPU symbols before them, data behind. */
function testSymbols(): TestSymbol[] {
  const symbols: TestSymbol[] = [
    { address: 0n, name: "Afixed_percpu_data" },
    { address: 0x1000n, name: "Acpu_debug_store" },
    { address: BASE, name: "T_text" },
    { address: BASE, name: "Tstartup_xen" },
  ];
  for (let i = 1; i < 700; i++) {
    // One name is so long that its length takes two bytes.
    const name = i === 300 ? `long_${"name".repeat(40)}` : `function_${i}`;
    symbols.push({ address: BASE + BigInt(i * 32), name: `${i % 3 === 0 ? "T" : "t"}${name}` });
  }
  symbols.push({ address: BASE + 0x10_0000n, name: "Djiffies" }, { address: BASE + 0x20_0000n, name: "B_end" });
  return symbols;
}

/** The tables of these symbols, between other bytes; and where the token table is. */
function makeKernel(symbols: readonly TestSymbol[], layout: Layout): { image: Uint8Array; tokenTable: number } {
  const bytes: number[] = [];
  const align = (): void => {
    while (bytes.length % 8 !== 0) bytes.push(0);
  };
  const number = (value: bigint | number, size: number): void => {
    for (let i = 0; i < size; i++) bytes.push(Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(i * 8)) & 255n));
  };
  // Every character that occurs is its own token; the others are pairs of characters.
  const used = new Set(symbols.flatMap(({ name }) => [...name]).concat([..."0123456789"]));
  const pairs = ["un", "ct", "io", "fu", "n_", "na", "me"];
  const tokens = Array.from({ length: 256 }, (_, i) => {
    const own = String.fromCharCode(i);
    return used.has(own) ? own : (pairs.pop() ?? "");
  });
  const encode = (name: string): number[] => {
    const encoded: number[] = [];
    for (let i = 0; i < name.length; ) {
      const pair = tokens.indexOf(name.slice(i, i + 2));
      const token = pair >= 0 && i > 0 && name.length > i + 1 ? pair : tokens.indexOf(name.charAt(i));
      i += tokens[token]?.length ?? 1;
      encoded.push(token);
    }
    return encoded;
  };
  const addresses = (): void => {
    align();
    if (layout.addresses === "absolute") {
      for (const { address } of symbols) number(address, 8);
      return;
    }
    for (const { address, name } of symbols) {
      if (layout.addresses === "offsets") number(address - BASE, 4);
      else number(name.startsWith("A") ? address : BASE - address - 1n, 4);
    }
    align();
    number(BASE, 8);
  };
  const sequences = (): void => {
    align();
    for (const i of symbols.keys()) bytes.push(0, (i >> 8) & 255, i & 255);
  };

  for (let i = 0; i < 5000; i++) bytes.push((i * 37) & 255);
  // Something that looks like a token table at first.
  for (const digit of "0123456789") bytes.push(digit.charCodeAt(0), 0);
  if (!layout.late) addresses();
  align();
  number(symbols.length, 4);
  align();
  const markers: number[] = [];
  const names = bytes.length;
  symbols.forEach(({ name }, i) => {
    if (i % 256 === 0) markers.push(bytes.length - names);
    const encoded = encode(name);
    if (encoded.length > 127) bytes.push((encoded.length & 127) | 128, encoded.length >> 7);
    else bytes.push(encoded.length);
    bytes.push(...encoded);
  });
  align();
  for (const marker of markers) number(marker, layout.markerSize);
  if (layout.sequences && !layout.late) sequences();
  align();
  const starts: number[] = [];
  const table = bytes.length;
  for (const token of tokens) {
    starts.push(bytes.length - table);
    bytes.push(...new TextEncoder().encode(token), 0);
  }
  align();
  for (const start of starts) number(start, 2);
  if (layout.late) addresses();
  if (layout.sequences && layout.late) sequences();
  for (let i = 0; i < 5000; i++) bytes.push((i * 91) & 255);
  return { image: Uint8Array.from(bytes), tokenTable: table };
}

const kernelWith = (symbols: readonly TestSymbol[], layout: Layout): Uint8Array => makeKernel(symbols, layout).image;

const LAYOUTS: Readonly<Record<string, Layout>> = {
  "before 4.6": { late: false, addresses: "absolute", markerSize: 8, sequences: false },
  "4.6": { late: false, addresses: "percpu offsets", markerSize: 8, sequences: false },
  "4.20": { late: false, addresses: "percpu offsets", markerSize: 4, sequences: false },
  "6.2": { late: false, addresses: "percpu offsets", markerSize: 4, sequences: true },
  "6.4": { late: true, addresses: "percpu offsets", markerSize: 4, sequences: true },
  "6.4, absolute": { late: true, addresses: "absolute", markerSize: 4, sequences: true },
  "6.15": { late: true, addresses: "offsets", markerSize: 4, sequences: true },
};

for (const [version, layout] of Object.entries(LAYOUTS)) {
  test(`the layout of Linux ${version}`, () => {
    const symbols = testSymbols().filter(({ name }) => layout.addresses !== "offsets" || !name.startsWith("A"));
    const table = readKallsyms(kernelWith(symbols, layout));
    assert.ok(table);
    assert.equal(table.describe(BASE), "_text+0x0");
    assert.equal(table.find("startup_xen"), BASE);
    assert.equal(table.describe(BASE + 32n * 77n + 5n), "function_77+0x5");
    assert.equal(table.describe(BASE + 32n * 300n), `long_${"name".repeat(40)}+0x0`);
    assert.equal(table.describe(BASE + 32n * 699n + 31n), "function_699+0x1f");
    assert.equal(table.describe(BASE - 1n), undefined);
    assert.equal(table.describe(BASE + 0x20_0000n), undefined);
  });
}

test("an image without such tables, or with damaged ones, has no symbols", () => {
  assert.equal(readKallsyms(new Uint8Array(0)), undefined);
  assert.equal(readKallsyms(new Uint8Array(100_000)), undefined);
  assert.equal(readKallsyms(new TextEncoder().encode("0\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00")), undefined);
  const good = kernelWith(testSymbols(), LAYOUTS["4.20"] as Layout);
  for (let cut = 100; cut < good.length - 6000; cut += 997) {
    assert.equal(readKallsyms(good.subarray(0, good.length - 6000 - cut)), undefined);
  }
  // Whatever is damaged: no exception, and nothing that takes for ever.
  for (let i = 0; i < 200; i++) {
    const damaged = good.slice();
    for (let j = 0; j < 20; j++) damaged[(i * 7919 + j * 104_729) % damaged.length] = (i * 31 + j) & 255;
    readKallsyms(damaged);
  }
});

test("an image that is made to take long is given up", () => {
  const { image: good, tokenTable } = makeKernel(testSymbols(), LAYOUTS["4.20"] as Layout);
  const room = 16 << 20;
  const image = new Uint8Array(room + good.length - tokenTable);
  // Each word looks like a number of symbols, behind which names might be.
  new BigUint64Array(image.buffer, 0, room / 8).fill(400_101n);
  image.set(good.subarray(tokenTable), room);
  const started = performance.now();
  assert.equal(readKallsyms(image), undefined);
  assert.ok(performance.now() - started < 20_000);
});

test("a crash report has the names that the kernel has in itself", async () => {
  const virtBase = 0xffff_ffff_8000_0000n;
  const paddr = BASE - virtBase;
  const entry = BASE + 32n * 5n;
  const code = new Uint8Array(4096).fill(0x90);
  // 3 nops; ud2
  code.set([0x0f, 0x0b], 32 * 5 + 3);
  const kernel = makeElf({
    entry,
    segments: [
      { paddr, vaddr: BASE, data: code },
      {
        paddr: paddr + 0x10_0000n,
        vaddr: BASE + 0x10_0000n,
        data: kernelWith(testSymbols(), LAYOUTS["6.4"] as Layout),
      },
    ],
    notes: plainNotes(virtBase, note(XEN_ELFNOTE.PADDR_OFFSET, 0n), note(XEN_ELFNOTE.ENTRY, entry)),
  });
  const machine = await createMachine({ memory: "32M" });
  const { reason, report = "" } = await (await machine.createDomain({ kernel })).wait();
  assert.equal(reason, "crash");
  assert.match(report, /^rip ffffffff810000a3 <function_5\+0x3>$/m);
});

test("Debian's kernel", { skip: await noGuest() }, async () => {
  const elf = readElf((await obtainGuestImage()).kernel);
  const { kernelStart, kernelEnd, virtBase, paddrOffset, entry } = readPvImage(elf);
  const image = new Uint8Array(Number(kernelEnd - kernelStart));
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD) continue;
    image.set(elf.content(segment), Number(segment.paddr - paddrOffset + virtBase - kernelStart));
  }
  const table = readKallsyms(image);
  assert.ok(table);
  assert.equal(table.describe(entry), "startup_xen+0x0");
  assert.equal(table.find("_text"), kernelStart);
  for (const name of ["start_kernel", "schedule", "xen_start_kernel", "copy_page", "vfs_read"]) {
    const address = table.find(name);
    assert.ok(address !== undefined && table.lookup(address)?.offset === 0n, name);
  }
});
