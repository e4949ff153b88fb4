/** docs/hypercalls.md is what the code says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hypercallDocs } from "../../src/hypervisor/documentation.ts";

test("docs/hypercalls.md is up to date (scripts/generate-hypercall-docs.ts writes it)", () => {
  assert.equal(readFileSync(new URL("../../docs/hypercalls.md", import.meta.url), "utf8"), hypercallDocs());
});
