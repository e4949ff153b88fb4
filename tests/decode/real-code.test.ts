/**
 * The whole code of a Linux kernel and of a busybox against iced-x86.
 *
 * The files come from TYPERVISOR_TEST_KERNEL and TYPERVISOR_TEST_BUSYBOX, or are those of the default
 * guest; where it cannot be had, the tests are skipped. The sweep is linear and goes on where iced
 * says that the next instruction is, so a disagreement about one length is one difference.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { obtainGuestImage } from "../../src/platform/node/guest-image.ts";
import { extractElf } from "../../src/toolstack/builder/bzimage.ts";
import { Sweep } from "./sweep.ts";

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "typervisor");

function find(variable: string, name: RegExp): string | undefined {
  const named = process.env[variable];
  if (named) return named;
  if (!existsSync(CACHE)) return undefined;
  const files = readdirSync(CACHE, { recursive: true, withFileTypes: true });
  const file = files.find((entry) => entry.isFile() && name.test(entry.name));
  return file && join(file.parentPath, file.name);
}

const SHT_PROGBITS = 1;
const SHF_EXECINSTR = 4n;

/** The executable sections of a 64-bit ELF file. */
function codeSections(elf: Uint8Array): Uint8Array[] {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  const table = Number(view.getBigUint64(0x28, true));
  const sections: Uint8Array[] = [];
  for (let i = 0; i < view.getUint16(0x3c, true); i++) {
    const header = table + i * view.getUint16(0x3a, true);
    const isCode = (view.getBigUint64(header + 8, true) & SHF_EXECINSTR) !== 0n;
    if (view.getUint32(header + 4, true) !== SHT_PROGBITS || !isCode) continue;
    const offset = Number(view.getBigUint64(header + 0x18, true));
    sections.push(elf.subarray(offset, offset + Number(view.getBigUint64(header + 0x20, true))));
  }
  return sections;
}

/** Compares all instructions; returns how many there were. */
function sweepCode(elf: Uint8Array): number {
  let instructions = 0;
  for (const section of codeSections(elf)) {
    const bytes = new Uint8Array(section.length + 16);
    bytes.set(section);
    const sweep = new Sweep(bytes, 64);
    let at = 0;
    while (at < section.length) {
      // INT3 is what linkers pad with, by the million.
      if (bytes[at] === 0xcc) at++;
      else at += Math.max(sweep.compare(at), 1);
    }
    sweep.free();
    assert.deepEqual(sweep.account.differences, []);
    instructions += sweep.account.instructions;
  }
  return instructions;
}

// Fills the cache.
await obtainGuestImage().catch(() => undefined);

const kernel = find("TYPERVISOR_TEST_KERNEL", /^vmlinux$/);
test("a Linux kernel", { skip: kernel ? false : `no vmlinux in ${CACHE}; set TYPERVISOR_TEST_KERNEL` }, (t) => {
  const instructions = sweepCode(extractElf(readFileSync(kernel!)));
  t.diagnostic(`${instructions} instructions`);
  assert.ok(instructions > 100_000);
});

const busybox = find("TYPERVISOR_TEST_BUSYBOX", /^busybox$/);
test("busybox", { skip: busybox ? false : `no busybox in ${CACHE}; set TYPERVISOR_TEST_BUSYBOX` }, (t) => {
  const instructions = sweepCode(readFileSync(busybox!));
  t.diagnostic(`${instructions} instructions`);
  assert.ok(instructions > 10_000);
});
