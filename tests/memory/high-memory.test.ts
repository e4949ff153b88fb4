/** Small guests at the top of the largest machine there can be. Code of frames above 2 GiB was decoded from elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { framesOf } from "../../src/hypervisor/mm/domain-frames.ts";
import { createMachine } from "../../src/index.ts";
import { tinyGuest } from "../library/tiny-guest.ts";

test("the largest machine has 4 GiB, all included", async () => {
  await assert.rejects(createMachine({ memory: "4G" }), /4 GiB is too much memory: a machine has 4 GiB, of which \d+/);
});

test("a guest above 2 GiB runs, and prints", async () => {
  const machine = await createMachine({ memory: "3962M", virtualTime: true });
  const kernel = tinyGuest({ prints: "high above\n", ends: "poweroff" });
  // The second one takes up what the first one left, its code included.
  for (let i = 0; i < 2; i++) {
    const domain = await machine.createDomain({ kernel, memory: "2M" });
    assert.ok(Math.min(...framesOf(domain.hypervisorDomain)) * 4096 > 4080 * 2 ** 20);
    let text = "";
    for await (const bytes of domain.console.raw.output) text += new TextDecoder().decode(bytes);
    assert.equal(text, "high above\n");
    assert.equal((await domain.wait()).reason, "poweroff");
  }
  machine.destroy();
});
