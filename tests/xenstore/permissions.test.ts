import assert from "node:assert/strict";
import { test } from "node:test";
import { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";
import { Client } from "./client.ts";

function house(): { xenstore: Xenstore; one: Client; two: Client } {
  const xenstore = new Xenstore();
  // As libxl does: the domain may read its directory, and write what it is given.
  xenstore.mkdir("/local/domain/1");
  xenstore.setPermissions("/local/domain/1", ["n0", "r1"]);
  xenstore.mkdir("/local/domain/1/data");
  xenstore.setPermissions("/local/domain/1/data", ["n1"]);
  return { xenstore, one: new Client(xenstore, 1), two: new Client(xenstore, 2) };
}

test("what a domain may see of its own and others' directories", () => {
  const { xenstore, one, two } = house();
  xenstore.write("/local/domain/1/name", "one");
  assert.equal(one.read("name"), "one");
  assert.equal(two.read("/local/domain/1/name"), "EACCES");
  assert.equal(two.read("/local/domain/1/no-such"), "EACCES", "nor whether something is there");
  assert.equal(one.read("no-such"), "ENOENT");
  assert.equal(one.write("name", "other"), "EACCES");
  assert.equal(one.write("new", ""), "EACCES");
  assert.equal(one.mkdir("name"), "EACCES");
  assert.equal(one.rm("name"), "EACCES");
  assert.equal(one.read("/"), "EACCES");
});

test("new nodes inherit from their parent and belong to who made them", () => {
  const { xenstore, one } = house();
  xenstore.setPermissions("/local/domain/1/data", ["n1", "r2"]);
  one.write("data/a/b", "x");
  assert.deepEqual(one.permissions("data/a/b"), ["n1", "r2"]);
  xenstore.write("/local/domain/1/data/zero", "x");
  assert.deepEqual(one.permissions("data/zero"), ["n1", "r2"], "domain 0 leaves the owner as it is");
  // Somebody else with write access makes a node that is his.
  xenstore.setPermissions("/local/domain/1/data", ["n1", "b2"]);
  const two = new Client(xenstore, 3);
  assert.equal(two.write("/local/domain/1/data/from3", ""), "EACCES");
});

test("owner, listed domains and everybody", () => {
  const { one, two } = house();
  one.write("data/x", "v");
  assert.equal(two.read("/local/domain/1/data/x"), "EACCES");
  assert.equal(one.setPermissions("data/x", "n1", "r2"), "OK");
  assert.equal(two.read("/local/domain/1/data/x"), "v");
  assert.equal(two.write("/local/domain/1/data/x", "w"), "EACCES");
  assert.equal(one.setPermissions("data/x", "n1", "w2"), "OK");
  assert.equal(two.write("/local/domain/1/data/x", "w"), "OK");
  assert.equal(two.read("/local/domain/1/data/x"), "EACCES");
  assert.equal(one.setPermissions("data/x", "b1", "n2"), "OK");
  assert.equal(two.read("/local/domain/1/data/x"), "EACCES", "listed as none, though everybody may");
});

test("only the owner changes permissions, and nobody gives nodes away", () => {
  const { xenstore, one, two } = house();
  one.write("data/x", "");
  one.setPermissions("data/x", "b1");
  assert.equal(two.setPermissions("/local/domain/1/data/x", "b2"), "EACCES");
  assert.equal(one.setPermissions("data/x", "b2"), "EPERM");
  assert.equal(one.setPermissions("data/x"), "EINVAL");
  assert.equal(one.setPermissions("data/x", "q1"), "EINVAL");
  assert.equal(one.setPermissions("data/x", "n99999"), "EINVAL");
  assert.equal(one.setPermissions("@releaseDomain", "r1"), "EACCES");
  xenstore.setPermissions("/local/domain/1/data/x", ["n2"]);
  assert.equal(one.write("data/x", ""), "EACCES");
});

test("a released domain leaves no nodes and no rights to the next of its number", () => {
  const { xenstore, one, two } = house();
  one.write("data/x", "v");
  one.setPermissions("data/x", "n1", "r2");
  xenstore.mkdir("/shared");
  xenstore.setPermissions("/shared", ["n0", "b1", "b2"]);
  assert.equal(one.write("/shared/from1", "v"), "OK");
  assert.equal(two.write("/shared/from2", "v"), "OK");
  xenstore.release(2);
  assert.deepEqual(xenstore.directory("/shared"), ["from1"]);
  assert.deepEqual(one.permissions("data/x"), ["n1"]);
  const next = new Client(xenstore, 2);
  assert.equal(next.read("/local/domain/1/data/x"), "EACCES");
  assert.equal(next.write("/shared/again", ""), "EACCES");
  assert.equal(xenstore.store.tree.owned.get(2), undefined);
});

test("a device model has its guest's rights as well", () => {
  const { xenstore, one, two } = house();
  one.write("data/x", "v");
  xenstore.setTarget(2, 1);
  assert.equal(two.read("/local/domain/1/data/x"), "v");
  assert.equal(two.write("/local/domain/1/data/x", "w"), "OK");
});
