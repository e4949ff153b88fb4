/** A timer set for soon was looked at after 16 exits or a whole budget of instructions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { RAX, RDI } from "../../src/machine/x86/state.ts";
import { TestGuest } from "../hypervisor/guest.ts";

test("the budget of the next run ends with a deadline that has just been set", () => {
  const g = new TestGuest();
  const budgets: number[] = [];
  const run = (budget: number): ExitReason => {
    budgets.push(budget);
    if (budgets.length > 1) {
      g.now += 10_000_000;
      return ExitReason.Budget;
    }
    g.vcpu.gpr[RAX] = BigInt(HYPERVISOR.set_timer_op);
    g.vcpu.gpr[RDI] = 20_000n;
    return ExitReason.Syscall;
  };
  Object.assign(g.cpu, { run });
  g.hv.runSlice();
  assert.ok(budgets[0]! > 100_000, `${budgets[0]}`);
  assert.ok(budgets[1]! < 10_000, `${budgets[1]}`);
});
