/**
 * Regions: the pieces of hot guest code that become one WebAssembly function each.
 *
 * A region is what can be reached from its entries by direct branches, calls and falling through, cut
 * into basic blocks; a RET goes back to the calls of the region. It ends where control goes elsewhere
 * through a register, where the interpreter has not been yet, where another region has the code, or at an
 * instruction that is better executed by the interpreter.
 *
 * Offsets are relative to the page of the first entry, so a region can spread over pages, which need not be
 * neighbours. That the other pages are where they were is checked when control gets there.
 */

import type { MachineMemory } from "../memory.ts";
import { type Insn, OperandKind } from "../x86/insn.ts";
import type { DecodedInsn, RegionInsn } from "./region-insn.ts";

/** A basic block: straight-line code from `start`. */
export interface Block {
  readonly start: number;
  readonly code: readonly RegionInsn[];
  /** Offset that the direct branch or call at the end goes to. */
  readonly taken: number | undefined;
  /** Offset behind the last instruction, unless control never falls through. */
  readonly next: number | undefined;
  /** Where an indirect jump or call, or a RET, at the end is expected to go. */
  readonly targets: number[];
}

export interface Region {
  /** Offsets of the blocks that control may come to from outside. */
  readonly entries: readonly number[];
  /** By start offset. */
  readonly blocks: ReadonlyMap<number, Block>;
  readonly instructions: number;
  /** The first entry can be reached again. */
  readonly isLoop: boolean;
  /** Frames by page, counted from that of the first entry. */
  readonly frames: ReadonlyMap<number, number>;
  /** Accesses may be translated together (windows.ts). */
  readonly windows: boolean;
  /** The record at an offset of a page in `frames`, 0 if the interpreter has not been there. */
  recordAt(offset: number): number;
}

/** What a region is made from. */
export interface RegionSource {
  readonly windows: boolean;
  readonly memory: MachineMemory;
  readonly features: ReadonlySet<string>;
  /** By record, what has been decoded for regions before; false: not to be compiled. */
  readonly instructions: Map<number, DecodedInsn | false>;
  /** Frame of a page, counted from the entry's; undefined if it cannot be executed. */
  frameOf(page: number): number | undefined;
  /** The record at an offset of a frame, 0 if the interpreter has not been there. */
  recordAt(mfn: number, offset: number): number;
  /** Whether another region has the instruction of a record, and can be entered there. */
  isElsewhere(record: number): boolean;
}

export const pageOf = (offset: number): number => Math.floor(offset / 4096);

/** Offset of a direct branch's target; undefined for an indirect one. */
export function branchTarget(insn: Insn, offset: number): number | undefined {
  if (insn.operands[0].kind !== OperandKind.Rel) return undefined;
  return Number(insn.imm) + offset + insn.length;
}

/** Where control may go from a block. */
export const successorsOf = ({ taken, next, targets }: Block): number[] =>
  [taken, next, ...targets].filter((to) => to !== undefined);

export const endOf = (block: Block): RegionInsn => block.code.at(-1) as RegionInsn;

/** Behind the call at the end of a block. */
export const returnSite = (block: Block): number => endOf(block).offset + endOf(block).insn.length;

const NOWHERE: readonly number[] = [];

export const calleesOf = (block: Block): readonly number[] =>
  endOf(block).flow === "call" ? successorsOf(block) : NOWHERE;

/** Where control goes from a block in the same call of its subroutine: calls of what is among the blocks are stepped over. */
export function successorsInCall(block: Block, blocks: ReadonlyMap<number, Block>): readonly number[] {
  const { flow } = endOf(block);
  if (flow === "ret") return NOWHERE;
  if (flow !== "call") return successorsOf(block);
  return calleesOf(block).some((to) => blocks.has(to)) ? [returnSite(block)] : NOWHERE;
}
