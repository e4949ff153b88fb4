/**
 * Regions: when to compile one, and when it must go.
 *
 * A region goes when an instruction of it is written over or the code cache is flushed. Compiled code never
 * runs while that happens: a store to a frame with code misses in the TLB and leaves the region.
 *
 * Code is compiled once, as far as possible: what is executed by turns in more places than fits into the host's caches is slower compiled than
 * interpreted. So where code gets hot that a region has already, the region is made again, with an entry there.
 */

import { CASE_FIRST_REGION, REC_CASE } from "../interpreter/record.ts";
import type { MemoryLayout } from "../layout.ts";
import { compileRegions } from "./compile.ts";
import { CompileBudget } from "./compile-budget.ts";
import { discoverRegion } from "./discovery.ts";
import { withEntries, withEntry } from "./entries.ts";
import { entryRecords, type Installation, type Live, LiveRegions } from "./live-regions.ts";
import type { Region } from "./region.ts";
import type { DecodedInsn } from "./region-insn.ts";

/** Regions without a loop are this long at least; even short ones save the way from one region to the interpreter and back. */
const MIN_INSTRUCTIONS = 2;
/** Regions compiled in one go: bounds the time that the guest waits. */
const MAX_BATCH = 96;
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
/** Calls of compilePending between two looks at how often windows are in two pages; a power of two. */
const CALLS_A_LOOK = 64;
/** Windows in two pages between two looks at how often that is; each costs about a tenth of a microsecond. */
const MANY_SPLITS = 2000;
/** This many are too many. */
const SPLITS_A_MILLISECOND = 100;
/** Instructions of a region that becomes part of another one, when that gets to it: what gets hot first is often a few instructions. */
const MAX_ABSORBED = 40;
/** Live regions at most. */
const MAX_REGIONS = 8000;
/** Decoded instructions kept. */
const MAX_INSTRUCTIONS = 30_000;

/** A region that is to be compiled, or has been. */
interface Unit {
  /** As it is to be: with entries that the compiled one does not have yet, if it is pending. */
  region: Region;
  /** The count of changes of code when it was found. */
  readonly changes: number;
  isPending: boolean;
  live: Live | undefined;
  /** Regions whose place it takes as soon as it is compiled. */
  absorbed: readonly Unit[];
}

/** How hot a record was when it was last looked at, in milliseconds of the host. */
interface Heat {
  readonly heat: number;
  readonly at: number;
}

/** What the cache needs of its processor. */
export interface RegionHost extends Installation {
  readonly layout: MemoryLayout;
  readonly features: ReadonlySet<string>;
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
  readonly #live: LiveRegions;
  readonly #units = new Map<Live, Unit>();
  /** By record, the region that has the instruction, live or pending, and can be entered there. */
  readonly #owners = new Map<number, { readonly unit: Unit; readonly offset: number }>();
  /** Records for which it has been decided whether a region begins there. */
  readonly #settled = new Set<number>();
  /** How hot records are that no region begins at. */
  readonly #heat = new Map<number, Heat>();
  /** Entries of regions whose windows are often in two pages. */
  readonly #splitRegions = new Set<number>();
  /** The count of windows in two pages, and the time, when they were looked at last. */
  #splits = 0;
  #splitsAt = 0;
  #calls = 0;
  #pending: Unit[] = [];
  /** When the first of a small batch was pending. */
  #pendingSince: number | undefined;
  /** What regions are made of, by record. Records keep what they hold until the code cache is flushed. */
  readonly #instructions = new Map<number, DecodedInsn | false>();
  readonly #budget: CompileBudget;
  /** How often something of what could be compiled has changed. */
  #changes = 0;

  #now(): number {
    return this.#host.now?.() ?? 0;
  }

  constructor(host: RegionHost) {
    this.#host = host;
    this.#budget = new CompileBudget(this.#now());
    this.#live = new LiveRegions(host);
  }

  /** HOT_INTERVAL more transfers have gone to a record: the region that begins there is compiled soon, if it is worth it. */
  hot(record: number): void {
    const { u16 } = this.#host.memory;
    const kind = u16[(record + REC_CASE) >>> 1] as number;
    if (kind >= CASE_FIRST_REGION || this.#settled.has(record)) return;
    const now = this.#now();
    if (this.#heated(record, now) < this.#host.threshold * this.#budget.price(now)) return;
    if (!this.#live.canBegin(record) || this.#addEntry(record)) return;
    // Now, while the guest is in the address space that the code is of.
    const region = this.#discover(record);
    if (region) this.#found(record, region);
    this.#spend(now);
  }

  #found(record: number, region: Region): void {
    this.#settle(record);
    const { isLoop, instructions } = region;
    if (!isLoop && instructions < MIN_INSTRUCTIONS) return;
    // Loops are copied to where they are entered.
    const whole = isLoop ? { region, absorbed: [] } : this.#absorb(region);
    const unit: Unit = { ...whole, changes: this.#changes, isPending: true, live: undefined };
    this.#pending.push(unit);
    if (!isLoop) this.#own(unit);
  }

  /** The region with the entries of those that it has all entries of; it is to take their place. */
  #absorb(region: Region): { region: Region; absorbed: Unit[] } {
    const offsets = new Map<number, number>();
    const others = new Set<Unit>();
    for (const { code } of region.blocks.values()) {
      for (const { record, offset } of code) {
        offsets.set(record, offset);
        const owner = this.#owners.get(record);
        if (owner) others.add(owner.unit);
      }
    }
    const absorbed: Unit[] = [];
    let whole = region;
    for (const unit of others) {
      const grown = withEntries(
        whole,
        entryRecords(unit.region).map((record) => offsets.get(record)),
      );
      if (!grown) continue;
      whole = grown;
      absorbed.push(unit);
      this.#disown(unit);
      // Whatever it was to get is in the other one.
      unit.isPending = false;
    }
    return { region: whole, absorbed };
  }

  #settle(record: number): void {
    this.#settled.add(record);
    this.#heat.delete(record);
  }

  /** If a region has the instruction already, it is to get an entry there. */
  #addEntry(record: number): boolean {
    const placed = this.#owners.get(record);
    const region = placed && withEntry(placed.unit.region, placed.offset);
    if (!region) return false;
    const { unit } = placed;
    unit.region = region;
    if (!unit.isPending) this.#pending.push(unit);
    unit.isPending = true;
    this.#settle(record);
    return true;
  }

  #own(unit: Unit): void {
    for (const { code } of unit.region.blocks.values()) {
      for (const { record, offset } of code) {
        if (!this.#owners.has(record)) this.#owners.set(record, { unit, offset });
      }
    }
  }

  /** Whether the instruction of a record is in a region that is not to be absorbed. */
  #isLarge(record: number): boolean {
    const owner = this.#owners.get(record);
    return owner !== undefined && owner.unit.region.instructions > MAX_ABSORBED;
  }

  #disown(unit: Unit): void {
    for (const { code } of unit.region.blocks.values()) {
      for (const { record } of code) if (this.#owners.get(record)?.unit === unit) this.#owners.delete(record);
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
    const live = this.#live.at(splitRegion);
    if (!isOften || !live) return;
    this.#splitRegions.add(splitRegion);
    this.#drop(this.#units.get(live) as Unit);
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
        // If the region that has it could not get an entry there, this one has a copy.
        isElsewhere: (other) => !this.#owners.has(record) && this.#isLarge(other),
      },
      at.offset,
    );
  }

  /** Compiles what has become hot since the last call: many regions in one module cost less than one each. */
  compilePending(): void {
    if ((++this.#calls & (CALLS_A_LOOK - 1)) === 0) this.#watchSplits();
    if (this.#pending.length === 0) return;
    const start = this.#now();
    const enough = Math.min(Math.max(MIN_BATCH, this.#live.size * MIN_BATCH_SHARE), MAX_BATCH);
    if (this.#host.now && this.#pending.length < enough) {
      this.#pendingSince ??= start;
      if (start - this.#pendingSince < MAX_WAIT) return;
    }
    this.#pendingSince = undefined;
    const batch: Unit[] = [];
    for (const unit of this.#pending.splice(0, MAX_BATCH)) {
      // What has been dropped meanwhile is not pending any more.
      if (!unit.isPending) continue;
      if (this.#isCurrent(unit)) batch.push(unit);
      else this.#drop(unit);
    }
    if (batch.length > 0) this.#compile(batch);
    this.#spend(start);
  }

  /** The code has not been written over since the region was found. */
  #isCurrent({ region, changes }: Unit): boolean {
    if (changes === this.#changes) return true;
    for (const { code } of region.blocks.values()) {
      for (const at of code) if (region.recordAt(at.offset) !== at.record) return false;
    }
    return true;
  }

  #compile(batch: readonly Unit[]): void {
    const { memory, layout, runtime } = this.#host;
    let entries = 0;
    for (const { region } of batch) entries += region.entries.length;
    if (this.#live.size + batch.length > MAX_REGIONS || !this.#live.hasRoom(entries)) this.clear();
    const lives = batch.map(({ region }) => this.#live.take(region));
    const instance = new WebAssembly.Instance(new WebAssembly.Module(compileRegions(layout, lives)), {
      e: { ...runtime, memory: memory.memory },
    });
    batch.forEach((unit, i) => {
      const live = lives[i] as Live;
      if (unit.live) this.#retire(unit.live);
      for (const other of unit.absorbed) if (other.live) this.#drop(other);
      unit.absorbed = [];
      this.#live.install(live, instance.exports[String(i)]);
      this.#units.set(live, unit);
      unit.live = live;
      unit.isPending = false;
      for (const record of entryRecords(live.region)) this.#settle(record);
      this.statistics.compiled++;
      this.statistics.instructions += live.region.instructions;
    });
  }

  #retire(live: Live): void {
    this.#live.remove(live);
    this.#units.delete(live);
  }

  /** Bytes from..to-1 of a frame are about to change. */
  written(mfn: number, from: number, to: number): void {
    this.#changes++;
    for (const live of this.#live.in(mfn, from, to)) this.#drop(this.#units.get(live) as Unit);
  }

  /** Gives a region up. It may be found again, as it is then. */
  #drop(unit: Unit): void {
    this.#disown(unit);
    for (const record of entryRecords(unit.region)) this.#settled.delete(record);
    unit.isPending = false;
    if (!unit.live) return;
    this.#retire(unit.live);
    unit.live = undefined;
    this.statistics.dropped++;
  }

  /** Drops all regions; their records become what they were. */
  clear(): void {
    this.#dropAll(false);
  }

  /** All records are gone, and with them the regions. */
  flushed(): void {
    this.#changes++;
    this.#splitRegions.clear();
    this.#instructions.clear();
    this.#dropAll(true);
  }

  #dropAll(recordsGone: boolean): void {
    this.statistics.dropped += this.#live.size;
    this.#live.clear(recordsGone);
    this.#units.clear();
    this.#owners.clear();
    this.#settled.clear();
    this.#heat.clear();
    for (const unit of this.#pending.splice(0)) unit.isPending = false;
  }
}
