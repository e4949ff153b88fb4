/** The instructions that regions are made of: which are compiled, and where control goes behind them. */
import { cloneInsn } from "../interpreter/forms.ts";
import { decode, newInsn } from "../x86/decode/index.ts";
import { resolveFeature } from "../x86/fallback.ts";
import { type Insn, OperandKind, RegClass } from "../x86/insn.ts";
import { semantics } from "../x86/semantics/index.ts";
import { strings } from "../x86/semantics/strings.ts";
import { system } from "../x86/semantics/system.ts";
import { x87Interpreted } from "../x86/semantics/x87.ts";
import { type FormStencils, formStencils } from "./stencils.ts";

/** An instruction of a region. */
export interface RegionInsn {
  readonly insn: Insn;
  readonly form: FormStencils;
  readonly flow: Flow;
  readonly offset: number;
  /** Its record in the code cache. */
  readonly record: number;
  /** Bytes of it are on the next page. */
  readonly crossing: boolean;
  /** Where an indirect jump or call went last. */
  readonly predicted: number | undefined;
}

/** Where control goes behind an instruction. */
export type Flow = "next" | "conditional" | "jmp" | "call" | "ret";

/** An instruction decoded for regions. */
export interface DecodedInsn {
  readonly insn: Insn;
  readonly form: FormStencils;
  readonly flow: Flow;
  /** An indirect jump or call: its record says where it went last. */
  readonly isPredicted: boolean;
}

const scratch = newInsn();

/** What has been decoded to `scratch`. */
function decoded(): DecodedInsn {
  const insn = cloneInsn(scratch);
  const flow = flowOf(insn);
  const isPredicted = (flow === "jmp" || flow === "call") && insn.operands[0].kind !== OperandKind.Rel;
  return { insn, form: formStencils(insn), flow, isPredicted };
}

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
  return isCompilable(scratch, features) ? decoded() : false;
}
