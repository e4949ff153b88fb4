/**
 * The compiled regions: when to make one, where its entry is patched in, when it must go.
 *
 * A region is entered through the record of its first instruction, whose case becomes the region's number. It
 * goes when an instruction of it is written over or the code cache is flushed. Compiled code never
 * runs while that happens: a store to a frame with code misses in the TLB and leaves the region.
 */

import { CASE_FIRST_FORM, CASE_FIRST_REGION, REC_CASE, REC_PLAIN } from "../interpreter/record.ts";
import { TABLE_SIZE } from "../interpreter/status.ts";
import type { MemoryLayout } from "../layout.ts";
import type { MachineMemory } from "../memory.ts";
import { compileRegions } from "./compile.ts";
import { CompileBudget } from "./compile-budget.ts";
import { discoverRegion, pageOf, type Region } from "./region.ts";
import type { DecodedInsn } from "./region-insn.ts";

/** Regions without a loop are this long at least; even short ones save the way from one region to the interpreter and back. */
const MIN_INSTRUCTIONS = 2;
/** Regions compiled in one go: bounds the time that the guest waits. */
const MAX_BATCH = 128;
/**
 * A smaller batch waits for more, but no longer than these milliseconds. A module costs as much as some ten regions in it; and the
 * more modules there are, the farther is the way from region to region, since V8 gives each pages and a jump table of its own. So a
 * batch is an eighth of what is there at least, and the number of modules grows with the logarithm of that.
 */
const MIN_BATCH = 12;
const MIN_BATCH_SHARE = 1 / 8;
const MAX_WAIT = 15;
/**
 * Milliseconds in which heat halves. What is executed often in all, but seldom in a second, is not worth its place in the host's
 * caches: there compiled code takes more than the interpreter's records.
 */
const HALF_LIFE = 100;
/** Windows in two pages between two looks at how often that is; each costs about a tenth of a microsecond. */
const MANY_SPLITS = 2000;
/** This many are too many. */
const SPLITS_A_MILLISECOND = 100;
/** Regions that are gone, until the jump caches are emptied and their places used again. */
const MAX_GONE = 1024;
/** Live regions at most. */
const MAX_REGIONS = 8000;
/** Decoded instructions kept. */
const MAX_INSTRUCTIONS = 30_000;

interface LiveRegion {
  readonly entryRecord: number;
  readonly index: number;
  /** What it was made of: by frame, the first offset and that behind the last. */
  readonly parts: ReadonlyMap<number, { from: number; to: number }>;
}

/** A region that is worth compiling. */
interface PendingRegion {
  readonly record: number;
  readonly region: Region;
  /** The count of changes of code when it was found. */
  readonly changes: number;
}

/** How hot a record was when it was last looked at, in milliseconds of the host. */
interface Heat {
  readonly heat: number;
  readonly at: number;
}

/** What the cache needs of its processor. */
export interface RegionHost {
  readonly memory: MachineMemory;
  readonly layout: MemoryLayout;
  readonly features: ReadonlySet<string>;
  readonly table: WebAssembly.Table;
  /** Takes the place of a region that is gone in the table. */
  readonly gone: unknown;
  /** Empties the jump caches. */
  flushJumps(): void;
  /** Functions of the interpreter's module that compiled code may import. */
  readonly runtime: Readonly<Record<string, unknown>>;
  /** Where the record of an instruction of the current page is: page, frame and offset. */
  locate(record: number): { pageVa: bigint; mfn: number; offset: number } | undefined;
  /** Frame that code at a linear address is fetched from, if it can be. */
  frameOf(linear: bigint): number | undefined;
  recordAt(mfn: number, offset: number): number;
  /** How often windows (windows.ts) were in two pages, modulo 2^32, and the entry's record of the region that met one last. */
  readonly splits: number;
  readonly splitRegion: number;
  /** Intervals of HOT_INTERVAL transfers, of the recent past, that make a record worth compiling from. */
  readonly threshold: number;
  /** Host time in milliseconds; undefined: there is no clock, and nothing waits. */
  readonly now: (() => number) | undefined;
}

export interface RegionStatistics {
  compiled: number;
  instructions: number;
  dropped: number;
  milliseconds: number;
}

export class RegionCache {
  readonly statistics: RegionStatistics = { compiled: 0, instructions: 0, dropped: 0, milliseconds: 0 };
  readonly #host: RegionHost;
  readonly #byFrame = new Map<number, Set<LiveRegion>>();
  /** All of them, by the record of the entry. */
  readonly #byEntry = new Map<number, LiveRegion>();
  /** Records for which it has been decided whether a region begins there. */
  readonly #settled = new Set<number>();
  /** How hot records are that no region begins at. */
  readonly #heat = new Map<number, Heat>();
  /** Entries of regions whose windows are often in two pages. */
  readonly #splitRegions = new Set<number>();
  /** The count of windows in two pages, and the time, when they were looked at last. */
  #splits = 0;
  #splitsAt = 0;
  #pending: PendingRegion[] = [];
  /** When the first of a small batch was pending. */
  #pendingSince: number | undefined;
  /** What regions are made of, by record. Records keep what they hold until the code cache is flushed. */
  readonly #instructions = new Map<number, DecodedInsn | false>();
  readonly #freeIndexes: number[] = [];
  /** Indexes of regions that are gone, which the jump caches may still name. */
  readonly #gone: number[] = [];
  #nextIndex = CASE_FIRST_REGION;
  readonly #budget: CompileBudget;
  /** How often something of what could be compiled has changed. */
  #changes = 0;

  #now(): number {
    return this.#host.now?.() ?? 0;
  }

  constructor(host: RegionHost) {
    this.#host = host;
    this.#budget = new CompileBudget(this.#now());
  }

  /** HOT_INTERVAL more transfers have gone to a record: the region that begins there is compiled soon, if it is worth it. */
  hot(record: number): void {
    const { u16 } = this.#host.memory;
    const kind = u16[(record + REC_CASE) >>> 1] as number;
    if (kind >= CASE_FIRST_REGION || this.#settled.has(record)) return;
    const now = this.#now();
    if (this.#heated(record, now) < this.#host.threshold * this.#budget.price(now)) return;
    const plain = u16[(record + REC_PLAIN) >>> 1] as number;
    // Forms without a case of their own (plain 0) may begin a region, pseudo records may not.
    if (plain !== 0 && plain < CASE_FIRST_FORM) return;
    // Now, while the guest is in the address space that the code is of.
    const region = this.#discover(record);
    this.#spend(now);
    if (!region) return;
    this.#settled.add(record);
    this.#heat.delete(record);
    if (region.isLoop || region.instructions >= MIN_INSTRUCTIONS) {
      this.#pending.push({ record, region, changes: this.#changes });
    }
  }

  /** Adds one to what is left of a record's heat. */
  #heated(record: number, at: number): number {
    const before = this.#heat.get(record);
    const heat = 1 + (before ? before.heat * 2 ** ((before.at - at) / HALF_LIFE) : 0);
    this.#heat.set(record, { heat, at });
    return heat;
  }

  /** What has passed since `start` was spent on compilation. */
  #spend(start: number): void {
    const milliseconds = this.#now() - start;
    this.statistics.milliseconds += milliseconds;
    this.#budget.spend(milliseconds);
  }

  /** Windows in two pages are dear. Where they are met all the time, a region is made without windows. */
  #watchSplits(): void {
    const { splits, splitRegion } = this.#host;
    if ((splits - this.#splits) >>> 0 < MANY_SPLITS) return;
    this.#splits = splits;
    const now = this.#now();
    const isOften = now - this.#splitsAt < MANY_SPLITS / SPLITS_A_MILLISECOND;
    this.#splitsAt = now;
    const region = this.#byEntry.get(splitRegion);
    if (!isOften || !region) return;
    this.#splitRegions.add(splitRegion);
    this.#drop(region);
  }

  #discover(record: number): Region | undefined {
    const at = this.#host.locate(record);
    if (!at) return undefined;
    if (this.#instructions.size > MAX_INSTRUCTIONS) this.#instructions.clear();
    const { memory, features } = this.#host;
    return discoverRegion(
      {
        memory,
        features,
        windows: !this.#splitRegions.has(record),
        instructions: this.#instructions,
        frameOf: (page) => this.#host.frameOf(BigInt.asUintN(64, at.pageVa + BigInt(page * 4096))),
        recordAt: (frame, offset) => this.#host.recordAt(frame, offset),
      },
      at.offset,
    );
  }

  /** Compiles what has become hot since the last call: many regions in one module cost less than one each. */
  compilePending(): void {
    this.#watchSplits();
    if (this.#pending.length === 0) return;
    const start = this.#now();
    const enough = Math.min(Math.max(MIN_BATCH, this.#byEntry.size * MIN_BATCH_SHARE), MAX_BATCH);
    if (this.#host.now && this.#pending.length < enough) {
      this.#pendingSince ??= start;
      if (start - this.#pendingSince < MAX_WAIT) return;
    }
    this.#pendingSince = undefined;
    const batch: PendingRegion[] = [];
    for (const pending of this.#pending.splice(0, MAX_BATCH)) {
      if (this.#isCurrent(pending)) batch.push(pending);
      else this.#settled.delete(pending.record);
    }
    if (batch.length > 0) this.#compile(batch);
    this.#spend(start);
  }

  /** The code has not been written over since the region was found, and no other region begins there. */
  #isCurrent({ record, region, changes }: PendingRegion): boolean {
    if ((this.#host.memory.u16[(record + REC_CASE) >>> 1] as number) >= CASE_FIRST_REGION) return false;
    if (changes === this.#changes) return true;
    for (const { code } of region.blocks.values()) {
      for (const at of code) if (region.recordAt(at.offset) !== at.record) return false;
    }
    return true;
  }

  #compile(batch: readonly PendingRegion[]): void {
    const { memory, layout, runtime } = this.#host;
    if (this.#byEntry.size + batch.length > MAX_REGIONS) this.clear();
    const bytes = compileRegions(
      layout,
      batch.map((b) => b.region),
    );
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      e: { ...runtime, memory: memory.memory },
    });
    batch.forEach(({ record, region }, i) => {
      this.#enter(region, record, instance.exports[String(i)]);
    });
  }

  /** Makes compiled code reachable through the record of its first instruction. */
  #enter(region: Region, record: number, code: unknown): void {
    const { memory, table } = this.#host;
    const index = this.#freeIndexes.pop() ?? this.#nextIndex++;
    if (index >= TABLE_SIZE) throw new RangeError("table of compiled regions is full");
    table.set(index, code);
    const live: LiveRegion = { entryRecord: record, index, parts: partsOf(region) };
    for (const mfn of live.parts.keys()) {
      const ofFrame = this.#byFrame.get(mfn);
      if (ofFrame) ofFrame.add(live);
      else this.#byFrame.set(mfn, new Set([live]));
    }
    memory.u16[(record + REC_CASE) >>> 1] = index;
    this.#byEntry.set(record, live);
    this.statistics.compiled++;
    this.statistics.instructions += region.instructions;
  }

  /** Bytes from..to-1 of a frame are about to change. */
  written(mfn: number, from: number, to: number): void {
    this.#changes++;
    const ofFrame = this.#byFrame.get(mfn);
    if (!ofFrame) return;
    for (const region of [...ofFrame]) {
      const part = region.parts.get(mfn);
      if (part && part.from < to && part.to > from) this.#drop(region);
    }
  }

  #drop(region: LiveRegion): void {
    const { u16 } = this.#host.memory;
    const { entryRecord: record } = region;
    const at = (record + REC_CASE) >>> 1;
    if (u16[at] === region.index) u16[at] = u16[(record + REC_PLAIN) >>> 1] as number;
    // It may be made again, of what is there then.
    this.#settled.delete(record);
    this.#forget(region);
  }

  #forget(region: LiveRegion): void {
    for (const mfn of region.parts.keys()) {
      const ofFrame = this.#byFrame.get(mfn);
      ofFrame?.delete(region);
      if (ofFrame?.size === 0) this.#byFrame.delete(mfn);
    }
    this.#byEntry.delete(region.entryRecord);
    this.#host.table.set(region.index, this.#host.gone);
    this.#gone.push(region.index);
    if (this.#gone.length >= MAX_GONE) {
      this.#host.flushJumps();
      this.#freeIndexes.push(...this.#gone.splice(0));
    }
    this.statistics.dropped++;
  }

  /** Drops all regions; their records become what they were. */
  clear(): void {
    for (const region of this.#byEntry.values()) this.#drop(region);
    this.#settled.clear();
    this.#heat.clear();
    this.#pending = [];
  }

  /** All records are gone, and with them the regions. */
  flushed(): void {
    this.#changes++;
    this.#splitRegions.clear();
    this.#instructions.clear();
    for (const region of this.#byEntry.values()) this.#forget(region);
    this.#settled.clear();
    this.#heat.clear();
    this.#pending = [];
  }
}

/** The bytes that a region was made of, by frame. */
function partsOf(region: Region): Map<number, { from: number; to: number }> {
  const parts = new Map<number, { from: number; to: number }>();
  const add = (page: number, from: number, to: number): void => {
    const mfn = region.frames.get(page) as number;
    const part = parts.get(mfn);
    if (!part) parts.set(mfn, { from, to });
    else {
      part.from = Math.min(part.from, from);
      part.to = Math.max(part.to, to);
    }
  };
  for (const block of region.blocks.values()) {
    for (const { offset, insn } of block.code) {
      const page = pageOf(offset);
      const from = offset - page * 4096;
      const to = from + insn.length;
      add(page, from, Math.min(to, 4096));
      if (to > 4096) add(page + 1, 0, to - 4096);
    }
  }
  return parts;
}
