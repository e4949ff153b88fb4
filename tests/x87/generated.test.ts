/**
 * The generated x87 code against its twin in TypeScript, from random states: registers, control,
 * status and tag words, pointers, flags, memory.
 *
 *     TYPERVISOR_X87_CASES=10000   cases a line of the instruction table (default 100)
 *     TYPERVISOR_X87_SEED=2        other random cases
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { CPU_STATE } from "../../src/machine/layout.ts";
import { x87Interpreted } from "../../src/machine/x86/semantics/x87.ts";
import { cpuState, EXC_BP, RDI } from "../../src/machine/x86/state.ts";
import { executeX87, X87Unit } from "../../src/machine/x86/x87/index.ts";
import { type FlatMachine, flatMachine } from "../machine/flat-machine.ts";
import { Random } from "../softfloat/operands.ts";
import { type Form, hexBytes, randomMemory, tableForms } from "./harness.ts";
import { INTEGER_BIT, type Register, randomUnit, UNIT_END, UNIT_START } from "./states.ts";

const CASES = Number(process.env.TYPERVISOR_X87_CASES ?? 100);
const SEED = Number(process.env.TYPERVISOR_X87_SEED ?? 1);
const CODE = 0x1000;
/** Room for an instruction and the INT3 behind it. */
const SLOT = 8;
const OPERAND = 0x8000;
const OPERAND_BYTES = 16;
const FLAGS = 0x8d5;

/** All that an x87 instruction may change. */
interface Outcome {
  readonly vector: number;
  readonly unit: string;
  readonly flags: number;
  readonly ax: number;
  readonly memory: string;
}

interface X87Case {
  readonly form: Form;
  readonly address: number;
  /** See randomUnit. */
  readonly unit: Uint8Array;
  readonly flags: number;
  readonly memory: Uint8Array;
}

/** The twin, in a memory of its own. */
class Twin {
  readonly #memory = new Uint8Array(0x3000);
  readonly #dv = new DataView(this.#memory.buffer);
  readonly #state = cpuState.at({ dv: this.#dv, u8: this.#memory }, CPU_STATE);
  #flags = 0;
  readonly #fpu = new X87Unit({
    state: this.#state,
    dv: this.#dv,
    getArithmeticFlags: () => this.#flags,
    setArithmeticFlags: (flags) => {
      this.#flags = flags;
    },
  });

  run({ form, address, unit, flags, memory }: X87Case): Outcome {
    this.#memory.set(unit, CPU_STATE + UNIT_START);
    this.#memory.set(memory, 0x2000);
    this.#flags = flags;
    this.#state.rip = BigInt(address);
    this.#state.gpr.set(0, 0n);
    this.#state.gpr.set(RDI, BigInt(OPERAND));
    const vector = executeX87(this.#fpu, form.insn, 0x2000);
    return {
      vector: vector === 0 ? EXC_BP : vector,
      unit: hexBytes(this.#memory.subarray(CPU_STATE + UNIT_START, CPU_STATE + UNIT_END)),
      flags: this.#flags,
      ax: Number(this.#state.gpr.get(0)),
      memory: hexBytes(this.#memory.subarray(0x2000, 0x2000 + OPERAND_BYTES)),
    };
  }
}

/** The processor, with each encoding at its own place. */
class Generated {
  readonly #machine: FlatMachine = flatMachine({ jit: false });
  readonly #unit = this.#machine.memory.u8.subarray(CPU_STATE + UNIT_START, CPU_STATE + UNIT_END);
  readonly #addresses = new Map<Form, number>();
  /** Instructions that went to TypeScript. */
  slow = 0;

  constructor(forms: readonly Form[]) {
    const { bytes, cpu } = this.#machine;
    forms.forEach((form, i) => {
      bytes.set([...form.code, 0xcc], CODE + i * SLOT);
      this.#addresses.set(form, CODE + i * SLOT);
    });
    const instruction = cpu.code.instruction.bind(cpu.code);
    cpu.code.instruction = (index) => {
      this.slow++;
      return instruction(index);
    };
  }

  addressOf(form: Form): number {
    return this.#addresses.get(form) as number;
  }

  run({ address, unit, flags, memory }: X87Case): Outcome {
    const { cpu, bytes } = this.#machine;
    this.#unit.set(unit);
    bytes.set(memory, OPERAND);
    cpu.rflags = BigInt(flags);
    cpu.gpr[0] = 0n;
    cpu.gpr[RDI] = BigInt(OPERAND);
    cpu.state.rip = BigInt(address);
    cpu.run(1000);
    return {
      vector: cpu.state.exit_vector,
      unit: hexBytes(this.#unit),
      flags: Number(cpu.rflags) & FLAGS,
      ax: Number(cpu.gpr[0]),
      memory: hexBytes(bytes.subarray(OPERAND, OPERAND + OPERAND_BYTES)),
    };
  }
}

function randomCase(random: Random, form: Form, address: number): X87Case {
  return {
    form,
    address,
    unit: randomUnit(random),
    flags: random.u32() & FLAGS,
    memory: randomMemory(random, form, OPERAND_BYTES),
  };
}

const describe = ({ form, unit, flags, memory }: X87Case): string =>
  `${form.name} flags=${flags.toString(16)} unit=${hexBytes(unit)} memory=${hexBytes(memory)}`;

test("generated x87 code does what its twin in TypeScript does", (t) => {
  const inTypeScript = new Set(x87Interpreted);
  const wanted = (mnemonic: string, feature: string): boolean =>
    (feature === "x87" || mnemonic === "fisttp") && !inTypeScript.has(mnemonic);
  const lines = [...tableForms(wanted).values()];
  const generated = new Generated(lines.flat());
  const twin = new Twin();
  const random = new Random(SEED);
  const fast = new Map<string, number>();
  for (const forms of lines) {
    const before = generated.slow;
    for (let i = 0; i < CASES; i++) {
      const form = random.pick(forms);
      const c = randomCase(random, form, generated.addressOf(form));
      const expected = twin.run(c);
      const is = generated.run(c);
      if (!isDeepStrictEqual(is, expected)) assert.deepEqual(is, expected, describe(c));
    }
    const { mnemonic } = forms[0] as Form;
    fast.set(mnemonic, (fast.get(mnemonic) ?? 0) + CASES - (generated.slow - before));
  }
  const never = [...fast].filter(([, count]) => count === 0).map(([mnemonic]) => mnemonic);
  assert.deepEqual(never, [], "instructions that always went to TypeScript");
  const all = lines.length * CASES;
  t.diagnostic(`${all} cases, ${all - generated.slow} of them by generated code alone`);
  assert.ok(generated.slow < all * 0.6, `${generated.slow} of ${all} went to TypeScript`);
});

/** Where shifts by whole words begin and end. */
const DISTANCES = [0, 1, 2, 3, 31, 32, 33, 61, 62, 63, 64, 65, 66, 67, 68, 127, 128, 129];
/** Where rounding to integers of 16, 32 and 64 bits changes. */
const INTEGER_EXPONENTS = [-65, -3, -2, -1, 0, 1, 14, 15, 16, 30, 31, 32, 61, 62, 63, 64];
/** Significands on both sides of where shifts lose bits and roundings carry. */
const EDGES = [0n, 1n, (1n << 63n) - 1n, (1n << 63n) - 2n, 1n << 62n].map((rest) => INTEGER_BIT | rest);
const PRECISIONS = [0, 2, 3];

/** A unit with two numbers on the stack, TOP 0, all exceptions masked. */
function twoNumbers(control: number, a: Register, b: Register): Uint8Array {
  const dv = new DataView(new ArrayBuffer(UNIT_END - UNIT_START));
  [a, b].forEach(({ high, low }, i) => {
    dv.setBigUint64(16 * i, low, true);
    dv.setUint16(16 * i + 8, high, true);
  });
  dv.setUint16(cpuState.offset.fcw - UNIT_START, 0x7f | control, true);
  dv.setUint8(cpuState.offset.ftw - UNIT_START, 3);
  return new Uint8Array(dv.buffer);
}

/** Compares an instruction for all edges as ST(0) and, if that has an exponent, ST(1), in all rounding and precision modes. */
function compareEdges(mnemonic: string, exponents: readonly (readonly [number, number])[]): void {
  // Those with ST(1), and without a register.
  const forms = [...tableForms((name) => name === mnemonic).values()].flat();
  const chosen = forms.filter(({ name }) => !/ st[02-7] /.test(name));
  assert.ok(chosen.length > 0);
  const generated = new Generated(chosen);
  const twin = new Twin();
  const memory = new Uint8Array(OPERAND_BYTES);
  let cases = 0;
  for (const form of chosen) {
    for (const [first, second] of exponents) {
      for (const unit of edgeUnits(first, second)) {
        const c: X87Case = { form, address: generated.addressOf(form), unit, flags: 0, memory };
        const expected = twin.run(c);
        const is = generated.run(c);
        if (!isDeepStrictEqual(is, expected)) assert.deepEqual(is, expected, describe(c));
        cases++;
      }
    }
  }
  assert.ok(generated.slow < cases / 2, `${mnemonic}: ${generated.slow} of ${cases} went to TypeScript`);
}

function* edgeUnits(first: number, second: number): Generator<Uint8Array> {
  for (let mode = 0; mode < 4 * PRECISIONS.length; mode++) {
    const control = ((mode & 3) << 10) | ((PRECISIONS[mode >> 2] as number) << 8);
    for (const a of EDGES) {
      for (const b of second === 0 ? [INTEGER_BIT] : EDGES) {
        yield twoNumbers(control, { high: first, low: a }, { high: second || ONE, low: b });
      }
    }
  }
}

const ONE = 0x3fff;
const NEGATIVE = 0x8000;

test("sums and differences at all distances", () => {
  compareEdges(
    "faddp",
    DISTANCES.flatMap((distance) => [
      [ONE + distance, ONE],
      [ONE, (ONE + distance) | NEGATIVE],
    ]),
  );
});

test("products and quotients of edges", () => {
  for (const mnemonic of ["fmulp", "fdivp", "fdivrp"]) compareEdges(mnemonic, [[ONE, ONE + 7]]);
});

test("square roots and integers of edges", () => {
  compareEdges("fsqrt", [
    [ONE, 0],
    [ONE + 1, 0],
    [1, 0],
    [2, 0],
  ]);
  const exponents = INTEGER_EXPONENTS.map((exponent) => [ONE + exponent, 0] as const);
  for (const mnemonic of ["frndint", "fistp", "fisttp"]) compareEdges(mnemonic, exponents);
});
