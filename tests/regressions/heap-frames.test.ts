/** mmu_update with foreigndom DOMID_XEN let a privileged guest map the hypervisor's heap, for writing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EPERM } from "../../src/abi/errno.ts";
import { DOMID_XEN, HYPERVISOR } from "../../src/abi/xen.ts";
import { DOMAIN_PRIVILEGED } from "../../src/hypervisor/domain.ts";
import { DATA, TestGuest } from "../hypervisor/guest.ts";

test("no guest maps frames of the heap", () => {
  const g = new TestGuest();
  g.domain.record.flags |= DOMAIN_PRIVILEGED;
  const heapFrame = BigInt(g.hv.frames.state.idle_root);
  const result = g.hypercall(
    HYPERVISOR.update_va_mapping_otherdomain,
    g.va(DATA),
    (heapFrame << 12n) | 0x67n,
    0,
    DOMID_XEN,
  );
  assert.equal(result, BigInt(-EPERM));
});
