import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { buildDemo } from "../../guests/build.ts";
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

test("examples/surge.ts shows a guest that gets more memory while it serves", (t) => {
  if (buildDemo("surge") === undefined) return t.skip("demo guests are built with gcc for x86-64, which is not here");
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "examples/surge.ts"], {
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  assert.equal(status, 0);
  assert.match(stdout, /^5 x 200, 95 x 503 .* 15 sessions, 1\.9 MiB of at most 2 MiB/m);
  assert.match(stdout, /^200 x 200 .* 215 sessions, 14\.\d MiB of at most 17 MiB/m);
  assert.match(stdout, /^200 x 200 .* 15 sessions, 2 MiB/m);
});
