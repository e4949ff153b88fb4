/** The IOPL of a vCPU's initial context was dropped, and Linux's second processor had no access to ports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestGuest } from "../hypervisor/guest.ts";

test("the IOPL of the initial context is the vCPU's virtual IOPL", () => {
  const g = new TestGuest({}, (context) => {
    context.user_regs.rflags = 0x1000n;
  });
  assert.equal(g.vcpu.traps.iopl, 1);
  assert.equal(g.cpu.rflags & 0x3000n, 0n);
});
