/**
 * Regions: the pieces of hot guest code that become one WebAssembly function each.
 *
 * A region is the code of one machine frame that can be reached from its entry by direct branches and
 * falling through, cut into basic blocks. It ends where control leaves the page, goes through a
 * register, or comes to an instruction that is better executed by the interpreter.
 */

import { cloneInsn } from "../interpreter/forms.ts";
import type { MachineMemory } from "../memory.ts";
import { decode, newInsn } from "../x86/decode/index.ts";
import { type Insn, OperandKind, RegClass } from "../x86/insn.ts";
import { semantics } from "../x86/semantics/index.ts";
import { strings } from "../x86/semantics/strings.ts";
import { system } from "../x86/semantics/system.ts";
import { x87 } from "../x86/semantics/x87.ts";

export interface RegionInsn {
  readonly insn: Insn;
  /** In the page. */
  readonly offset: number;
  /** Its record in the code cache. */
  readonly record: number;
}

/** A basic block: straight-line code from `start`. */
export interface Block {
  readonly start: number;
  readonly code: readonly RegionInsn[];
  /** Offset that a direct branch at the end goes to, if it stays in the page. */
  readonly taken: number | undefined;
  /** Offset behind the last instruction, unless control never gets there. */
  readonly next: number | undefined;
}

export interface Region {
  readonly mfn: number;
  readonly entry: number;
  /** By start offset. */
  readonly blocks: ReadonlyMap<number, Block>;
  readonly instructions: number;
}

/** Instructions of a region at most. */
const MAX_INSTRUCTIONS = 256;

/** Left to the interpreter: what ends run(), is executed in TypeScript, or repeats itself. */
const INTERPRETED = new Set([
  ...Object.keys(strings),
  ...Object.keys(system),
  ...Object.keys(x87),
  "syscall",
  "sysenter",
  "int",
  "int1",
  "int3",
  "ud0",
  "ud1",
  "ud2",
  "cpuid",
  "maskmovq",
  "maskmovdqu",
]);

/** Branches that may be taken or not. */
const CONDITIONAL = new Set(["jcc", "loop", "loope", "loopne", "jcxz"]);
/** Behind these control does not go on. */
const UNCONDITIONAL = new Set(["jmp", "call", "ret"]);

function isCompilable(insn: Insn, features: ReadonlySet<string>): boolean {
  const { mnemonic, feature } = insn.def;
  if (INTERPRETED.has(mnemonic) || !semantics.has(mnemonic)) return false;
  if (!features.has(feature)) return false;
  // Near branches of 16-bit operand size cut RIP: too rare to care.
  if (insn.operandSize === 2 && (CONDITIONAL.has(mnemonic) || UNCONDITIONAL.has(mnemonic))) return false;
  for (let i = 0; i < insn.operandCount; i++) {
    const o = insn.operands[i];
    if (o?.kind !== OperandKind.Reg) continue;
    if (o.regClass === RegClass.Control || o.regClass === RegClass.Debug) return false;
    if (o.regClass === RegClass.Segment && i === 0 && mnemonic !== "push") return false;
  }
  return true;
}

/**
 * Finds the region that begins at an instruction.
 * @param recordAt the record of an offset, 0 if the interpreter has not been there
 */
export function discoverRegion(
  memory: MachineMemory,
  mfn: number,
  entry: number,
  features: ReadonlySet<string>,
  recordAt: (offset: number) => number,
): Region {
  const frame = memory.frame(mfn);
  const insns = new Map<number, RegionInsn>();
  const leaders = new Set<number>([entry]);
  const work = [entry];
  const scratch = newInsn();
  for (let offset = work.shift(); offset !== undefined; offset = work.shift()) {
    while (!insns.has(offset) && insns.size < MAX_INSTRUCTIONS) {
      const record = offset < 4096 ? recordAt(offset) : 0;
      if (record === 0) break;
      const length = decode(frame, offset, 64, scratch);
      if (length <= 0 || !isCompilable(scratch, features)) break;
      const insn = cloneInsn(scratch);
      insns.set(offset, { insn, offset, record });
      const { mnemonic } = insn.def;
      const conditional = CONDITIONAL.has(mnemonic);
      if (conditional || mnemonic === "jmp") {
        const target = branchTarget(insn, offset);
        if (target !== undefined) {
          leaders.add(target);
          work.push(target);
        }
      }
      if (UNCONDITIONAL.has(mnemonic)) break;
      offset += length;
      if (conditional) {
        leaders.add(offset);
        work.push(offset);
        break;
      }
    }
  }
  return { mfn, entry, blocks: cutIntoBlocks(insns, leaders), instructions: insns.size };
}

/** Offset of a direct branch's target, if it is in the page. */
export function branchTarget(insn: Insn, offset: number): number | undefined {
  if (insn.operands[0].kind !== OperandKind.Rel) return undefined;
  const target = Number(insn.imm) + offset + insn.length;
  return target >= 0 && target < 4096 ? target : undefined;
}

function cutIntoBlocks(insns: ReadonlyMap<number, RegionInsn>, leaders: ReadonlySet<number>): Map<number, Block> {
  const blocks = new Map<number, Block>();
  for (const start of leaders) {
    const code: RegionInsn[] = [];
    let offset = start;
    let taken: number | undefined;
    let next: number | undefined;
    for (;;) {
      const at = insns.get(offset);
      if (!at || (offset !== start && leaders.has(offset))) {
        next = offset;
        break;
      }
      code.push(at);
      offset += at.insn.length;
      const { mnemonic } = at.insn.def;
      if (CONDITIONAL.has(mnemonic)) {
        taken = branchTarget(at.insn, at.offset);
        next = offset;
        break;
      }
      if (UNCONDITIONAL.has(mnemonic)) {
        if (mnemonic === "jmp") taken = branchTarget(at.insn, at.offset);
        break;
      }
    }
    if (code.length > 0) blocks.set(start, { start, code, taken, next });
  }
  return blocks;
}
