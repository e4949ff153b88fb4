/** Whatever is wrong, the user gets one clear line and a status that is not 0. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { XEN_ELFNOTE } from "../../src/abi/elfnote.ts";
import { UserError } from "../../src/cli/exit-status.ts";
import { runProgram } from "../../src/cli/program.ts";
import { run } from "../../src/cli/run.ts";
import { makeBzImage, makeElf, note } from "../builder/elf-image.ts";
import { tinyGuest } from "../library/tiny-guest.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "typervisor-test-"));
});
after(() => rmSync(directory, { recursive: true }));

function file(name: string, content: Uint8Array | string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** The one line and the status that a command line leads to. */
async function complaint(...argv: string[]): Promise<{ line: string; status: number }> {
  try {
    await runProgram(["run", "--no-tty", ...argv], "0", { run });
  } catch (error) {
    assert.ok(error instanceof UserError, error instanceof Error ? (error.stack ?? "") : String(error));
    return { line: error.message, status: error.status };
  }
  throw new Error(`no complaint about ${argv.join(" ")}`);
}

const good = tinyGuest({ prints: "", ends: "poweroff" });

test("kernels that cannot be booted", async () => {
  const elf32 = makeElf({
    width: 32,
    segments: [{ paddr: 0x100000n, data: new Uint8Array(16) }],
    notes: note(XEN_ELFNOTE.XEN_VERSION, "xen-3.0"),
  });
  const table: [string, Uint8Array | string, RegExp][] = [
    ["text", "#!/bin/sh\necho I am no kernel\n", /kernel|ELF/i],
    ["no-notes", makeElf({ segments: [{ paddr: 0x100000n, data: new Uint8Array(16) }] }), /Xen|PV/],
    ["width-32", elf32, /32-bit/],
    ["truncated", good.subarray(0, 200), /truncated|end|short|outside/i],
    ["bzimage-truncated", makeBzImage(good).subarray(0, 1600), /truncated|end|short|outside/i],
    ["empty", "", /empty/],
  ];
  for (const [name, content, expected] of table) {
    const { line, status } = await complaint("--kernel", file(name, content));
    assert.match(line, expected, name);
    assert.doesNotMatch(line, /\n/);
    assert.equal(status, 1, name);
  }
});

test("files that cannot be read", async () => {
  const kernel = file("kernel", good);
  assert.match((await complaint("--kernel", join(directory, "no-such"))).line, /cannot read kernel .*no such file/);
  assert.match((await complaint("--kernel", directory)).line, /it is a directory/);
  assert.match(
    (await complaint("--kernel", kernel, "--ramdisk", join(directory, "no"))).line,
    /cannot read ramdisk .*no such/,
  );
  assert.match(
    (await complaint("--kernel", kernel, "--system-map", join(directory, "no"))).line,
    /cannot read System.map/,
  );
  assert.match((await complaint("--kernel", kernel, "--system-map", file("map", "junk"))).line, /not a System.map/);
  if (process.getuid?.() !== 0) {
    const secret = file("secret", good);
    chmodSync(secret, 0);
    assert.match((await complaint("--kernel", secret)).line, /permission denied/);
  }
});

test("memory that does not suffice", async () => {
  const kernel = file("kernel", good);
  const ramdisk = file("ramdisk", new Uint8Array(12 << 20));
  const { line, status } = await complaint("--kernel", kernel, "--ramdisk", ramdisk, "--memory", "8M");
  assert.match(line, /memory|fit|MiB/);
  assert.equal(status, 1);
  const big = makeElf({
    entry: 0x100000n,
    segments: [{ paddr: 0x100000n, data: new Uint8Array(16), memorySize: 64 << 20 }],
    notes: note(XEN_ELFNOTE.XEN_VERSION, "xen-3.0"),
  });
  assert.match((await complaint("--kernel", file("big", big), "--memory", "16M")).line, /memory|fit|MiB/);
});

test("a command line too long for the kernel", async () => {
  const { line } = await complaint("--kernel", file("kernel", good), "--append", "x".repeat(2000));
  assert.match(line, /command line is too long/);
});
