/** A vCPU that blocked and woke without leaving the processor stayed "runnable": guests counted it as stolen time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RUNSTATE } from "../../src/abi/vcpu.ts";
import { switchTo } from "../../src/hypervisor/context-switch.ts";
import { blockVcpu, wakeVcpu } from "../../src/hypervisor/sched/wake.ts";
import { TestGuest } from "../hypervisor/guest.ts";

test("back on the processor it is running", () => {
  const g = new TestGuest();
  const { time } = g.vcpu;
  g.now = 100;
  blockVcpu(g.vcpu);
  assert.equal(time.state, RUNSTATE.blocked);
  g.now = 300;
  wakeVcpu(g.vcpu);
  switchTo(g.hv, g.vcpu);
  assert.equal(time.state, RUNSTATE.running);
  assert.equal(time.time_in_state.get(RUNSTATE.blocked), 200n);
  assert.equal(time.time_in_state.get(RUNSTATE.runnable), 0n);
});
