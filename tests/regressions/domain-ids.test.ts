/** A domain's number was given to the next one while others still held frames of the first: they became the new one's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { putPage } from "../../src/hypervisor/mm/page-type.ts";
import { DATA, TestGuest } from "../hypervisor/guest.ts";

test("a number is not used again while frames of its last domain are held", () => {
  const { hv, domain, mfns } = new TestGuest();
  const held = mfns[DATA]!;
  // As a mapping of another domain does.
  assert.ok(hv.frames.getPage(held, domain.id));
  hv.destroyDomain(domain);
  assert.equal(hv.frames.owner(held), domain.id);
  assert.equal(hv.frames.state.last_domid, domain.id);
  hv.frames.state.last_domid = domain.id - 1;
  assert.equal(hv.createDomain({ memoryFrames: 8 }).id, domain.id + 1);
  assert.throws(() => hv.createDomain({ memoryFrames: 8, id: domain.id }), /frames of an earlier domain/);
  putPage(hv, held);
  hv.frames.state.last_domid = domain.id - 1;
  assert.equal(hv.createDomain({ memoryFrames: 8 }).id, domain.id);
});
