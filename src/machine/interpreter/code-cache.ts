/**
 * The cache of decoded code, keyed by machine frame and offset (so all address spaces share it),
 * dropped where its bytes are written, and flushed whole when it is full.
 *
 * A frame with code has a directory: 64 pointers to lines, one per 64 bytes of code, each of 64
 * pointers to records, one per byte. Both are in the records area.
 */
import type { MemoryLayout } from "../layout.ts";
import type { MachineMemory } from "../memory.ts";
import { decode, newInsn } from "../x86/decode/index.ts";
import { resolveFeature } from "../x86/fallback.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, type Insn, OperandKind, RegClass, SEG_NONE } from "../x86/insn.ts";
import { cpuState, REG_ZERO, segmentRegister } from "../x86/state.ts";
import { hasFarDisplacement, hasWideDisplacement } from "./emit.ts";
import type { FormRegistry, Handler } from "./form-registry.ts";
import { cloneInsn } from "./forms.ts";
import { MAX_FUSED } from "./fusions.ts";
import {
  CASE_CROSSING,
  CASE_FIRST_FORM,
  CASE_GOTO,
  CASE_LOOKUP,
  REC_BASE,
  REC_CASE,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_LENGTH,
  REC_LINK,
  REC_OFFSET,
  REC_PLAIN,
  REC_REG,
  REC_SCALE,
  REC_SEGMENT,
  RECORD_SIZE,
  SCALE_BRANCH,
} from "./record.ts";

const LINE_BYTES = 64;
const TABLE_BYTES = 64 * 4;
/** A run of straight-line code is cut here. */
const MAX_RUN = 256;
/** Room that one decode() may need: records, directory, lines. */
const DECODE_ROOM = (MAX_RUN + 4) * RECORD_SIZE + 70 * TABLE_BYTES;
/** Decoded instructions kept for TypeScript at most: they are objects of the host. */
const MAX_KEPT = 1 << 16;
/** Longest instruction. */
const MAX_LENGTH = 15;
const ST = cpuState.offset;
const ZERO_SLOT = REG_ZERO * 8;
const PAGE_VA_SLOT = ST.page_va - ST.gpr;
const NO_SEGMENT = ST.gpr + ZERO_SLOT;

/** Mnemonics behind which decoding does not go on. */
const TERMINATORS = new Set([
  "jmp",
  "jmp_far",
  "ret",
  "ret_far",
  "iret",
  "ud0",
  "ud1",
  "ud2",
  "hlt",
  "sysret",
  "sysexit",
]);

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

export interface CodeCacheStatistics {
  decodedInstructions: number;
  invalidations: number;
  flushes: number;
}

/** What the cache needs of its processor. */
export interface CodeCacheHost {
  /** Some frame has code now: stores to it must be seen, so write translations are dropped. */
  codeAppeared(mfn: number): void;
  /** Bytes from..to-1 of a frame are about to change: what was compiled from them must go. */
  codeChanges(mfn: number, from: number, to: number): void;
  /** All records are gone. */
  codeFlushed(): void;
  /** CPUID features; instructions of others are undefined. */
  readonly features: ReadonlySet<string>;
}

export class CodeCache {
  readonly statistics: CodeCacheStatistics = { decodedInstructions: 0, invalidations: 0, flushes: 0 };
  readonly #memory: MachineMemory;
  readonly #layout: MemoryLayout;
  readonly #forms: FormRegistry;
  readonly #host: CodeCacheHost;
  readonly #insn = newInsn();
  readonly #undefined: Insn;
  #next: number;
  /** Decoded instructions that TypeScript executes, by the records' link fields. */
  #instructions: Insn[] = [];
  /** Records of page-crossing instructions by the frame of their second part. */
  readonly #crossings = new Map<number, Set<number>>();

  constructor(memory: MachineMemory, layout: MemoryLayout, forms: FormRegistry, host: CodeCacheHost) {
    this.#memory = memory;
    this.#layout = layout;
    this.#forms = forms;
    this.#host = host;
    this.#next = layout.records;
    this.#undefined = newInsn();
    decode(Uint8Array.of(0x0f, 0x0b), 0, 64, this.#undefined);
  }

  get bytesUsed(): number {
    return this.#next - this.#layout.records;
  }

  /** The decoded instruction with that number, as callSystem passes it. */
  instruction(index: number): Insn {
    const insn = this.#instructions[index];
    if (!insn) throw new RangeError(`no decoded instruction ${index}`);
    return insn;
  }

  /** Decodes the run of code that starts at a host address; returns its first record. */
  decode(host: number): number {
    if (this.#isFull(MAX_RUN)) this.flush();
    const mfn = host >>> 12;
    const frame = mfn * 4096;
    const directory = this.#directory(mfn);
    let offset = host & 0xfff;
    const { fusions } = this.#forms;
    fusions.begin();
    // Directories and lines are taken from the same space, so they are made before the records.
    this.#makeLines(directory, offset);
    // The record before the first is empty: dropping a record looks at the one before it.
    this.#memory.u8.fill(0, this.#next, this.#next + RECORD_SIZE);
    const start = this.#next + RECORD_SIZE;
    let record = start;
    for (let n = 0; ; n++) {
      if (offset >= 4096 || n >= MAX_RUN) {
        this.#pseudo(record, CASE_LOOKUP, offset, 0);
        record += RECORD_SIZE;
        break;
      }
      const entry = this.#entry(directory, offset);
      if (n > 0 && entry !== 0) {
        const known = this.#memory.u32[entry >>> 2] as number;
        if (known !== 0) {
          this.#pseudo(record, CASE_GOTO, offset, known);
          record += RECORD_SIZE;
          break;
        }
      }
      if (entry === 0) {
        // Beyond the lines made in advance.
        this.#pseudo(record, CASE_LOOKUP, offset, 0);
        record += RECORD_SIZE;
        break;
      }
      const end = frame + 4096;
      const at = frame + offset;
      const bytes = at + 32 <= end ? this.#memory.u8 : this.#memory.u8.subarray(0, end);
      let insn = this.#insn;
      let length = decode(bytes, at, 64, insn);
      if (length === 0) {
        this.#memory.u32[entry >>> 2] = record;
        record = this.#crossing(record, offset, frame);
        break;
      }
      const handler = length > 0 ? this.#handlerOf(insn, at, length) : undefined;
      if (!handler) {
        // Undefined opcodes are UD2 in effect. Too long ones raise #GP: as a privileged instruction does.
        insn = this.#undefined;
        length = 2;
      }
      const how = handler ?? (this.#forms.handlerOf(insn) as Handler);
      this.#memory.u32[entry >>> 2] = record;
      this.#lower(insn, how, record, offset, length);
      fusions.follow(how, (back, fused) => {
        this.#memory.u16[(record - back * RECORD_SIZE + REC_CASE) >>> 1] = fused;
      });
      this.statistics.decodedInstructions++;
      record += RECORD_SIZE;
      offset += length;
      if (TERMINATORS.has(insn.def.mnemonic)) break;
    }
    this.#next = record;
    this.#forms.flush();
    return start;
  }

  /** Whether some space that decoding `count` more instructions may need is used up. */
  #isFull(count: number): boolean {
    return (
      this.#next + DECODE_ROOM > this.#layout.recordsEnd ||
      this.#forms.room < count ||
      this.#instructions.length + count > MAX_KEPT
    );
  }

  /** Whether the processor offers it, and how it is executed. */
  #handlerOf(insn: Insn, at = 0, length = 0): Handler | undefined {
    if (!resolveFeature(insn, this.#host.features)) return undefined;
    return this.#forms.handlerOf(insn, () => hex(this.#memory.u8.subarray(at, at + length)));
  }

  #pseudo(record: number, kind: number, offset: number, link: number): void {
    const { u16, u32 } = this.#memory;
    u16[(record + REC_CASE) >>> 1] = kind;
    u16[(record + REC_PLAIN) >>> 1] = kind;
    u16[(record + REC_OFFSET) >>> 1] = offset;
    u32[(record + REC_LINK) >>> 2] = link;
  }

  /** Writes the record of one instruction. */
  #lower(insn: Insn, how: Handler, record: number, offset: number, length: number): void {
    const { u8, u16, i32, u32, dv } = this.#memory;
    u16[(record + REC_CASE) >>> 1] = how.case;
    u16[(record + REC_HANDLER) >>> 1] = how.handler;
    u16[(record + REC_OFFSET) >>> 1] = offset;
    u8[record + REC_LENGTH] = length;
    let relative = false;
    for (let i = 0; i < 3; i++) {
      const o = insn.operands[i as 0 | 1 | 2];
      if (i >= insn.operandCount || o.kind === OperandKind.None) break;
      if (o.kind === OperandKind.Rel) relative = true;
      if (o.kind !== OperandKind.Reg) continue;
      const stride = o.regClass === RegClass.Gpr ? 8 : 16;
      u8[record + REC_REG + i] = o.reg * stride + (o.highByte ? 1 : 0);
    }
    let disp = Number(BigInt.asIntN(32, insn.disp));
    if (insn.base === BASE_RIP) {
      u8[record + REC_BASE] = PAGE_VA_SLOT;
      if (!hasFarDisplacement(insn)) disp += offset + length;
    } else u8[record + REC_BASE] = insn.base === BASE_NONE ? ZERO_SLOT : insn.base * 8;
    u8[record + REC_INDEX] = insn.index === INDEX_NONE ? ZERO_SLOT : insn.index * 8;
    u8[record + REC_SCALE] = relative ? SCALE_BRANCH : insn.scale;
    u16[(record + REC_PLAIN) >>> 1] = how.case;
    const segmentBase =
      insn.segment === SEG_NONE
        ? NO_SEGMENT
        : ST.segment + insn.segment * segmentRegister.sizeof + segmentRegister.offset.base;
    u8[record + REC_SEGMENT] = segmentBase >>> 3;
    i32[(record + REC_DISP) >>> 2] = disp;
    const immediate = relative ? insn.imm + BigInt(offset + length) : hasWideDisplacement(insn) ? insn.disp : insn.imm;
    dv.setBigInt64(record + REC_IMM, BigInt.asIntN(64, immediate), true);
    u32[(record + REC_LINK) >>> 2] = 0;
    if (how.usesSystem && !relative) {
      u32[(record + REC_LINK) >>> 2] = this.#instructions.length;
      this.#instructions.push(cloneInsn(insn));
    }
  }

  /** A page-crossing instruction: a CASE_CROSSING record, the instruction itself, and a look-up behind it. */
  #crossing(record: number, offset: number, frame: number): number {
    this.#crossingFrames.set(record, frame);
    this.#pseudo(record, CASE_CROSSING, offset, 0xffffffff);
    this.#pseudo(record + RECORD_SIZE, CASE_LOOKUP, offset, 0);
    this.#pseudo(record + 2 * RECORD_SIZE, CASE_LOOKUP, offset, 0);
    return record + 3 * RECORD_SIZE;
  }

  /**
   * Decodes the instruction of a CASE_CROSSING record again, with the frame that now follows.
   * @param second host address of the next page
   * @returns the record to execute: that of the instruction, or another CASE_CROSSING one
   */
  resolveCrossing(record: number, second: number): number {
    const { u8, u16, u32 } = this.#memory;
    const offset = u16[(record + REC_OFFSET) >>> 1] as number;
    const first = this.#frameOf(record, offset);
    // Decoding anew makes room, and comes here again.
    if (this.#isFull(1)) return this.decode(first + offset);
    const bytes = new Uint8Array(2 * MAX_LENGTH + 2);
    const inFirst = 4096 - offset;
    bytes.set(u8.subarray(first + offset, first + 4096));
    bytes.set(u8.subarray(second, second + MAX_LENGTH), inFirst);
    let insn = this.#insn;
    let length = decode(bytes, 0, 64, insn);
    let handler = length > 0 ? this.#handlerOf(insn) : undefined;
    if (!handler) {
      insn = this.#undefined;
      length = 2;
      handler = this.#forms.handlerOf(insn) as Handler;
    }
    const body = record + RECORD_SIZE;
    this.#lower(insn, handler, body, offset, length);
    this.#pseudo(body + RECORD_SIZE, CASE_LOOKUP, offset + length, 0);
    this.#forms.flush();
    const mfn = second >>> 12;
    this.#crossings.get(u32[(record + REC_LINK) >>> 2] as number)?.delete(record);
    u32[(record + REC_LINK) >>> 2] = mfn;
    this.#mark(mfn);
    const records = this.#crossings.get(mfn);
    if (records) records.add(record);
    else this.#crossings.set(mfn, new Set([record]));
    return body;
  }

  /** Host address of the frame that the first part of a crossing instruction is in. */
  #frameOf(record: number, offset: number): number {
    const frame = this.#crossingFrames.get(record);
    if (frame === undefined) throw new Error(`crossing record ${record} at ${offset} is of no frame`);
    return frame;
  }
  readonly #crossingFrames = new Map<number, number>();

  #directory(mfn: number): number {
    const { u32 } = this.#memory;
    const slot = (this.#layout.codeDirectory >>> 2) + mfn;
    let directory = u32[slot] as number;
    if (directory === 0) {
      directory = this.#allocateTable();
      u32[slot] = directory;
      this.#mark(mfn);
    }
    return directory;
  }

  /** From now on, stores to the frame are seen. */
  #mark(mfn: number): void {
    const { u8 } = this.#memory;
    if (u8[this.#layout.codeFlags + mfn] !== 0) return;
    u8[this.#layout.codeFlags + mfn] = 1;
    this.#host.codeAppeared(mfn);
  }

  #allocateTable(): number {
    const at = this.#next;
    this.#memory.u8.fill(0, at, at + TABLE_BYTES);
    this.#next += TABLE_BYTES;
    return at;
  }

  /** Makes the lines that code from `offset` on may need: to the end of the page, as far as a run goes. */
  #makeLines(directory: number, offset: number): void {
    const last = Math.min(63, (offset >> 6) + 3);
    for (let line = offset >> 6; line <= last; line++) {
      const slot = (directory >>> 2) + line;
      if (this.#memory.u32[slot] === 0) this.#memory.u32[slot] = this.#allocateTable();
    }
  }

  /** Address of the directory's entry of an offset, 0 if its line does not exist. */
  #entry(directory: number, offset: number): number {
    const line = this.#memory.u32[(directory >>> 2) + (offset >> 6)] as number;
    return line === 0 ? 0 : line + (offset & (LINE_BYTES - 1)) * 4;
  }

  /** Drops what was decoded from `size` bytes at a host address that are about to change. */
  written(host: number, size: number): void {
    const mfn = host >>> 12;
    const { u8, u16, u32 } = this.#memory;
    const directory = u32[(this.#layout.codeDirectory >>> 2) + mfn] as number;
    const from = host & 0xfff;
    const to = Math.min(4096, from + size);
    if (directory !== 0) {
      this.#host.codeChanges(mfn, from, to);
      const firstLine = Math.max(0, from - MAX_LENGTH) >> 6;
      for (let line = firstLine; line <= (to - 1) >> 6; line++) {
        const table = u32[(directory >>> 2) + line] as number;
        if (table === 0) continue;
        for (let i = 0; i < 64; i++) {
          const record = u32[(table >>> 2) + i] as number;
          if (record === 0) continue;
          const offset = line * 64 + i;
          const crossing = u16[(record + REC_CASE) >>> 1] === CASE_CROSSING;
          const length = crossing ? MAX_LENGTH : (u8[record + REC_LENGTH] as number);
          if (offset >= to || offset + length <= from) continue;
          this.#drop(record);
          u32[(table >>> 2) + i] = 0;
        }
      }
    }
    const crossings = this.#crossings.get(mfn);
    if (crossings && from < MAX_LENGTH) {
      for (const record of crossings)
        if (u32[(record + REC_LINK) >>> 2] === mfn) u32[(record + REC_LINK) >>> 2] = 0xffffffff;
      this.#crossings.delete(mfn);
    }
    this.statistics.invalidations++;
    if (from === 0 && to === 4096) {
      u32[(this.#layout.codeDirectory >>> 2) + mfn] = 0;
      u8[this.#layout.codeFlags + mfn] = 0;
    }
  }

  #drop(record: number): void {
    const { u16, u32 } = this.#memory;
    const isCase = u16[(record + REC_CASE) >>> 1] as number;

    if (isCase === CASE_CROSSING) {
      u32[(record + REC_LINK) >>> 2] = 0xffffffff;
      this.#crossingFrames.delete(record);
      u16[(record + RECORD_SIZE + REC_CASE) >>> 1] = CASE_LOOKUP;
    }
    u16[(record + REC_CASE) >>> 1] = CASE_LOOKUP;
    this.#unfuse(record);
  }

  /** Makes records that are fused with this one execute their own instructions only. */
  #unfuse(record: number): void {
    const { u16 } = this.#memory;
    for (let back = 1; back < MAX_FUSED; back++) {
      const before = record - back * RECORD_SIZE;
      const plain = u16[(before + REC_PLAIN) >>> 1] as number;
      // Nothing is fused with an instruction without a case of its own, nor with the empty record where a run begins.
      if (plain < CASE_FIRST_FORM) return;
      const at = (before + REC_CASE) >>> 1;
      if (this.#forms.isFused(u16[at] as number)) u16[at] = plain;
    }
  }

  /** The case that executes only the instruction of this record. */
  plainCase(record: number): number {
    return this.#memory.u16[(record + REC_PLAIN) >>> 1] as number;
  }

  /** Whether a record is a direct branch, whose link is a record. */
  isBranch(record: number): boolean {
    return this.#memory.u8[record + REC_SCALE] === SCALE_BRANCH;
  }

  /** The record of the instruction at an offset of a frame, or 0 if it was not decoded. */
  recordAt(mfn: number, offset: number): number {
    const directory = this.#memory.u32[(this.#layout.codeDirectory >>> 2) + mfn] as number;
    if (directory === 0) return 0;
    const entry = this.#entry(directory, offset);
    return entry === 0 ? 0 : (this.#memory.u32[entry >>> 2] as number);
  }

  /** Forgets everything. */
  flush(): void {
    const { u8, u32 } = this.#memory;
    const { codeFlags, codeDirectory } = this.#layout;
    u8.fill(0, codeFlags, codeFlags + this.#memory.frames);
    u32.fill(0, codeDirectory >>> 2, (codeDirectory >>> 2) + this.#memory.frames);
    this.#next = this.#layout.records;
    this.#instructions = [];
    if (this.#forms.room < MAX_RUN) this.#forms.forget();
    this.#crossings.clear();
    this.#crossingFrames.clear();
    this.statistics.flushes++;
    this.#host.codeFlushed();
  }
}
