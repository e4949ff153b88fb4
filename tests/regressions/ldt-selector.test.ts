/** SEGBASE_GS_USER_SEL took a selector of the LDT for a bad one as long as its page had not been used. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DOMID_SELF, HYPERVISOR, MMUEXT, SEGBASE_GS_USER_SEL } from "../../src/abi/xen.ts";
import { DATA, READ_ONLY, TestGuest } from "../hypervisor/guest.ts";

test("the page of the LDT is mapped when it is needed", () => {
  const g = new TestGuest();
  // A page that is read-only wherever it is mapped can hold descriptors.
  const ldt = READ_ONLY;
  g.setWord(g.va(ldt, 8), 0x00cf_f300_1234_ffffn | (0x56n << 32n));
  [BigInt(MMUEXT.SET_LDT), g.va(ldt), 8n].forEach((word, i) => {
    g.setWord(g.va(DATA, i * 8), word);
  });
  assert.equal(g.hypercall(HYPERVISOR.mmuext_op, g.va(DATA), 1, 0, DOMID_SELF), 0n);
  assert.equal(g.hypercall(HYPERVISOR.set_segment_base, SEGBASE_GS_USER_SEL, (1 << 3) | 7), 0n);
  assert.equal(g.vcpu.state.kernel_gs_base, 0x56_1234n);
});
