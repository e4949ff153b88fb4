import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tinyGuest } from "./tiny-guest.ts";

test("examples/hello-guest.ts shows a guest's console and its end", () => {
  const directory = mkdtempSync(join(tmpdir(), "typervisor-test-"));
  const kernel = join(directory, "kernel");
  writeFileSync(kernel, tinyGuest({ prints: "Hello from the guest.\n", ends: "poweroff" }));
  const argv = ["--import", "tsx", "examples/hello-guest.ts", kernel];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  rmSync(directory, { recursive: true });
  assert.equal(stderr, "");
  assert.equal(stdout, "Hello from the guest.\nThe guest ended: poweroff.\n");
  assert.equal(status, 0);
});
