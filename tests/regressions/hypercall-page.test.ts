/** CPUID announced an MSR for the hypercall page that could not be written. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MSR, readMsr, writeMsr } from "../../src/hypervisor/emulate/msr.ts";
import { hypercallPage64 } from "../../src/hypervisor/misc/hypercall-page.ts";
import { DATA, PAGES, TestGuest } from "../hypervisor/guest.ts";

test("wrmsr writes the page, where the guest could write", () => {
  const g = new TestGuest();
  const address = BigInt(g.mfns[DATA]! * 4096);
  assert.ok(writeMsr(g.vcpu, MSR.XEN_HYPERCALL_PAGE, address));
  assert.deepEqual(g.hv.memory.frame(g.mfns[DATA]!), hypercallPage64());
  assert.equal(readMsr(g.vcpu, MSR.XEN_HYPERCALL_PAGE), 0n);
  assert.ok(!writeMsr(g.vcpu, MSR.XEN_HYPERCALL_PAGE, address + 1n));
  assert.ok(!writeMsr(g.vcpu, MSR.XEN_HYPERCALL_PAGE, BigInt(g.vcpu.mm.kernel_root * 4096)), "a page table");
  assert.ok(!writeMsr(g.vcpu, MSR.XEN_HYPERCALL_PAGE, 1n << 50n));
  assert.ok(!writeMsr(g.vcpu, MSR.XEN_HYPERCALL_PAGE, BigInt(g.hv.frames.state.idle_root * 4096)), "the heap");
  assert.equal(g.mfns.length, PAGES);
});
