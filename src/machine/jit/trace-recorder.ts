/** When the way from region to region is recorded, and whether what comes of it is worth a long region. */
import type { Region } from "./region.ts";
import { joinRegions, type TraceStep } from "./trace.ts";

/** A compiled region as the recorder sees it. */
export interface TracedRegion {
  readonly entryRecord: number;
  readonly region: Region;
  /** How often it was met as the target of a transfer between regions. */
  samples: number;
  /** How often it must be met until a trace is recorded from it. */
  traceAt: number;
}

/** What the recorder needs of its processor. */
export interface TraceHost {
  /** How often control has come from the interpreter into compiled regions, modulo 2^32. */
  readonly chains: number;
  /** The next transfer from region to region is to be shown. */
  sampleNext(): void;
  /** Linear address of the page of an instruction that is about to be executed; undefined if it is not there. */
  pageOf(record: number): bigint | undefined;
  recordAt(mfn: number, offset: number): number;
}

/** Samples of a region, times the threshold, before the first trace. */
const FIRST_TRACE = 2;
/**
 * Transfers that a long region saves, in samples times steps, times the threshold: a transfer costs 20 ns, a long region some
 * milliseconds.
 */
const WORTH = 64;
/** Regions that are recorded in one go. */
const MAX_STEPS = 64;

interface Trace<T> {
  /** The count of chains at its start: when it changes, control has been elsewhere. */
  readonly chains: number;
  readonly steps: (TraceStep & { readonly live: T })[];
}

export class TraceRecorder<T extends TracedRegion> {
  readonly #host: TraceHost;
  readonly #threshold: number;
  #trace: Trace<T> | undefined;

  /** @param threshold as for short regions */
  constructor(host: TraceHost, threshold: number) {
    this.#host = host;
    this.#threshold = threshold;
  }

  /** Samples of a new region before the first trace. */
  get firstTrace(): number {
    return FIRST_TRACE * this.#threshold;
  }

  /** Forgets the trace being recorded. */
  clear(): void {
    this.#trace = undefined;
  }

  /**
   * Control goes to a region from another one.
   * @param mayRecord a new trace may be begun
   * @returns the head of a trace that is complete, and the long region to take its place
   */
  sampled(live: T, mayRecord: boolean): { readonly head: T; readonly region: Region } | undefined {
    if (!this.#trace) {
      live.samples++;
      if (live.samples < live.traceAt || !mayRecord) return undefined;
      this.#trace = { chains: this.#host.chains, steps: [] };
    }
    return this.#record(this.#trace, live);
  }

  #record(trace: Trace<T>, live: T): ReturnType<TraceRecorder<T>["sampled"]> {
    const { steps } = trace;
    const pageVa = this.#host.pageOf(live.entryRecord);
    const head = steps[0]?.live ?? live;
    const isBack = live === head && steps.length > 0;
    const isOver = pageVa === undefined || trace.chains !== this.#host.chains;
    // The way back to the head is part of the loop.
    if (!isOver) steps.push({ live, region: live.region, pageVa });
    if (!isOver && !isBack && steps.length < MAX_STEPS) {
      this.#host.sampleNext();
      return undefined;
    }
    this.#trace = undefined;
    const transfers = Math.max(steps.length - 1, 1);
    const worth = Math.ceil((WORTH * this.#threshold) / transfers);
    if (head.samples < worth) {
      head.traceAt = worth;
      return undefined;
    }
    const region = joinRegions(steps, (mfn, offset) => this.#host.recordAt(mfn, offset));
    head.traceAt = Number.POSITIVE_INFINITY;
    return region.instructions > head.region.instructions ? { head, region } : undefined;
  }
}
