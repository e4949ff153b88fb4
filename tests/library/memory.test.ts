/** Memory of domains and of the machine through the library. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, type Domain, type Machine } from "../../src/index.ts";
import { tinyGuest } from "./tiny-guest.ts";

const MIB = 1 << 20;
const SLACK = MIB;
const kernel = tinyGuest({ prints: "x", ends: "block" });

async function start(maxMemory?: string): Promise<{ machine: Machine; domain: Domain }> {
  const machine = await createMachine({ memory: "32M" });
  const domain = await machine.createDomain({ kernel, memory: "4M", ...(maxMemory !== undefined && { maxMemory }) });
  return { machine, domain };
}

test("what a domain has, should have and may have", async () => {
  const { machine, domain } = await start("16M");
  assert.deepEqual(domain.memory, {
    current: 4 * MIB,
    target: 4 * MIB,
    maximum: 4 * MIB + SLACK,
    staticMaximum: 16 * MIB,
    outstandingClaim: 0,
  });
  domain.setMemoryTarget("8M");
  assert.equal(machine.xenstore.read(`/local/domain/${domain.id}/memory/target`), "8192");
  assert.equal(domain.memory.target, 8 * MIB);
  assert.equal(domain.memory.maximum, 8 * MIB + SLACK);
  domain.setMaximumMemory(12 * MIB);
  assert.equal(domain.memory.maximum, 12 * MIB + SLACK);
  assert.equal(domain.memory.target, 8 * MIB);
  // Below what it has: the guest must give before it can take.
  domain.setMemoryTarget(2 * MIB);
  assert.equal(domain.memory.maximum, 2 * MIB + SLACK);
  assert.equal(domain.memory.current, 4 * MIB);
  machine.destroy();
});

test("its memory map covers what it may balloon to", async () => {
  const { machine, domain } = await start("16M");
  const { mm } = domain.hypervisorDomain.record;
  const { dv } = machine.hypervisor.memory;
  assert.equal(mm.memory_map_entries, 1);
  assert.equal(dv.getBigUint64(mm.memory_map, true), 0n);
  assert.equal(dv.getBigUint64(mm.memory_map + 8, true), BigInt(16 * MIB));
  assert.equal(dv.getUint32(mm.memory_map + 16, true), 1);
  machine.destroy();
});

test("amounts that cannot be are refused in one line, and change nothing", async () => {
  const { machine, domain } = await start("16M");
  const before = domain.memory;
  assert.throws(
    () => domain.setMemoryTarget("17M"),
    /^RangeError: 17 MiB is more than domain 1 was made for: at most 16 MiB/,
  );
  assert.throws(
    () => domain.setMaximumMemory("3M"),
    /^RangeError: 3 MiB is less than the memory target of domain 1, which is 4 MiB$/,
  );
  for (const size of [0, -4096, 4097, Number.NaN, "much", "0"]) {
    assert.throws(() => domain.setMemoryTarget(size), RangeError);
    assert.throws(() => domain.setMaximumMemory(size), RangeError);
  }
  assert.deepEqual(domain.memory, before);
  domain.destroy();
  await domain.wait();
  assert.throws(() => domain.memory, /domain 1 \(Domain-1\) is gone/);
  assert.throws(() => domain.setMemoryTarget("4M"), /is gone/);
  machine.destroy();
});

test("what the machine has", async () => {
  const { machine, domain } = await start();
  const { total, free, outstandingClaims } = machine.memory;
  assert.ok(total >= 32 * MIB && free < total - 4 * MIB);
  assert.equal(outstandingClaims, 0);
  domain.destroy();
  await domain.wait();
  const overhead = machine.memory.free - free - 4 * MIB;
  assert.ok(overhead > 0 && overhead <= 64 << 10, `${overhead}`);
  machine.destroy();
});

test("a kernel is read once for all domains that are made from the same bytes", async () => {
  const machine = await createMachine({ memory: "32M" });
  for (let i = 0; i < 3; i++) await machine.createDomain({ kernel, memory: "4M" });
  assert.equal(machine.domains.length, 3);
  // Other bytes are another kernel.
  await assert.rejects(machine.createDomain({ kernel: kernel.slice(0, 100), memory: "4M" }), /truncated|ELF/);
  machine.destroy();
});
