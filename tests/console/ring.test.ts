import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { xenconsInterface } from "../../src/abi/io/console.ts";
import { ConsoleRing } from "../../src/backends/console/ring.ts";

const guestPage = (): { bytes: Uint8Array; page: ReturnType<typeof xenconsInterface.at> } => {
  const bytes = new Uint8Array(4096);
  return { bytes, page: xenconsInterface.at({ u8: bytes, dv: new DataView(bytes.buffer) }, 0) };
};

test("the page is laid out as the public header has it", () => {
  assert.deepEqual(xenconsInterface.offset, {
    in: 0,
    out: 0x400,
    in_cons: 0xc00,
    in_prod: 0xc04,
    out_cons: 0xc08,
    out_prod: 0xc0c,
  });
});

test("bytes arrive in order in both directions, through any wrap of rings and indices", () => {
  const start = fc.constantFrom(0, 1000, 0xffffff00, 0xffffffff);
  const sizes = fc.array(fc.nat(2500), { maxLength: 12 });
  fc.assert(
    fc.property(start, sizes, (start, sizes) => {
      const { bytes, page } = guestPage();
      page.in_cons = page.in_prod = page.out_cons = page.out_prod = start;
      const ring = new ConsoleRing(bytes);
      let next = 0;
      for (const size of sizes) {
        const data = Uint8Array.from({ length: size }, () => next++ & 0xff);
        const room = Math.min(size, 2048);
        for (let i = 0; i < room; i++) page.out[((page.out_prod >>> 0) + i) % 2048] = data[i] ?? 0;
        page.out_prod = (page.out_prod + room) >>> 0;
        assert.deepEqual(ring.receive(), data.subarray(0, room));
        assert.equal(page.out_cons, page.out_prod);

        const sent = ring.send(data);
        assert.equal(sent, Math.min(size, 1024));
        const got = Uint8Array.from({ length: sent }, (_, i) => page.in[(page.in_cons + i) % 1024] ?? 0);
        assert.deepEqual(got, data.subarray(0, sent));
        assert.equal(ring.send(data.subarray(sent)), Math.min(size - sent, 1024 - sent));
        page.in_cons = page.in_prod;
      }
      assert.ok(!ring.broken);
    }),
    { numRuns: 50 },
  );
});

test("indices that cannot be stop the console and move no bytes", () => {
  const { bytes, page } = guestPage();
  const ring = new ConsoleRing(bytes);
  page.out_prod = 2049;
  assert.equal(ring.receive().length, 0);
  assert.ok(ring.broken);
  page.out_prod = 5;
  assert.equal(ring.receive().length, 0);
  assert.equal(ring.send(Uint8Array.of(1)), 0);

  const other = guestPage();
  const otherRing = new ConsoleRing(other.bytes);
  other.page.in_cons = 1;
  assert.equal(otherRing.send(Uint8Array.of(1)), 0);
  assert.ok(otherRing.broken);
});

test("what the guest writes over our indices is not believed", () => {
  const { bytes, page } = guestPage();
  const ring = new ConsoleRing(bytes);
  assert.equal(ring.send(Uint8Array.of(1, 2, 3)), 3);
  page.in_prod = 77;
  assert.equal(ring.send(Uint8Array.of(4)), 1);
  assert.equal(page.in_prod, 4);
});
