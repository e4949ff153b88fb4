/** The instructions that regions are made of: which are compiled, and where control goes behind them. */
import { cloneInsn } from "../interpreter/forms.ts";
import { decode, newInsn } from "../x86/decode/index.ts";
import { resolveFeature } from "../x86/fallback.ts";
import { type Insn, OperandKind, RegClass } from "../x86/insn.ts";
import { semantics } from "../x86/semantics/index.ts";
import { strings } from "../x86/semantics/strings.ts";
import { system } from "../x86/semantics/system.ts";
import { x87Interpreted } from "../x86/semantics/x87.ts";
import { type RegisterEffect, registerEffect } from "./register-effect.ts";
import { type FormStencils, formStencils } from "./stencils.ts";

/** An instruction of a region. */
export class RegionInsn {
  readonly decoded: DecodedInsn;
  readonly offset: number;
  /** Its record in the code cache. */
  readonly record: number;
  /** Bytes of it are on the next page. */
  readonly crossing: boolean;
  /** Where an indirect jump or call went last. */
  readonly predicted: number | undefined;

  constructor(decoded: DecodedInsn, offset: number, record: number, crossing: boolean, predicted: number | undefined) {
    this.decoded = decoded;
    this.offset = offset;
    this.record = record;
    this.crossing = crossing;
    this.predicted = predicted;
  }

  get insn(): Insn {
    return this.decoded.insn;
  }

  get form(): FormStencils {
    return this.decoded.form;
  }

  get flow(): Flow {
    return this.decoded.flow;
  }
}

/** Where control goes behind an instruction. */
export type Flow = "next" | "conditional" | "jmp" | "call" | "ret";

/** An instruction decoded for regions. */
export class DecodedInsn {
  readonly insn: Insn;
  readonly flow: Flow;
  /** An indirect jump or call: its record says where it went last. */
  readonly isPredicted: boolean;
  #form: FormStencils | undefined;
  #effect: RegisterEffect | undefined;

  /** @param insn stays as it is */
  constructor(insn: Insn) {
    this.insn = insn;
    this.flow = flowOf(insn);
    this.isPredicted = (this.flow === "jmp" || this.flow === "call") && insn.operands[0].kind !== OperandKind.Rel;
  }

  /** Found when it is asked for: of the instructions that are looked at, many are not compiled. */
  get form(): FormStencils {
    this.#form ??= formStencils(this.insn);
    return this.#form;
  }

  get effect(): RegisterEffect {
    this.#effect ??= registerEffect(this.insn, this.form);
    return this.#effect;
  }
}

const scratch = newInsn();

function flowOf({ def: { mnemonic } }: Insn): Flow {
  if (CONDITIONAL.has(mnemonic)) return "conditional";
  return UNCONDITIONAL.has(mnemonic) ? (mnemonic as Flow) : "next";
}

/** Left to the interpreter: what ends run(), is executed in TypeScript, or repeats itself. */
const INTERPRETED = new Set([
  ...Object.keys(strings),
  ...Object.keys(system).filter(
    (name) => !["rdtsc", "rdtscp", "rdpid", "clflush", "clflushopt", "clwb"].includes(name),
  ),
  ...x87Interpreted,
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
 * Decodes the instruction at an offset of some bytes. Returns false if it is not to be compiled, null if it goes on behind them.
 * @param features CPUID features offered
 */
export function decodeForRegion(
  bytes: Uint8Array,
  offset: number,
  features: ReadonlySet<string>,
): DecodedInsn | false | null {
  const length = decode(bytes, offset, 64, scratch);
  if (length === 0) return null;
  if (length < 0) return false;
  resolveFeature(scratch, features);
  return isCompilable(scratch, features) ? new DecodedInsn(cloneInsn(scratch)) : false;
}
