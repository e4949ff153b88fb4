/**
 * Domains that the library makes and ends leave nothing behind: in the hypervisor, in domain 0, in xenstore, in the
 * code cache.
 *
 *     TYPERVISOR_LIVES=10000 npm test -- tests/library/leaks.test.ts
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, type Domain, type Machine } from "../../src/index.ts";
import { descendants } from "../../src/toolstack/xenstore/tree.ts";
import { Random } from "../fuzz/random.ts";
import { dirtyFrame, resources } from "../memory/resources.ts";
import { type TinyGuest, tinyGuest } from "./tiny-guest.ts";

const LIVES = Number(process.env["TYPERVISOR_LIVES"] ?? 40);
const KERNELS: readonly Uint8Array[] = (
  ["poweroff", "reboot", "crash", "fault", "block", "spin"] satisfies TinyGuest["ends"][]
).map((ends) => tinyGuest({ prints: "hello\n", ends, echo: ends === "spin" }));

/** Bytes of a small domain. */
const MEMORY = 2 << 20;

function everything(machine: Machine): Record<string, unknown> {
  const { hypervisor, xenstore } = machine;
  const { store } = xenstore;
  const { u8, u32 } = hypervisor.memory;
  const { codeFlags, codeDirectory } = hypervisor.layout;
  const free = (mfn: number): boolean => hypervisor.frames.isFree(mfn);
  const withCode = Array.from({ length: hypervisor.frames.count }, (_, mfn) => mfn).filter(
    (mfn) => free(mfn) && (u8[codeFlags + mfn] !== 0 || u32[codeDirectory / 4 + mfn] !== 0),
  );
  return {
    ...resources(hypervisor),
    withCode,
    nodes: [...descendants(store.tree.root, "/")].map(([path]) => path),
    owned: [...store.tree.owned],
    granted: [...store.tree.granted],
    watches: store.watchCount,
    domains: machine.domains.length,
    memory: machine.memory,
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What becomes of a domain before it ends. */
const FATES: readonly ((machine: Machine, domain: Domain, random: Random) => Promise<unknown>)[] = [
  // At once, before it has run.
  async () => {},
  // In the middle of what it does, or after its own end.
  async (_machine, _domain, random) => {
    for (let i = random.below(8); i > 0; i--) await turn();
  },
  async (_machine, domain) => {
    await domain.console.raw.write(new TextEncoder().encode("typed\n"));
    await turn();
  },
  async (_machine, domain) => {
    domain.hypervisorDomain.pause();
    await turn();
  },
  async (_machine, domain) => {
    domain.shutdown();
    domain.setMaximumMemory(4 << 20);
    await turn();
  },
  // Nodes of its own in its directory, rights of it elsewhere.
  async (machine, domain) => {
    const session = machine.xenstore;
    session.write(`/local/domain/${domain.id}/data/x/y`, "z");
    session.mkdir("/tool/shared");
    session.setPermissions("/tool/shared", ["n0", `b${domain.id}`]);
    await turn();
    session.remove("/tool");
  },
];

test(`${LIVES} domains leave nothing behind`, { timeout: 3_600_000 }, async () => {
  const machine = await createMachine({ memory: "16M" });
  const random = new Random(1);
  // The first one makes what all share.
  const first = await machine.createDomain({ kernel: KERNELS[0]!, memory: MEMORY });
  await first.wait();
  const before = everything(machine);
  for (let life = 0; life < LIVES; life += 2) {
    const domains: Domain[] = [];
    for (let i = 0; i < 2; i++) {
      domains.push(
        await machine.createDomain({ kernel: random.pick(KERNELS), memory: MEMORY, consoles: 1 + random.below(3) }),
      );
    }
    for (const domain of domains) {
      if (domain.end === undefined) await random.pick(FATES)(machine, domain, random);
    }
    for (const domain of domains) domain.destroy();
    for (const domain of domains) await domain.wait();
    assert.deepEqual(everything(machine), before, `life ${life}`);
  }
  assert.equal(dirtyFrame(machine.hypervisor), -1);
  machine.destroy();
});

test("a domain that cannot be built leaves nothing behind", async () => {
  const machine = await createMachine({ memory: "16M" });
  await (await machine.createDomain({ kernel: KERNELS[0]!, memory: MEMORY })).wait();
  const before = everything(machine);
  const kernel = KERNELS[4]!;
  const bad: [string, Parameters<Machine["createDomain"]>[0]][] = [
    ["not a kernel image", { kernel: new Uint8Array(100), memory: MEMORY }],
    ["too little memory", { kernel, memory: 64 << 10 }],
    ["not enough free memory", { kernel, memory: 64 << 20 }],
    ["too long", { kernel, memory: MEMORY, commandLine: "x".repeat(2000) }],
    ["1 to 128 vCPUs", { kernel, memory: MEMORY, vcpus: 1000 }],
    ["is less than memory", { kernel, memory: MEMORY, maxMemory: MEMORY / 2 }],
  ];
  for (const [message, config] of bad) {
    await assert.rejects(machine.createDomain(config), new RegExp(message));
    assert.deepEqual(everything(machine), before, message);
  }
  // No memory for the hypervisor itself, at each step of making a domain.
  const { heap, frames } = machine.hypervisor;
  for (let spare = 0; spare < 20; spare++) {
    const taken: number[] = [];
    while (frames.state.free_frames > spare) taken.push(heap.allocFrames(1));
    await assert.rejects(machine.createDomain({ kernel, memory: MEMORY }));
    for (const mfn of taken) heap.freeFrames(mfn, 1);
    assert.deepEqual(everything(machine), before, `${spare} frames`);
  }
  machine.destroy();
});
