/**
 * Test guests must print and end here as they do on Xen. What they do there is recorded in real-xen/ by
 * scripts/real-xen/run.ts; guests without a record are not compared.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildGuest, sourceHash, testGuests } from "../../guests/build.ts";
import { runGuest } from "./run-guest.ts";

interface GuestRecord {
  /** The reason of the shutdown. */
  readonly end: string;
  /** Hash of the sources of the guest that ran there. */
  readonly sources: string;
}

const RECORDS = new URL("real-xen/", import.meta.url);
const records: { readonly guests: Readonly<Record<string, GuestRecord>> } = JSON.parse(
  readFileSync(new URL("record.json", RECORDS), "utf8"),
);

/** What guests found wrong with the processor below Xen, QEMU's TCG. */
const PROCESSOR_ERRORS: readonly string[] = [
  // Since 9.1 it has no privilege check for INVD and WBINVD, so that Xen never sees them.
  "FAIL: invd: 0 traps, expected one\n",
];

/** The text that a right processor below Xen would have given. */
function corrected(recorded: string): string {
  const text = PROCESSOR_ERRORS.reduce((rest, line) => rest.replace(line, ""), recorded);
  return text === recorded || text.includes("FAIL:") ? text : text.replace("result: FAILURE", "result: SUCCESS");
}

for (const name of testGuests()) {
  test(name, async (t) => {
    const record = records.guests[name];
    if (record === undefined) return t.skip("not recorded");
    const image = buildGuest(name);
    if (!image) return t.skip("test guests are built with gcc for x86-64, which is not here");
    if (record.sources !== sourceHash(name)) t.diagnostic(`${name} has been changed since it was recorded`);
    const { output, end } = await runGuest(image);
    assert.equal(output, corrected(readFileSync(new URL(`${name}.txt`, RECORDS), "utf8")));
    assert.equal(end.reason, record.end);
  });
}
