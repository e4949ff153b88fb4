/** The generated documents say what the code says. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

for (const name of ["hypercalls", "instructions"]) {
  test(`docs/${name}.md is up to date (else: npm run docs)`, () => {
    const script = `scripts/generate-${name.slice(0, -1)}-docs.ts`;
    const argv = ["--import", "tsx", script, "--check"];
    const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });
}
