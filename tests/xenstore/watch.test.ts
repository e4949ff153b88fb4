import assert from "node:assert/strict";
import { test } from "node:test";
import { XS } from "../../src/abi/io/xs_wire.ts";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";
import { Client } from "./client.ts";

function house(): { xenstore: Xenstore; one: Client } {
  const xenstore = new Xenstore();
  xenstore.mkdir("/local/domain/1");
  xenstore.setPermissions("/local/domain/1", ["n1"]);
  return { xenstore, one: new Client(xenstore, 1) };
}

test("a watch fires at once, then for the node and all beneath it", () => {
  const { one } = house();
  one.mkdir("dir");
  assert.equal(one.watch("/local/domain/1/dir", "token"), "OK");
  assert.deepEqual(one.takeEvents(), ["/local/domain/1/dir token"]);
  one.write("dir/a/b", "x");
  one.write("dir", "y");
  one.write("directory", "no");
  one.setPermissions("dir/a", "n1", "r2");
  one.rm("dir/a/b");
  assert.deepEqual(one.takeEvents(), [
    "/local/domain/1/dir/a/b token",
    "/local/domain/1/dir token",
    "/local/domain/1/dir/a token",
    "/local/domain/1/dir/a/b token",
  ]);
});

test("who watches a relative path is told relative paths", () => {
  const { one, xenstore } = house();
  one.watch("device", "t");
  xenstore.write("/local/domain/1/device/vbd/51712/state", "1");
  assert.deepEqual(one.takeEvents(), ["device t", "device/vbd/51712/state t"]);
});

test("a watch beneath a removed node fires for its own node", () => {
  const { one } = house();
  one.write("a/b/c", "x");
  one.watch("a/b/c", "c");
  one.watch("a/b/d", "d");
  one.takeEvents();
  one.rm("a");
  assert.deepEqual(one.takeEvents(), ["a/b/c c"]);
});

test("same path and token twice, ending watches, resetting them", () => {
  const { one } = house();
  one.watch("x", "1");
  assert.equal(one.watch("x", "1"), "EEXIST");
  assert.equal(one.watch("x", "2"), "OK");
  assert.equal(one.unwatch("x", "3"), "ENOENT");
  assert.equal(one.unwatch("x", "1"), "OK");
  one.takeEvents();
  one.write("x", "");
  assert.deepEqual(one.takeEvents(), ["x 2"]);
  assert.equal(one.ask(XS.RESET_WATCHES, "\0"), "OK");
  one.write("x", "");
  assert.deepEqual(one.takeEvents(), []);
  assert.equal(one.ask(XS.WATCH, "x\0"), "EINVAL");
});

test("no event tells of what the watcher may not read", () => {
  const { one, xenstore } = house();
  xenstore.mkdir("/secret");
  one.watch("/secret", "s");
  one.watch("/", "root");
  one.takeEvents();
  xenstore.write("/secret/key", "x");
  xenstore.remove("/secret/key");
  assert.deepEqual(one.takeEvents(), []);
  xenstore.mkdir("/public");
  xenstore.setPermissions("/public", ["r0"]);
  assert.deepEqual(one.takeEvents(), ["/public root"], "once it may be read");
});

test("events of a transaction come when it commits", () => {
  const { one, xenstore } = house();
  one.watch("dir", "t");
  one.takeEvents();
  const seen: string[] = [];
  xenstore.watch("/local/domain/1/dir", (path) => seen.push(path));
  seen.length = 0;
  const tx = one.begin();
  one.write("dir/a", "1", tx);
  one.write("dir/b", "2", tx);
  assert.deepEqual(one.takeEvents(), []);
  one.end(tx);
  assert.deepEqual(one.takeEvents(), ["dir/a t", "dir/b t"]);
  assert.deepEqual(seen, ["/local/domain/1/dir/a", "/local/domain/1/dir/b"]);
});

test("events follow the reply of the request that causes them", () => {
  const xenstore = new Xenstore();
  const order: number[] = [];
  const session = xenstore.connect(1, (message) => order.push(message.type));
  const payload = Uint8Array.from("@releaseDomain\0t\0", (c) => c.charCodeAt(0));
  session.receive({ type: XS.WATCH, requestId: 1, transactionId: 0, payload });
  assert.deepEqual(order, [XS.WATCH, XS.WATCH_EVENT]);
});

test("introductions and releases are told to domain 0, and to whom it allows", () => {
  const { xenstore, one } = house();
  const seen: string[] = [];
  xenstore.watch("@introduceDomain", (path) => seen.push(path));
  const stop = xenstore.watch("@releaseDomain", (path) => seen.push(path));
  seen.length = 0;
  one.watch("@releaseDomain", "r");
  assert.equal(one.watch("@noSuchEvent", "n"), "OK", "and never fires, as in xenstored");
  one.takeEvents();
  new Client(xenstore, 2);
  xenstore.release(2);
  assert.deepEqual(seen, ["@introduceDomain", "@releaseDomain"]);
  assert.deepEqual(one.takeEvents(), []);

  const zero = new Client(xenstore, 0);
  assert.equal(zero.setPermissions("@releaseDomain", "n0", "r1"), "OK");
  assert.deepEqual(zero.permissions("@releaseDomain"), ["n0", "r1"]);
  stop();
  new Client(xenstore, 2);
  xenstore.release(2);
  assert.deepEqual(one.takeEvents(), ["@releaseDomain r"]);
});

test("a listener may use the store, and stop itself", () => {
  const { xenstore } = house();
  const seen: string[] = [];
  const stop = xenstore.watch("/counter", () => {
    const value = Number(xenstore.read("/counter") ?? "0");
    seen.push(String(value));
    if (value > 0 && value < 3) xenstore.write("/counter", String(value + 1));
    else if (value === 3) stop();
  });
  xenstore.write("/counter", "1");
  xenstore.write("/counter", "9");
  assert.deepEqual(seen, ["0", "1", "2", "3"]);
});
