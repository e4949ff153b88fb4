import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { XEN_ELFNOTE } from "../../src/abi/elfnote.ts";
import { GTF_permit_access, grantEntryV1 } from "../../src/abi/grant_table.ts";
import { FLAT_KERNEL_CS64, FLAT_KERNEL_SS64, SIF_MOD_START_PFN, startInfo } from "../../src/abi/xen.ts";
import { sharedEntryAddress } from "../../src/hypervisor/grant-table/table.ts";
import { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { checkInvariants } from "../../src/hypervisor/mm/invariants.ts";
import { getM2p } from "../../src/hypervisor/mm/m2p.ts";
import { layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory } from "../../src/machine/memory.ts";
import { Access } from "../../src/machine/processor.ts";
import { CS, RSI, RSP, SS } from "../../src/machine/x86/state.ts";
import { BuildError, type BuildOptions, type BuiltDomain, buildDomain } from "../../src/toolstack/builder/index.ts";
import { FakeProcessor } from "../mm/fake-processor.ts";
import { makeElf, note, plainNotes } from "./elf-image.ts";

const MIB = 1 << 20;

function makeHypervisor(bytes: number): Hypervisor {
  const layout = layOutMemory(bytes, 1 << 20);
  const memory = new MachineMemory(layout.size);
  return new Hypervisor({ memory, layout, cpu: new FakeProcessor(memory), clock: { now: () => 0 } });
}

/** A built domain, seen through its own page tables. */
class Built {
  readonly hv: Hypervisor;
  readonly built: BuiltDomain;
  readonly domain;
  readonly vcpu;

  constructor(options: BuildOptions, machineBytes = options.memoryBytes + 24 * MIB) {
    this.hv = makeHypervisor(machineBytes);
    this.domain = this.hv.createDomain({ memoryFrames: options.memoryBytes / 4096 });
    this.built = buildDomain(this.hv, this.domain, options);
    this.vcpu = this.domain.vcpus[0]!;
    assert.deepEqual(checkInvariants(this.hv), []);
    this.hv.cpu.loadCr3(this.vcpu.mm.kernel_root * 4096, 0, false);
  }

  translate(address: bigint, access: Access = Access.Read): number {
    return this.hv.cpu.translate(address, access, true);
  }

  read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const maddr = this.translate(address + BigInt(done));
      assert.ok(maddr >= 0, `0x${(address + BigInt(done)).toString(16)} is not mapped`);
      const count = Math.min(4096 - (maddr % 4096), length - done);
      bytes.set(this.hv.memory.u8.subarray(maddr, maddr + count), done);
      done += count;
    }
    return bytes;
  }

  get info() {
    const u8 = this.read(this.vcpu.gpr[RSI]!, startInfo.sizeof);
    return startInfo.at({ u8, dv: new DataView(u8.buffer) }, 0);
  }
}

const BASE = 0xffffffff80000000n;
const CODE = Uint8Array.from({ length: 9000 }, (_, i) => (i * 7) & 255);
const kernel = (...notes: Uint8Array[]): Uint8Array =>
  makeElf({
    entry: BASE + 0x100010n,
    segments: [
      { paddr: 0x100000n, data: CODE },
      { paddr: 0x104000n, data: Uint8Array.of(1, 2, 3), memorySize: 0x5000 },
    ],
    notes: plainNotes(BASE, ...notes),
  });
const ramdisk = Uint8Array.from({ length: 6000 }, (_, i) => i & 255);

test("segments, start_info and registers", () => {
  const machine = new Built({ kernel: kernel(), ramdisk, commandLine: "console=hvc0 grüße", memoryBytes: 16 * MIB });
  const { vcpu, info, built, domain } = machine;
  assert.deepEqual(Buffer.from(machine.read(BASE + 0x100000n, CODE.length)), Buffer.from(CODE));
  assert.deepEqual([...machine.read(BASE + 0x104000n, 5)], [1, 2, 3, 0, 0]);

  assert.equal(vcpu.state.rip, BASE + 0x100010n);
  assert.equal(vcpu.state.segment.get(CS).selector, FLAT_KERNEL_CS64);
  assert.equal(vcpu.state.segment.get(SS).selector, FLAT_KERNEL_SS64);
  assert.equal(vcpu.kernelMode, true);
  // The stack ends where a mapped, writable page ends.
  assert.ok(machine.translate(vcpu.gpr[RSP]! - 8n, Access.Write) >= 0);

  assert.equal(info.magic, "xen-3.0-x86_64");
  assert.equal(info.nr_pages, 4096n);
  assert.equal(info.shared_info, domain.record.shared_info);
  assert.equal(info.flags, 0);
  assert.equal(Buffer.from(info.cmd_line, "latin1").toString(), "console=hvc0 grüße");
  assert.equal(info.mod_len, 6000n);
  assert.deepEqual(Buffer.from(machine.read(info.mod_start, 6000)), Buffer.from(ramdisk));
  assert.equal(info.console.domU.mfn, BigInt(built.console.mfn));
  assert.equal(info.console.domU.evtchn, built.console.port);
  assert.equal(info.store_mfn, BigInt(built.store.mfn));
  assert.notEqual(built.store.port, built.console.port);
});

test("pages of zeros are zero, also where segments overlap", () => {
  const sparse = new Uint8Array(7 * 4096 + 100);
  for (const at of [0, 4095, 3 * 4096 + 5, 4 * 4096, 7 * 4096 + 99]) sparse[at] = (at % 251) | 1;
  const image = makeElf({
    entry: BASE + 0x100010n,
    segments: [
      { paddr: 0x100000n, data: CODE },
      // Not at the start of a page.
      { paddr: 0x104800n, data: sparse },
      { paddr: 0x101000n, data: new Uint8Array(4096) },
    ],
    notes: plainNotes(BASE),
  });
  const machine = new Built({ kernel: image, memoryBytes: 16 * MIB });
  assert.deepEqual(Buffer.from(machine.read(BASE + 0x104800n, sparse.length)), Buffer.from(sparse));
  const code = Uint8Array.from(CODE).fill(0, 4096, 8192);
  assert.deepEqual(Buffer.from(machine.read(BASE + 0x100000n, code.length)), Buffer.from(code));
});

test("the p2m list and the M2P are each other's inverse", () => {
  const machine = new Built({ kernel: kernel(), memoryBytes: 16 * MIB });
  const list = new BigUint64Array(machine.read(machine.info.mfn_list, 4096 * 8).buffer);
  assert.equal(new Set(list).size, 4096);
  list.forEach((mfn, pfn) => {
    assert.equal(getM2p(machine.hv, Number(mfn)), BigInt(pfn));
    assert.equal(machine.hv.frames.owner(Number(mfn)), machine.domain.id);
  });
});

test("page tables are mapped read-only, the root first", () => {
  const machine = new Built({ kernel: kernel(), memoryBytes: 16 * MIB });
  const { pt_base, nr_pt_frames } = machine.info;
  assert.equal(machine.translate(pt_base), machine.vcpu.mm.kernel_root * 4096);
  for (let i = 0n; i < nr_pt_frames; i++) {
    assert.ok(machine.translate(pt_base + i * 4096n) >= 0);
    assert.ok(machine.translate(pt_base + i * 4096n, Access.Write) < 0);
  }
  assert.ok(machine.translate(pt_base + nr_pt_frames * 4096n, Access.Write) >= 0);
});

test("the notes of Linux: unmapped ramdisk, p2m list elsewhere", () => {
  const notes = [note(XEN_ELFNOTE.INIT_P2M, 0x8000000000n), note(XEN_ELFNOTE.MOD_START_PFN, 1)];
  const machine = new Built({ kernel: kernel(...notes), ramdisk, memoryBytes: 16 * MIB });
  const { info } = machine;
  assert.equal(info.flags, SIF_MOD_START_PFN);
  assert.equal(info.mfn_list, 0x8000000000n);
  const list = new BigUint64Array(machine.read(info.mfn_list, 4096 * 8).buffer);
  const disk = machine.hv.memory.frame(Number(list[Number(info.mod_start)]));
  assert.deepEqual(Buffer.from(disk), Buffer.from(ramdisk.subarray(0, 4096)));
  // The frames that are said to hold the list do hold it.
  assert.equal(machine.translate(info.mfn_list), Number(list[Number(info.first_p2m_pfn)]) * 4096);
  assert.equal(info.nr_p2m_frames, BigInt((4096 * 8) / 4096 + 3));
});

test("a hypercall page is filled if the image has one", () => {
  const page = BASE + 0x105000n;
  const machine = new Built({ kernel: kernel(note(XEN_ELFNOTE.HYPERCALL_PAGE, page)), memoryBytes: 16 * MIB });
  const stub = (n: number): string => Buffer.from(machine.read(page + BigInt(n * 32), 14)).toString("hex");
  assert.equal(stub(17), "51" + "4153" + "b811000000" + "0f05" + "415b" + "59" + "c3");
  assert.equal(stub(23).slice(0, 22), "51" + "4153" + "50" + "b817000000" + "0f05");
});

test("rings: zeroed pages, granted to the back end", () => {
  const machine = new Built({ kernel: kernel(), memoryBytes: 16 * MIB });
  for (const { mfn, grant } of [machine.built.console, machine.built.store]) {
    assert.ok(machine.hv.memory.frame(mfn).every((byte) => byte === 0));
    const entry = grantEntryV1.at(machine.hv.memory, sharedEntryAddress(machine.domain, grant));
    assert.deepEqual([entry.flags, entry.domid, entry.frame], [GTF_permit_access, 0, mfn]);
  }
});

test("what cannot be built is refused with the reason, and the machine is as before", () => {
  const good = { kernel: kernel(), memoryBytes: 16 * MIB };
  const pv32 = makeElf({
    width: 32,
    entry: 0x100000n,
    segments: [{ paddr: 0x100000n, data: CODE }],
    notes: plainNotes(0n, note(XEN_ELFNOTE.PAE_MODE, "yes")),
  });
  const bad: [BuildOptions, RegExp][] = [
    [{ ...good, kernel: pv32 }, /32-bit PV kernel.*not supported yet/],
    [{ ...good, memoryBytes: MIB }, /too little memory: 1 MiB/],
    [{ ...good, memoryBytes: 1024 * MIB }, /not enough free memory for a domain of 1024 MiB/],
    [{ ...good, commandLine: "x".repeat(1024) }, /command line is too long: 1024 bytes/],
    [{ ...good, commandLine: "a\0b" }, /NUL/],
  ];
  const hv = makeHypervisor(40 * MIB);
  // The heap keeps the pages that it cuts small records from.
  hv.destroyDomain(hv.createDomain({ memoryFrames: 1 }));
  for (const [options, message] of bad) {
    const free = hv.frames.state.free_frames;
    const domain = hv.createDomain({ memoryFrames: options.memoryBytes / 4096 });
    assert.throws(
      () => buildDomain(hv, domain, options),
      (error: unknown) => error instanceof BuildError && message.test(error.message),
    );
    hv.destroyDomain(domain);
    assert.deepEqual(checkInvariants(hv), []);
    assert.equal(hv.frames.state.free_frames, free);
  }
});

test("a domain that was built can be destroyed, and another one built in its memory", () => {
  const machine = new Built({ kernel: kernel(), ramdisk, memoryBytes: 16 * MIB }, 32 * MIB);
  machine.hv.destroyDomain(machine.domain);
  const next = machine.hv.createDomain({ memoryFrames: 4096 });
  buildDomain(machine.hv, next, { kernel: kernel(), memoryBytes: 16 * MIB });
  assert.deepEqual(checkInvariants(machine.hv), []);
});

function cachedKernel(): string | undefined {
  const images = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "typervisor", "images");
  if (!existsSync(images)) return undefined;
  return readdirSync(images)
    .map((name) => join(images, name, "vmlinux"))
    .find(existsSync);
}

test("Debian's kernel in 128 MiB", { skip: !cachedKernel() && "not in the cache" }, () => {
  const image = new Uint8Array(readFileSync(cachedKernel() as string));
  const machine = new Built({ kernel: image, ramdisk, memoryBytes: 128 * MIB });
  assert.ok(machine.translate(machine.vcpu.state.rip, Access.Execute) >= 0);
  assert.equal(machine.info.flags, SIF_MOD_START_PFN);
});
