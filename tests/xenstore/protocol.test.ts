import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { XS } from "../../src/abi/io/xs_wire.ts";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";
import { Client } from "./client.ts";

/** A store with domain 1 at home in its own directory, and domain 2. */
function house(): { xenstore: Xenstore; one: Client; two: Client } {
  const xenstore = new Xenstore();
  for (const domid of [1, 2]) {
    xenstore.mkdir(`/local/domain/${domid}`);
    xenstore.setPermissions(`/local/domain/${domid}`, [`n${domid}`]);
  }
  return { xenstore, one: new Client(xenstore, 1), two: new Client(xenstore, 2) };
}

test("values are bytes and need not end with a NUL", () => {
  const { xenstore, one } = house();
  assert.equal(one.write("data/blob", "a\0\xff"), "OK");
  assert.equal(one.read("data/blob"), "a\0\xff");
  assert.equal(one.write("data/empty", ""), "OK");
  assert.equal(one.read("data/empty"), "");
  xenstore.write("/local/domain/1/text", "größer");
  assert.equal(xenstore.read("/local/domain/1/text"), "größer");
});

test("relative paths are those of the domain's own directory", () => {
  const { one } = house();
  one.write("device/vif/0/mac", "00:16:3e:00:00:01");
  assert.equal(one.read("/local/domain/1/device/vif/0/mac"), "00:16:3e:00:00:01");
  assert.deepEqual(one.directory("device"), ["vif"]);
});

test("directories list children in the order of their creation", () => {
  const { one } = house();
  for (const name of ["z", "a", "m"]) one.write(`list/${name}`, name);
  one.write("list/z", "again");
  assert.deepEqual(one.directory("list"), ["z", "a", "m"]);
});

test("missing nodes, and what is made or removed twice", () => {
  const { one } = house();
  assert.equal(one.read("nothing/here"), "ENOENT");
  assert.equal(one.mkdir("dir/sub"), "OK");
  assert.equal(one.mkdir("dir/sub"), "OK");
  assert.equal(one.rm("dir/other"), "OK", "missing child of an existing directory");
  assert.equal(one.rm("no/such"), "ENOENT", "its directory is missing, too");
  assert.equal(one.rm("dir"), "OK");
  assert.equal(one.read("dir/sub"), "ENOENT");
});

test("bad paths are EINVAL", () => {
  const { one } = house();
  for (const path of [
    "",
    "//",
    "/a//b",
    "/a/",
    "a b",
    "a.b",
    "/ä",
    "@introduceDomain",
    `/${"x".repeat(3072)}`,
    "x".repeat(2049),
  ]) {
    assert.equal(one.read(path), "EINVAL", JSON.stringify(path.slice(0, 20)));
  }
  assert.equal(one.ask(XS.READ, "/local"), "EINVAL", "no NUL");
  assert.equal(one.ask(XS.READ, "/local\0/local\0"), "EINVAL", "two strings");
  assert.equal(one.ask(XS.READ, ""), "EINVAL");
  assert.equal(one.ask(XS.WRITE, "no-end"), "EINVAL");
});

test("unknown message types are ENOSYS, transactions that are none ENOENT", () => {
  const { one } = house();
  for (const type of [XS.WATCH_EVENT, XS.ERROR, 20, 23, 0xffff, 0xffffffff])
    assert.equal(one.ask(type, "\0"), "ENOSYS");
  assert.equal(one.read("x", 77), "ENOENT");
  assert.equal(one.end(77), "ENOENT");
  assert.equal(one.ask(XS.TRANSACTION_END, "T\0"), "ENOENT");
});

test("domains: path, introduction, and what only domain 0 may ask", () => {
  const { one, xenstore } = house();
  assert.equal(one.ask(XS.GET_DOMAIN_PATH, "7\0"), "/local/domain/7");
  assert.equal(one.ask(XS.GET_DOMAIN_PATH, "x\0"), "EINVAL");
  assert.equal(one.ask(XS.GET_DOMAIN_PATH, "32752\0"), "EINVAL");
  for (const type of [XS.IS_DOMAIN_INTRODUCED, XS.CONTROL, XS.INTRODUCE, XS.RELEASE, XS.RESUME, XS.SET_TARGET]) {
    assert.equal(one.ask(type, "2\0"), "EACCES");
  }
  const zero = new Client(xenstore, 0);
  assert.equal(zero.ask(XS.IS_DOMAIN_INTRODUCED, "2\0"), "T");
  assert.equal(zero.ask(XS.IS_DOMAIN_INTRODUCED, "3\0"), "F");
  assert.match(zero.ask(XS.CONTROL, "quota\0"), /nodes: 1000/);
  assert.equal(zero.ask(XS.CONTROL, "constructor\0"), "EINVAL");
  assert.equal(zero.ask(XS.INTRODUCE, "5\x0099\x003\0"), "ENOSYS");
  assert.equal(zero.ask(XS.RELEASE, "2\0"), "OK");
  assert.equal(zero.ask(XS.IS_DOMAIN_INTRODUCED, "2\0"), "F");
});

test("a directory too large for one reply comes in parts", () => {
  const { one, xenstore } = house();
  const names = Array.from({ length: 900 }, (_, i) => `child-${i}`);
  for (const name of names) xenstore.write(`/local/domain/1/big/${name}`, "");
  assert.deepEqual(one.directory("big"), ["E2BIG"]);

  const found: string[] = [];
  let offset = 0;
  const generations = new Set<string>();
  for (let part = 0; part < 10; part++) {
    const reply = one.ask(XS.DIRECTORY_PART, `big\0${offset}\0`);
    assert.ok(reply.length <= 4096);
    const [generation = "", ...rest] = reply.split("\0");
    generations.add(generation);
    const last = rest.at(-1) === "";
    if (last) rest.pop();
    found.push(...rest);
    if (last) break;
    offset += rest.reduce((sum, name) => sum + name.length + 1, 0);
  }
  assert.deepEqual(found, names);
  assert.equal(generations.size, 1);
  assert.equal(one.ask(XS.DIRECTORY_PART, "big\0-1\0"), "EINVAL");
  assert.equal(one.ask(XS.DIRECTORY_PART, "big\0"), "EINVAL");
  assert.match(one.ask(XS.DIRECTORY_PART, "big\x00999999\0"), /^\d+\0$/, "an end, and nothing else");
});

test("quotas: nodes, size, watches, transactions, permissions", () => {
  const xenstore = new Xenstore({ quota: { nodes: 10, nodeSize: 120, watches: 1, transactions: 1, permissions: 2 } });
  xenstore.mkdir("/local/domain/1");
  xenstore.setPermissions("/local/domain/1", ["n1"]);
  const one = new Client(xenstore, 1);
  for (let i = 0; i < 9; i++) assert.equal(one.write(`n${i}`, ""), "OK");
  assert.equal(one.write("n9", ""), "ENOSPC");
  assert.equal(one.write("a/b/c", ""), "ENOSPC", "nodes along the way count");
  one.rm("n0");
  assert.equal(one.write("n9", ""), "OK");
  assert.equal(one.write("n9", "x".repeat(200)), "ENOSPC");
  assert.equal(one.read("n9"), "", "refused changes change nothing");
  assert.equal(
    one.write(
      "n9/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
      "",
    ),
    "ENOSPC",
  );
  assert.equal(one.watch("a", "1"), "OK");
  assert.equal(one.watch("b", "2"), "OK");
  assert.equal(one.watch("c", "3"), "E2BIG");
  assert.ok(one.begin() > 0);
  assert.ok(one.begin() > 0);
  assert.equal(one.ask(XS.TRANSACTION_START, "\0"), "ENOSPC");
  assert.equal(one.setPermissions("n9", "n1", "r2"), "OK");
  assert.equal(one.setPermissions("n9", "n1", "r2", "r3"), "ENOSPC");
  // A node of 119 bytes is the largest: 20 of its header, 16 of two permissions.
  assert.equal(one.write("n9", "x".repeat(119 - 36)), "OK");
  assert.equal(one.write("n9", "x".repeat(120 - 36)), "ENOSPC");
  assert.equal(one.rm("/"), "EACCES");
  // Domain 0 has no limits.
  for (let i = 0; i < 50; i++) xenstore.write(`/local/domain/1/zero/${i}`, "x".repeat(1000));
});

test("every request gets one reply, whatever is in it", () => {
  const piece = fc.constantFrom(
    "/",
    "a",
    "/local/domain/1",
    "/local/domain/2",
    "@releaseDomain",
    "\0",
    "T\0",
    "F\0",
    "1",
    "n1",
    "b0",
    "token",
    "\xff",
    "0",
    "-1",
  );
  const request = fc.record({
    type: fc.oneof(fc.nat(24), fc.constant(0xffff)),
    payload: fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
    transaction: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), fc.constantFrom(0, 1), (requests, domid) => {
      const xenstore = new Xenstore();
      xenstore.mkdir("/local/domain/1");
      xenstore.setPermissions("/local/domain/1", ["n1"]);
      const client = new Client(xenstore, domid);
      // ask() throws if there is no reply, or if it answers something else.
      for (const { type, payload, transaction } of requests) client.ask(type, payload, transaction);
    }),
    { numRuns: 300 },
  );
});

test("paths of the greatest depth", () => {
  const { one, xenstore } = house();
  const deep = Array.from({ length: 900 }, () => "d").join("/");
  assert.equal(one.write(deep, "bottom"), "OK");
  assert.equal(one.read(deep), "bottom");
  assert.equal(one.rm("d"), "OK");
  one.write(deep, "again");
  xenstore.release(1);
  assert.equal(xenstore.read("/local/domain/1"), undefined);
});
