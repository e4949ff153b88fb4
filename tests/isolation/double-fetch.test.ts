/**
 * What a guest may change at any time is read once (XSA-155): between the check and the use of a value there is no
 * second read. Reads of the shared page's indices are counted.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { xenconsInterface } from "../../src/abi/io/console.ts";
import { XS, xenstoreDomainInterface } from "../../src/abi/io/xs_wire.ts";
import { ConsoleRing } from "../../src/backends/console/ring.ts";
import { encodeMessage, encodeText } from "../../src/toolstack/xenstore/wire.ts";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";

/** Runs `action` and tells how often each 32-bit word of `page` was read. `onRead` may change the page after a read. */
function countReads(page: Uint8Array, action: () => void, onRead?: (offset: number) => void): Map<number, number> {
  const counts = new Map<number, number>();
  const { getUint32 } = DataView.prototype;
  DataView.prototype.getUint32 = function (this: DataView, offset: number, little?: boolean): number {
    const value = getUint32.call(this, offset, little);
    if (this.buffer === page.buffer) {
      counts.set(offset, (counts.get(offset) ?? 0) + 1);
      onRead?.(offset);
    }
    return value;
  };
  try {
    action();
  } finally {
    DataView.prototype.getUint32 = getUint32;
  }
  return counts;
}

test("the console reads each index of the guest once", () => {
  const page = new Uint8Array(4096);
  const view = xenconsInterface.at({ u8: page, dv: new DataView(page.buffer) }, 0);
  const ring = new ConsoleRing(page);
  view.out_prod = 10;
  const { out_prod, in_cons } = xenconsInterface.offset;
  let received: Uint8Array = new Uint8Array(0);
  const reads = countReads(
    page,
    () => {
      received = ring.receive();
    },
    (offset) => {
      if (offset === out_prod) view.out_prod = 0x8000_0000;
    },
  );
  assert.equal(reads.get(out_prod), 1);
  assert.equal(received.length, 10, "as many as the index said when it was checked");
  assert.equal(countReads(page, () => ring.send(new Uint8Array(5))).get(in_cons), 1);
});

test("xenstore reads each index of the guest once for each piece, and messages from its own copy", () => {
  const page = new Uint8Array(4096);
  const view = xenstoreDomainInterface.at({ u8: page, dv: new DataView(page.buffer) }, 0);
  const xenstore = new Xenstore();
  xenstore.mkdir("/local/domain/1");
  xenstore.setPermissions("/local/domain/1", ["n1"]);
  const ring = xenstore.introduce(1, { page, notify() {} });
  const { req_prod } = xenstoreDomainInterface.offset;
  const message = encodeMessage({ type: XS.WRITE, requestId: 1, transactionId: 0, payload: encodeText("key\0value") });
  view.req.set(message);
  view.req_prod = message.length;
  const reads = countReads(
    page,
    () => ring.onEvent(),
    () => {
      // From now on the message in the ring says something else.
      view.req.fill(0x2f, 16, message.length);
      view.req_prod = message.length;
    },
  );
  // Each turn of the pump reads it once: the message, its reply, and that there is nothing more.
  assert.ok((reads.get(req_prod) ?? 0) <= 3, `${reads.get(req_prod)} reads`);
  assert.ok(!ring.broken);
});

test("lengths that change between header and payload do not lead out of the buffer", () => {
  const page = new Uint8Array(4096);
  const view = xenstoreDomainInterface.at({ u8: page, dv: new DataView(page.buffer) }, 0);
  const ring = new Xenstore().introduce(1, { page, notify() {} });
  const message = encodeMessage({ type: XS.READ, requestId: 1, transactionId: 0, payload: encodeText("key\0") });
  view.req.set(message);
  view.req_prod = 16;
  ring.onEvent();
  // The header has been taken: what the ring holds in its place now counts for nothing.
  new DataView(page.buffer).setUint32(12, 0xffff_ffff, true);
  view.req_prod = message.length;
  ring.onEvent();
  assert.ok(!ring.broken);
  assert.equal(view.req_cons, message.length);
});
