/**
 * x87 instructions compiled against interpreted: random sequences with a memory operand, made hot,
 * then run from random states.
 *
 *     TYPERVISOR_X87_SEQUENCES=1000   sequences (default 20)
 *     TYPERVISOR_X87_SEED=2           other ones
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CPU_STATE } from "../../src/machine/layout.ts";
import { x87Interpreted } from "../../src/machine/x86/semantics/x87.ts";
import { R15, RDI, RSP } from "../../src/machine/x86/state.ts";
import { type FlatMachine, flatMachine } from "../machine/flat-machine.ts";
import { Random } from "../softfloat/operands.ts";
import { type Form, hexBytes, randomMemory, tableForms } from "./harness.ts";
import { randomUnit, UNIT_END, UNIT_START } from "./states.ts";

const SEQUENCES = Number(process.env.TYPERVISOR_X87_SEQUENCES ?? 20);
const STATES = 30;
const ITERATIONS = 3;
const LENGTH = 10;
/** Iterations after which the loop has been compiled. */
const WARM = 9000;
const CODE = 0x1000;
const OPERAND = 0x8000;
const STACK = 0x9000;
const MEMORY = 16;

const random = new Random(Number(process.env.TYPERVISOR_X87_SEED ?? 1));
const inTypeScript = new Set(x87Interpreted);
const lines = [
  ...tableForms(
    (mnemonic, feature) => (feature === "x87" || mnemonic === "fisttp") && !inTypeScript.has(mnemonic),
  ).values(),
];
/** These make all later ones go to TypeScript, or unmask exceptions. */
const SPOILERS = new Set(["fldcw", "ffree", "fincstp", "fdecstp"]);

function randomForm(): Form {
  const form = random.pick(random.pick(lines));
  return SPOILERS.has(form.mnemonic) && random.below(8) !== 0 ? randomForm() : form;
}

interface State {
  readonly unit: Uint8Array;
  readonly memory: Uint8Array;
  readonly flags: number;
}

const randomCase = (form: Form): State => ({
  unit: randomUnit(random),
  memory: randomMemory(random, form, MEMORY),
  flags: random.u32() & 0x8d5,
});

/** Runs the loop at CODE a number of times. */
function execute(
  { cpu, memory, bytes }: FlatMachine,
  { unit, memory: operand, flags }: State,
  iterations: number,
): unknown {
  const ours = memory.u8.subarray(CPU_STATE + UNIT_START, CPU_STATE + UNIT_END);
  ours.set(unit);
  bytes.set(operand, OPERAND);
  cpu.gpr.fill(0n);
  cpu.gpr[RDI] = BigInt(OPERAND);
  cpu.gpr[RSP] = BigInt(STACK);
  cpu.gpr[R15] = BigInt(iterations);
  cpu.rflags = BigInt(flags | 0x202);
  cpu.state.rip = BigInt(CODE);
  cpu.run(1_000_000);
  return {
    unit: hexBytes(ours),
    memory: hexBytes(bytes.subarray(OPERAND, OPERAND + MEMORY)),
    gpr: [...cpu.gpr],
    rflags: cpu.rflags,
    rip: cpu.state.rip,
    vector: cpu.state.exit_vector,
  };
}

test("compiled and interpreted x87 instructions agree", () => {
  const interpreted = flatMachine({ jit: false });
  const compiled = flatMachine({ jitThreshold: 1 });
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const forms = Array.from({ length: LENGTH }, randomForm);
    const code = forms.flatMap((form) => [...form.code]);
    // dec r15; jnz back; int3
    code.push(0x49, 0xff, 0xcf, 0x75, -(code.length + 5) & 0xff, 0xcc);
    for (const { cpu, bytes } of [interpreted, compiled]) {
      bytes.set(code, CODE);
      cpu.frameWritten((bytes.byteOffset + CODE) >>> 12);
    }
    const masked = randomCase(forms[0] as Form);
    new DataView(masked.unit.buffer).setUint16(128, 0x37f, true);
    execute(compiled, masked, WARM);
    for (let i = 0; i < STATES; i++) {
      const state = randomCase(random.pick(forms));
      const names = forms.map(({ name }) => name).join(", ");
      assert.deepEqual(
        execute(compiled, state, ITERATIONS),
        execute(interpreted, state, ITERATIONS),
        `${names} from ${hexBytes(state.unit)}`,
      );
    }
  }
  const { regions, instructions } = compiled.cpu.statistics;
  assert.ok((regions?.compiled ?? 0) >= SEQUENCES / 2, `only ${regions?.compiled} loops were compiled`);
  // Behind the first that goes to TypeScript, an iteration is interpreted.
  const inRegions = instructions.jit ?? 0;
  assert.ok(inRegions > SEQUENCES * STATES, `only ${inRegions} instructions in compiled code`);
});
