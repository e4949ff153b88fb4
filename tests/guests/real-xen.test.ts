/**
 * Test guests must print and end here as they do on Xen. What they do there is recorded in real-xen/ by
 * scripts/real-xen/run.ts; guests without a record are not compared.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { buildGuest, guestConfig, sourceHash, testGuests } from "../../guests/build.ts";
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

/** Lines that differ, and are known to. */
interface Difference {
  readonly guest: string;
  readonly why: string;
  /** What Xen's guest prints, and what ours prints in its place (if anything). */
  readonly lines: readonly (readonly [xen: string, here?: string])[];
}
const differences: readonly Difference[] = JSON.parse(readFileSync(new URL("differences.json", RECORDS), "utf8"));

/** The text that is expected here: that of Xen, but for the known differences. */
function expectedText(guest: string): string {
  const lines = readFileSync(new URL(`${guest}.txt`, RECORDS), "utf8").split("\n");
  for (const difference of differences.filter((d) => d.guest === guest)) {
    for (const [xen, here] of difference.lines) {
      const at = lines.indexOf(xen);
      assert.notEqual(at, -1, `differences.json has a line that is not in ${guest}.txt: ${xen}`);
      lines.splice(at, 1, ...(here === undefined ? [] : [here]));
    }
  }
  return lines.join("\n");
}

for (const name of testGuests()) {
  test(name, async (t) => {
    const record = records.guests[name];
    if (record === undefined) return t.skip("not recorded");
    const image = buildGuest(name);
    if (!image) return t.skip("test guests are built with gcc for x86-64, which is not here");
    if (record.sources !== sourceHash(name)) t.diagnostic(`${name} has been changed since it was recorded`);
    const [{ output, end }] = await runGuest(image, guestConfig(name));
    assert.equal(output, expectedText(name));
    assert.equal(end.reason, record.end);
  });
}
