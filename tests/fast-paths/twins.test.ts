/** A fast path leaves memory exactly as its TypeScript twin does, or as if it had not been tried. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventPending } from "../../src/hypervisor/event-channel/vcpu-info.ts";
import { handleExit } from "../../src/hypervisor/exits.ts";
import { fastPathRecord } from "../../src/hypervisor/fast-paths/record.ts";
import { DomainCrash } from "../../src/hypervisor/hypercall.ts";
import { deliverPending, nmiDeliverable } from "../../src/hypervisor/traps/deliver.ts";
import type { ExitReason } from "../../src/machine/processor.ts";
import { Random } from "../fuzz/random.ts";
import { Subject } from "./subject.ts";

const CASES = Number(process.env["TYPERVISOR_FUZZ_STEPS"] ?? 1500);
const SEED = Number(process.env["TYPERVISOR_FUZZ_SEED"] ?? 1);
/** By which the two differ: counters that say who has done it, scratch. */
const OWN = ["served", "rdmsr_kernel_gs_base", "segments"] as const;

/** Serves the exit in TypeScript, as the run loop would. @returns the message if the domain crashed */
function twin(subject: Subject, reason: ExitReason): string {
  const { hv, vcpu } = subject;
  hv.statistics.exits[reason]!++;
  hv.fastPaths.countExit();
  try {
    handleExit(hv, vcpu, reason);
    deliverPending(vcpu);
    return "";
  } catch (error) {
    if (error instanceof DomainCrash) return error.message;
    throw error;
  }
}

test(`${CASES} random states: fast paths and their twins`, () => {
  const random = new Random(SEED);
  const subject = new Subject(random);
  const { memory, hv, vcpu } = subject;
  const serve = hv.fastPaths.tryServe;
  assert.ok(serve);
  const copies = { before: Buffer.alloc(memory.u8.length), after: Buffer.alloc(memory.u8.length) };
  const settle = (): void => {
    for (const field of OWN) hv.fastPaths.record[field].fill(0);
  };
  const live = Buffer.from(memory.u8.buffer);
  const served = new Map<string, number>();
  const left = new Map<string, number>();
  for (let i = 0; i < CASES; i++) {
    const reason = subject.randomize();
    const { state, gpr } = subject.cpu;
    const { exit_vector: vector } = state;
    const what = reason === 1 ? `exception ${vector}` : vcpu.kernelMode ? `hypercall ${gpr[0]! & 0xffffn}` : "syscall";
    settle();
    copies.before.set(memory.u8);
    const done: number = serve();
    const where = `case ${i} of seed ${SEED}: ${what}`;
    const counts = done === 1 ? served : left;
    counts.set(what, (counts.get(what) ?? 0) + 1);
    let crash = "";
    if (done === 1) {
      assert.ok(!eventPending(vcpu) && !nmiDeliverable(vcpu), `${where}: something to deliver`);
    } else crash = twin(subject, reason);
    settle();
    copies.after.set(memory.u8);
    memory.u8.set(copies.before);
    assert.equal(twin(subject, reason), crash, where);
    settle();
    if (!copies.after.equals(live)) {
      const at = copies.after.findIndex((byte, address) => byte !== live[address]);
      assert.fail(`${where}, ${done === 1 ? "served" : "left"}: differs at 0x${at.toString(16)}`);
    }
    if (crash !== "") memory.u8.set(copies.before);
  }
  // Each has been both served and left, and not just once.
  for (const what of ["syscall", "hypercall 23", "exception 14", "exception 13", "hypercall 3", "hypercall 25"]) {
    assert.ok((served.get(what) ?? 0) > CASES / 300, `${what} served`);
    assert.ok((left.get(what) ?? 0) > CASES / 300, `${what} left`);
  }
});

test("the record's own fields are in machine memory", () => {
  const { hv } = new Subject(new Random(1));
  assert.equal(hv.fastPaths.record.vcpu, hv.current?.record.address);
  assert.equal(hv.fastPaths.record.address % fastPathRecord.align(64), 0);
});
