/** Each test guest of guests/tests/ must end as it says it will. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildGuest, guestConfig, testGuests } from "../../guests/build.ts";
import { runGuest } from "./run-guest.ts";

for (const name of testGuests()) {
  test(name, async (t) => {
    const image = buildGuest(name);
    if (!image) return t.skip("test guests are built with gcc for x86-64, which is not here");
    for (const { output, result, end } of await runGuest(image, guestConfig(name))) {
      const report = `the guest said:\n${output}\nand ended: ${end.reason}${end.report ? `\n${end.report}` : ""}`;
      if (result === "SKIP") return t.skip(output.trim().split("\n").at(-2) ?? "");
      assert.ok(result === "SUCCESS" || result === "CRASH EXPECTED", report);
      assert.equal(end.reason, result === "SUCCESS" ? "poweroff" : "crash", report);
    }
  });
}
