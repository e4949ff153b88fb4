/** The demo server under a surge: it asks for more memory by hypercall while it serves, gets it, and gives it back. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildDemo } from "../../guests/build.ts";
import { createMachine, type Domain } from "../../src/index.ts";
import { ask } from "./ask.ts";

const MIB = 1 << 20;
const image = buildDemo("surge");
const skip = image === undefined && "demo guests are built with gcc for x86-64, which is not here";

interface Reply {
  readonly status: number;
  readonly sessions: number;
  readonly pages: number;
}

async function request(domain: Domain, what: "+" | "-" | "."): Promise<Reply> {
  const [status = 0, sessions = 0, pages = 0] = (await ask(domain, what)).split(" ").map(Number);
  return { status, sessions, pages };
}

/** Opens sessions until one is refused. */
async function surge(domain: Domain): Promise<Reply> {
  for (;;) {
    const reply = await request(domain, "+");
    if (reply.status !== 200) return reply;
    // What it says of itself is what the hypervisor says of it.
    assert.equal(reply.pages * 4096, domain.memory.current);
  }
}

test("it takes what it may have, and no more", { skip }, async () => {
  const machine = await createMachine({ memory: 24 * MIB, virtualTime: true });
  const domain = await machine.createDomain({ kernel: readFileSync(image!), memory: MIB, maxMemory: 16 * MIB });
  const { free } = machine.memory;
  const first = await surge(domain);
  assert.equal(first.status, 503);
  // Its maximum is its target, and libxl's slack of 1 MiB.
  assert.ok(first.sessions >= 15 && domain.memory.current <= 2 * MIB, `${first.sessions} ${domain.memory.current}`);
  assert.equal((await request(domain, ".")).status, 200);

  // The owner lets it grow: the same guest goes on, with all sessions that it had.
  domain.setMaximumMemory(16 * MIB);
  const second = await surge(domain);
  assert.ok(second.sessions >= 235, `${second.sessions}`);
  assert.ok(domain.memory.current > 15 * MIB && domain.memory.current <= 17 * MIB, `${domain.memory.current}`);
  assert.equal(free - machine.memory.free, domain.memory.current - MIB);
  assert.equal((await request(domain, ".")).status, 200);

  // The surge is over.
  for (let reply = second; reply.sessions > 0; ) {
    reply = await request(domain, "-");
    if (reply.sessions % 50 === 0) assert.equal((await request(domain, ".")).status, 200);
  }
  // Page tables and the like stay: a frame for every 2 MiB that it used.
  assert.ok(domain.memory.current <= MIB + 8 * 4096, `${domain.memory.current}`);
  domain.destroy();
  machine.destroy();
});

test("the memory of the machine is the limit for all", { skip }, async () => {
  const machine = await createMachine({ memory: 24 * MIB, virtualTime: true });
  const kernel = readFileSync(image!);
  const greedy = await machine.createDomain({ kernel, memory: MIB, maxMemory: 64 * MIB });
  const modest = await machine.createDomain({ kernel, memory: MIB, maxMemory: 4 * MIB });
  greedy.setMaximumMemory(64 * MIB);
  await surge(greedy);
  assert.ok(machine.memory.free < 65_536, `${machine.memory.free} are free`);
  // The other one can have no more, but goes on.
  assert.equal((await request(modest, "+")).status, 503);
  assert.equal((await request(modest, ".")).status, 200);
  for (let i = 0; i < 20; i++) assert.equal((await request(greedy, "-")).status, 200);
  assert.equal((await request(modest, "+")).status, 200);
  machine.destroy();
});
