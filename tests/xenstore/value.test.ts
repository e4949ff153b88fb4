/** Values of nodes are bytes, whatever they are kept as. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toText, toValue } from "../../src/toolstack/xenstore/value.ts";
import { decodeText, encodeText } from "../../src/toolstack/xenstore/wire.ts";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";

const all = Uint8Array.from({ length: 256 }, (_, i) => i);

test("all bytes survive, in values of any length", () => {
  for (const length of [0, 1, 255, 4095, 4096, 4097, 20_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => all[(i * 7) % 256]!);
    const value = decodeText(bytes);
    assert.equal(value.length, length);
    assert.deepEqual(encodeText(value), bytes);
  }
});

test("text is UTF-8", () => {
  const encoder = new TextEncoder();
  for (const text of ["", "plain", "Grüße", "\u{1f600} and more", "\0\x7f"]) {
    assert.deepEqual(encodeText(toValue(text)), encoder.encode(text));
    assert.equal(toText(toValue(text)), text);
  }
});

test("the toolstack's access: text and bytes, and the caller's array stays the caller's", () => {
  const store = new Xenstore();
  const bytes = encodeText(toValue("äß"));
  store.write("/a", bytes);
  bytes.fill(0x41);
  assert.equal(store.read("/a"), "äß");
  store.write("/a", "€");
  assert.equal(store.read("/a"), "€");
  store.write("/a", Uint8Array.of(0xff));
  assert.equal(store.read("/a"), "\ufffd");
});
