/**
 * Writes docs/hypercalls.md from the table of hypercalls.
 *
 *     npx tsx scripts/generate-hypercall-docs.ts           write it
 *     npx tsx scripts/generate-hypercall-docs.ts --check   fail if it is not up to date
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hypercallDocs } from "../src/hypervisor/documentation.ts";

const path = fileURLToPath(new URL("../docs/hypercalls.md", import.meta.url));
const text = hypercallDocs();
if (process.argv.includes("--check")) {
  if (readFileSync(path, "utf8") !== text) {
    console.error("docs/hypercalls.md is not up to date: run scripts/generate-hypercall-docs.ts");
    process.exitCode = 1;
  }
} else writeFileSync(path, text);
