/** Statistics were kept by numbers that a guest makes up: 16 million of them and the host threw. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { EXC_GP, RCX, RSP } from "../../src/machine/x86/state.ts";
import { TestGuest } from "../hypervisor/guest.ts";

test("a guest cannot make the statistics grow without limit", () => {
  const g = new TestGuest({}, (context) => {
    context.trap_ctxt.get(EXC_GP).handler = 0x40_0100n;
  });
  const stack = g.vcpu.gpr[RSP] as bigint;
  for (let n = 0; n < 1000; n++) {
    // What cannot be read raises #GP, whose handler never returns here.
    g.vcpu.gpr[RSP] = stack;
    g.hypercall(HYPERVISOR.vcpu_op, 1000 + n, 0);
    g.vcpu.gpr[RCX] = BigInt(0x1234_0000 + n);
    g.code(0x0f, 0x32);
    g.exception(EXC_GP);
  }
  const { hypercalls, emulated } = JSON.parse(JSON.stringify(g.hv.statistics));
  assert.equal(hypercalls.vcpu_op.count, 1000);
  assert.equal(Object.keys(hypercalls.vcpu_op.operations).length, 1);
  assert.ok(Object.keys(emulated.rdmsr).length < 300);
  assert.equal(emulated.rdmsr.others, 1000 - 256);
});

test("nor can guests that crash, one after the other", () => {
  const { statistics } = new TestGuest().hv;
  for (let n = 0; n < 1000; n++) statistics.countCrash(`domain ${n}`);
  const { crashes } = JSON.parse(JSON.stringify(statistics));
  assert.equal(crashes.length, 100);
  assert.equal(crashes.at(-1), "domain 999");
});
