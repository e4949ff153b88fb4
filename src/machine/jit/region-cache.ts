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
import { discoverRegion, type Region } from "./region.ts";

/** Regions shorter than this, and without a loop, gain nothing. */
const MIN_INSTRUCTIONS = 8;
/** Regions compiled in one go: bounds the time that the guest waits. */
const MAX_BATCH = 32;
/** Live regions at most. */
const MAX_REGIONS = 8000;

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
  #pending: { record: number; mfn: number; offset: number }[] = [];
  readonly #freeIndexes: number[] = [];
  #nextIndex = CASE_FIRST_REGION;
  #live = 0;

  constructor(host: RegionHost) {
    this.#host = host;
  }

  /** A record that many transfers have gone to: the region that begins there is compiled soon, if it is worth it. */
  hot(record: number): void {
    const { u16 } = this.#host.memory;
    const kind = u16[(record + REC_CASE) >>> 1] as number;
    if (kind >= CASE_FIRST_REGION || this.#refused.has(record)) return;
    const heat = (this.#heat.get(record) ?? 0) + 1;
    this.#heat.set(record, heat);
    if (heat !== this.#host.threshold) return;
    const plain = u16[(record + REC_PLAIN) >>> 1] as number;
    // Forms without a case of their own (plain 0) may begin a region, pseudo records may not.
    if (plain !== 0 && plain < CASE_FIRST_FORM) return;
    const at = this.#host.locate(record);
    if (!at) return;
    this.#pending.push({ record, ...at });
  }

  /** Compiles what has become hot since the last call: many regions in one module cost less than one each. */
  compilePending(): void {
    if (this.#pending.length === 0) return;
    const start = this.#host.now();
    const batch: { record: number; region: Region }[] = [];
    for (const { record, mfn, offset } of this.#pending.splice(0, MAX_BATCH)) {
      // It may have been dropped since.
      if (this.#host.recordAt(mfn, offset) !== record) continue;
      if ((this.#host.memory.u16[(record + REC_CASE) >>> 1] as number) >= CASE_FIRST_REGION) continue;
      const region = discoverRegion(this.#host.memory, mfn, offset, this.#host.features, (at) =>
        this.#host.recordAt(mfn, at),
      );
      if (isWorthwhile(region)) batch.push({ record, region });
      else this.#refused.add(record);
    }
    if (batch.length > 0) this.#compile(batch);
    this.statistics.milliseconds += this.#host.now() - start;
  }

  #compile(batch: readonly { record: number; region: Region }[]): void {
    const { memory, layout } = this.#host;
    if (this.#live + batch.length > MAX_REGIONS) this.clear();
    const bytes = compileRegions(
      layout,
      batch.map((b) => b.region),
    );
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: { memory: memory.memory } });
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
    this.#pending = [];
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
    this.#pending = [];
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
