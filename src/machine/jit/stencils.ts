/** The stencils of instructions: made when a form is first met, then shared by all instructions of the form. */

import { formKey } from "../interpreter/forms.ts";
import { importX87 } from "../interpreter/x87/index.ts";
import { CPU_STATE } from "../layout.ts";
import { ValType } from "../wasm/expression.ts";
import { type FunctionRef, ModuleBuilder } from "../wasm/module.ts";
import { HoleKind, type Stencil } from "../wasm/stencil.ts";
import { BASE_RIP, type Insn, type Operand, RegClass, SEG_NONE } from "../x86/insn.ts";
import type { KnownFlags } from "../x86/semantics/flags.ts";
import { semantics } from "../x86/semantics/index.ts";
import { cpuState, segmentRegister } from "../x86/state.ts";
import { Constant, hasDisplacement, knownFlags, type MemoryAccess, StencilEmit, Way } from "./emit.ts";
import { Sym } from "./locals.ts";

const ST = cpuState.offset;

/** What is known of the flags: the kind of the instruction that set them, its size, and where its operands are (symbols or locals). */
export interface FlagsOrigin {
  readonly kind: KnownFlags["kind"];
  readonly size: number;
  readonly a: number;
  readonly b: number;
  readonly r: number;
}

/** Code of an instruction, and what its place must give it. */
export interface InsnStencil extends Stencil {
  readonly temporaries: readonly ValType[];
  /** Pieces of state and registers that it uses, and those that it sets (symbols below Sym.temporary). */
  readonly uses: readonly number[];
  readonly sets: readonly number[];
  /** Those whose value before it needs. */
  readonly needs: readonly number[];
  /** Numbers of the constants that it uses. */
  readonly constants: readonly number[];
  /** The flags behind it: "kept" if they are what they were. */
  readonly flags: FlagsOrigin | "kept" | undefined;
  /** Bits of the checks that have been made behind it. */
  readonly checks: number;
  /** Control may leave the region, or the block, in it. */
  readonly leaves: boolean;
  /** It reads the second word of the flags as it was before; it replaces it. */
  readonly needsAux: boolean;
  readonly setsAux: boolean;
}

/** Checks that code need not repeat, as bits. */
const CHECKS = ["sse", "x87"];
export const CHECK_BITS = CHECKS.length;

function checkBits(names: Iterable<string>): number {
  let bits = 0;
  for (const name of names) {
    const bit = CHECKS.indexOf(name);
    if (bit < 0) throw new Error(`check ${name} is not known to compiled code`);
    bits |= 1 << bit;
  }
  return bits;
}

const SIZES = [1, 2, 4, 8];

/** The stencils of instructions of the same form: registers, displacement and immediate are all that they differ in. */
export class FormStencils {
  readonly #insn: Insn;
  /** By what is known of the flags, the checks made, whether the access is in a window, and whether the flags' second word is dead. */
  readonly #variants: (InsnStencil | undefined)[] = [];
  /** The code depends on the immediate, and is right for this one only. */
  readonly usesImmediate: boolean;
  /** What instructions of the form set, whatever is known of the flags: registers and pieces of state (symbols). */
  readonly sets: readonly number[];
  /** The access, if there is just one of a fixed size. */
  readonly access: MemoryAccess | undefined;
  readonly #usesKnownFlags: boolean;
  readonly #usesChecks: boolean;

  constructor(insn: Insn) {
    this.#insn = insn;
    const e = this.#emit(STAND_IN, 0, false, false);
    this.usesImmediate = e.usesImmediate;
    this.#usesKnownFlags = e.usesKnownFlags;
    this.#usesChecks = e.checks.size > 0;
    this.sets = stateSymbols(e.fn.assigned);
    this.access = e.accesses?.length === 1 ? e.accesses[0] : undefined;
    const stencil = finish(e, STAND_IN);
    if (!this.#usesKnownFlags && !this.#usesChecks) this.#variants[0] = stencil;
  }

  /**
   * The stencil for where so much is known of the flags, these checks (bits) have been made, and the access may be in a window.
   * @param auxDead what needs the second word of the flags that it sets computes it
   */
  at(flags: FlagsOrigin | undefined, checked: number, windowed: boolean, auxDead = false): InsnStencil {
    const known = this.#usesKnownFlags && flags?.kind !== "add" ? flags : undefined;
    const made = this.#usesChecks ? checked & ((1 << CHECK_BITS) - 1) : 0;
    const origin = known ? 1 + SIZES.indexOf(known.size) + (known.kind === "sub" ? SIZES.length : 0) : 0;
    const variant = (((origin << CHECKS.length) | made) << 2) | (windowed ? 1 : 0) | (auxDead ? 2 : 0);
    return (this.#variants[variant] ??= this.#make(known, made, windowed, auxDead));
  }

  #make(flags: FlagsOrigin | undefined, checked: number, windowed: boolean, auxDead: boolean): InsnStencil {
    const known = this.#usesKnownFlags ? flags && knownFlags(flags.kind, flags.size) : STAND_IN;
    const stencil = finish(this.#emit(known, checked, windowed, auxDead), known);
    if (!stencil.sets.every((symbol) => this.sets.includes(symbol))) {
      throw new Error(`${this.#insn.def.mnemonic}: what it sets depends on what is known of the flags`);
    }
    return stencil;
  }

  #emit(known: KnownFlags | undefined, checked: number, windowed: boolean, auxDead: boolean): StencilEmit {
    const { mnemonic } = this.#insn.def;
    const semantic = semantics.get(mnemonic);
    if (!semantic) throw new Error(`no semantics for ${mnemonic}`);
    const names = CHECKS.filter((_, bit) => checked & (1 << bit));
    const runtime = importRuntime(new ModuleBuilder(), [this.#insn]);
    const e = new StencilEmit(this.#insn, runtime, known, names, windowed, auxDead);
    semantic(e);
    return e;
  }
}

/** Something known of the flags, to tell an instruction that keeps it from one that does not. */
const STAND_IN = knownFlags("logic", 8);

const stateSymbols = (symbols: Iterable<number>): number[] => [...symbols].filter((symbol) => symbol < Sym.temporary);

function finish(e: StencilEmit, known: KnownFlags | undefined): InsnStencil {
  const { fn, knownAfter } = e;
  const stencil = fn.stencil();
  requireNothingBehindJumps(stencil, e.insn.def.mnemonic);
  return {
    ...stencil,
    temporaries: fn.temporaries,
    uses: stateSymbols(fn.used),
    sets: stateSymbols(fn.assigned),
    needs: stateSymbols(fn.needed),
    constants: [...fn.constants],
    flags: knownAfter && knownAfter === known ? "kept" : originOf(knownAfter),
    checks: checkBits(e.checks),
    leaves: hasFlow(stencil),
    needsAux: fn.needed.has(Sym.flagsAux),
    setsAux: fn.assigned.has(Sym.flagsAux),
  };
}

function hasFlow({ holes }: Stencil): boolean {
  for (let i = 0; i < holes.length; i += 3) if (holes[i + 1] === HoleKind.Flow) return true;
  return false;
}

/** Where control leaves an instruction for good, other blocks are written, with the same symbols. */
function requireNothingBehindJumps({ holes }: Stencil, mnemonic: string): void {
  let left = false;
  for (let i = 0; i < holes.length; i += 3) {
    const isFlow = holes[i + 1] === HoleKind.Flow;
    if (left && !isFlow) throw new Error(`${mnemonic}: compiled code for something behind a jump`);
    left ||= isFlow && ((holes[i + 2] as number) & 0xff) !== Way.resume;
  }
}

function originOf(known: KnownFlags | undefined): FlagsOrigin | undefined {
  if (!known) return undefined;
  const { kind, size, a, b, r } = known;
  return { kind, size, a: a.code, b: b.code, r: r.code };
}

/** Imports the functions that the stencils of some instructions call. They have the same indexes in all modules. */
export function importRuntime(module: ModuleBuilder, insns: Iterable<Insn>): Readonly<Record<string, FunctionRef>> {
  const tsc = module.importFunction("tsc", [], [ValType.f64]);
  return { tsc, ...importX87(module, insns) };
}

const forms = new Map<number, FormStencils>();
const formsByImmediate = new Map<string, FormStencils>();

/** What the form depends on beside formKey(). */
function shapeOf(insn: Insn): number {
  const { operands } = insn;
  return (
    (hasDisplacement(insn) ? 1 : 0) |
    (insn.scale << 1) |
    (operands[0].highByte ? 8 : 0) |
    (operands[1].highByte ? 16 : 0) |
    (operands[2].highByte ? 32 : 0) |
    ((insn.segment - SEG_NONE) << 6) |
    (insn.base === BASE_RIP ? 512 : 0)
  );
}

/** The stencils of an instruction's form. The instruction must stay as it is. */
export function formStencils(insn: Insn): FormStencils {
  const key = (insn.def.id * 1024 + shapeOf(insn)) * 2 ** 27 + formKey(insn);
  let form = forms.get(key);
  if (!form) {
    form = new FormStencils(insn);
    forms.set(key, form);
  }
  if (!form.usesImmediate) return form;
  const name = `${key} ${insn.imm}`;
  let special = formsByImmediate.get(name);
  if (!special) {
    special = new FormStencils(insn);
    formsByImmediate.set(name, special);
  }
  return special;
}

/** The piece of state that a symbol stands for in an instruction. */
export function stateOf(symbol: number, { operands, base, index }: Insn): number {
  if (symbol < Sym.operand) return symbol;
  if (symbol === Sym.base) return Sym.gpr + base;
  if (symbol === Sym.index) return Sym.gpr + index;
  const { regClass, reg } = operands[symbol - Sym.operand] as Operand;
  return regClass === RegClass.Xmm ? Sym.xmm + reg : Sym.gpr + reg;
}

const asNumber = (value: bigint): number | bigint => {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
};

/** Value of a constant of an instruction at an offset, which `left` more of its block follow. */
export function constantOf(which: number, insn: Insn, offset: number, left: number): number | bigint {
  switch (which) {
    case Constant.left:
      return left;
    case Constant.offset:
      return offset;
    case Constant.next:
      return offset + insn.length;
    case Constant.displacement:
      return insn.base === BASE_RIP ? Number(insn.disp) + offset + insn.length : asNumber(insn.disp);
    case Constant.immediate:
      return asNumber(insn.imm);
    case Constant.truncated + 3:
      return asNumber(insn.imm);
  }
  if (which < Constant.vector) return asNumber(BigInt.asUintN(8 << (which - Constant.truncated), insn.imm));
  const { regClass, reg } = insn.operands[which & 3] as Operand;
  if (which < Constant.stack) return CPU_STATE + (regClass === RegClass.Mmx ? ST.fpr : ST.xmm) + reg * 16;
  if (which < Constant.segment) return reg * 16;
  return CPU_STATE + ST.segment + reg * segmentRegister.sizeof;
}
