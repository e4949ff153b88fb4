/** Frames that change owners are zero: nobody reads what another domain has left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HYPERVISOR, INVALID_M2P_ENTRY, MMU_MACHPHYS_UPDATE } from "../../src/abi/xen.ts";
import type { Domain } from "../../src/hypervisor/domain.ts";
import { allocDomainFrames } from "../../src/hypervisor/mm/domain-frames.ts";
import { getM2p } from "../../src/hypervisor/mm/m2p.ts";
import { DATA, TestGuest } from "../hypervisor/guest.ts";
import { dirtyFrame } from "./resources.ts";

const SECRET = 0x5ec2e75ec2e7n;

/** Fills frames with something that nobody else may see. */
function fill(g: TestGuest, mfns: readonly number[]): void {
  for (const mfn of mfns) g.hv.memory.u64.fill(SECRET, mfn * 512, mfn * 512 + 512);
}

function assertClean(g: TestGuest, mfns: readonly number[]): void {
  for (const mfn of mfns) {
    assert.ok(
      g.hv.memory.u64.subarray(mfn * 512, mfn * 512 + 512).every((word) => word === 0n),
      `frame ${mfn}`,
    );
  }
}

/** All memory that is free now, as a new domain gets it. */
function takeAll(g: TestGuest): { domain: Domain; mfns: number[] } {
  const { free_frames } = g.hv.frames.state;
  const domain = g.hv.createDomain({ memoryFrames: free_frames });
  return { domain, mfns: allocDomainFrames(domain, g.hv.frames.state.free_frames) };
}

test("memory of a domain that has ended", () => {
  const g = new TestGuest();
  const victim = g.hv.createDomain({ memoryFrames: 500 });
  const secret = allocDomainFrames(victim, 500);
  fill(g, secret);
  g.hv.destroyDomain(victim);
  const { mfns } = takeAll(g);
  assert.ok(secret.every((mfn) => mfns.includes(mfn)));
  assertClean(g, mfns);
});

test("a frame that was ballooned out, at once or when its last mapping has gone", () => {
  for (const mapped of [false, true]) {
    // Without a user root, which would map all of it once more.
    const g = new TestGuest({}, (context) => context.ctrlreg.set(1, 0n));
    const page = DATA + 1;
    const mfn = g.mfns[page]!;
    fill(g, [mfn]);
    if (!mapped) assert.equal(g.hypercall(HYPERVISOR.update_va_mapping, g.va(page), 0, 0), 0n);
    [g.va(DATA, 64), 1n, 0n, 0x7ff0n, 0n, 0n, 0n, 0n, BigInt(mfn)].forEach((word, i) => {
      g.setWord(g.va(DATA, i * 8), word);
    });
    assert.equal(g.hypercall(HYPERVISOR.memory_op, 1, g.va(DATA)), 1n);
    assert.equal(g.hv.frames.isFree(mfn), !mapped);
    if (mapped) assert.equal(g.hypercall(HYPERVISOR.update_va_mapping, g.va(page), 0, 0), 0n);
    assert.ok(g.hv.frames.isFree(mfn));
    assertClean(g, [mfn]);
    assert.equal(getM2p(g.hv, mfn), INVALID_M2P_ENTRY);
  }
});

test("what another domain still maps is not given to a third one before", () => {
  const g = new TestGuest();
  const victim = g.hv.createDomain({ memoryFrames: 10 });
  const [held = 0] = allocDomainFrames(victim, 1);
  fill(g, [held]);
  assert.ok(g.hv.frames.getPage(held, victim.id));
  g.hv.destroyDomain(victim);
  assert.equal(g.hv.memory.u64[held * 512], SECRET);
  assert.ok(!takeAll(g).mfns.includes(held));
});

test("frames that the hypervisor shared with a guest lose the PFN that the guest gave them", () => {
  const g = new TestGuest();
  const shared = Number(g.domain.record.shared_info) / 4096;
  g.setWord(g.va(DATA), BigInt(shared * 4096) | BigInt(MMU_MACHPHYS_UPDATE));
  g.setWord(g.va(DATA, 8), 0x1234n);
  assert.equal(g.hypercall(HYPERVISOR.mmu_update, g.va(DATA), 1, 0, 0x7ff0), 0n);
  assert.equal(getM2p(g.hv, shared), 0x1234n);
  g.hv.destroyDomain(g.domain);
  assert.equal(getM2p(g.hv, shared), INVALID_M2P_ENTRY);
  assert.equal(dirtyFrame(g.hv), -1);
});
