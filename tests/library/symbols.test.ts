import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSystemMap } from "../../src/toolstack/symbols.ts";

const MAP = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _text
ffffffff81000000 T startup_xen
ffffffff81000040 t helper
ffffffff81001000 W weak_function
ffffffff82000000 D data
ffffffff83000000 B _end
`;

test("addresses get the name of the function that holds them", () => {
  const symbols = parseSystemMap(MAP);
  assert.equal(symbols.describe(0xffffffff81000045n), "helper+0x5");
  assert.equal(symbols.describe(0xffffffff81001000n), "weak_function+0x0");
  assert.equal(symbols.describe(0xffffffff80ffffffn), undefined);
  assert.equal(symbols.describe(0xffffffff83000000n), undefined);
  assert.equal(symbols.find("data"), 0xffffffff82000000n);
  assert.ok(symbols.isText(0xffffffff81000000n));
});

test("what is no System.map is refused", () => {
  assert.throws(() => parseSystemMap("The actual System.map is in another package.\n"), /not a System.map/);
});
