/**
 * The compiled regions that are in use: their places in the table, and the records that lead to them.
 *
 * A region is entered through the records of its entries, whose cases become its numbers in the table.
 */
import { CASE_FIRST_FORM, CASE_FIRST_REGION, REC_CASE, REC_PLAIN } from "../interpreter/record.ts";
import { TABLE_SIZE } from "../interpreter/status.ts";
import type { MachineMemory } from "../memory.ts";
import { pageOf, type Region } from "./region.ts";

/** A region with its places in the table: in use, or about to be. */
export interface Live {
  readonly region: Region;
  /** Of the first entry, in the table; those of the others follow. */
  readonly index: number;
}

/** What the regions are installed in. */
export interface Installation {
  readonly memory: MachineMemory;
  readonly table: WebAssembly.Table;
  /** Takes the place of a region that is gone in the table. */
  readonly gone: unknown;
  /** Empties the jump caches. */
  flushJumps(): void;
}

/** What a region was made of in a frame: the first offset and that behind the last. */
interface Part {
  from: number;
  to: number;
}

/** Places in the table of what is gone, until the jump caches are emptied and they are used again. */
const MAX_GONE = 4096;

export class LiveRegions {
  readonly #installation: Installation;
  readonly #all = new Set<Live>();
  readonly #byFrame = new Map<number, Map<Live, Part>>();
  /** By the record of an entry. */
  readonly #byEntry = new Map<number, Live>();
  /** Free places in the table, by how many there are in a row; behind `next` all are free. */
  readonly #free = new Map<number, number[]>();
  #next = CASE_FIRST_REGION;
  /** Places of regions that are gone, which the jump caches may still name. */
  #gone: Live[] = [];
  #goneEntries = 0;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  get size(): number {
    return this.#all.size;
  }

  /** The region that is entered at a record. */
  at(record: number): Live | undefined {
    return this.#byEntry.get(record);
  }

  /** Those that something of bytes from..to-1 of a frame is in. */
  in(mfn: number, from: number, to: number): Live[] {
    const ofFrame = this.#byFrame.get(mfn);
    return ofFrame ? [...ofFrame].filter(([, part]) => part.from < to && part.to > from).map(([live]) => live) : [];
  }

  [Symbol.iterator](): IterableIterator<Live> {
    return this.#all.values();
  }

  /** Whether there is room for so many entries. */
  hasRoom(entries: number): boolean {
    return this.#next + entries <= TABLE_SIZE;
  }

  /** Places in a row for the entries of a region, and the index of the first. */
  take(region: Region): Live {
    const n = region.entries.length;
    let index = this.#free.get(n)?.pop();
    if (index === undefined) {
      index = this.#next;
      this.#next += n;
    }
    return { region, index };
  }

  /** Makes compiled code reachable. Entries where another region is entered stay that one's. */
  install(live: Live, code: unknown): void {
    const { table, memory } = this.#installation;
    const { region, index } = live;
    this.#all.add(live);
    for (const [mfn, part] of partsOf(region)) {
      const ofFrame = this.#byFrame.get(mfn);
      if (ofFrame) ofFrame.set(live, part);
      else this.#byFrame.set(mfn, new Map([[live, part]]));
    }
    entryRecords(region).forEach((record, i) => {
      table.set(index + i, code);
      if (this.#byEntry.has(record) || !this.canBegin(record)) return;
      memory.u16[(record + REC_CASE) >>> 1] = index + i;
      this.#byEntry.set(record, live);
    });
  }

  /** Whether a region may begin at a record: forms without a case of their own (plain 0) may, pseudo records may not. */
  canBegin(record: number): boolean {
    const plain = this.#installation.memory.u16[(record + REC_PLAIN) >>> 1] as number;
    return plain === 0 || plain >= CASE_FIRST_FORM;
  }

  /** The region is not entered any more. @param recordsGone so are the records of its entries: they must not be touched */
  remove(live: Live, recordsGone = false): void {
    if (!this.#all.delete(live)) return;
    const { memory, table, gone } = this.#installation;
    for (const mfn of live.region.frames.values()) {
      const ofFrame = this.#byFrame.get(mfn);
      ofFrame?.delete(live);
      if (ofFrame?.size === 0) this.#byFrame.delete(mfn);
    }
    entryRecords(live.region).forEach((record, i) => {
      table.set(live.index + i, gone);
      if (this.#byEntry.get(record) !== live) return;
      this.#byEntry.delete(record);
      const at = (record + REC_CASE) >>> 1;
      if (!recordsGone && memory.u16[at] === live.index + i) {
        memory.u16[at] = memory.u16[(record + REC_PLAIN) >>> 1] as number;
      }
    });
    this.#gone.push(live);
    this.#goneEntries += live.region.entries.length;
    if (this.#goneEntries >= MAX_GONE) this.#reuse();
  }

  /** Frees the places of what is gone. */
  #reuse(): void {
    this.#installation.flushJumps();
    for (const { index, region } of this.#gone) {
      const free = this.#free.get(region.entries.length);
      if (free) free.push(index);
      else this.#free.set(region.entries.length, [index]);
    }
    this.#gone = [];
    this.#goneEntries = 0;
  }

  /** Removes all, and all places are free. */
  clear(recordsGone = false): void {
    for (const live of this.#all) this.remove(live, recordsGone);
    this.#installation.flushJumps();
    this.#free.clear();
    this.#gone = [];
    this.#goneEntries = 0;
    this.#next = CASE_FIRST_REGION;
  }
}

/** Records of the entries, in their order. */
export const entryRecords = ({ entries, blocks }: Region): number[] =>
  entries.map((offset) => blocks.get(offset)?.code[0]?.record as number);

/** The bytes that a region was made of, by frame. */
function partsOf(region: Region): Map<number, Part> {
  const parts = new Map<number, Part>();
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
