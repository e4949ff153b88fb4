/**
 * The compiled regions: when to make one, where its entry is patched in, when it must go.
 *
 * A region is entered through the record of its first instruction, whose case becomes the region's number. It
 * goes when an instruction of it is written over or the code cache is flushed. Compiled code never
 * runs while that happens: a store to a frame with code misses in the TLB and leaves the region.
 */
import { TABLE_SIZE } from "../interpreter/generate.ts";
import { CASE_FIRST_FORM, CASE_FIRST_REGION, REC_CASE, REC_PLAIN } from "../interpreter/record.ts";
import type { MemoryLayout } from "../layout.ts";
import type { MachineMemory } from "../memory.ts";
import { compileRegions } from "./compile.ts";
import { discoverRegion, type Region } from "./region.ts";

/** Regions shorter than this, and without a loop, gain nothing. */
const MIN_INSTRUCTIONS = 8;
/** Live regions at most; each is a module with a memory mapping of its own. */
const MAX_REGIONS = 3000;

interface LiveRegion {
  readonly mfn: number;
  readonly entryRecord: number;
  readonly index: number;
  /** Offsets that it was made of: first, and behind the last. */
  readonly from: number;
  readonly to: number;
}

/** What the cache needs of its processor. */
export interface RegionHost {
  readonly memory: MachineMemory;
  readonly layout: MemoryLayout;
  readonly features: ReadonlySet<string>;
  readonly table: WebAssembly.Table;
  /** Where an instruction's record is: its frame and offset. */
  locate(record: number): { mfn: number; offset: number } | undefined;
  recordAt(mfn: number, offset: number): number;
  /** Intervals of HOT_INTERVAL transfers that make a record worth compiling from. */
  readonly threshold: number;
  /** Host time in milliseconds, for statistics. */
  now(): number;
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
  readonly #refused = new Set<number>();
  /** How often records were shown to be hot. */
  readonly #heat = new Map<number, number>();
  readonly #freeIndexes: number[] = [];
  #nextIndex = CASE_FIRST_REGION;
  #live = 0;

  constructor(host: RegionHost) {
    this.#host = host;
  }

  /** A record that many transfers have gone to: compiles the region that begins there, if it is worth it. */
  hot(record: number): void {
    const { u16 } = this.#host.memory;
    const kind = u16[(record + REC_CASE) >>> 1] as number;
    if (kind >= CASE_FIRST_REGION || this.#refused.has(record)) return;
    const heat = (this.#heat.get(record) ?? 0) + 1;
    this.#heat.set(record, heat);
    if (heat < this.#host.threshold) return;
    const plain = u16[(record + REC_PLAIN) >>> 1] as number;
    // Forms without a case of their own (plain 0) may begin a region, pseudo records may not.
    if (plain !== 0 && plain < CASE_FIRST_FORM) return;
    const at = this.#host.locate(record);
    if (!at) return;
    const region = discoverRegion(this.#host.memory, at.mfn, at.offset, this.#host.features, (offset) =>
      this.#host.recordAt(at.mfn, offset),
    );
    if (!isWorthwhile(region)) {
      this.#refused.add(record);
      return;
    }
    if (this.#live >= MAX_REGIONS) this.clear();
    this.#compile(region, record);
  }

  #compile(region: Region, record: number): void {
    const { memory, layout, table } = this.#host;
    const start = this.#host.now();
    const module = new WebAssembly.Module(compileRegions(layout, [region]));
    const instance = new WebAssembly.Instance(module, { e: { memory: memory.memory } });
    const index = this.#freeIndexes.pop() ?? this.#nextIndex++;
    if (index >= TABLE_SIZE) throw new RangeError("table of compiled regions is full");
    table.set(index, instance.exports["0"]);
    const offsets = [...region.blocks.values()].flatMap((b) => b.code.map((c) => [c.offset, c.offset + c.insn.length]));
    const live: LiveRegion = {
      mfn: region.mfn,
      entryRecord: record,
      index,
      from: Math.min(...offsets.map((o) => o[0] as number)),
      to: Math.max(...offsets.map((o) => o[1] as number)),
    };
    const ofFrame = this.#byFrame.get(region.mfn);
    if (ofFrame) ofFrame.add(live);
    else this.#byFrame.set(region.mfn, new Set([live]));
    memory.u16[(record + REC_CASE) >>> 1] = index;
    this.#live++;
    this.statistics.compiled++;
    this.statistics.instructions += region.instructions;
    this.statistics.milliseconds += this.#host.now() - start;
  }

  /** Bytes from..to-1 of a frame are about to change. */
  written(mfn: number, from: number, to: number): void {
    const ofFrame = this.#byFrame.get(mfn);
    if (!ofFrame) return;
    for (const region of ofFrame) {
      if (region.from >= to || region.to <= from) continue;
      this.#drop(region);
      ofFrame.delete(region);
    }
    if (ofFrame.size === 0) this.#byFrame.delete(mfn);
  }

  #drop(region: LiveRegion): void {
    const { u16 } = this.#host.memory;
    const { entryRecord: record } = region;
    const at = (record + REC_CASE) >>> 1;
    if (u16[at] === region.index) u16[at] = u16[(record + REC_PLAIN) >>> 1] as number;
    this.#host.table.set(region.index, null);
    this.#freeIndexes.push(region.index);
    this.#live--;
    this.statistics.dropped++;
  }

  /** Drops all regions; their records become what they were. */
  clear(): void {
    for (const ofFrame of this.#byFrame.values()) for (const region of ofFrame) this.#drop(region);
    this.#byFrame.clear();
    this.#refused.clear();
    this.#heat.clear();
  }

  /** All records are gone, and with them the regions. */
  flushed(): void {
    for (const ofFrame of this.#byFrame.values()) {
      for (const region of ofFrame) {
        this.#host.table.set(region.index, null);
        this.#freeIndexes.push(region.index);
        this.#live--;
        this.statistics.dropped++;
      }
    }
    this.#byFrame.clear();
    this.#refused.clear();
    this.#heat.clear();
  }
}

function isWorthwhile(region: Region): boolean {
  if (region.instructions >= MIN_INSTRUCTIONS) return true;
  for (const block of region.blocks.values()) {
    const last = block.code.at(-1);
    if (block.taken !== undefined && last && block.taken <= last.offset && region.blocks.has(block.taken)) return true;
  }
  return false;
}
