import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { gzipSync } from "fflate";
import { XEN_ELFNOTE } from "../../src/abi/elfnote.ts";
import { extractElf, ImageError, type PvImage, readElf, readPvImage } from "../../src/toolstack/builder/index.ts";
import { joinBytes, makeBzImage, makeElf, note, plainNotes } from "./elf-image.ts";

const BASE = 0xffffffff80000000n;
const CODE = Uint8Array.of(0x90, 0xc3);
const segments = [{ paddr: 0x100000n, data: CODE, memorySize: 0x3000 }];
const ENTRY = BASE + 0x100000n;

const read = (bytes: Uint8Array): PvImage => readPvImage(readElf(extractElf(bytes)));

function fails(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => read(bytes),
    (error: unknown) => error instanceof ImageError && !error.message.includes("\n") && message.test(error.message),
  );
}

test("notes in a PT_NOTE segment", () => {
  const image = read(
    makeElf({
      entry: ENTRY,
      segments,
      notes: plainNotes(
        BASE,
        note(XEN_ELFNOTE.HYPERCALL_PAGE, ENTRY + 0x1000n),
        note(XEN_ELFNOTE.INIT_P2M, 0x8000000000n),
        note(XEN_ELFNOTE.MOD_START_PFN, 1),
        note(XEN_ELFNOTE.SUSPEND_CANCEL, 1n),
        note(XEN_ELFNOTE.FEATURES, "!writable_page_tables|pae_pgdir_above_4gb|of_the_future"),
        note(XEN_ELFNOTE.SUPPORTED_FEATURES, 0x8801),
        note(XEN_ELFNOTE.PAE_MODE, "yes[extended-cr3]"),
      ),
    }),
  );
  assert.equal(image.entry, ENTRY);
  assert.equal(image.guestOs, "test");
  assert.equal(image.kernelStart, ENTRY);
  assert.equal(image.kernelEnd, ENTRY + 0x3000n);
  assert.equal(image.hypercallPage, ENTRY + 0x1000n);
  assert.equal(image.initP2m, 0x8000000000n);
  assert.ok(image.modStartPfn && image.suspendCancel && image.extendedCr3);
  assert.equal(image.requiredFeatures, 1);
  assert.equal(image.supportedFeatures, 0x8801 | 0x11);
});

test("PADDR_OFFSET and the ENTRY note", () => {
  const notes = plainNotes(BASE, note(XEN_ELFNOTE.PADDR_OFFSET, BASE), note(XEN_ELFNOTE.ENTRY, ENTRY + 1n));
  const image = read(makeElf({ entry: 0x100000n, segments: [{ paddr: ENTRY, data: CODE }], notes }));
  assert.equal(image.kernelStart, ENTRY);
  assert.equal(image.entry, ENTRY + 1n);
});

test("notes in a section, and notes of other owners", () => {
  const sections = { ".note.xen": joinBytes(note(1, 0n, "Linux"), plainNotes(BASE)) };
  assert.equal(read(makeElf({ entry: ENTRY, segments, sections })).virtBase, BASE);
  const foreign = note(XEN_ELFNOTE.XEN_VERSION, "xen-3.0", "Xen2");
  fails(makeElf({ entry: ENTRY, segments, notes: foreign }), /no Xen notes/);
});

test("the legacy section __xen_guest", () => {
  const text =
    "GUEST_OS=mach,XEN_VER=xen-3.0,VIRT_BASE=0x20000000,HYPERCALL_PAGE=0x2,PAE=yes[extended-cr3],LOADER=generic\0";
  const image = read(
    makeElf({
      width: 32,
      entry: 0x20001000n,
      segments: [{ paddr: 0x20000000n, data: CODE, memorySize: 0x4000 }],
      notes: note(7, "bogus", "GNU Mach"),
      sections: { __xen_guest: new TextEncoder().encode(text) },
    }),
  );
  assert.equal(image.width, 32);
  assert.equal(image.guestOs, "mach");
  // Without ELF_PADDR_OFFSET it is VIRT_BASE: physical addresses are virtual ones.
  assert.equal(image.kernelStart, 0x20000000n);
  assert.equal(image.hypercallPage, 0x20002000n);
});

test("forms of images: ELF, gzip, bzImage with gzip, bzImage with ELF", () => {
  const elf = makeElf({ entry: ENTRY, segments, notes: plainNotes(BASE) });
  const gzip = gzipSync(elf);
  for (const image of [elf, gzip, makeBzImage(gzip), makeBzImage(elf)]) {
    assert.deepEqual(Buffer.from(extractElf(image)).subarray(0, elf.length), Buffer.from(elf));
  }
});

for (const [tool, args] of Object.entries({
  xz: ["--x86", "--lzma2"],
  bzip2: ["-9"],
  zstd: ["-q"],
  lz4: ["-l"],
  lzma: [],
})) {
  const path = `/usr/bin/${tool}`;
  test(`bzImage with ${tool}, and the size behind the payload`, {
    skip: !existsSync(path) && `no ${tool} here`,
  }, () => {
    const elf = makeElf({ entry: ENTRY, segments, notes: plainNotes(BASE) });
    const packed = execFileSync(path, [...args, "-c"], { input: elf });
    const size = new Uint8Array(Uint32Array.of(elf.length).buffer);
    assert.deepEqual(Buffer.from(extractElf(makeBzImage(joinBytes(packed, size)))), Buffer.from(elf));
    const wrong = new Uint8Array(Uint32Array.of(elf.length + 1).buffer);
    fails(makeBzImage(joinBytes(packed, wrong)), /damaged/);
  });
}

test("what cannot be booted is refused with the reason", () => {
  const good = { entry: ENTRY, segments, notes: plainNotes(BASE) };
  fails(new Uint8Array(0), /not a kernel image/);
  fails(new TextEncoder().encode("#!/bin/sh\necho hello\n"), /not a kernel image/);
  fails(makeElf({ ...good, notes: new Uint8Array(0) }), /no Xen notes.*CONFIG_XEN_PV/);
  fails(makeElf({ ...good, notes: note(XEN_ELFNOTE.PHYS32_ENTRY, 0x1000) }), /no XEN_VERSION note/);
  fails(makeElf({ ...good, notes: note(XEN_ELFNOTE.XEN_VERSION, "xen-2.0") }), /"xen-2.0"/);
  fails(makeElf({ ...good, entry: BASE }), /entry point .* outside/);
  fails(makeElf({ ...good, segments: [] }), /nothing to load/);
  fails(makeElf({ ...good, notes: plainNotes(BASE, note(XEN_ELFNOTE.PADDR_OFFSET, 0x200000n)) }), /inconsistent/);
  fails(makeElf({ ...good, notes: plainNotes(BASE + 1n) }), /inconsistent/);
  fails(
    makeElf({ ...good, notes: plainNotes(BASE, note(XEN_ELFNOTE.HYPERCALL_PAGE, ENTRY + 0x10n)) }),
    /hypercall page/,
  );
  fails(makeElf({ ...good, notes: plainNotes(BASE, note(XEN_ELFNOTE.INIT_P2M, 5n)) }), /INIT_P2M/);
  fails(makeElf({ ...good, notes: plainNotes(BASE, note(XEN_ELFNOTE.FEATURES, "!time_travel")) }), /time_travel/);
  fails(
    makeElf({ ...good, notes: plainNotes(BASE, note(XEN_ELFNOTE.FEATURES, "!auto_translated_physmap")) }),
    /cannot have/,
  );
  fails(makeElf({ ...good, width: 32, segments: [{ paddr: 0x100000n, data: CODE }], notes: plainNotes(0n) }), /PAE/);
  fails(makeBzImage(new Uint8Array(64), 0x205), /boot protocol 2.05/);
  fails(makeBzImage(Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5)), /cannot be decompressed/);
  const arm = makeElf(good);
  arm[18] = 183;
  fails(arm, /not an x86 kernel/);
});

test("a truncated image is refused wherever it is cut", () => {
  const elf = makeElf({ entry: ENTRY, segments, notes: plainNotes(BASE) });
  for (let length = 0; length < elf.length; length++) fails(elf.subarray(0, length), /not a kernel image|truncated/);
  const bz = makeBzImage(gzipSync(elf));
  for (let length = 0; length < bz.length - 100; length += 7)
    fails(bz.subarray(0, length), /not a kernel image|truncated/);
});

test("a damaged image gives an ImageError or an image, and nothing else", () => {
  const elf = makeElf({ entry: ENTRY, segments, notes: plainNotes(BASE), sections: { ".note.xen": plainNotes(BASE) } });
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(elf.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (changes) => {
      const damaged = elf.slice();
      for (const [at, value] of changes) damaged[at] = value;
      try {
        read(damaged);
      } catch (error) {
        assert.ok(error instanceof ImageError, String(error));
      }
    }),
    { numRuns: 1500 },
  );
});

/** Debian's kernel, if this machine has got it before. */
function cachedKernel(): string | undefined {
  const images = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "typervisor", "images");
  if (!existsSync(images)) return undefined;
  return readdirSync(images)
    .map((name) => join(images, name, "vmlinux"))
    .find(existsSync);
}

test("Debian's kernel", { skip: !cachedKernel() && "not in the cache" }, () => {
  const image = read(new Uint8Array(readFileSync(cachedKernel() as string)));
  assert.equal(image.width, 64);
  assert.equal(image.guestOs, "linux");
  assert.equal(image.virtBase, 0xffffffff80000000n);
  assert.equal(image.kernelStart, 0xffffffff81000000n);
  assert.equal(image.initP2m, 0x8000000000n);
  assert.equal(image.hypercallPage, undefined);
  assert.ok(image.modStartPfn && image.suspendCancel);
  assert.ok(image.entry > image.kernelStart && image.entry < image.kernelEnd);
});
