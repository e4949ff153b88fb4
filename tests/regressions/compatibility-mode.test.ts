/** Code of a 32-bit segment must not be executed as if it were 64-bit code. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExitReason } from "../../src/machine/processor.ts";
import { CS, EXC_UD } from "../../src/machine/x86/state.ts";
import { flatMachine } from "../machine/flat-machine.ts";

test("a 32-bit code segment raises #UD at the first instruction", () => {
  const { cpu, bytes } = flatMachine();
  bytes.set([0x40, 0x90], 0x1000); // inc eax in 32-bit code, a prefix in 64-bit code
  cpu.state.rip = 0x1000n;
  cpu.state.segment.get(CS).attributes = 0xcfb;
  assert.equal(cpu.run(10), ExitReason.Exception);
  assert.equal(cpu.state.exit_vector, EXC_UD);
  assert.equal(cpu.state.rip, 0x1000n);
  cpu.state.segment.get(CS).attributes = 0xafb;
  assert.equal(cpu.run(1), ExitReason.Budget);
});
