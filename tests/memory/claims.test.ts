/** XENMEM_claim_pages: what is promised to one domain is not given to another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EINVAL, ENOMEM, EPERM } from "../../src/abi/errno.ts";
import { HYPERVISOR } from "../../src/abi/xen.ts";
import { DOMAIN_PRIVILEGED } from "../../src/hypervisor/domain.ts";
import { claimPages } from "../../src/hypervisor/mm/claim.ts";
import { allocDomainExtent, allocDomainFrames, freeDomainFrame } from "../../src/hypervisor/mm/domain-frames.ts";
import { OutOfHeap } from "../../src/hypervisor/mm/heap.ts";
import { DATA, TestGuest } from "../hypervisor/guest.ts";

test("a claim keeps frames free for its domain alone", () => {
  const { hv, domain } = new TestGuest();
  const { state } = hv.frames;
  const claimer = hv.createDomain({ memoryFrames: 1000 });
  domain.record.mm.max_pages = 1_000_000;
  assert.equal(claimPages(claimer, 1000), 0);
  assert.equal(state.outstanding_claims, 1000);
  const others = state.free_frames - 1000;
  assert.throws(() => allocDomainFrames(domain, others + 1), { errno: ENOMEM });
  assert.ok(allocDomainExtent(domain, 0) >= 0);
  assert.throws(() => hv.heap.allocFrames(others), OutOfHeap);
  allocDomainFrames(domain, others - 1);
  assert.equal(allocDomainExtent(domain, 0), -1);

  const got = allocDomainFrames(claimer, 600);
  assert.equal(claimer.record.mm.outstanding_pages, 400);
  assert.equal(state.outstanding_claims, 400);
  // What it gives back is not claimed again.
  for (const mfn of got) freeDomainFrame(claimer, mfn);
  assert.equal(state.outstanding_claims, 400);
  assert.equal(claimPages(claimer, 0), 0);
  assert.equal(state.outstanding_claims, 0);
  assert.ok(allocDomainExtent(domain, 0) >= 0);
});

test("a claim ends with its domain", () => {
  const { hv } = new TestGuest();
  const claimer = hv.createDomain({ memoryFrames: 100 });
  claimPages(claimer, 100);
  hv.destroyDomain(claimer);
  assert.equal(hv.frames.state.outstanding_claims, 0);
});

test("claims that make no sense are refused", () => {
  const { hv, domain } = new TestGuest();
  const claimer = hv.createDomain({ memoryFrames: 1_000_000 });
  assert.equal(claimPages(claimer, hv.frames.state.free_frames + 1), -ENOMEM);
  assert.equal(claimPages(claimer, 2_000_000), -EINVAL);
  assert.equal(claimPages(claimer, 10), 0);
  assert.equal(claimPages(claimer, 20), -EINVAL, "there is one already");
  assert.equal(claimPages(domain, domain.record.mm.tot_pages), -EINVAL, "it has as many");
});

test("the hypercall is for privileged domains", () => {
  const g = new TestGuest();
  const target = g.hv.createDomain({ memoryFrames: 100 });
  const claim = (pages: bigint, list = 0n): bigint => {
    [list, pages, 0n, BigInt(target.id)].forEach((word, i) => {
      g.setWord(g.va(DATA, i * 8), word);
    });
    return g.hypercall(HYPERVISOR.memory_op, 24, g.va(DATA));
  };
  assert.equal(claim(50n), BigInt(-EPERM));
  g.domain.record.flags |= DOMAIN_PRIVILEGED;
  assert.equal(claim(50n, g.va(DATA)), BigInt(-EINVAL));
  assert.equal(claim(1n << 40n), BigInt(-ENOMEM));
  assert.equal(claim(50n), 0n);
  assert.equal(target.record.mm.outstanding_pages, 50);
  assert.equal(claim(0n), 0n);
  assert.equal(g.hv.frames.state.outstanding_claims, 0);
});
