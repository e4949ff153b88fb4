/**
 * The compiled regions: when to make one, where its entry is patched in, when it must go.
 *
 * A region is entered through the record of its first instruction, whose case becomes the region's number. It
 * goes when an instruction of it is written over or the code cache is flushed. Compiled code never
 * runs while that happens: a store to a frame with code misses in the TLB and leaves the region.
 */

import { CASE_FIRST_FORM, CASE_FIRST_REGION, REC_CASE, REC_PLAIN } from "../interpreter/record.ts";
import { SAMPLED, TABLE_SIZE } from "../interpreter/status.ts";
import type { MemoryLayout } from "../layout.ts";
import type { MachineMemory } from "../memory.ts";
import { compileRegions } from "./compile.ts";
import { type DecodedInsn, discoverRegion, pageOf, type Region } from "./region.ts";
import { type TracedRegion, type TraceHost, TraceRecorder } from "./trace-recorder.ts";

/** Regions without a loop are this long at least; even short ones save the way from one region to the interpreter and back. */
const MIN_INSTRUCTIONS = 2;
/** Regions compiled in one go: bounds the time that the guest waits. */
const MAX_BATCH = 32;
/** A smaller batch waits for more, but no longer than these milliseconds: a module costs as much as some ten regions in it. */
const MIN_BATCH = 12;
const MAX_WAIT = 4;
/** Of the host's time since the start, this much may be spent on compilation, and some milliseconds more. */
const COMPILE_SHARE = 1 / 12;
const COMPILE_GRACE = 40;
/** Live regions at most. */
const MAX_REGIONS = 8000;
/** Decoded instructions kept. */
const MAX_INSTRUCTIONS = 30_000;

interface LiveRegion extends TracedRegion {
  readonly index: number;
  /** What it was made of: by frame, the first offset and that behind the last. */
  readonly parts: ReadonlyMap<number, { from: number; to: number }>;
}

/** A region that is worth compiling. */
interface PendingRegion {
  readonly record: number;
  readonly region: Region;
  /** It takes the place of a shorter one. */
  readonly long: boolean;
}

/** What the cache needs of its processor. */
export interface RegionHost extends Pick<TraceHost, "chains" | "sampleNext"> {
  readonly memory: MachineMemory;
  readonly layout: MemoryLayout;
  readonly features: ReadonlySet<string>;
  readonly table: WebAssembly.Table;
  /** Functions of the interpreter's module that compiled code may import. */
  readonly runtime: Readonly<Record<string, unknown>>;
  /** Where the record of an instruction of the current page is: page, frame and offset. */
  locate(record: number): { pageVa: bigint; mfn: number; offset: number } | undefined;
  /** Frame that code at a linear address is fetched from, if it can be. */
  frameOf(linear: bigint): number | undefined;
  recordAt(mfn: number, offset: number): number;
  /** Intervals of HOT_INTERVAL transfers that make a record worth compiling from. */
  readonly threshold: number;
  /** Traces are recorded, and become long regions. */
  readonly longRegions: boolean;
  /** Host time in milliseconds; undefined: there is no clock, and nothing waits. */
  readonly now: (() => number) | undefined;
}

export interface RegionStatistics {
  compiled: number;
  /** Of these, long ones, made of several. */
  long: number;
  instructions: number;
  dropped: number;
  milliseconds: number;
}

export class RegionCache {
  readonly statistics: RegionStatistics = { compiled: 0, long: 0, instructions: 0, dropped: 0, milliseconds: 0 };
  readonly #host: RegionHost;
  readonly #byFrame = new Map<number, Set<LiveRegion>>();
  /** Records for which it has been decided whether a region begins there. */
  readonly #settled = new Set<number>();
  /** How often records were shown to be hot. */
  readonly #heat = new Map<number, number>();
  #pending: PendingRegion[] = [];
  /** When the first of a small batch was pending. */
  #pendingSince: number | undefined;
  readonly #traces: TraceRecorder<LiveRegion>;
  /** What regions are made of, by record. Records keep what they hold until the code cache is flushed. */
  readonly #instructions = new Map<number, DecodedInsn | false>();
  readonly #freeIndexes: number[] = [];
  readonly #byIndex: (LiveRegion | undefined)[] = [];
  #nextIndex = CASE_FIRST_REGION;
  #live = 0;
  readonly #started: number;

  #now(): number {
    return this.#host.now?.() ?? 0;
  }

  constructor(host: RegionHost) {
    this.#host = host;
    this.#traces = new TraceRecorder(
      {
        get chains() {
          return host.chains;
        },
        sampleNext: () => host.sampleNext(),
        pageOf: (record) => host.locate(record)?.pageVa,
        recordAt: (mfn, offset) => host.recordAt(mfn, offset),
      },
      host.threshold,
    );
    this.#started = this.#now();
  }

  /**
   * A record that many transfers have gone to: the region that begins there is compiled soon, if it is worth it. Marked
   * as SAMPLED it is a region, one that others often lead to: a long one may take their place.
   */
  hot(record: number): void {
    if (record & SAMPLED) this.#sampled(record - SAMPLED);
    else this.#counted(record);
  }

  #counted(record: number): void {
    const { u16 } = this.#host.memory;
    const kind = u16[(record + REC_CASE) >>> 1] as number;
    if (kind >= CASE_FIRST_REGION || this.#settled.has(record)) return;
    const heat = (this.#heat.get(record) ?? 0) + 1;
    this.#heat.set(record, heat);
    if (heat < this.#host.threshold || this.#isExpensive()) return;
    const plain = u16[(record + REC_PLAIN) >>> 1] as number;
    // Forms without a case of their own (plain 0) may begin a region, pseudo records may not.
    if (plain !== 0 && plain < CASE_FIRST_FORM) return;
    // Now, while the guest is in the address space that the code is of.
    const region = this.#discover(record);
    if (!region) return;
    this.#settled.add(record);
    if (region.isLoop || region.instructions >= MIN_INSTRUCTIONS) this.#pending.push({ record, region, long: false });
  }

  /** A transfer from region to region. */
  #sampled(record: number): void {
    if (!this.#host.longRegions) return;
    const live = this.#liveAt(record);
    if (!live) return;
    const start = this.#now();
    const long = this.#traces.sampled(live, !this.#isExpensive());
    this.statistics.milliseconds += this.#now() - start;
    // The head may be gone by now.
    if (long && this.#liveAt(long.head.entryRecord) === long.head) {
      this.#pending.push({ record: long.head.entryRecord, region: long.region, long: true });
    }
  }

  #liveAt(record: number): LiveRegion | undefined {
    const live = this.#byIndex[this.#host.memory.u16[(record + REC_CASE) >>> 1] as number];
    return live?.entryRecord === record ? live : undefined;
  }

  /**
   * Compilation has had its share of the time. Then records must ask again, which the hottest do most often: a boot,
   * whose heat is spread widely, is not slowed down, and a program that runs for long gets all it needs.
   */
  #isExpensive(): boolean {
    const elapsed = this.#now() - this.#started;
    return this.statistics.milliseconds > COMPILE_GRACE + elapsed * COMPILE_SHARE;
  }

  #discover(record: number): Region | undefined {
    const at = this.#host.locate(record);
    if (!at) return undefined;
    const start = this.#now();
    if (this.#instructions.size > MAX_INSTRUCTIONS) this.#instructions.clear();
    const { memory, features } = this.#host;
    const region = discoverRegion(
      {
        memory,
        features,
        instructions: this.#instructions,
        frameOf: (page) => this.#host.frameOf(BigInt.asUintN(64, at.pageVa + BigInt(page * 4096))),
        recordAt: (frame, offset) => this.#host.recordAt(frame, offset),
      },
      at.offset,
    );
    this.statistics.milliseconds += this.#now() - start;
    return region;
  }

  /** Compiles what has become hot since the last call: many regions in one module cost less than one each. */
  compilePending(): void {
    if (this.#pending.length === 0) return;
    const start = this.#now();
    if (this.#host.now && this.#pending.length < MIN_BATCH) {
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
    this.statistics.milliseconds += this.#now() - start;
  }

  /** The code has not been written over since the region was found, and no other region begins there, unless it is to be replaced. */
  #isCurrent({ record, region, long }: PendingRegion): boolean {
    const isRegion = (this.#host.memory.u16[(record + REC_CASE) >>> 1] as number) >= CASE_FIRST_REGION;
    if (isRegion !== long) return false;
    for (const { code } of region.blocks.values()) {
      for (const at of code) if (region.recordAt(at.offset) !== at.record) return false;
    }
    return true;
  }

  #compile(batch: readonly PendingRegion[]): void {
    const { memory, layout, runtime } = this.#host;
    if (this.#live + batch.length > MAX_REGIONS) this.clear();
    const bytes = compileRegions(
      layout,
      batch.map((b) => b.region),
    );
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
      e: { ...runtime, memory: memory.memory },
    });
    batch.forEach(({ record, region, long }, i) => {
      // Unless there were too many regions, and it has gone with all of them.
      const short = long ? this.#liveAt(record) : undefined;
      if (short) this.#drop(short);
      this.#enter(region, record, instance.exports[String(i)], long);
    });
  }

  /** Makes compiled code reachable through the record of its first instruction. */
  #enter(region: Region, record: number, code: unknown, long: boolean): void {
    const { memory, table } = this.#host;
    const index = this.#freeIndexes.pop() ?? this.#nextIndex++;
    if (index >= TABLE_SIZE) throw new RangeError("table of compiled regions is full");
    table.set(index, code);
    const traceAt = long ? Number.POSITIVE_INFINITY : this.#traces.firstTrace;
    const live: LiveRegion = { entryRecord: record, index, region, samples: 0, traceAt, parts: partsOf(region) };
    this.#byIndex[index] = live;
    for (const mfn of live.parts.keys()) {
      const ofFrame = this.#byFrame.get(mfn);
      if (ofFrame) ofFrame.add(live);
      else this.#byFrame.set(mfn, new Set([live]));
    }
    memory.u16[(record + REC_CASE) >>> 1] = index;
    this.#live++;
    this.statistics.compiled++;
    if (long) this.statistics.long++;
    this.statistics.instructions += region.instructions;
  }

  /** Bytes from..to-1 of a frame are about to change. */
  written(mfn: number, from: number, to: number): void {
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
    this.#host.table.set(region.index, null);
    this.#byIndex[region.index] = undefined;
    this.#freeIndexes.push(region.index);
    this.#live--;
    this.statistics.dropped++;
  }

  #all(): Set<LiveRegion> {
    return new Set([...this.#byFrame.values()].flatMap((ofFrame) => [...ofFrame]));
  }

  /** Drops all regions; their records become what they were. */
  clear(): void {
    for (const region of this.#all()) this.#drop(region);
    this.#settled.clear();
    this.#heat.clear();
    this.#pending = [];
    this.#traces.clear();
  }

  /** All records are gone, and with them the regions. */
  flushed(): void {
    this.#instructions.clear();
    for (const region of this.#all()) this.#forget(region);
    this.#settled.clear();
    this.#heat.clear();
    this.#pending = [];
    this.#traces.clear();
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
