/** SCHEDOP_shutdown_code was forgotten when the domain shut down. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SCHEDOP, SHUTDOWN } from "../../src/abi/sched.ts";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { DATA, TestGuest } from "../hypervisor/guest.ts";

test("the first reason that is given holds", () => {
  const g = new TestGuest();
  g.setWord(g.va(DATA), BigInt(SHUTDOWN.reboot));
  g.hypercall(HYPERVISOR.sched_op, SCHEDOP.shutdown_code, g.va(DATA));
  g.setWord(g.va(DATA), BigInt(SHUTDOWN.poweroff));
  g.hypercall(HYPERVISOR.sched_op, SCHEDOP.shutdown, g.va(DATA));
  assert.ok(g.domain.isShutDown);
  assert.equal(g.domain.record.shutdown_code, SHUTDOWN.reboot);
});
