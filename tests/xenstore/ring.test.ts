import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { XS, xenstoreDomainInterface } from "../../src/abi/io/xs_wire.ts";
import type { XenstoreRing } from "../../src/toolstack/xenstore/ring.ts";
import {
  decodeHeader,
  decodeText,
  encodeMessage,
  encodeText,
  HEADER_SIZE,
  type Message,
} from "../../src/toolstack/xenstore/wire.ts";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";

/** The guest's end of a ring, as Linux's xenbus_comms drives it. */
class Guest {
  readonly bytes = new Uint8Array(4096);
  readonly page = xenstoreDomainInterface.at({ u8: this.bytes, dv: new DataView(this.bytes.buffer) }, 0);
  readonly ring: XenstoreRing;
  readonly messages: Message[] = [];
  notifications = 0;
  #pending: number[] = [];

  constructor(xenstore: Xenstore) {
    xenstore.mkdir("/local/domain/1");
    xenstore.setPermissions("/local/domain/1", ["n1"]);
    this.ring = xenstore.introduce(1, { page: this.bytes, notify: () => this.notifications++ });
  }

  /** Puts bytes into the request ring, as far as there is room; returns how many. */
  put(bytes: Uint8Array): number {
    const room = 1024 - ((this.page.req_prod - this.page.req_cons) >>> 0);
    const part = bytes.subarray(0, room);
    const ring = this.page.req;
    for (const [i, byte] of part.entries()) ring[(this.page.req_prod + i) % 1024] = byte;
    this.page.req_prod = (this.page.req_prod + part.length) >>> 0;
    this.ring.onEvent();
    return part.length;
  }

  /** Takes up to `limit` bytes of replies. */
  take(limit = 1024): void {
    const available = Math.min((this.page.rsp_prod - this.page.rsp_cons) >>> 0, limit);
    const ring = this.page.rsp;
    for (let i = 0; i < available; i++) this.#pending.push(ring[(this.page.rsp_cons + i) % 1024] ?? 0);
    this.page.rsp_cons = (this.page.rsp_cons + available) >>> 0;
    while (this.#pending.length >= HEADER_SIZE) {
      const header = decodeHeader(Uint8Array.from(this.#pending.slice(0, HEADER_SIZE)));
      if (this.#pending.length < HEADER_SIZE + header.length) break;
      const [, ...payload] = [0, ...this.#pending.splice(0, HEADER_SIZE + header.length)];
      const { type, requestId, transactionId } = header;
      this.messages.push({ type, requestId, transactionId, payload: Uint8Array.from(payload.slice(HEADER_SIZE)) });
    }
    this.ring.onEvent();
  }

  /** Sends messages whole, in pieces of `piece` bytes, reading replies as they come. */
  talk(bytes: Uint8Array, piece = 1024): Message[] {
    for (let at = 0; at < bytes.length; ) {
      at += this.put(bytes.subarray(at, at + piece));
      this.take(piece);
    }
    while (this.page.rsp_prod !== this.page.rsp_cons) this.take(piece);
    return this.messages.splice(0);
  }
}

const request = (type: number, payload: string, requestId = 1): Uint8Array =>
  encodeMessage({ type, requestId, transactionId: 0, payload: encodeText(payload) });
const texts = (messages: Message[]): string[] =>
  messages.map((message) => decodeText(message.payload).replace(/\0$/, ""));

test("requests and replies go round the rings, whatever pieces they come in", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1024 }), fc.array(fc.nat(1900), { maxLength: 6 }), (piece, sizes) => {
      const guest = new Guest(new Xenstore());
      const values = sizes.map((size, i) => String.fromCharCode(97 + i).repeat(size));
      for (const [i, value] of values.entries()) {
        assert.deepEqual(texts(guest.talk(request(XS.WRITE, `key${i}\0${value}`, i), piece)), ["OK"]);
        const [reply] = guest.talk(request(XS.READ, `key${i}\0`, 1000 + i), piece);
        assert.equal(reply && decodeText(reply.payload), value);
        assert.equal(reply?.requestId, 1000 + i);
      }
    }),
    { numRuns: 50 },
  );
});

test("indices run on through 2^32", () => {
  const xenstore = new Xenstore();
  const bytes = new Uint8Array(4096);
  const page = xenstoreDomainInterface.at({ u8: bytes, dv: new DataView(bytes.buffer) }, 0);
  page.req_cons = page.req_prod = page.rsp_cons = page.rsp_prod = 0xfffffff0;
  const ring = xenstore.introduce(1, { page: bytes, notify: () => {} });
  const message = request(XS.GET_DOMAIN_PATH, "1\0");
  for (const [i, byte] of message.entries()) page.req[(0xfffffff0 + i) % 1024] = byte;
  page.req_prod = (0xfffffff0 + message.length) >>> 0;
  ring.onEvent();
  assert.equal(page.req_cons, page.req_prod);
  assert.equal((page.rsp_prod - page.rsp_cons) >>> 0, HEADER_SIZE + "/local/domain/1\0".length);
});

test("features are announced", () => {
  const guest = new Guest(new Xenstore());
  assert.equal(guest.page.server_features, 3);
  assert.equal(guest.page.connection, 0);
});

test("impossible indices end the conversation, with an error the guest can see", () => {
  for (const field of ["req_prod", "rsp_cons"] as const) {
    const guest = new Guest(new Xenstore());
    guest.page[field] = 5000;
    guest.ring.onEvent();
    assert.equal(guest.page.error, 2, field);
    assert.ok(guest.ring.broken);
    guest.page[field] = 0;
    assert.deepEqual(guest.talk(request(XS.GET_DOMAIN_PATH, "1\0")), []);
  }
});

test("a message longer than the protocol allows ends it, too", () => {
  const guest = new Guest(new Xenstore());
  const bytes = request(XS.READ, "x\0");
  new DataView(bytes.buffer).setUint32(12, 4097, true);
  guest.put(bytes);
  assert.equal(guest.page.error, 3);
  assert.ok(guest.ring.broken);
});

test("a guest that scribbles over our indices confuses only itself", () => {
  const guest = new Guest(new Xenstore());
  guest.talk(request(XS.WRITE, "a\0b"));
  guest.page.req_cons = 12345;
  guest.page.rsp_prod = 54321;
  guest.ring.onEvent();
  assert.ok(!guest.ring.broken);
});

test("a guest that never reads its replies is not read any more, then goes on where it was", () => {
  const guest = new Guest(new Xenstore());
  const message = request(XS.READ, "k\0");
  guest.talk(request(XS.WRITE, `k\0${"v".repeat(500)}`));
  let sent = 0;
  for (let i = 0; i < 400; i++) if (guest.put(message) === message.length) sent++;
  assert.ok(guest.ring.backlog <= 20);
  assert.ok(!guest.ring.broken);
  assert.ok(sent < 100);
  for (let i = 0; i < 200; i++) guest.take();
  assert.equal(guest.messages.length, sent);
});

test("unread events of the same node are told once; a flood of different ones ends the connection", () => {
  const xenstore = new Xenstore({ quota: { outstanding: 10_000 } });
  const guest = new Guest(xenstore);
  guest.talk(request(XS.WATCH, "dir\0t\0"));
  for (let i = 0; i < 1000; i++) xenstore.write("/local/domain/1/dir/same", String(i));
  assert.ok(!guest.ring.broken);
  assert.ok(guest.ring.backlog <= 2);
  for (let i = 0; i < 1000; i++) xenstore.write(`/local/domain/1/dir/${i}`, "");
  assert.ok(guest.ring.broken);
  assert.equal(guest.page.error, 1);
});

test("reconnection resets the rings, watches and transactions", () => {
  const xenstore = new Xenstore();
  const guest = new Guest(xenstore);
  guest.talk(request(XS.WATCH, "dir\0t\0"));
  guest.page.req_prod = 99999;
  guest.ring.onEvent();
  assert.ok(guest.ring.broken);
  guest.page.connection = 1;
  guest.ring.onEvent();
  assert.equal(guest.page.connection, 0);
  assert.equal(guest.page.error, 0);
  assert.equal(guest.page.req_prod, 0);
  xenstore.write("/local/domain/1/dir", "");
  assert.deepEqual(texts(guest.talk(request(XS.READ, "dir\0"))), [""], "and no event");
});

test("random garbage in the page never gets an exception out of the store", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(0x81f), fc.nat(255)), { maxLength: 200 }), (writes) => {
      const guest = new Guest(new Xenstore());
      for (const [offset, value] of writes) {
        guest.bytes[offset] = value;
        if (offset >= 0x800 || value < 64) guest.ring.onEvent();
      }
    }),
    { numRuns: 300 },
  );
});
