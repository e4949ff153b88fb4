import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BuildError, layOutDomain, minimumMemory } from "../../src/toolstack/builder/index.ts";
import type { Area, BootLayout, LayoutInput } from "../../src/toolstack/builder/layout.ts";
import { fillPageTables } from "../../src/toolstack/builder/page-tables.ts";

const LINUX: LayoutInput = {
  virtBase: 0xffffffff80000000n,
  kernelStart: 0xffffffff81000000n,
  kernelEnd: 0xffffffff84a00000n,
  initP2m: 0x8000000000n,
  modStartPfn: true,
  ramdiskBytes: 2_000_000,
  pages: 65536,
};
const MINI_OS: LayoutInput = {
  virtBase: 0n,
  kernelStart: 0n,
  kernelEnd: 0x5a123n,
  initP2m: undefined,
  modStartPfn: false,
  ramdiskBytes: 5000,
  pages: 8192,
};

const MIB = 1 << 20;
const MFN = 0x4000;
const P = 1n,
  RW = 2n,
  US = 4n,
  A = 0x20n,
  D = 0x40n;

/** Walks the tables as hardware does; returns the L1 entry, or undefined. */
function walk(layout: BootLayout, contents: ReadonlyMap<number, BigUint64Array>, address: bigint): bigint | undefined {
  let pfn = layout.pageTables.pfn;
  for (let level = 4n; level >= 1n; level--) {
    const entry = contents.get(pfn)?.[Number((address >> (12n + 9n * (level - 1n))) & 511n)] as bigint;
    if ((entry & P) === 0n) return undefined;
    assert.equal(entry & (US | A | D), US | A | D);
    if (level === 1n) return entry;
    assert.ok(entry & RW);
    pfn = Number((entry >> 12n) & 0xfffffffffn) - MFN;
  }
  return undefined;
}

function areas(layout: BootLayout): Area[] {
  const { kernel, ramdisk, p2m, startInfo, store, console, pageTables, stack } = layout;
  return [kernel, ...(ramdisk ? [ramdisk] : []), p2m, startInfo, store, console, pageTables, stack];
}

function check(input: LayoutInput): BootLayout {
  const layout = layOutDomain(input);
  const region = layout.mappings[0]!;
  const regionBytes = region.pages * 4096;

  // The region ends on 4 MiB and has 512 KiB to spare behind the stack, the last element.
  assert.equal(regionBytes % (4 * MIB), 0);
  assert.ok(regionBytes - (layout.stack.pfn + 1) * 4096 >= 512 << 10);
  assert.ok(layout.usedPages <= input.pages);

  // Nothing overlaps; what is mapped in the region is where the linear map has it.
  const used = new Set<number>();
  const take = (pfn: number): void => {
    assert.ok(!used.has(pfn), `PFN ${pfn} is used twice`);
    assert.ok(pfn < layout.usedPages);
    used.add(pfn);
  };
  for (const area of areas(layout)) {
    for (let i = 0; i < area.pages; i++) take(area.pfn + i);
    if (area.address !== undefined && !(area === layout.p2m && layout.p2mFrames)) {
      assert.equal(area.address, input.virtBase + BigInt(area.pfn * 4096));
      assert.ok(area.pfn + area.pages <= region.pages);
    }
  }
  for (const table of layout.tables.slice(layout.pageTables.pages)) take(table.pfn);

  // The order of the public header.
  const order = [layout.kernel, layout.startInfo, layout.store, layout.console, layout.pageTables, layout.stack];
  for (let i = 1; i < order.length; i++) assert.ok(order[i]!.pfn >= order[i - 1]!.pfn + order[i - 1]!.pages);
  assert.equal(layout.kernel.address, input.kernelStart & ~0xfffn);
  assert.ok(layout.p2m.pages * 4096 >= input.pages * 8);

  // Root first, then by level.
  const levels = layout.tables.slice(0, layout.pageTables.pages).map((t) => t.level);
  assert.deepEqual(
    levels,
    levels.toSorted((a, b) => b - a),
  );
  assert.equal(levels.filter((level) => level === 4).length, 1);

  const contents = fillPageTables(layout, (pfn) => pfn + MFN);
  const tablePfns = new Set(layout.tables.map((t) => t.pfn));
  for (const { address, pfn, pages } of layout.mappings) {
    for (const i of new Set([0, 1, pages >> 1, pages - 1, ...tablePfns].filter((n) => n < pages))) {
      const entry = walk(layout, contents, address + BigInt(i * 4096));
      assert.equal(Number((entry! >> 12n) & 0xfffffffffn) - MFN, pfn + i);
      assert.equal((entry! & RW) === 0n, tablePfns.has(pfn + i), "page tables are read-only, all else is writable");
    }
    assert.equal(walk(layout, contents, address + BigInt(pages * 4096)), undefined);
  }
  return layout;
}

test("Linux: p2m list and ramdisk behind the region", () => {
  const layout = check(LINUX);
  assert.equal(layout.ramdisk?.address, undefined);
  assert.equal(layout.p2m.address, 0x8000000000n);
  // 128 frames of list; one table of each of the levels 3 to 1.
  assert.deepEqual(layout.p2mFrames, { pfn: layout.p2m.pfn, pages: 128 + 3 });
  // 76 MiB: 38 L1 tables, and one of each other level.
  assert.equal(layout.mappings[0]?.pages, (76 * MIB) / 4096);
  assert.equal(layout.pageTables.pages, 41);
});

test("a small kernel at address 0: everything in the region", () => {
  const layout = check(MINI_OS);
  assert.ok(layout.ramdisk?.address !== undefined);
  assert.equal(layout.p2mFrames, undefined);
  assert.equal(layout.mappings.length, 1);
  assert.equal(layout.mappings[0]?.pages, 1024);
});

test("invariants hold for any sizes", () => {
  const input = fc.record({
    virtBase: fc.constantFrom(0n, 0x20000000n, 0xffff880000000000n, 0xffffffff80000000n),
    start: fc.nat(4096).map((n) => BigInt(n) * 4096n),
    size: fc.integer({ min: 1, max: 64 << 20 }),
    initP2m: fc.constantFrom(undefined, 0x8000000000n, 0x7fc0000000n, 0xffffc00000000000n),
    modStartPfn: fc.boolean(),
    ramdiskBytes: fc.nat(40 << 20),
    pages: fc.integer({ min: 60_000, max: 1 << 19 }),
  });
  fc.assert(
    fc.property(input, ({ virtBase, start, size, ...rest }) => {
      const kernelStart = virtBase + start;
      check({ ...rest, virtBase, kernelStart, kernelEnd: kernelStart + BigInt(size) });
    }),
    { numRuns: 60 },
  );
});

test("page tables that need one more table because of themselves", () => {
  // The stack ends 512 KiB before a 4 MiB boundary, or one page behind: the region grows by 4 MiB.
  const sizes = new Set<number>();
  for (let pages = 860; pages < 900; pages++) {
    const layout = check({ ...MINI_OS, ramdiskBytes: 0, kernelEnd: BigInt(pages * 4096) });
    sizes.add(layout.mappings[0]!.pages);
  }
  assert.deepEqual([...sizes], [1024, 2048]);
});

test("too little memory: the minimum is stated, and it is the minimum", () => {
  const minimum = minimumMemory(LINUX);
  const pages = (mib: number): number => (mib * MIB) / 4096;
  check({ ...LINUX, pages: pages(minimum) });
  assert.throws(
    () => layOutDomain({ ...LINUX, pages: pages(minimum - 1) }),
    (e: unknown) => e instanceof BuildError && e.message.includes(`at least ${minimum} MiB`),
  );
  assert.throws(
    () => layOutDomain({ ...LINUX, pages: pages(40) }),
    (e: unknown) => e instanceof BuildError && /too little memory: 40 MiB/.test(e.message),
  );
  assert.throws(
    () => layOutDomain({ ...LINUX, ramdiskBytes: 300 * MIB }),
    (e: unknown) => e instanceof BuildError && /ramdisk \(300 MiB\) does not fit: 256 MiB/.test(e.message),
  );
});

test("addresses that no guest can have are refused", () => {
  const bad: Partial<LayoutInput>[] = [
    { initP2m: 0xffff800000000000n },
    { initP2m: 0x800000000000n },
    { initP2m: 0xffffffff80000000n },
    { initP2m: 0xfffffffffffff000n },
    { virtBase: 0x7fffffc00000n, kernelStart: 0x7fffffc00000n, kernelEnd: 0x7fffffd00000n },
  ];
  for (const change of bad) {
    if (change.virtBase !== undefined) check({ ...MINI_OS, ...change, pages: 1024 });
    else assert.throws(() => layOutDomain({ ...LINUX, ...change }), BuildError);
  }
});
