/**
 * Vector instructions compiled (with constant immediates and registers) against interpreted (all
 * of that looked up): random sequences on registers, made hot, then run from random states.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import { OperandKind, RegClass } from "../../src/machine/x86/insn.ts";
import { semantics } from "../../src/machine/x86/semantics/index.ts";
import { EXC_BP, R15, RSP } from "../../src/machine/x86/state.ts";
import { instructionTable } from "../../src/machine/x86/table/index.ts";
import { fillFxState } from "../oracle/floats.ts";
import { parseForm } from "../oracle/form.ts";
import { generate } from "../oracle/generate.ts";
import { OurProcessor } from "../oracle/ours.ts";
import { Random } from "../oracle/random.ts";
import { CASE_SIZE, Case, CODE_BASE, FX_ST, FX_XMM } from "../oracle/record.ts";

const SEQUENCES = Number(process.env.TYPERVISOR_SIMD_SEQUENCES ?? 25);
const STATES = 20;
const LENGTH = 16;
/** Iterations after which the loop has been compiled. */
const WARM = 9000;
const BUDGET = 1_000_000;

const random = new Random(Number(process.env.TYPERVISOR_SIMD_SEED ?? 1));
const c = new Case(new ArrayBuffer(CASE_SIZE), 0);
const insn = newInsn();
const forms = instructionTable
  .filter((def) => /^(mmx|s?sse)/.test(def.feature) && semantics.has(def.mnemonic) && def.mnemonic !== "fisttp")
  .map(parseForm);

/** A random instruction that touches no memory and neither the loop's counter nor the stack pointer. */
function randomInstruction(): { code: Uint8Array; name: string } {
  for (;;) {
    const form = random.pick(forms);
    const instance = generate(form, random, c);
    if (!instance || instance.memory || form.def.mnemonic.startsWith("maskmov")) continue;
    if (decode(instance.code, 0, 64, insn) !== instance.code.length || insn.def !== form.def) continue;
    const fits = insn.operands.slice(0, insn.operandCount).every(({ kind, regClass, reg }) => {
      if (kind === OperandKind.Mem) return false;
      return kind !== OperandKind.Reg || regClass !== RegClass.Gpr || (reg !== R15 && reg !== RSP);
    });
    if (fits) return { code: instance.code, name: form.def.mnemonic };
  }
}

/** Instructions, DEC R15, JNZ back, INT3. */
function makeLoop(): { code: Uint8Array; names: string[] } {
  const code: number[] = [];
  const names: string[] = [];
  for (let i = 0; i < LENGTH; i++) {
    const next = randomInstruction();
    if (code.length + next.code.length > 110) break;
    code.push(...next.code);
    names.push(next.name);
  }
  code.push(0x49, 0xff, 0xcf);
  code.push(0x75, -(code.length + 2) & 0xff, 0xcc);
  return { code: Uint8Array.from(code), names };
}

function load({ cpu }: OurProcessor, code: Uint8Array): void {
  const at = cpu.translate(BigInt(CODE_BASE), 2, true);
  cpu.memory.u8.set(code, at);
  cpu.frameWritten(at >>> 12);
}

function execute({ cpu }: OurProcessor, iterations: number): string {
  const s = cpu.state;
  s.fcw = 0x37f;
  s.fsw = 0;
  s.ftw = 0xff;
  // All exceptions masked: none ends the loop.
  s.mxcsr = c.mxcsr | 0x1f80;
  s.xmm.set(c.fx.subarray(FX_XMM, FX_XMM + 256));
  for (let i = 0; i < 8; i++) s.fpr.set(c.fx.subarray(FX_ST + i * 16, FX_ST + i * 16 + 10), i * 16);
  cpu.gpr.set(c.gpr);
  cpu.gpr[R15] = BigInt(iterations);
  cpu.rflags = 0x202n;
  s.rip = BigInt(CODE_BASE);
  cpu.run(BUDGET);
  assert.equal(s.exit_vector, EXC_BP);
  const registers = [...cpu.gpr].map((r) => r.toString(16)).join(" ");
  const vectors = `${Buffer.from(s.xmm).toString("hex")} ${Buffer.from(s.fpr).toString("hex")}`;
  return `${registers}\n${vectors}\n${s.fsw} ${s.ftw} ${s.mxcsr.toString(16)} ${cpu.rflags.toString(16)}`;
}

test("compiled and interpreted vector instructions agree", () => {
  const interpreted = new OurProcessor({ jit: false });
  const compiled = new OurProcessor({ jitThreshold: 1 });
  const next = (): void => {
    for (let i = 0; i < 16; i++) c.gpr[i] = random.value();
    fillFxState(random, c);
  };
  for (let i = 0; i < SEQUENCES; i++) {
    const { code, names } = makeLoop();
    load(interpreted, code);
    load(compiled, code);
    next();
    execute(compiled, WARM);
    for (let state = 0; state < STATES; state++) {
      next();
      assert.equal(
        execute(compiled, 1),
        execute(interpreted, 1),
        `${names.join(" ")}: ${Buffer.from(code).toString("hex")}`,
      );
    }
  }
  assert.ok((compiled.cpu.statistics.regions?.compiled ?? 0) >= SEQUENCES / 2, "the loops were compiled");
});
