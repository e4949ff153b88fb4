/** Which exceptions MMX and SSE instructions raise by CR0, CR4, MXCSR and the x87 status (SDM vol. 3 §13.1). */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CR0_EM,
  CR0_TS,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  EXC_MF,
  EXC_NM,
  EXC_UD,
  EXC_XM,
} from "../../src/machine/x86/state.ts";
import { OurProcessor } from "../oracle/ours.ts";
import { CASE_SIZE, Case, CODE_BASE, EXECUTED } from "../oracle/record.ts";

const CODE = {
  addps: [0x0f, 0x58, 0xc1],
  paddbXmm: [0x66, 0x0f, 0xfc, 0xc1],
  paddbMmx: [0x0f, 0xfc, 0xc1],
  emms: [0x0f, 0x77],
  cvtpi2ps: [0x0f, 0x2a, 0xc1],
  divps: [0x0f, 0x5e, 0xc1],
} as const;

const FSW_OFFSET = 322;
const FSW_ES = 0x8081;

interface Setting {
  readonly cr0?: bigint;
  readonly cr4?: bigint;
  readonly mxcsr?: number;
  readonly fsw?: number;
}

const ours = new OurProcessor();
const { state } = ours.cpu;
const { cr0, cr4 } = state;

/** Executes one instruction with these bits set in CR0, cleared in CR4; returns the exception. */
function run(
  name: keyof typeof CODE,
  { cr0: set = 0n, cr4: clear = 0n, mxcsr = 0x1f80, fsw = 0 }: Setting = {},
): number {
  const c = new Case(new ArrayBuffer(CASE_SIZE), 0);
  c.rip = BigInt(CODE_BASE);
  c.code = Uint8Array.from(CODE[name]);
  c.rflags = 0x202n;
  c.mxcsr = mxcsr;
  c.dv.setUint16(FSW_OFFSET, fsw, true);
  state.cr0 = cr0 | set;
  state.cr4 = cr4 & ~clear;
  const { vector } = ours.run(c);
  [state.cr0, state.cr4] = [cr0, cr4];
  return vector;
}

test("with everything enabled they execute", () => {
  for (const name of Object.keys(CODE) as (keyof typeof CODE)[]) assert.equal(run(name), EXECUTED, name);
});

test("emulation makes all undefined, before the task switch is looked at", () => {
  for (const name of Object.keys(CODE) as (keyof typeof CODE)[]) {
    assert.equal(run(name, { cr0: CR0_EM }), EXC_UD, name);
    assert.equal(run(name, { cr0: CR0_EM | CR0_TS }), EXC_UD, name);
    assert.equal(run(name, { cr0: CR0_TS }), EXC_NM, name);
  }
});

test("SSE needs CR4.OSFXSR, MMX does not", () => {
  for (const name of ["addps", "paddbXmm", "cvtpi2ps"] as const) {
    assert.equal(run(name, { cr4: CR4_OSFXSR }), EXC_UD, name);
    assert.equal(run(name, { cr4: CR4_OSFXSR, cr0: CR0_TS }), EXC_UD, name);
  }
  assert.equal(run("paddbMmx", { cr4: CR4_OSFXSR }), EXECUTED);
});

test("a pending x87 exception stops MMX, not SSE", () => {
  for (const name of ["paddbMmx", "emms", "cvtpi2ps"] as const) assert.equal(run(name, { fsw: FSW_ES }), EXC_MF, name);
  assert.equal(run("addps", { fsw: FSW_ES }), EXECUTED);
});

test("an unmasked exception is #XM, or #UD without CR4.OSXMMEXCPT", () => {
  // 0/0: invalid.
  assert.equal(run("divps", { mxcsr: 0x1f00 }), EXC_XM);
  assert.equal(state.mxcsr & 1, 1);
  assert.equal(run("divps", { mxcsr: 0x1f00, cr4: CR4_OSXMMEXCPT }), EXC_UD);
});
